"""`/patch/random`: the same bytes from two servers, a batch equal to its singles, windows inside rasters, pixels as rasterio reads them.

usage: random_patches.py URL OTHER_URL CATALOG COUNT
"""

import io
import sys

import numpy as np
import patches_against_rasterio as patches
import requests
import scan
import stack
from rasterio.warp import transform as project
from shapely.geometry import shape


def fetch(url, question):
    answer = requests.post(f"{url}/patch/random", json=question)
    if answer.status_code != 200:
        sys.exit(f"{question}: {answer.status_code} {answer.text[:300]}")
    return answer.content


def inside(window, everything, question) -> bool:
    """Whether the whole window lies inside one matching Item's raster."""
    for item in everything:
        known = scan.bands(item)
        if item["collection"] not in question["collections"] or question["bands"][0] not in known:
            continue
        file = stack.opened(item["assets"][known[question["bands"][0]][0]]["href"])
        place = stack.overlap(file, window)
        if place and place[2] == slice(0, window.height) and place[3] == slice(0, window.width):
            return True
    return False


def window_of(loaded, sample, size):
    a, _, c, _, e, f = loaded["transform"][sample].tolist()
    crs = loaded["crs"]
    return stack.Window(str(crs[sample] if crs.ndim else crs), (a, e), c, f, *size)


def check(everything, question, loaded):
    """Every sample of a batch against the files."""
    size = question["size"]
    count, steps = question.get("count", 1), question.get("timestamps")
    data = loaded["data"]
    for name in ("data", "time", "valid", "transform", "items", "center"):
        patches.same(f"the leading N of {name}", len(loaded[name]), count)
    if steps:
        patches.same("shape", data.shape, (count, steps, len(question["bands"]), *size))
    for sample in range(count):
        window = window_of(loaded, sample, size)
        if not inside(window, everything, question):
            raise patches.Different(f"sample {sample} at {window} lies in no raster")
        lon, lat = loaded["center"][sample].tolist()
        (x,), (y,) = project("EPSG:4326", window.crs, [lon], [lat])
        middle = (window.left + window.pixel[0] * size[1] / 2, window.top + window.pixel[1] * size[0] / 2)
        if max(abs(x - middle[0]), abs(y - middle[1])) > abs(window.pixel[0]):
            raise patches.Different(f"center {lon}, {lat} is not the middle of {window}")
        wanted = patches.expected(everything, question, window)
        nodata = patches.nodata_of(everything, question)
        empty = np.stack([np.full(size, 0 if n is None else n) for n in nodata]).astype(data.dtype)
        patches.same_pixels(data[sample], np.stack([(step.pixels if step else empty) for step in wanted]))


def main(url, other, catalog, count):
    everything = scan.items(catalog)
    grids = patches.grids(everything)
    centres = set()
    for seed in range(count):
        collection, names = grids[seed % len(grids)]
        question = {"collections": [collection], "bands": names[:2], "size": [[48, 32], [64, 64], [1, 1]][seed % 3]}
        question |= {"timestamps": 1 + seed % 4, "seed": seed, "index": 3 * seed, "count": 4, "format": "npz"}
        try:
            first = fetch(url, question)
            for place in (url, other):
                if fetch(place, question) != first:
                    sys.exit(f"{question}: other bytes from {place}")
            batch = np.load(io.BytesIO(first))
            check(everything, question, batch)
            for sample in range(4):
                single = question | {"index": question["index"] + sample, "count": 1}
                loaded = np.load(io.BytesIO(fetch(other, single)))
                for name in ("data", "time", "valid", "transform", "items", "center"):
                    if not np.array_equal(loaded[name][0], batch[name][sample], equal_nan=loaded[name].dtype.kind == "f"):
                        sys.exit(f"{single}: {name} is not that of the batch")
                centres.add(tuple(loaded["center"][0].tolist()))
            bare = {key: value for key, value in question.items() if key not in ("timestamps", "index", "count", "format")}
            alone = np.load(io.BytesIO(fetch(url, bare)))
            zeroth = np.load(io.BytesIO(fetch(url, bare | {"format": "npz", "index": 0, "count": 1})))
            patches.same_pixels(alone[0], zeroth["data"][0])
        except patches.Different as difference:
            sys.exit(f"{question}: {difference}")
    if len(centres) < 3 * count:
        sys.exit(f"only {len(centres)} places among {4 * count} samples")
    bounded(url, everything, grids[0])
    print(f"{4 * count} random patches, all equal")


def bounded(url, everything, grid):
    """`within` bounds the centre; where no patch fits, 400."""
    collection, names = grid
    place = shape(next(item["geometry"] for item in everything if item["collection"] == collection)).centroid
    question = {"collections": [collection], "bands": names[:1], "size": 16, "timestamps": 1, "count": 20, "format": "npz"}
    west, south, east, north = place.x - 0.002, place.y - 0.001, place.x + 0.002, place.y + 0.001
    loaded = np.load(io.BytesIO(fetch(url, question | {"within": [west, south, east, north]})))
    lons, lats = loaded["center"].T
    # A centre is a pixel's corner or middle, so half a pixel (some 1e-4 degrees) beyond the bound is still the nearest place to it.
    near = 2e-4
    if not ((lons >= west - near) & (lons <= east + near) & (lats >= south - near) & (lats <= north + near)).all():
        sys.exit(f"within {[west, south, east, north]}: centers {loaded['center'].tolist()}")
    for refused in ({"within": [-170, -45, -169, -44]}, {"size": 100_000}, {"timestamps": None}):
        asked = {key: value for key, value in (question | refused).items() if value is not None}
        answer = requests.post(f"{url}/patch/random", json=asked)
        if answer.status_code not in (400, 413 if "size" in refused else 400):
            sys.exit(f"{asked}: {answer.status_code}, not 400")


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
