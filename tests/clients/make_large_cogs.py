"""Writes COGs by GDAL whose headers are long, or were edited afterwards, and what GDAL reads of the edited ones.

usage: make_large_cogs.py FOLDER [masked]

With `masked`, masked.tif alone. FOLDER/large.tif, large_big.tif: 16,384 blocks, most of them left out; FOLDER/masked.tif: a mask whose blocks lie beside the pixels';
FOLDER/edited_*.tif: masked.tif with pixels, tags and overviews written anew in place; FOLDER/*.raw: the pixels of each (row by row).
"""

import pathlib
import shutil
import sys

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.shutil import copy
from rasterio.transform import from_origin
from rasterio.windows import Window

folder = pathlib.Path(sys.argv[1])
rng = np.random.default_rng(4)
PLACE = {"crs": "EPSG:32635", "transform": from_origin(300_000, 7_000_000, 10, 10)}


def cog(name, side, pixels, mask=None, **options):
    source = folder / "source.tif"
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": "uint16", "tiled": True}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        with rasterio.open(source, "w", sparse_ok=True, compress="deflate", **profile, **PLACE) as out:
            out.write(pixels, 1, window=Window(256, 384, *pixels.shape))
            if mask is not None:
                out.write_mask(mask)
        copy(source, folder / name, driver="COG", blocksize=128, compress="deflate", **options)
    source.unlink()


only_masked = sys.argv[2:] == ["masked"]
noise = rng.integers(1, 4000, (700, 700), dtype="uint16")
if not only_masked:
    cog("large.tif", 16_384, noise, sparse_ok=True)
    cog("large_big.tif", 16_384, noise, sparse_ok=True, bigtiff="YES")
cog("masked.tif", 1024, noise[:600, :600], mask=np.tri(1024, dtype=bool))
hints = (folder / "masked.tif").read_bytes()[:400]
assert b"MASK_INTERLEAVED_WITH_IMAGERY=YES" in hints and b"KNOWN_INCOMPATIBLE_EDITION=NO" in hints
for edit in [] if only_masked else ["pixels", "tags", "overviews"]:
    path = folder / f"edited_{edit}.tif"
    shutil.copy(folder / "masked.tif", path)
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as raster:
        if edit == "pixels":
            raster.write(rng.integers(0, 60_000, (300, 300), dtype="uint16"), 1, window=Window(100, 50, 300, 300))
        elif edit == "tags":
            raster.update_tags(NOTE="edited " * 4000)
            raster.update_tags(1, COLOUR="red")
        else:
            raster.build_overviews([2, 4, 8], Resampling.nearest)
    assert b"KNOWN_INCOMPATIBLE_EDITION=YES" in path.read_bytes()[:400], edit
for path in sorted(folder.glob("*.tif")):
    with rasterio.open(path) as raster:
        if raster.width < 2000:
            path.with_suffix(".raw").write_bytes(raster.read(1).tobytes() + raster.read_masks(1).tobytes())
