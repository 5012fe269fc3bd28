"""Which COG layout serves random patch time series best per byte stored.

    .cairn/bench/bin/python benches/patch_layouts.py > docs/layouts.txt

One scene of four dates and four bands in each layout, written by GDAL's COG driver; 256 x 256 windows at random places, of all four
bands and of one. For each: bytes stored against raw samples, bytes of the touched blocks a patch, the decode limit (both cores,
`benches/baselines`) and Cairn's own time over HTTP, four at a time, hot files, no decoded blocks kept. docs/layouts.md says what
follows from it.
"""

import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np

from patch_ratios import NO_CACHE, SIZE, cairn_reader, clients, draw
from peers import scenes
from peers.scenes import BANDS
from peers.servers import Cairn, Limit, at_once

SIDE, DATES, ROUNDS, PATCHES = 2048, 4, 3, 32
CODECS = {
    "deflate 6": dict(compress="deflate"),
    "deflate 6, predictor 2": dict(compress="deflate", predictor=2),
    "zstd 9, predictor 2": dict(compress="zstd", level=9, predictor=2),
    "zstd 19, predictor 2": dict(compress="zstd", level=19, predictor=2),
    "lzw, predictor 2": dict(compress="lzw", predictor=2),
    "lerc with zstd": dict(compress="lerc_zstd", max_z_error=0),
}
LAYOUTS = [(codec, block, "stacked") for codec in ("deflate 6", "deflate 6, predictor 2", "zstd 9, predictor 2") for block in (512, 256, 128)]
LAYOUTS += [(codec, 256, "stacked") for codec in ("zstd 19, predictor 2", "lzw, predictor 2", "lerc with zstd")]
LAYOUTS += [(codec, block, "per band") for codec, block in
            (("deflate 6, predictor 2", 512), ("zstd 9, predictor 2", 512), ("zstd 9, predictor 2", 256), ("zstd 9, predictor 2", 128))]


def write(folder, layout, files):
    for date in range(DATES):
        array = scenes.pixels(SIDE, len(BANDS), date)
        for path, bands in scenes.files_of(folder, date, files == "per band"):
            scenes.write_cog(path, array[[BANDS.index(band) for band in bands]], bands, 10, layout)


def measure(folder, files, bands, limit):
    """(MB of touched blocks, decode limit in ms, Cairn's ms) a patch of these bands."""
    paths = [[path for path, of in scenes.files_of(folder, date, files == "per band") if set(of) & set(bands)] for date in range(DATES)]
    rng = np.random.default_rng(11)
    ours, least = [], []
    with Cairn(folder, *NO_CACHE) as cairn:
        read = cairn_reader(bands)
        for nth in range(ROUNDS + 1):
            places = draw(rng, PATCHES, SIDE - SIZE)
            took = at_once(clients(cairn), places, read) / PATCHES
            patches = [[(path, 0, (*place, SIZE, SIZE)) for date in paths for path in date] for place in places]
            bound = limit.seconds(patches)
            if nth:
                ours.append(took)
                least.append(bound)
        touched = limit.stored_bytes(patches)
    return touched / 1e6, 1000 * statistics.median(least), 1000 * statistics.median(ours)


def main():
    raw = DATES * len(BANDS) * SIDE * SIDE * 2 * 4 / 3  # with overviews
    print("| files | codec | block | stored / raw | 4 bands: MB touched | decode limit, ms | Cairn, ms | 1 band: MB touched | decode limit, ms | Cairn, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for codec, block, files in LAYOUTS:
        folder, limit = Path(tempfile.mkdtemp()), Limit()
        try:
            write(folder, CODECS[codec] | {"blocksize": block}, files)
            stored = sum(path.stat().st_size for path in folder.rglob("*.tif"))
            cells = [*measure(folder, files, BANDS, limit), *measure(folder, files, ["B04"], limit)]
            print(f"| {files} | {codec} | {block} | {stored / raw:.3f} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |", flush=True)
        finally:
            limit.close()
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
