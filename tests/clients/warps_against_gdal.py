"""Random grids, kernels and bands: `/patch` against GDAL's warper with exact transformations, on rasters of `make_warps.py`.

usage: warps_against_gdal.py URL CATALOG COUNT
"""

import io
import json
import math
import pathlib
import random
import sys
from functools import lru_cache

import numpy as np
import rasterio
import requests
from rasterio.enums import MaskFlags
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.warp import Resampling
from rasterio.warp import transform as project

# A place may be off by this share of a pixel of the source: the bound of the server's control grid, and a little for rounding. Pixels
# whose place is as near to the edge of a source pixel are ties: either neighbour will do.
OFF_PX = 0.012
# The rasters' slopes are at most 150 a pixel, from noise of 80 either way: what OFF_PX makes of that, and a half for rounding.
TOLERANCE = 150 * OFF_PX + 0.5
# A kernel widened by a step is compared where GDAL is told the step of the window's middle, which differs a little over the window.
WIDE_TOLERANCE = TOLERANCE + 4
METRES_PER_DEGREE = 111_319.490_793
# How coarse overviews are beside the full image, of the rasters that have any.
OVERVIEWS = {"red": (2, 4)}
CLASSES = {"kind"}


class Different(Exception):
    pass


def exact(crs, transform, source_crs, source_transform, cols, rows):
    """Columns and rows of a source for those of a window."""
    x, y = Affine(*transform) * (np.asarray(cols, float), np.asarray(rows, float))
    if crs != source_crs:
        x, y = map(np.asarray, project(crs, source_crs, x.ravel().tolist(), y.ravel().tolist()))
    return ~source_transform * (x.ravel(), y.ravel())


@lru_cache(maxsize=None)
def source(path, number, level):
    """Pixels of a band at a level, its transform, CRS, and which are valid."""
    more = {} if level is None else {"OVERVIEW_LEVEL": level}
    with rasterio.open(path, **more) as file:
        pixels, valid = file.read(number), np.ones(file.shape, bool)
        flags = file.mask_flag_enums[number - 1]
        if MaskFlags.all_valid not in flags:
            valid = file.read_masks(number) != 0
        return pixels, valid, file.transform, file.crs.to_string(), file.nodatavals[number - 1]


@lru_cache(maxsize=None)
def as_nodata(path, number, level):
    """A band at a level as a raster of its own, whose invalid pixels are nodata, and that value."""
    pixels, valid, transform, crs, _ = source(path, number, level)
    sentinel = {"uint8": 255, "uint16": 65535, "int16": -32768, "float32": -1e9}[pixels.dtype.name]
    memory = MemoryFile()
    height, width = pixels.shape
    profile = {"driver": "GTiff", "count": 1, "height": height, "width": width, "dtype": pixels.dtype}
    with memory.open(**profile, crs=crs, transform=transform) as file:
        file.write(np.where(valid, pixels, np.asarray(sentinel, pixels.dtype)), 1)
    return memory.open(), sentinel


def step_of(crs, transform, shape, source_crs, source_transform):
    """Source pixels, across and down, that a pixel in the middle of the window steps over, and that the upright rectangle around it
    spans."""
    row, col = shape[0] / 2, shape[1] / 2
    cols, rows = [col + 0.5, col - 0.5, col, col], [row, row, row + 0.5, row - 0.5]
    x, y = exact(crs, transform, source_crs, source_transform, cols, rows)
    return [(math.hypot(v[0] - v[1], v[2] - v[3]), abs(v[0] - v[1]) + abs(v[2] - v[3])) for v in (x, y)]


def scale_of(step):
    """As GDAL rounds it."""
    whole = round(step)
    return 1 / whole if whole >= 1 and abs(step - whole) < 0.05 else 1 / max(step, 1)


def warped(path, name, number, crs, transform, shape, kernel):
    """What GDAL makes of one band, where it is valid, which pixels are ties, and the tolerance."""
    _, _, own, source_crs, nodata = source(path, number, None)
    step = 1.01 * min(step for step, _ in step_of(crs, transform, shape, source_crs, own))
    levels = [None] + list(range(len(OVERVIEWS.get(name, ()))))
    factors = [1, *OVERVIEWS.get(name, ())]
    if any(abs(step - factor) < 1e-3 * factor for factor in factors[1:]):
        return None
    level = [level for level, factor in zip(levels, factors) if factor <= step or factor == 1][-1]
    pixels, _, own, source_crs, _ = source(path, number, level)
    span = [span for _, span in step_of(crs, transform, shape, source_crs, own)]
    file, sentinel = as_nodata(path, number, level)
    kernel = "nearest" if name in CLASSES else kernel
    with WarpedVRT(
        file, crs=crs, transform=Affine(*transform), height=shape[0], width=shape[1], src_nodata=sentinel, nodata=sentinel,
        resampling=Resampling[kernel], tolerance=1e-6, XSCALE=scale_of(span[0]), YSCALE=scale_of(span[1]),
    ) as vrt:  # fmt: skip
        out = vrt.read(1)
    rows, cols = np.mgrid[: shape[0], : shape[1]] + 0.5
    ties = np.zeros(shape, bool)
    corners = [(-0.5, -0.5), (0.5, 0.5)] if kernel == "average" else [(0, 0)]
    for dx, dy in corners:
        places = exact(crs, transform, source_crs, own, cols.ravel() + dx, rows.ravel() + dy)
        for at, side in zip(places, pixels.shape[::-1]):
            ties |= (np.abs(at - np.round(at)) < OFF_PX).reshape(shape)
            if kernel == "average":
                # GDAL gives a pixel that reaches beyond the source's edge a weight of more than 1 in the last row or column.
                ties |= ((at < 0) | (at > side)).reshape(shape)
    wide = kernel != "nearest" and max(span) > 1.04
    tolerance = 0 if kernel == "nearest" else WIDE_TOLERANCE if wide else TOLERANCE
    return out, out != sentinel, ties, tolerance, nodata


def ask(rng, items):
    item = rng.choice(items)
    names = [band["name"] for asset in item["assets"].values() for band in asset["bands"]]
    names = rng.sample(names, rng.randint(1, min(3, len(names))))
    question = {"collections": ["warps"], "ids": [item["id"]], "bands": names, "format": "npz"}
    crs = rng.choice([None, "EPSG:32634", "EPSG:32635", "EPSG:32636", "EPSG:3857", "EPSG:4326", "EPSG:3035"])
    if crs:
        question["crs"] = crs
    question["resampling"] = rng.choice(["nearest", "bilinear", "cubic", "average"])
    west, south, east, north = item["bbox"]
    lon, lat = rng.uniform(west, east), rng.uniform(south, north)
    height, width = rng.choice([(1, 1), (64, 64), (37, 50), (90, 20)])
    if rng.random() < 0.6:
        question |= {"center": [lon, lat], "size": [height, width]}
    else:
        dx, dy = rng.uniform(0.001, 0.02), rng.uniform(0.001, 0.01)
        question["bbox"] = [lon - dx, lat - dy, lon + dx, lat + dy]
        if rng.random() < 0.6:
            question["size"] = [height, width]
            return item, question
    if rng.random() < 0.7:
        metres = rng.choice([5, 10, 17, 20, 26.5, 40, 73])
        degrees = (crs or items_crs(item)) == "EPSG:4326"
        question["resolution"] = metres / METRES_PER_DEGREE if degrees else metres
    return item, question


def items_crs(item):
    return {"z34": "EPSG:32634", "merc": "EPSG:3857", "deg": "EPSG:4326"}.get(item["id"], "EPSG:32635")


def check_grid(question, crs, transform, shape):
    """The grid is the one that the question means, as far as the question alone tells."""
    a, b, c, d, e, f = transform
    if "crs" in question and crs != question["crs"]:
        raise Different(f"crs is {crs}")
    if "bbox" in question:
        west, south, east, north = question["bbox"]
        along = np.linspace(0, 1, 200)
        lon = np.concatenate([west + (east - west) * along] * 2 + [np.full(200, west), np.full(200, east)])
        lat = np.concatenate([np.full(200, south), np.full(200, north)] + [south + (north - south) * along] * 2)
        xs, ys = project("EPSG:4326", crs, lon.tolist(), lat.tolist())
        edges = np.array([min(xs), max(xs), min(ys), max(ys)])
        if e > 0:
            return
        got = np.array([c, c + a * shape[1], f + e * shape[0], f])
        over = (got - edges) / [a, a, -e, -e] * [-1, 1, -1, 1]
        # Edges of a box are curves: between 21 points of them they may bulge a little.
        exactly = "size" in question
        if (over < -0.01).any() or (over > (0.01 if exactly else 1.0)).any():
            raise Different(f"the window {got} does not fit the box {edges}: {over}")
        if exactly and shape != tuple(question["size"]):
            raise Different(f"shape is {shape}")
    else:
        if shape != tuple(question["size"]):
            raise Different(f"shape is {shape}")
        (x,), (y,) = project("EPSG:4326", crs, *([v] for v in question["center"]))
        col, row = ~Affine(*transform) * (x, y)
        if max(abs(col - shape[1] / 2), abs(row - shape[0] / 2)) > 0.5 + 1e-6:
            raise Different(f"the point lies at {col}, {row} of {shape}")
    if "resolution" in question and not math.isclose(a, question["resolution"], rel_tol=1e-9):
        raise Different(f"resolution is {a}")


def check(folder, item, question, answer):
    if answer.status_code != 200:
        raise Different(f"status {answer.status_code}: {answer.text[:300]}")
    loaded = np.load(io.BytesIO(answer.content))
    data, crs, transform = loaded["data"], str(loaded["crs"]), loaded["transform"].tolist()
    shape = data.shape[2:]
    check_grid(question, crs, transform, shape)
    if len(data) == 0:
        return 0
    compared, everywhere = 0, np.ones(shape, bool)
    unsure = np.zeros(shape, bool)
    for layer, name in zip(data[0], question["bands"]):
        asset = next(asset for asset in item["assets"].values() if name in [band["name"] for band in asset["bands"]])
        number = [band["name"] for band in asset["bands"]].index(name) + 1
        made = warped(str(folder / asset["href"]), name, number, crs, transform, shape, question["resampling"])
        if made is None:
            return compared
        wanted, valid, ties, tolerance, nodata = made
        everywhere &= valid
        unsure |= ties
        fill = 0 if nodata is None else nodata
        layer = layer.astype("float64")
        wanted = np.where(valid, wanted, fill).astype("float64")
        if nodata == 0:
            # The server, too, moves what comes out like nodata.
            wanted[valid & (wanted == 0)] = 1
        same = (np.abs(layer - wanted) <= tolerance) | (np.isnan(layer) & np.isnan(wanted))
        wrong = ~same & ~ties
        if wrong.any():
            row, col = np.argwhere(wrong)[0]
            raise Different(
                f"{wrong.sum()} of {wrong.size} pixels of {name} differ by more than {tolerance}, at {row}, {col}: "
                f"{layer[row, col]}, not {wanted[row, col]}"
            )
        compared += int((~ties).sum())
    share = float(loaded["valid"][0])
    if not everywhere[~unsure].sum() <= share * everywhere.size + 1e-6 <= everywhere[~unsure].sum() + unsure.sum() + 1e-3:
        raise Different(f"valid is {share}, not {everywhere.mean()}")
    return compared


def ask_pair(rng, items):
    west, south, east, north = next(item for item in items if item["id"] == "pair-z35")["bbox"]
    center = [rng.uniform(west, east), rng.uniform(south, north)]
    question = {"collections": ["warps"], "ids": ["pair-z34", "pair-z35"], "bands": ["red"], "format": "npz"}
    return question | {"center": center, "size": 80, "resampling": rng.choice(["nearest", "bilinear", "cubic", "average"])}


def check_pair(folder, question, answer):
    """A time step of two zones: the earlier Item where that is valid, then the other."""
    if answer.status_code != 200:
        raise Different(f"status {answer.status_code}: {answer.text[:300]}")
    loaded = np.load(io.BytesIO(answer.content))
    data, crs, transform = loaded["data"], str(loaded["crs"]), loaded["transform"].tolist()
    if data.shape != (1, 1, 80, 80) or [*loaded["items"]] not in (["warps/pair-z35,warps/pair-z34"], ["warps/pair-z35"], ["warps/pair-z34"]):
        raise Different(f"shape is {data.shape}, items are {loaded['items']}")
    first, second = (warped(str(folder / f"{z}-red.tif"), "red", 1, crs, transform, (80, 80), question["resampling"]) for z in ("z35", "z34"))
    wanted = np.where(first[1], first[0], np.where(second[1], second[0], 0)).astype(float)
    wrong = (np.abs(data[0, 0] - wanted) > max(first[3], second[3])) & ~first[2] & ~second[2]
    if wrong.any():
        row, col = np.argwhere(wrong)[0]
        raise Different(f"{wrong.sum()} pixels of two zones differ, at {row}, {col}: {data[0, 0, row, col]}, not {wanted[row, col]}")
    return int((~first[2] & ~second[2]).sum())


def main(url, catalog, count):
    rng = random.Random(5)
    catalog = pathlib.Path(catalog)
    items = json.loads(catalog.read_text())["features"]
    alone = [item for item in items if not item["id"].startswith("pair")]
    compared, asked, failed = 0, 0, 0
    for number in range(count):
        pair = number % 8 == 7
        item, question = (None, ask_pair(rng, items)) if pair else ask(rng, alone)
        answer = requests.post(f"{url}/patch", json=question)
        try:
            if pair:
                compared += check_pair(catalog.parent, question, answer)
            else:
                compared += check(catalog.parent, item, question, answer)
        except Different as difference:
            failed += 1
            print(f"patch {number} {json.dumps(question)}: {difference}")
        asked += 1
    if failed:
        sys.exit(f"{failed} of {asked} patches differ")
    print(f"{asked} patches, {compared} pixels compared with GDAL's")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
