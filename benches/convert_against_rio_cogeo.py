"""The same GeoTIFFs to COGs: `cairn convert` against rio-cogeo, same options, two jobs each.

Four scenes of 4096 x 4096 uint16 in strips, hot in the page cache, to deflate (level 6, predictor 2, blocks of 512, nearest
overviews). rio-cogeo runs in two ways: as its command, two processes at a time, and as its function in two worker processes
that are up already, which is the best it can do. Rounds alternate, so that a busy machine hits all alike; the outcomes are
compared pixel by pixel.

    .cairn/venv/bin/python benches/convert_against_rio_cogeo.py
"""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import rasterio
from rasterio.transform import from_origin
from rio_cogeo.cogeo import cog_translate

CAIRN = pathlib.Path(__file__).parent.parent / "target/release/cairn"
RIO = pathlib.Path(sys.executable).with_name("rio")
SIDE, SCENES, ROUNDS, JOBS = 4096, 4, 3, 2


def write(path, seed):
    """A scene that compresses as Sentinel-2 does under deflate, 1.3 to 1.7 times."""
    rng = np.random.default_rng(seed)
    coarse = np.kron(rng.normal(0, 300, (SIDE // 64, SIDE // 64)), np.ones((64, 64)))
    scene = np.rint(1400 + coarse + rng.normal(0, 12, (SIDE, SIDE))).astype(np.uint16)
    profile = dict(driver="GTiff", width=SIDE, height=SIDE, count=1, dtype="uint16", crs="EPSG:32635", nodata=0,
                   transform=from_origin(300000, 6800040, 10, 10))
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(scene, 1)


def with_cairn(sources, out):
    options = ["--compress", "deflate", "--level", "6", "--predictor", "2", "--blocksize", "512", "--jobs", str(JOBS)]
    subprocess.run([CAIRN, "convert", "--quiet", *options, *sources, out], check=True)


def with_command(sources, out):
    options = ["--cog-profile", "deflate", "--co", "PREDICTOR=2", "--co", "ZLEVEL=6", "--blocksize", "512",
               "--overview-resampling", "nearest", "--threads", "1", "--quiet"]

    def one(source):
        subprocess.run([RIO, "cogeo", "create", *options, source, out / source.name], check=True)

    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(one, sources))


def translate(source, dest):
    profile = dict(driver="GTiff", interleave="pixel", tiled=True, blockxsize=512, blockysize=512, compress="DEFLATE",
                   predictor=2, zlevel=6)
    cog_translate(source, dest, profile, overview_resampling="nearest", quiet=True, config={"GDAL_NUM_THREADS": "1"})


def with_function(pool, sources, out):
    for done in [pool.submit(translate, str(source), str(out / source.name)) for source in sources]:
        done.result()


def main():
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(JOBS) as pool:
        folder = pathlib.Path(folder)
        sources = [folder / f"scene{seed}.tif" for seed in range(SCENES)]
        for seed, source in enumerate(sources):
            write(source, seed)
        ways = {
            "cairn convert": with_cairn,
            "rio cogeo create": with_command,
            "rio_cogeo.cog_translate": lambda sources, out: with_function(pool, sources, out),
        }
        seconds = {name: [] for name in ways}
        for turn in range(ROUNDS + 1):
            for name, way in ways.items():
                out = folder / f"{turn}-{name.replace(' ', '-')}"
                out.mkdir()
                start = time.perf_counter()
                way(sources, out)
                # The first turn warms up.
                seconds[name] += [time.perf_counter() - start] if turn else []
                with rasterio.open(sources[0]) as a, rasterio.open(out / sources[0].name) as b:
                    assert np.array_equal(a.read(), b.read()), name
                    assert b.overviews(1) == [2, 4, 8] and b.block_shapes == [(512, 512)], b.profile
        megabytes = SCENES * SIDE * SIDE * 2 / 1e6
        best = {name: statistics.median(times) for name, times in seconds.items()}
        for name, time_ in best.items():
            print(f"{name:24} {time_:6.2f} s, {megabytes / time_:6.1f} MB/s, {time_ / best['cairn convert']:.2f} of Cairn's time")


main()
