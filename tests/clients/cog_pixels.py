"""Writes GeoTIFFs of every kind that Cairn reads, and what rasterio makes of them and of `tests/data/cogs`: pixels, masks, facts.

usage: cog_pixels.py FOLDER

FOLDER/variants/*.tif: each of codec and its options × tiles or strips × chunky or separate bands × type × byte order.
FOLDER/pixels: little-endian samples (bands, rows, cols) one image after the other; FOLDER/facts.json: whose they are.
"""

import itertools
import json
import pathlib
import sys
import warnings

import numpy as np
import rasterio
from rasterio.enums import MaskFlags
from rasterio.transform import from_origin
from rasterio.windows import Window

FIXTURES = pathlib.Path(__file__).parents[1] / "data" / "cogs"
TYPES = ["int8", "uint8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64"]
CODECS = ["NONE", "DEFLATE", "LZW", "ZSTD", "PACKBITS"]
WITH_PREDICTOR = {"DEFLATE", "LZW", "ZSTD"}
LERCS = ["LERC", "LERC_DEFLATE", "LERC_ZSTD"]
NO_LERC = {"uint64", "int64", "float16"}


def options(dtype):
    """Name, codec and its options, numbers of bands in a block."""
    several = [1, 2, 3, 4, 5, 7]
    for codec in CODECS:
        yield f"{codec}_1", codec, {}, several
        if codec in WITH_PREDICTOR:
            yield f"{codec}_2", codec, {"predictor": 2}, several
        if codec in WITH_PREDICTOR and dtype.startswith("float"):
            yield f"{codec}_3", codec, {"predictor": 3}, several
    for codec in LERCS if dtype not in NO_LERC else []:
        yield f"{codec}_exact", codec, {}, several
        yield f"{codec}_lossy", codec, {"MAX_Z_ERROR": 2.5}, several
    if dtype == "uint8":
        for codec in LERCS:
            yield f"{codec}_alpha", codec, {"ALPHA": "YES"}, [2, 4]
        for quality, tables in itertools.product([20, 75, 100], [0, 1, 2, 3]):
            shared = {"JPEG_QUALITY": quality, "JPEGTABLESMODE": tables}
            yield f"JPEG_{quality}_{tables}", "JPEG", shared, [1, 3, 4]
            yield f"JPEG_ycbcr_{quality}_{tables}", "JPEG", shared | {"PHOTOMETRIC": "YCBCR"}, [3]
        yield "WEBP_exact", "WEBP", {"WEBP_LOSSLESS": "YES"}, [3, 4]
        for level in [10, 75, 100]:
            yield f"WEBP_{level}", "WEBP", {"WEBP_LEVEL": level}, [3, 4]


def kinds():
    for dtype in TYPES:
        yield from itertools.product([dtype], options(dtype), [True, False], ["pixel", "band"], ["LITTLE", "BIG"])


def samples(rng, dtype, *shape):
    """A landscape with cliffs from the smallest number to the largest; floats have NaN."""
    smooth = np.cumsum(np.cumsum(rng.normal(0, 3, shape), axis=1), axis=2)
    if dtype.startswith("float"):
        pixels = smooth.astype(dtype).astype("float32" if dtype == "float16" else dtype)
        pixels[:, :3, :3] = np.nan
        pixels[0, 20:22, :9] = np.nan
        return pixels
    pixels = (smooth * 7).astype("int64").astype(dtype)
    pixels[:, 5:9, 5:9], pixels[:, 9:12, 5:9] = np.iinfo(dtype).max, np.iinfo(dtype).min
    return pixels


def write_variants(folder):
    """What is no class of its own (sizes of images and blocks, BigTIFF, blocks left out, georeference) goes round."""
    rng = np.random.default_rng(7)
    folder.mkdir()
    for number, (dtype, (name, codec, extra, counts), tiled, interleave, order) in enumerate(kinds(), 1):
        if interleave == "band" and (codec == "WEBP" or {"PHOTOMETRIC", "ALPHA"} & extra.keys()):
            continue
        counts = counts if interleave == "pixel" else [2, 3, 5]
        count = counts[(number + number // 4 + number // 16) % len(counts)]
        height, width = [(61, 77), (33, 130), (100, 49)][number % 3]
        stored = "float32" if dtype == "float16" else dtype
        profile = {"driver": "GTiff", "dtype": stored, "count": count, "height": height, "width": width}
        profile |= {"compress": codec, "interleave": interleave, "ENDIANNESS": order} | extra
        profile["BIGTIFF"] = "YES" if number % 3 == 0 else "NO"
        if dtype == "float16":
            profile["NBITS"] = 16
        if tiled:
            profile |= {"tiled": True, "blockxsize": [16, 32, 48][number % 3], "blockysize": [32, 16][number % 2]}
        else:
            profile["blockysize"] = [8 if codec == "JPEG" else 7, 16, 1000][number % 3]
            if extra.get("PHOTOMETRIC"):
                profile["blockysize"] = [16, 32, 1008][number % 3]
        if number % 7 == 0:
            profile |= {"crs": "EPSG:32635", "transform": from_origin(300_000, 6_700_000, 10, 10)}
        pixels = samples(rng, dtype, count, height, width)
        if "ALPHA" in extra:
            pixels[-1] = np.where(pixels[-1] > 100, 255, 0)
        layout = f"{'tiles' if tiled else 'strips'}_{interleave}_{order.lower()}"
        path = folder / f"{dtype}_{name.lower()}_{layout}.tif"
        if number % 5 == 0:
            with rasterio.open(path, "w", **profile, SPARSE_OK=True, nodata=3) as file:
                file.write(pixels[:, 16:32, 16:48], window=Window(16, 16, 32, 16))
        else:
            with rasterio.open(path, "w", **profile) as file:
                file.write(pixels)


def exact(number):
    return None if number is None else repr(float(number))


def facts(path, out):
    with rasterio.open(path) as file:
        found = {
            "dtype": file.dtypes[0],
            "bands": file.count,
            "epsg": file.crs.to_epsg() if file.crs else None,
            "transform": [exact(number) for number in tuple(file.transform)[:6]],
            "nodata": exact(file.nodata),
            "scales": [exact(scale) for scale in file.scales],
            "offsets": [exact(offset) for offset in file.offsets],
            "descriptions": list(file.descriptions),
        }
        overviews = len(file.overviews(1))
    found["levels"] = [level(path, {}, out)]
    found["levels"] += [level(path, {"overview_level": number}, out) for number in range(overviews)]
    return found


def level(path, options, out):
    with rasterio.open(path, **options) as file:
        found = {"width": file.width, "height": file.height, "pixels": put(file.read(), out), "mask": None}
        # A mask of the file's own, not one made of nodata or alpha.
        if file.mask_flag_enums[0] == [MaskFlags.per_dataset]:
            found["mask"] = put(file.dataset_mask(), out)
        return found


def put(pixels, out):
    """Where the pixels' bytes begin and end."""
    start = out.tell()
    out.write(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes())
    return [start, out.tell()]


def main(folder: pathlib.Path):
    # Most files have no georeference, and shall not.
    warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
    write_variants(folder / "variants")
    files = [*FIXTURES.glob("*/*.tif*"), *(folder / "variants").glob("*.tif")]
    found = {}
    with open(folder / "pixels", "wb") as out:
        for path in sorted(files):
            try:
                found[str(path)] = {"Ok": facts(path, out)}
            except rasterio.errors.RasterioError as error:
                found[str(path)] = {"Err": str(error)}
    (folder / "facts.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
