"""Random patches, dates and bands: `/patch` against rasterio's windows of the same files.

usage: patches_against_rasterio.py URL CATALOG COUNT
"""

import io
import random
import sys
from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
import requests
import scan
import stack
from rasterio.warp import transform as project


class Different(Exception):
    pass


def same(what, got, wanted):
    if got != wanted:
        raise Different(f"{what} is {got}, not {wanted}")


def same_pixels(got, wanted):
    same("dtype", got.dtype, wanted.dtype)
    same("shape", got.shape, wanted.shape)
    if not np.array_equal(got, wanted, equal_nan=got.dtype.kind == "f"):
        at = np.argwhere(~((got == wanted) | ((got != got) & (wanted != wanted))))
        t, b, row, col = at[0]
        raise Different(
            f"{len(at)} of {got.size} pixels differ, first at step {t} band {b} row {row} col {col}: "
            f"{got[t, b, row, col]}, not {wanted[t, b, row, col]}"
        )


def grids(items):
    """Bands that lie on one grid, for one collection at a time: (collection, names)."""
    found = {}
    for item in items:
        for name, (key, number) in scan.bands(item).items():
            file = stack.opened(item["assets"][key]["href"])
            names = found.setdefault((item["collection"], file.crs.to_string(), file.res), {})
            names.setdefault(name)
    return [(collection, sorted(names)) for (collection, _, _), names in found.items()]


def iso(time):
    return datetime.fromtimestamp(time / 1e9, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def ask(rng, everything):
    """A question as the body of a POST, and the window it means. A window just beside a raster is not asked for: whether their
    outlines in lon/lat touch is a matter of rounding."""
    while True:
        question, window = ask_anywhere(rng, everything)
        if not any(beside_raster(item, question["bands"], window) for item in everything):
            return question, window


def beside_raster(item, names, window):
    known = scan.bands(item)
    files = [stack.opened(item["assets"][known[name][0]]["href"]) for name in names if name in known]
    wider = replace(window, left=window.left - 2 * window.pixel[0], top=window.top - 2 * window.pixel[1])
    wider = replace(wider, height=window.height + 4, width=window.width + 4)
    return any(stack.overlap(file, wider) and not stack.overlap(file, window) for file in files)


def ask_anywhere(rng, everything):
    collection, names = rng.choice(grids(everything))
    members = [item for item in everything if item["collection"] == collection]
    members = [item for item in members if set(names) <= set(scan.bands(item))] or members
    item = rng.choice(members)
    names = rng.sample([n for n in names if n in scan.bands(item)], rng.randint(1, min(4, len(names))))
    file = stack.opened(item["assets"][scan.bands(item)[names[0]][0]]["href"])
    question = {"collections": [collection], "bands": names}

    # Middles inside the raster or a little beyond its edges, so that some windows are cut.
    height, width = rng.choice([(1, 1), (64, 64), (33, 70), (128, 128), (200, 16)])
    col, row = rng.uniform(-5, file.width + 5), rng.uniform(-5, file.height + 5)
    (lon,), (lat,) = project(file.crs, "EPSG:4326", *([v] for v in file.transform * (col, row)))
    if rng.random() < 0.6:
        question |= {"center": [lon, lat], "size": [height, width]}
        window = stack.window_at(file, lon, lat, height, width)
    else:
        corners = [file.transform * (col + dx * width / 2, row + dy * height / 2) for dx in (-1, 1) for dy in (-1, 1)]
        lons, lats = project(file.crs, "EPSG:4326", *zip(*corners))
        question["bbox"] = [min(lons), min(lats), max(lons), max(lats)]
        window = stack.window_over(file, question["bbox"])

    moments = sorted(scan.span(member)[0] for member in members)
    kind = rng.random()
    if kind < 0.5:
        first = rng.randrange(len(moments))
        last = min(first + rng.randint(0, 11), len(moments) - 1)
        question["datetime"] = f"{iso(moments[first] - 10**9)}/{iso(moments[last] + 10**9)}"
    elif kind < 0.8:
        question["ids"] = [member["id"] for member in rng.sample(members, min(len(members), rng.randint(1, 6)))]
    if rng.random() < 0.5:
        question["group_by"] = rng.choice(["item", "solar_day"])
    if "SCL" in scan.bands(item) and rng.random() < 0.2:
        question |= {"group_by": "item", "mask": rng.choice(["SCL:3,8,9,10", "SCL:4", "SCL:0,1,2,3,5,6,7,8,9,10,11"])}
    if rng.random() < 0.2:
        question["min_valid"] = rng.choice([0, 0.3, 0.75, 1])
    if rng.random() < 0.2:
        question["dtype"] = "float32"
    if rng.random() < 0.3:
        question["timestamps"] = rng.randint(1, 9)
    if rng.random() < 0.5:
        question["format"] = rng.choice(["npy", "npz", "json"])
    return question, window


def expected(everything, question, window):
    items = [item for item in scan.answer(everything, {k: question[k] for k in ("collections", "ids", "datetime") if k in question})]
    items = [item for item in items if set(question["bands"]) <= set(scan.bands(item))]
    found = stack.steps(items, question["bands"], window, question.get("group_by", "solar_day"), question.get("mask"))
    found = [step for step in found if step.valid.mean() >= question.get("min_valid", 0)]
    return stack.spread(found, question["timestamps"]) if "timestamps" in question else found


def nodata_of(everything, question):
    """A nodata value for each band; all of a band's files agree in the catalogues tested here."""
    found = []
    for name in question["bands"]:
        item = next(i for i in everything if i["collection"] in question["collections"] and name in scan.bands(i))
        key, number = scan.bands(item)[name]
        found.append(stack.opened(item["assets"][key]["href"]).nodatavals[number - 1])
    return found


def check(everything, question, window, answer):
    same("status", answer.status_code, 200)
    wanted = expected(everything, question, window)
    nodata = nodata_of(everything, question)
    if not wanted:
        # Without an item there is no grid to be on.
        same("cairn-shape", answer.headers["cairn-shape"].split(",")[:2], ["0", str(len(question["bands"]))])
        return
    shape = (len(wanted), len(question["bands"]), window.height, window.width)
    same("cairn-shape", answer.headers["cairn-shape"], ",".join(map(str, shape)))
    same("cairn-crs", answer.headers.get("cairn-crs"), window.crs)
    same("cairn-transform", tuple(map(float, answer.headers.get("cairn-transform", "0").split(","))), window.transform)
    form = question.get("format", "npy")
    if form == "json":
        if not isinstance(answer.json(), dict):
            raise Different("the plan is no JSON object")
        return
    loaded = np.load(io.BytesIO(answer.content))
    pixels = loaded["data"] if form == "npz" else loaded
    empty = np.stack([np.full(shape[2:], 0 if n is None else n) for n in nodata])
    dtype = next(step for step in wanted if step).pixels.dtype
    native = np.stack([(step.pixels if step else empty).astype(dtype) for step in wanted])
    if question.get("dtype") == "float32":
        close_pixels(pixels, *measured(everything, question, native, wanted, nodata))
    else:
        same_pixels(pixels, native)
    if form == "npz":
        beside(loaded, wanted, question, window, nodata)


def measured(everything, question, native, wanted, nodata):
    """Native pixels as `dtype=float32` has them, and where each step is valid: scaled, nodata NaN."""
    item = next(i for i in everything if set(question["bands"]) <= set(scan.bands(i)))
    scaled = np.empty(native.shape, "float32")
    for band, ((scale, offset), missing) in enumerate(zip(stack.scales(item, question["bands"]), nodata)):
        scaled[:, band] = native[:, band].astype("float64") * scale + offset
        if missing is not None:
            scaled[:, band][native[:, band] == missing] = np.nan
    outside = np.zeros(native.shape[2:], bool)
    return scaled, np.stack([step.valid if step else outside for step in wanted])


def close_pixels(got, wanted, valid):
    same("dtype", got.dtype, wanted.dtype)
    same("shape", got.shape, wanted.shape)
    valid = np.broadcast_to(valid[:, None], got.shape)
    wrong = valid & ~np.isclose(got, wanted, rtol=1e-6, atol=1e-9)
    wrong |= ~valid & ~np.isnan(got) & np.isnan(wanted)
    if wrong.any():
        at = tuple(np.argwhere(wrong)[0])
        raise Different(f"{wrong.sum()} of {got.size} pixels differ, first at {at}: {got[at]}, not {wanted[at]}")


def beside(loaded, wanted, question, window, nodata):
    """The arrays beside `data`."""
    same("time's dtype", loaded["time"].dtype, np.dtype("int64"))
    nat = np.iinfo(np.int64).min
    same("time", loaded["time"].tolist(), [step.time if step else nat for step in wanted])
    for share, step in zip(loaded["valid"].tolist(), wanted, strict=True):
        if step and abs(share - step.valid.mean()) > 1e-6:
            raise Different(f"valid is {share}, not {step.valid.mean()}")
    same("transform", tuple(loaded["transform"].tolist()), window.transform)
    same("crs", str(loaded["crs"]), window.crs)
    same("bands", [str(name) for name in loaded["bands"]], question["bands"])
    same("items", [stack.labels(str(names)) for names in loaded["items"]], [step.items if step else [] for step in wanted])
    for given, name, value in zip(loaded["nodata"], question["bands"], nodata):
        if question.get("dtype") == "float32":
            value = np.nan
        if value is not None and not (given == value or (np.isnan(given) and np.isnan(value))):
            raise Different(f"nodata of {name} is {given}, not {value}")


def as_get(question):
    return {k: ",".join(map(str, v)) if isinstance(v, list) else v for k, v in question.items()}


def main(url, catalog, count):
    rng = random.Random(7)
    everything = scan.items(catalog)
    pixels = 0
    for number in range(count):
        question, window = ask(rng, everything)
        if rng.random() < 0.2:
            answer = requests.get(f"{url}/patch", params=as_get(question))
        else:
            answer = requests.post(f"{url}/patch", json=question)
        try:
            check(everything, question, window, answer)
        except Different as difference:
            detail = answer.text[:300] if answer.status_code != 200 else ""
            sys.exit(f"patch {number} by {answer.request.method} {question}: {difference} {detail}")
        pixels += np.prod([int(n) for n in answer.headers["cairn-shape"].split(",")])
    far(url, everything)
    print(f"{count} patches of {len(everything)} items, {pixels} pixels, all equal")


def far(url, everything):
    """Nothing matches: 200 with T = 0, in the UTM zone of the centre."""
    question = {"collections": [everything[0]["collection"]], "bands": [next(iter(scan.bands(everything[0])))]}
    answer = requests.post(f"{url}/patch", json=question | {"center": [-170.2, -45.1], "size": [20, 30]})
    if answer.status_code != 200:
        sys.exit(f"a place without items: {answer.status_code} {answer.text[:300]}")
    loaded = np.load(io.BytesIO(answer.content))
    wanted = ((0, 1, 20, 30), "0,1,20,30", "EPSG:32702")
    got = (loaded.shape, answer.headers.get("cairn-shape"), answer.headers.get("cairn-crs"))
    if got != wanted:
        sys.exit(f"a place without items: {got}, not {wanted}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
