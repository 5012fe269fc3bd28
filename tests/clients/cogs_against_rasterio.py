"""Random windows of every Item of the fixtures' tree: `/patch` against the pixels that rasterio reads, bit for bit.

usage: cogs_against_rasterio.py URL CATALOG COUNT FORMAT

COUNT windows an Item, FORMAT npy or npz. Items whose codec is not read must be refused by its name.
"""

import io
import random
import sys

import numpy as np
import patches_against_rasterio as patches
import requests
import scan
import stack
from patches_against_rasterio import Different, same
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.warp import transform as project

# Codecs that are not read: a part of the files' names, and what the refusal calls it. rasterio's wheels cannot even open JPEG XL.
REFUSED = {"_JXL": "JPEG XL (50002)", "_LZMA": "LZMA (34925)"}
# rasterio's wheels have libjpeg 9, whose filter for colours is another than that of libjpeg-turbo: cog_pixels.rs asks the latter.
OTHER_FILTER = "_JPEG_ycbcr"


class Raster:
    """All pixels of an Item's file, and the Item's names for its bands in the file's order: of all but alpha."""

    def __init__(self, item):
        (asset,) = item["assets"].values()
        self.file = stack.opened(asset["href"])
        self.names = [band["name"] for band in asset["bands"]]
        numbers = [number for number, colour in enumerate(self.file.colorinterp, 1) if colour != ColorInterp.alpha]
        same(f"number of {item['id']}'s bands", len(self.names), len(numbers))
        self.pixels = self.file.read(numbers)
        # GDAL widens float16.
        if self.pixels.dtype == "float32" and self.file.tags(1, ns="IMAGE_STRUCTURE").get("NBITS") == "16":
            self.pixels = self.pixels.astype("float16")
        self.nodata = [self.file.nodatavals[number - 1] for number in numbers]
        # What the file's own mask or alpha band takes out is nodata, or 0.
        self.open = np.ones(self.file.shape, bool)
        for number, colour in enumerate(self.file.colorinterp, 1):
            if colour == ColorInterp.alpha:
                self.open &= self.file.read(number) != 0
            elif self.file.mask_flag_enums[number - 1] == [MaskFlags.per_dataset]:
                self.open &= self.file.read_masks(number) != 0
        for band, nodata in zip(self.pixels, self.nodata):
            band[~self.open] = 0 if nodata is None else nodata

    def window(self, col, row, height, width):
        """(bands, rows, cols) and which pixels are valid in all bands, outside of the file nodata or 0."""
        out = np.stack([np.full((height, width), 0 if n is None else n, self.pixels.dtype) for n in self.nodata])
        valid = np.zeros((height, width), bool)
        top, left = max(row, 0), max(col, 0)
        bottom, right = min(row + height, self.file.height), min(col + width, self.file.width)
        inside = np.s_[top - row : bottom - row, left - col : right - col]
        out[:, *inside] = self.pixels[:, top:bottom, left:right]
        valid[inside] = self.open[top:bottom, left:right]
        for band, nodata in zip(out, self.nodata):
            if nodata is not None:
                valid &= ~(np.isnan(band) if np.isnan(nodata) else band == np.asarray(nodata, band.dtype))
        return out, valid


def windows(rng, raster, count):
    """`count` windows (col, row, height, width) that share a pixel with the file and whose middle is a place on Earth: beyond the
    edges of a raster of the whole world there is none."""
    for number in range(count):
        window = one_window(rng, raster.file.height, raster.file.width, number % 8)
        while raster.file.crs.is_geographic and not on_earth(*middle(raster, *window)):
            window = one_window(rng, raster.file.height, raster.file.width, number % 8)
        yield window


def one_window(rng, height, width, kind):
    limit = [2, 40, 41, 150][kind % 4]
    h, w = (1, 1) if kind == 0 else (rng.randint(1, limit), rng.randint(1, limit))
    if kind == 1:
        # Inside.
        h, w = min(h, height), min(w, width)
        return rng.randint(0, width - w), rng.randint(0, height - h), h, w
    if kind == 2:
        # Over a corner.
        return rng.choice([-(w // 2), width - (w + 1) // 2]), rng.choice([-(h // 2), height - (h + 1) // 2]), h, w
    if kind == 3 and max(height, width) < 500:
        # Over all edges.
        return -rng.randint(1, 9), -rng.randint(1, 9), height + rng.randint(10, 20), width + rng.randint(10, 20)
    return rng.randint(1 - w, width - 1), rng.randint(1 - h, height - 1), h, w


def middle(raster, col, row, height, width):
    """In lon/lat. The nearest window to the middle of a window is that window, as long as projecting errs by less than half a
    pixel, be its sides odd or even."""
    x, y = raster.file.transform * (col + width / 2, row + height / 2)
    (lon,), (lat,) = project(raster.file.crs, "EPSG:4326", [x], [y])
    return lon, lat


def on_earth(lon, lat):
    # 180 is -180 too, a turn away from the window.
    return abs(lon) < 180 and abs(lat) <= 90


def question(item, raster, form, window):
    asked = {"collections": [item["collection"]], "ids": [item["id"]], "bands": raster.names, "group_by": "item"}
    return asked | {"center": middle(raster, *window), "size": window[2:], "format": form}


def check(url, item, raster, form, window):
    asked = question(item, raster, form, window)
    answer = requests.post(f"{url}/patch", json=asked)
    try:
        if answer.status_code != 200:
            raise Different(f"{answer.status_code} {answer.text[:300]}")
        wanted, valid = raster.window(*window)
        loaded = np.load(io.BytesIO(answer.content))
        got = loaded["data"] if form == "npz" else loaded
        patches.same_pixels(got, wanted[None])
        # NaN's bits, too.
        same("bytes", got.tobytes(), wanted.tobytes())
        if form == "npz":
            beside(loaded, item, raster, window, valid)
    except Different as difference:
        return f"{item['collection']}/{item['id']}, window {window}, {asked['center']}: {difference}"


def beside(loaded, item, raster, window, valid):
    """What an npz has beside its pixels."""
    same("members", set(loaded), {"data", "time", "valid", "transform", "crs", "bands", "nodata", "items"})
    same("valid", loaded["valid"].tolist(), [valid.mean()])
    t, (col, row) = raster.file.transform, window[:2]
    x, y = t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f
    same("transform", loaded["transform"].tolist(), [t.a, t.b, x, t.d, t.e, y])
    same("crs", str(loaded["crs"]), f"EPSG:{raster.file.crs.to_epsg()}")
    nodata = np.array([np.nan if n is None else np.asarray(n, raster.pixels.dtype) for n in raster.nodata], "float64")
    if not np.array_equal(loaded["nodata"], nodata, equal_nan=True):
        raise Different(f"nodata is {loaded['nodata']}, not {nodata}")
    same("bands", loaded["bands"].tolist(), raster.names)
    same("items", [stack.labels(names) for names in loaded["items"].tolist()], [[(item["collection"], item["id"])]])


def check_refused(url, item, codec):
    (bands,) = [[band["name"] for band in asset["bands"]] for asset in item["assets"].values()]
    west, south, east, north = item["bbox"]
    asked = {"collections": [item["collection"]], "ids": [item["id"]], "bands": bands, "size": 8}
    answer = requests.post(f"{url}/patch", json=asked | {"center": [(west + east) / 2, (south + north) / 2]})
    said = answer.json()["description"] if answer.status_code == 502 else answer.text[:300]
    if answer.status_code != 502 or f"compression {codec} is not supported" not in said or item["id"] not in said:
        return f"{item['collection']}/{item['id']}: {answer.status_code} {said}, not 502 that names {codec}"
    if "tests/data" in said:
        return f"{item['id']}: the message tells a place: {said}"


def main(url, catalog, count, form):
    rng = random.Random(11)
    wrong, refused, compared = [], 0, 0
    everything = scan.items(catalog)
    for item in sorted(everything, key=lambda item: (item["collection"], item["id"])):
        codec = next((codec for part, codec in REFUSED.items() if part in item["id"]), None)
        if codec:
            wrong.append(check_refused(url, item, codec))
            refused += 1
            continue
        if OTHER_FILTER in item["id"]:
            continue
        raster = Raster(item)
        for window in windows(rng, raster, count):
            wrong.append(check(url, item, raster, form, window))
            compared += 1
    wrong = [difference for difference in wrong if difference]
    if wrong or not compared or not refused:
        sys.exit("\n".join([f"{compared} windows, {refused} refused", *wrong]))
    print(f"{compared} windows of {len(everything) - refused} items equal, {refused} items refused by their codec")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
