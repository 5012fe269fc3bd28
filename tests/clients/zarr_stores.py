"""Judges what `cairn convert --format zarr` wrote: zarr-python and xarray read it, rasterio says what must be in it.

zarr_stores.py same {SRC STORE}...      the arrays of a store hold the bands of a raster, its grid and what is told of them
zarr_stores.py values STORE FILE...     an array a file, in this order
zarr_stores.py product SAFE ITEM.json   a Sentinel-2 product: a group a resolution, as the Item beside it says
zarr_stores.py chunks STORE SIDE COUNT  the side of chunks, and how many files of chunks there are of pixels
"""

import json
import pathlib
import re
import sys

import numpy as np
import offline  # noqa: F401
import rasterio
import xarray
import zarr

COORDINATES = {"x", "y", "spatial_ref"}


def bands_of(group) -> list[str]:
    return [name for name in group.metadata.consolidated_metadata.metadata if name not in COORDINATES and name != "mask"]


def equal(name, a, b) -> None:
    assert a.dtype == b.dtype and a.shape == b.shape, f"{name}: {a.dtype}{a.shape} {b.dtype}{b.shape}"
    assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), f"{name}: {a} {b}"


def middles(transform, width, height):
    x = np.array([transform.c + (col + 0.5) * transform.a for col in range(width)])
    y = np.array([transform.f + (row + 0.5) * transform.e for row in range(height)])
    return x, y


def same(*pairs) -> None:
    for source, path in zip(pairs[::2], pairs[1::2], strict=True):
        check_same(source, path)


def check_same(source, path) -> None:
    store = zarr.open_group(path, mode="r")
    assert store.metadata.zarr_format == 3 and store.metadata.consolidated_metadata is not None
    raw = xarray.open_zarr(path, mask_and_scale=False, decode_coords="all")
    decoded = xarray.open_zarr(path)
    with rasterio.open(source) as a:
        names = bands_of(store)
        assert len(names) == a.count, names
        for index, name in enumerate(names, 1):
            pixels, facts = a.read(index), a.read(index, masked=True)
            equal(name, pixels, store[name][:])
            equal(name, pixels, raw[name].values)
            assert raw[name].dims == ("y", "x")
            description = a.descriptions[index - 1]
            assert description in (None, name, raw[name].attrs.get("long_name")), description
            scale, offset = a.scales[index - 1], a.offsets[index - 1]
            assert raw[name].attrs.get("scale_factor", 1) == scale and raw[name].attrs.get("add_offset", 0) == offset
            nodata = a.nodatavals[index - 1]
            if nodata is not None and np.can_cast(np.min_scalar_type(nodata), pixels.dtype, "same_kind"):
                fill = store[name].fill_value
                assert fill == nodata or (np.isnan(fill) and np.isnan(nodata)), f"{fill} {nodata}"
                wanted = np.where(np.ma.getmaskarray(facts), np.nan, pixels.astype("float64") * scale + offset)
                np.testing.assert_allclose(decoded[name].values.astype("float64"), wanted, rtol=1e-5)
        if a.transform.is_identity:
            assert "x" not in raw
        elif a.transform.b == 0:
            x, y = middles(a.transform, a.width, a.height)
            equal("x", x, raw.x.values)
            equal("y", y, raw.y.values)
            assert raw.attrs["proj:shape"] == list(a.shape) and raw.attrs["proj:transform"] == list(a.transform)[:6]
        if a.crs:
            assert rasterio.CRS.from_wkt(raw.spatial_ref.attrs["crs_wkt"]) == a.crs
            assert a.crs.to_epsg() is None or raw.attrs["proj:code"] == f"EPSG:{a.crs.to_epsg()}"
        if rasterio.enums.MaskFlags.per_dataset in a.mask_flag_enums[0] and "alpha" not in {c.name for c in a.colorinterp}:
            if rasterio.enums.MaskFlags.nodata not in a.mask_flag_enums[0]:
                equal("mask", a.dataset_mask(), store["mask"][:])


def values(path, *files) -> None:
    store = zarr.open_group(path, mode="r")
    names = bands_of(store)
    assert len(names) == len(files), names
    for name, file in zip(names, files, strict=True):
        with rasterio.open(file) as a:
            equal(file, a.read(1), store[name][:])


def product(safe, item_path) -> None:
    import pystac

    item_path = pathlib.Path(item_path)
    document = json.loads(item_path.read_text())
    pystac.Item.from_dict(document).validate()
    (store,) = item_path.parent.glob("*.zarr")
    tree = zarr.open_group(store, mode="r")
    assert {asset["href"] for asset in document["assets"].values()} == {f"./{store.name}/{name}" for name, _ in tree.groups()}
    for asset in document["assets"].values():
        assert asset["type"] == "application/vnd.zarr; version=3"
        group = asset["href"].split("/")[-1]
        dataset = xarray.open_zarr(store, group=group, mask_and_scale=False)
        assert dataset.attrs["proj:shape"] == asset["proj:shape"] and dataset.attrs["proj:transform"] == asset["proj:transform"]
        assert dataset.attrs["proj:code"] == document["properties"]["proj:code"]
        for band in asset["bands"]:
            name, pattern = band["name"], rf"_{band['name']}(_{asset['gsd']}m)?\.jp2$"
            (image,) = [p for p in pathlib.Path(safe).rglob("*.jp2") if re.search(pattern, p.name)]
            with rasterio.open(image) as a:
                equal(name, a.read(1), dataset[name].values)
            attributes = dataset[name].attrs
            assert attributes.get("scale_factor", 1) == band.get("raster:scale", 1)
            assert attributes.get("add_offset", 0) == band.get("raster:offset", 0)
            assert tree[group][name].fill_value == band["nodata"]
    names = {band["name"] for asset in document["assets"].values() for band in asset["bands"]}
    assert len(xarray.open_datatree(store, engine="zarr").leaves) == len(document["assets"])
    print(len(names), "bands")


def chunks(path, side, count) -> None:
    store = zarr.open_group(path, mode="r")
    found = 0
    for name in bands_of(store):
        assert store[name].chunks == tuple(min(int(side), length) for length in store[name].shape), store[name].chunks
        found += sum(file.is_file() for file in (pathlib.Path(path) / name / "c").rglob("*"))
    assert found == int(count), found


CASES = {f.__name__: f for f in (same, values, product, chunks)}
CASES[sys.argv[1]](*sys.argv[2:])
