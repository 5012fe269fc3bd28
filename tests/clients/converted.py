"""Judges what `cairn convert` wrote: rio-cogeo says whether it is a COG, rasterio and NumPy what must be in it.

converted.py same SRC DEST              each COG below DEST holds what GDAL's own copy of its source holds
converted.py typed SRC COG DTYPE        values cut to a type's range, rounded
converted.py warped SRC COG CRS [RES]   another grid, nearest
converted.py masked SRC COG             nodata or alpha became a mask
converted.py options SRC COG JSON       the profile and shape that options must give
converted.py stacked COG FILE...        a band a file
converted.py product SAFE ITEM.json     a Sentinel-2 product: Item, COGs and JPEG 2000 agree
converted.py patch URL SAFE ITEM.json   a patch of the served COGs holds the product's pixels
"""

import io
import json
import pathlib
import re
import sys

import numpy as np
import offline  # noqa: F401
import rasterio
import rasterio.shutil
import rasterio.warp
import requests
from rasterio.io import MemoryFile
from rio_cogeo.cogeo import cog_validate

STAMP = "CAIRN_CONVERTED"


def check_cog(path) -> None:
    valid, errors, _ = cog_validate(str(path), quiet=True)
    assert valid, f"{path}: {errors}"


def equal(name, a, b) -> None:
    same = np.array_equal(a, b, equal_nan=True) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else np.array_equal(a, b)
    assert same, f"{name}: {a} {b}"


def original_photometric(source) -> str | None:
    with rasterio.open(source) as dataset:
        return dataset.tags(ns="IMAGE_STRUCTURE").get("SOURCE_COLOR_SPACE", "").upper() or None


def same_number(a, b) -> bool:
    return a == b or (a is not None and b is not None and np.isnan(a) and np.isnan(b))


def check_same(source, cog) -> None:
    check_cog(cog)
    with MemoryFile(ext=".tif") as memory:
        # What gdal_translate does.
        rasterio.shutil.copy(str(source), memory.name, driver="GTiff")
        with rasterio.open(memory.name) as a, rasterio.open(cog) as b:
            assert a.dtypes == b.dtypes and a.shape == b.shape, f"{cog}: {b.profile}"
            if original_photometric(source) == "YCBCR":
                # Another release of libjpeg interpolates colours in another way.
                apart = np.abs(a.read().astype(int) - b.read().astype(int))
                assert apart.max() <= 20 and apart.mean() < 1, f"{cog}: {apart.max()} {apart.mean()}"
            else:
                equal(f"{cog}: pixels", a.read(), b.read())
            equal(f"{cog}: masks", a.read_masks(), b.read_masks())
            for x, y in zip(a.nodatavals, b.nodatavals, strict=True):
                assert same_number(x, y), f"{cog}: nodata {x} {y}"
            for field in ("crs", "transform", "scales", "offsets", "descriptions", "units"):
                assert getattr(a, field) == getattr(b, field), f"{cog}: {field} {getattr(a, field)} {getattr(b, field)}"
            inks = {"cyan", "magenta", "yellow", "black", "undefined", "gray"}
            for x, y in zip(a.colorinterp, b.colorinterp, strict=True):
                assert x == y or {x.name, y.name} <= inks, f"{cog}: {a.colorinterp} {b.colorinterp}"
            with rasterio.open(source) as original:
                for band in (0, *original.indexes):
                    kept = {k: v for k, v in b.tags(band).items() if k != STAMP}
                    wanted = {k: v for k, v in original.tags(band).items() if not k.startswith("TIFFTAG_")}
                    assert wanted.items() <= kept.items(), f"{cog}: tags of {band}: {wanted} {kept}"
                assert [g.asdict() for g in original.gcps[0]] == [g.asdict() for g in b.gcps[0]] or original.crs
                if original.colorinterp[0].name == "palette":
                    assert original.colormap(1) == b.colormap(1), f"{cog}: colours"
            assert STAMP in b.tags()


def same(source, dest) -> None:
    source, dest = pathlib.Path(source), pathlib.Path(dest)
    cogs = sorted(dest.rglob("*.tif"))
    assert cogs
    for cog in cogs:
        stem = cog.relative_to(dest).with_suffix("")
        found = [path for path in (source / stem.parent).iterdir() if path.stem == stem.name and path.suffix != ".xml"]
        check_same(found[0], cog)
    print(len(cogs), "COGs hold what their sources hold")


def typed(source, cog, dtype) -> None:
    check_cog(cog)
    with rasterio.open(source) as a, rasterio.open(cog) as b:
        limits = np.iinfo(dtype)
        values, valid = a.read().astype("float64"), a.read_masks() > 0
        wanted = np.clip(np.floor(values + 0.5), limits.min, limits.max)
        assert b.dtypes == (dtype,) * a.count
        equal("values", wanted[valid], b.read().astype("float64")[valid])
        if b.nodata is not None:
            equal("nodata", b.read()[~valid], np.full((~valid).sum(), b.nodata, dtype))


def warped(source, cog, crs, resolution=None) -> None:
    check_cog(cog)
    with rasterio.open(source) as a, rasterio.open(cog) as b:
        assert b.crs == rasterio.CRS.from_string(crs), b.crs
        if resolution:
            size = float(resolution)
            assert b.res == (size, size), b.res
            assert b.transform.c % size == 0 and b.transform.f % size == 0, b.transform
        assert b.count == a.count
        rows, cols = np.mgrid[0 : b.height, 0 : b.width]
        x, y = b.transform * (cols.ravel() + 0.5, rows.ravel() + 0.5)
        x, y = rasterio.warp.transform(b.crs, a.crs, x, y)
        col, row = (np.floor(v).astype(int) for v in ~a.transform * (np.array(x), np.array(y)))
        inside = (col >= 1) & (row >= 1) & (col < a.width - 1) & (row < a.height - 1)
        values = a.read(1)
        found = b.read(1).ravel()[inside]
        wanted = values[row[inside], col[inside]]
        # GDAL's warper strays up to an eighth of a pixel.
        share = (found == wanted).mean()
        assert share > 0.75, share
        outside = (col < -1) | (row < -1) | (col > a.width) | (row > a.height)
        assert outside.any() and (b.dataset_mask().ravel()[outside] == 0).all()
        assert (b.dataset_mask().ravel()[inside][wanted != 0] == 255).mean() > 0.99


def masked(source, cog) -> None:
    check_cog(cog)
    with rasterio.open(source) as a, rasterio.open(cog) as b:
        assert b.nodata is None and "alpha" not in {c.name for c in b.colorinterp}
        assert all(rasterio.enums.MaskFlags.per_dataset in flags for flags in b.mask_flag_enums)
        equal("mask", a.dataset_mask(), b.dataset_mask())
        equal("pixels", a.read(b.indexes), b.read())


def options(source, cog, wanted) -> None:
    check_cog(cog)
    with rasterio.open(cog) as b:
        found = {
            "compress": b.compression.value.lower() if b.compression else None,
            "block": b.block_shapes[0][0],
            "overviews": b.overviews(1),
            "predictor": b.tags(ns="IMAGE_STRUCTURE").get("PREDICTOR"),
            "count": b.count,
            "nodata": None if b.nodata is None else str(b.nodata),
            "descriptions": b.descriptions,
            "crs": str(b.crs),
        }
        for name, value in json.loads(wanted).items():
            got = list(found[name]) if isinstance(value, list) else found[name]
            assert got == value, f"{name}: {got}, not {value}"


def stacked(cog, *files) -> None:
    check_cog(cog)
    with rasterio.open(cog) as b:
        assert b.count == len(files)
        for band, file in enumerate(files, 1):
            with rasterio.open(file) as a:
                equal(file, a.read(1), b.read(band))


def jp2_of(safe, band, gsd) -> str:
    names = [p for p in pathlib.Path(safe).rglob("*.jp2") if re.search(rf"_{band}(_{gsd}m)?\.jp2$", p.name)]
    assert len(names) == 1, names
    return str(names[0])


def product(safe, item_path) -> None:
    import pystac

    item_path = pathlib.Path(item_path)
    document = json.loads(item_path.read_text())
    item = pystac.Item.from_dict(document)
    item.validate()
    listed = {asset["href"] for asset in document["assets"].values()}
    assert listed == {f"./{path.name}" for path in item_path.parent.glob("*.tif")}
    for asset in document["assets"].values():
        cog = item_path.parent / asset["href"]
        check_cog(cog)
        with rasterio.open(cog) as b:
            assert list(b.shape) == asset["proj:shape"] and list(b.transform)[:6] == asset["proj:transform"]
            assert f"EPSG:{b.crs.to_epsg()}" == document["properties"]["proj:code"]
            names = [band["name"] for band in asset["bands"]]
            assert b.count == len(names)
            for index, band in enumerate(asset["bands"], 1):
                assert b.dtypes[index - 1] == band["data_type"]
                assert b.nodatavals[index - 1] == band["nodata"]
                assert b.scales[index - 1] == band.get("raster:scale", 1)
                assert b.offsets[index - 1] == band.get("raster:offset", 0)
                picture = band["name"].startswith("TCI_")
                assert picture or b.descriptions[index - 1] == band["name"]
                name = "TCI" if picture else band["name"]
                with rasterio.open(jp2_of(safe, name, asset["gsd"])) as a:
                    equal(band["name"], a.read(index if picture else 1), b.read(index))
    print(len(listed), "COGs")


def patch(url, safe, item_path) -> None:
    document = json.loads(pathlib.Path(item_path).read_text())
    with rasterio.open(jp2_of(safe, "B04", 10)) as red, rasterio.open(jp2_of(safe, "B08", 10)) as nir:
        x, y = red.transform * (red.width / 2, red.height / 2)
        (lon,), (lat,) = rasterio.warp.transform(red.crs, "EPSG:4326", [x], [y])
        collection = requests.get(f"{url}/collections", timeout=60).json()["collections"][0]["id"]
        body = {"collections": [collection], "ids": [document["id"]], "bands": ["B04", "nir"], "center": [lon, lat], "size": 100}
        answer = requests.post(f"{url}/patch", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        array = np.load(io.BytesIO(answer.content))
        numbers = [float(number) for number in answer.headers["cairn-transform"].split(",")]
        a, _, west, _, _, north = numbers[:6]
        col, row = round((west - red.transform.c) / a), round((red.transform.f - north) / a)
        wanted = np.stack([d.read(1)[row : row + 100, col : col + 100] for d in (red, nir)])
        assert array.shape == (1, 2, 100, 100), array.shape
        equal("patch", wanted, array[0])
        assert wanted.any()


CASES = {f.__name__: f for f in (same, typed, warped, masked, options, stacked, product, patch)}
CASES[sys.argv[1]](*sys.argv[2:])
