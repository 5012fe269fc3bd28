"""How many COGs a second `cairn build` describes from local disk: the first time, and when nothing has changed.

    .cairn/venv/bin/python benches/build_rate.py [COGS]

Copies of one real COG layout (256 blocks, deflate, overviews) under names of 40 tiles and as many days as it takes. Cores are
those that the build used: processor time over wall time. Needs target/release/cairn.
"""

import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import numpy
import rasterio
from rasterio.shutil import copy

ROOT = pathlib.Path(__file__).parents[1]
CAIRN = ROOT / "target/release/cairn"


def make(folder, count):
    rng = numpy.random.default_rng(1)
    plain, cog = folder / "plain.tif", folder / "one.tif"
    transform = rasterio.transform.from_origin(300_000, 6_800_040, 10, 10)
    with rasterio.open(
        plain, "w", driver="GTiff", width=1024, height=1024, count=1, dtype="uint16", crs="EPSG:32635",
        transform=transform, nodata=0,
    ) as raster:
        raster.write(rng.integers(1, 4000, (1, 1024, 1024), "uint16"))
    copy(plain, cog, driver="COG", compress="deflate", blocksize=256)
    cogs = folder / "cogs"
    for n in range(count):
        day, tile = divmod(n, 40)
        path = cogs / "scenes" / f"T{tile:02}" / f"scene_T{tile:02}_{2000 + day // 336}{day // 28 % 12 + 1:02}{day % 28 + 1:02}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(cog, path) if n < 200 else os.link(cogs / "scenes/T00/scene_T00_20000101.tif", path)
    return cogs


def build(cogs, tree):
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([CAIRN, "build", cogs, tree, "--quiet", "--no-table"], check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, after.ru_maxrss


def main(count):
    with tempfile.TemporaryDirectory(dir=ROOT / ".cairn") as folder:
        folder = pathlib.Path(folder)
        cogs = make(folder, count)
        for what in ("first build", "nothing changed"):
            wall, cpu, peak = build(cogs, folder / "tree")
            print(
                f"{what}: {count} COGs in {wall:.1f} s, {count / wall:.0f}/s, {count / cpu:.0f}/s per core "
                f"({cpu / wall:.1f} cores), {peak / 1024:.0f} MiB at most"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
