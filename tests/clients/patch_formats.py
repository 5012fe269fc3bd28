"""One patch, one random batch, in every format: the same arrays, read by each format's own library.

usage: patch_formats.py URL
"""

import io
import json
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import rasterio
import requests
import xarray
import zarr
from safetensors.numpy import load, safe_open

BESIDE = ("data", "time", "valid", "transform", "nodata")


def ask(url, path, question, form):
    answer = requests.post(f"{url}/{path}", json=question | {"format": form})
    if answer.status_code != 200:
        sys.exit(f"{form} of {question}: {answer.status_code} {answer.text[:300]}")
    return answer


def equal(what, got, wanted):
    got, wanted = np.asarray(got), np.asarray(wanted)
    alike = got.dtype == wanted.dtype and got.shape == wanted.shape
    if not alike or not np.array_equal(got, wanted, equal_nan=got.dtype.kind in "fM"):
        sys.exit(f"{what}: {got.dtype} {got.shape} {got.ravel()[:4]}, not {wanted.dtype} {wanted.shape} {wanted.ravel()[:4]}")


def same(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what} is {got}, not {wanted}")


def saved(folder, name, answer):
    path = Path(folder) / name
    path.write_bytes(answer.content)
    return path


def safetensors_holds(npz, answer, folder):
    arrays = load(answer.content)
    same("safetensors' arrays", set(arrays), set(npz) - {"crs", "bands", "items"})
    for name, array in arrays.items():
        equal(f"safetensors' {name}", array, npz[name])
    with safe_open(saved(folder, "patch.safetensors", answer), "numpy") as file:
        names = {name: json.loads(text) for name, text in file.metadata().items()}
    same("safetensors' names", names, {name: npz[name].tolist() for name in ("crs", "bands", "items")})


def zarr_holds(npz, answer, folder):
    path = saved(folder, "patch.zarr.zip", answer)
    is_random = "center" in npz
    with zarr.storage.ZipStore(path, mode="r") as store:
        group = zarr.open_group(store, mode="r")
        for name in BESIDE:
            equal(f"zarr's {name}", group[name][...], npz[name])
        same("zarr's bands", group["band"][...].tolist(), npz["bands"].tolist())
        same("zarr's items", group["items"][...].tolist(), npz["items"].tolist())
        same("zarr's crs", group.attrs["crs"], npz["crs"].tolist())
        with xarray.open_zarr(store) as dataset:
            equal("xarray's data", dataset["data"].values, npz["data"])
            # NaT is the least int64 in both.
            equal("xarray's time", dataset["time"].values.astype("datetime64[ns]"), npz["time"].astype("datetime64[ns]"))
            leading = ("sample", "step") if is_random else ("time",)
            same("xarray's dims", dataset["data"].dims, (*leading, "band", "y", "x"))
            if not is_random:
                a, _, c, _, e, f = npz["transform"]
                equal("xarray's x", dataset["x"].values, c + (np.arange(dataset.sizes["x"]) + 0.5) * a)
                equal("xarray's y", dataset["y"].values, f + (np.arange(dataset.sizes["y"]) + 0.5) * e)
                same("the grid mapping's system", dataset["spatial_ref"].attrs["spatial_ref"], str(npz["crs"]))
                one = dataset["data"].sel(band=str(npz["bands"][-1]))
                equal("a band by its name", one.values, npz["data"][:, -1])


def geotiff_holds(npz, answer):
    data = npz["data"].reshape(-1, *npz["data"].shape[-2:])
    steps, bands = npz["data"].shape[-4:-2]
    with rasterio.MemoryFile(answer.content) as memory, memory.open() as file:
        pixels = file.read()
        wanted = data.astype("float32") if data.dtype == "float16" else data
        equal("the GeoTIFF's pixels", pixels, wanted)
        same("the GeoTIFF's system", file.crs.to_string(), str(npz["crs"].ravel()[0]))
        same("the GeoTIFF's transform", tuple(file.transform)[:6], tuple(npz["transform"].ravel()[:6]))
        nodata = set(npz["nodata"].tolist())
        if len(nodata) == 1 and not np.isnan(npz["nodata"][0]):
            same("the GeoTIFF's nodata", set(file.nodatavals), nodata)
        for at in range(steps * bands):
            step, band = divmod(at, bands)
            time = npz["time"].ravel()[step].astype("datetime64[ns]")
            tags = file.tags(at + 1)
            same("a band's name", tags["BAND"], str(npz["bands"][band]))
            same("a band's items", tags.get("ITEMS", ""), str(npz["items"].ravel()[step]))
            same("a band's share of valid pixels", float(tags["VALID"]), float(npz["valid"].ravel()[step]))
            told = "NaT" if np.isnat(time) else np.datetime64(tags["TIME"].removesuffix("Z"), "ns")
            same("a band's time", told, "NaT" if np.isnat(time) else time)
            same("a band's description", file.descriptions[at], f"{tags['TIME']} {tags['BAND']}")


def check(url, path, question, forms):
    npy = np.load(io.BytesIO(ask(url, path, question, "npy").content))
    answer = ask(url, path, question, "npz")
    npz = dict(np.load(io.BytesIO(answer.content)))
    equal("npz' data", npz["data"], npy)
    with tempfile.TemporaryDirectory() as folder:
        for form in forms:
            other = ask(url, path, question, form)
            for header in ("cairn-shape", "cairn-crs", "cairn-transform"):
                same(f"{form}'s {header}", other.headers.get(header), answer.headers.get(header))
            if form == "safetensors":
                safetensors_holds(npz, other, folder)
            elif form == "zarr":
                zarr_holds(npz, other, folder)
            else:
                geotiff_holds(npz, other)
    return npy.size


def main(url):
    warnings.simplefilter("error")
    # Strings are in the list of Zarr's extensions, of which the library warns.
    warnings.filterwarnings("ignore", category=zarr.errors.UnstableSpecificationWarning)
    collection = requests.get(f"{url}/collections").json()["collections"][0]
    west, south, east, north = collection["extent"]["spatial"]["bbox"][0]
    place = {"center": [(west + east) / 2, (south + north) / 2], "size": [70, 33]}
    base = {"collections": [collection["id"]], "bands": ["B04", "SCL", "B08"]}
    every = ["safetensors", "geotiff", "zarr"]
    count = 0
    for change in (
        {},
        {"dtype": "float32"},
        {"dtype": "float16"},
        {"dtype": "int64", "bands": ["SCL"]},
        {"timestamps": 100},
        # Strips of several rows, and a corner without pixels.
        {"size": [700, 900], "center": [west, north], "timestamps": 2},
    ):
        count += check(url, "patch", base | place | change, every)
    nothing = base | place | {"center": [-170.2, -45.1]}
    count += check(url, "patch", nothing, ["safetensors", "zarr"])
    refused = requests.post(f"{url}/patch", json=nothing | {"format": "geotiff"})
    same("a GeoTIFF of nothing", (refused.status_code, "format" in refused.text), (400, True))
    batch = base | {"size": 32, "timestamps": 3}
    count += check(url, "patch/random", batch | {"count": 4}, ["safetensors", "zarr"])
    count += check(url, "patch/random", batch, every)
    print(f"{count} samples alike in all formats")


if __name__ == "__main__":
    main(sys.argv[1])
