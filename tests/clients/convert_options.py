"""Runs `cairn convert` with combinations of options and judges each: convert_options.py CAIRN FOLDER.

rio-cogeo says whether it is a COG; NumPy whether pixels are the source's, or no further from them than --max-z-error; overviews
are held against those that GDAL builds of the same pixels with the same kernel.
"""

import itertools
import pathlib
import subprocess
import sys

import numpy as np
import offline  # noqa: F401
import rasterio
import rasterio.shutil
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rio_cogeo.cogeo import cog_validate

cairn, folder = sys.argv[1], pathlib.Path(sys.argv[2])
rng = np.random.default_rng(1)
rows, cols = np.mgrid[0:528, 0:608]
ground = 3000 + 2000 * np.sin(rows / 40) * np.cos(cols / 55) + rng.normal(0, 60, rows.shape)
sources = {}


def make(name, array, **options):
    path = folder / f"{name}.tif"
    array = array if array.ndim == 3 else array[None]
    profile = {
        "driver": "GTiff", "count": len(array), "height": array.shape[1], "width": array.shape[2],
        "dtype": array.dtype, "crs": "EPSG:32635", "transform": from_origin(3e5, 68e5, 10, 10), **options,
    }
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(array)
    sources[name] = path


# A corner without data.
scene = np.where((rows + cols) < 200, 0, ground).astype("uint16")
make("uint16", scene, nodata=0)
make("float32", (ground / 7).astype("float32"), nodata=float("nan"))
make("float64", ground / 7)
make("uint8", np.stack([scene / 25, scene / 30, scene / 40]).astype("uint8"), photometric="RGB")


def convert(source, name, *options):
    cog = folder / "out" / f"{name}.tif"
    done = subprocess.run([cairn, "convert", str(sources[source]), str(cog), "--quiet", *options], capture_output=True, text=True)
    assert done.returncode == 0, f"{source} {options}: {done.stderr}"
    _, errors, warnings = cog_validate(str(cog), strict=True, quiet=True)
    # It misses overviews that nobody asked for.
    is_told = not warnings or options[-2:] == ("--overview-level", "0")
    assert not errors and is_told, f"{source} {options}: {errors} {warnings}"
    return cog


def pixels(path):
    with rasterio.open(path) as dataset:
        return dataset.read()


def layouts():
    """Codec, level, predictor, block size, overviews: every value at least once with each codec."""
    for codec, levels in (("deflate", (1, 9)), ("zstd", (1, 9)), ("lzw", (None,)), ("none", (None,)), ("lerc", (None,))):
        predictors = (None,) if codec in ("none", "lerc") else ("none", "auto")
        blocks = itertools.cycle((128, 256, 512))
        for (level, predictor), count in zip(itertools.product(levels, predictors), itertools.cycle((None, "0", "1"))):
            options = ["--compress", codec, "--blocksize", str(next(blocks))]
            options += ["--level", str(level)] if level else []
            options += ["--predictor", predictor] if predictor else []
            yield codec, options + (["--overview-level", count] if count else [])


def main():
    done = 0
    for source in ("uint16", "float32"):
        for n, (codec, options) in enumerate(layouts()):
            cog = convert(source, f"{source}_{codec}_{n}", *options)
            assert np.array_equal(pixels(cog), pixels(sources[source]), equal_nan=True), f"{source} {options}"
            done += 1
    for codec, far in (("lerc", 0.5), ("lerc-zstd", 2), ("lerc-deflate", 10)):
        cog = convert("float32", f"error_{codec}", "--compress", codec, "--max-z-error", str(far))
        apart = np.nanmax(np.abs(pixels(cog) - pixels(sources["float32"])))
        # Exactly what was allowed, and used.
        assert far / 10 < apart <= far * (1 + 1e-5), f"{codec}: {apart}"
        assert cog.stat().st_size < convert("float32", f"exact_{codec}", "--compress", codec).stat().st_size
        done += 2
    for codec, quality in (("jpeg", "90"), ("webp", "80")):
        cog = convert("uint8", codec, "--compress", codec, "--quality", quality)
        apart = np.abs(pixels(cog).astype(int) - pixels(sources["uint8"]))
        assert 0 < apart.mean() < 6, f"{codec}: {apart.mean()}"
        done += 1
    for n, options in enumerate(
        (["--nodata", "7"], ["--nodata", "none"], ["--add-mask"], ["-t", "int16"], ["-t", "float32", "--nodata", "nan"],
         ["-t", "uint8", "--clip"], ["--dst-crs", "EPSG:3067", "--res", "20", "-r", "bilinear"], ["-w"], ["-p", "timeseries", "--add-mask"])
    ):
        convert("uint16", f"other_{n}", *options)
        done += 1
    for kernel in ("nearest", "bilinear", "cubic", "cubic-spline", "lanczos", "average", "mode", "rms"):
        # Values that all differ have no mode.
        for source in ("uint16",) if kernel == "mode" else ("uint16", "float64"):
            options = ["-p", "deflate", "--blocksize", "128", "--overview-level", "2", "--overview-resampling", kernel]
            cog = convert(source, f"overview_{source}_{kernel}", *options)
            built = folder / f"built_{source}_{kernel}.tif"
            rasterio.shutil.copy(sources[source], built, driver="GTiff", tiled=True, blockxsize=128, blockysize=128)
            with rasterio.open(built, "r+") as dataset:
                dataset.build_overviews([2, 4], Resampling[kernel.replace("-", "_")])
            for level in (0, 1):
                with rasterio.open(cog, overview_level=level) as a, rasterio.open(built, overview_level=level) as b:
                    ours, gdals = a.read(1).astype(float), b.read(1).astype(float)
                apart = np.nanmax(np.abs(ours - gdals))
                # rasterio brings a newer GDAL than the one that Cairn is linked with (3.6, whose overviews have the precision
                # of float32): the last digit may differ.
                exact = kernel in ("nearest", "mode")
                limit = (0 if exact else 1) if source == "uint16" else 1e-3
                assert ours.shape == gdals.shape and apart <= limit, f"{kernel} of {source}, level {level}: {apart}"
            done += 1
    print(f"{done} conversions")


main()
