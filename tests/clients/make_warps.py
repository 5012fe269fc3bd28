"""Writes small rasters that a patch can only have by resampling, and an ItemCollection of them: two UTM zones, Mercator and degrees,
a mirrored grid, nodata, none, masks, alpha, classes, overviews.

usage: make_warps.py FOLDER
"""

import json
import pathlib
import sys

import numpy as np
import rasterio
from rasterio.enums import ColorInterp, Resampling
from rasterio.transform import Affine
from rasterio.warp import transform as project

# On the border of the zones 34 and 35.
LON, LAT = 24.0, 61.0
SIZE = 320


def smooth(rng, dtype, size=SIZE):
    """Hills with some noise, from 200 to 2,600: a hundredth of a pixel is worth about one."""
    y, x = np.mgrid[:size, :size] / size
    hills = 1400 + 800 * np.sin(9 * x + rng.uniform(0, 6)) * np.cos(7 * y + rng.uniform(0, 6))
    pixels = hills + rng.uniform(-40, 40, (size, size))
    return (pixels / 11).astype(dtype) if dtype == "uint8" else pixels.astype(dtype)


def classes(rng, size=SIZE):
    y, x = np.mgrid[:size, :size] // 12
    return ((3 * x + 5 * y + rng.integers(0, 2, (size, size))) % 11 + 1).astype("uint8")


def hole(rng, pixels, value):
    row, col = rng.integers(20, SIZE - 90, 2)
    pixels[..., row : row + 60, col : col + 40] = value
    pixels[..., 5:SIZE:37, 3:SIZE:29] = value


def centred(crs, pixel, mirrored=False, size=SIZE):
    (x,), (y,) = project("EPSG:4326", crs, [LON], [LAT])
    # Off any round number, as grids of other makers are.
    x, y = x - pixel * (size / 2 + 0.3), y + pixel * (size / 2 - 0.2)
    return Affine(pixel, 0, x, 0, pixel, y - size * pixel) if mirrored else Affine(pixel, 0, x, 0, -pixel, y)


def write(path, pixels, crs, transform, nodata=None, mask=None, overviews=(), **more):
    bands, height, width = pixels.shape
    layout = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
    profile = {"driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": pixels.dtype}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(
        path, "w", **profile, **layout, crs=crs, transform=transform, nodata=nodata, **more
    ) as file:
        file.write(pixels)
        if more.get("photometric") == "rgb" and bands == 4:
            file.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
        if mask is not None:
            file.write_mask(mask)
        if overviews:
            file.build_overviews(overviews, Resampling.average)
        t = file.transform
    along = np.linspace(0, 1, 21)[:-1]
    cols = np.concatenate([along, np.ones(20), 1 - along, np.zeros(20)]) * width
    rows = np.concatenate([np.zeros(20), along, np.ones(20), 1 - along]) * height
    xs, ys = t * (cols, rows)
    lon, lat = project(crs, "EPSG:4326", xs, ys)
    return list(zip(lon, lat))


def main(folder: pathlib.Path):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(11)
    features = []

    def add(name, ring, day, described, assets):
        lon, lat = zip(*ring)
        tiff = {"type": "image/tiff; application=geotiff", "roles": ["data"]}
        features.append(
            {
                "type": "Feature", "stac_version": "1.1.0", "id": name, "collection": "warps",
                "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
                "bbox": [min(lon), min(lat), max(lon), max(lat)],
                "properties": {"datetime": f"2024-05-{day:02}T09:00:00Z", "platform": "one"} | described,
                "links": [], "assets": {key: tiff | asset for key, asset in assets.items()},
            }
        )  # fmt: skip

    def amount(name):
        return {"bands": [{"name": name}]}

    for day, (zone, crs, pixel) in enumerate(
        [("z35", "EPSG:32635", 10.0), ("z34", "EPSG:32634", 10.0), ("merc", "EPSG:3857", 20.0), ("deg", "EPSG:4326", 0.0002)], 1
    ):
        t = centred(crs, pixel)
        red = smooth(rng, "uint16")
        hole(rng, red, 0)
        ring = write(folder / f"{zone}-red.tif", red[None], crs, t, 0, overviews=(2, 4))
        height = smooth(rng, "float32")
        hole(rng, height, np.nan)
        write(folder / f"{zone}-height.tif", height[None], crs, t, np.nan)
        write(folder / f"{zone}-full.tif", smooth(rng, "int16")[None], crs, t)
        coarse = Affine(2 * t.a, 0, t.c, 0, 2 * t.e, t.f)
        write(folder / f"{zone}-kind.tif", classes(rng, SIZE // 2)[None], crs, coarse, 0)
        described = {"proj:code": crs, "proj:shape": [SIZE, SIZE], "proj:transform": list(t)[:6]} if day % 2 else {}
        add(
            zone, ring, day, {k: v for k, v in described.items() if k == "proj:code"},
            {
                "red": {"href": f"./{zone}-red.tif"} | described | amount("red"),
                "height": {"href": f"./{zone}-height.tif"} | described | amount("height"),
                "full": {"href": f"./{zone}-full.tif"} | described | amount("full"),
                "kind": {
                    "href": f"./{zone}-kind.tif",
                    "bands": [{"name": "kind", "classification:classes": [{"value": n, "name": f"c{n}"} for n in range(1, 12)]}],
                },
            },
        )  # fmt: skip
    # The two zones once more, as one time step.
    for zone, second in (("z35", "00"), ("z34", "30")):
        first = next(feature for feature in features if feature["id"] == zone)
        features.append(first | {"id": f"pair-{zone}", "properties": first["properties"] | {"datetime": f"2024-05-20T09:00:{second}Z"}})
    t = centred("EPSG:32635", 10.0)
    mask = np.full((SIZE, SIZE), 255, "uint8")
    hole(rng, mask, 0)
    colours = np.stack([smooth(rng, "uint8") for _ in range(3)])
    masked = write(folder / "masked.tif", colours, "EPSG:32635", t, mask=mask, photometric="rgb")
    add("masked", masked, 6, {}, {"rgb": {"href": "./masked.tif", "bands": [{"name": n} for n in ("r", "g", "b")]}})
    write(folder / "alpha.tif", np.stack([*colours, mask]), "EPSG:32635", t, photometric="rgb", interleave="band")
    add("alpha", masked, 7, {}, {"rgb": {"href": "./alpha.tif", "bands": [{"name": n} for n in ("r", "g", "b")]}})
    mirrored = write(folder / "mirrored.tif", smooth(rng, "uint16")[None], "EPSG:32635", centred("EPSG:32635", 10.0, True))
    add("mirrored", mirrored, 8, {}, {"full": {"href": "./mirrored.tif"} | amount("full")})
    (folder / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": features}))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
