"""Writes small rasters and an ItemCollection whose Items overlap in every way a mosaic can: same day and platform, same day and
another platform, days that differ in UTC but not in solar time, nodata holes, stacked and single-band files, shifted windows.

usage: make_mosaics.py FOLDER
"""

import json
import pathlib
import sys

import numpy as np
import rasterio
from rasterio.transform import from_origin
from rasterio.warp import transform as project

# Near 177° E the solar day begins around 12:12 UTC.
CRS, LEFT, TOP, PIXEL = "EPSG:32660", 480_000.0, 1_200_000.0, 10.0
SIZE = 150
# (id, column and row of the upper left corner, time, platform)
SCENES = [
    ("west-early", 0, 0, "2024-03-01T11:00:00Z", "one"),
    ("east-early", 90, 20, "2024-03-01T11:00:30Z", "one"),
    ("east-late", 90, 20, "2024-03-01T13:00:00Z", "one"),
    ("west-next", 0, 0, "2024-03-02T02:00:00Z", "one"),
    ("west-other", 10, 0, "2024-03-02T03:00:00Z", "two"),
    ("south", 30, 100, "2024-03-02T04:00:00.25Z", "one"),
    ("alone", 0, 40, "2024-03-09T00:00:00Z", None),
    ("no platform", 60, 0, "2024-03-09T00:10:00Z", None),
]


def scene(rng, shape, dtype, nodata, hole):
    pixels = rng.integers(1, 4000, shape).astype(dtype)
    pixels[..., hole[0] : hole[0] + 40, hole[1] : hole[1] + 60] = nodata
    return pixels


def write(path, pixels, col, row, nodata, **layout):
    """Writes a raster; its outline in lon/lat."""
    bands, height, width = pixels.shape
    profile = {"driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": pixels.dtype, "crs": CRS}
    transform = from_origin(LEFT + col * PIXEL, TOP - row * PIXEL, PIXEL, PIXEL)
    with rasterio.open(path, "w", **profile, transform=transform, nodata=nodata, **layout) as file:
        file.write(pixels)
        left, bottom, right, top = file.bounds
    along = np.linspace(0, 1, 21)[:-1]
    xs = np.concatenate([left + (right - left) * along, np.full(20, right), right - (right - left) * along, np.full(20, left)])
    ys = np.concatenate([np.full(20, bottom), bottom + (top - bottom) * along, np.full(20, top), top - (top - bottom) * along])
    lon, lat = project(CRS, "EPSG:4326", xs, ys)
    return list(zip(lon, lat))


def main(folder: pathlib.Path):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    tiled = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate", "predictor": 2}
    features = []
    for number, (name, col, row, time, platform) in enumerate(SCENES):
        stem = name.replace(" ", "-")
        hole = rng.integers(0, SIZE - 40, 2)
        stacked = scene(rng, (3, SIZE, SIZE), "uint16", 0, hole)
        height = scene(rng, (1, SIZE, SIZE), "float32", np.nan, hole)
        ring = write(folder / f"{stem}.tif", stacked, col, row, 0, interleave="pixel", **tiled)
        write(folder / f"{stem}-height.tif", height, col, row, np.nan, blockysize=7)
        lon, lat = zip(*ring)
        tiff = {"type": "image/tiff; application=geotiff; profile=cloud-optimized", "roles": ["data"]}
        names = [{"name": band, "data_type": "uint16", "nodata": 0} for band in ("blue", "green", "red")]
        features.append(
            {
                "type": "Feature",
                "stac_version": "1.1.0",
                "id": name,
                "collection": "mosaics",
                "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
                "bbox": [min(lon), min(lat), max(lon), max(lat)],
                "properties": {"datetime": time, "proj:code": CRS} | ({"platform": platform} if platform else {}),
                "links": [],
                "assets": {
                    "visual": tiff | {"href": f"./{stem}.tif", "bands": names},
                    "height": tiff
                    | {"href": f"./{stem}-height.tif", "bands": [{"name": "height", "data_type": "float32", "nodata": "nan"}]},
                },
            }
        )
    collection = {"type": "FeatureCollection", "features": features}
    (folder / "items.json").write_text(json.dumps(collection))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
