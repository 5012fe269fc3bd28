"""256 x 256 pixels x 4 bands x 12 dates at random places: Cairn over HTTP against rasterio in its own process.

The files are stacked 512-block deflate COGs (4 bands of uint16, pixel-interleaved), hot in the page cache. rasterio keeps its
datasets open and reads with 4 threads, one date each at a time. GDAL's cache of decoded blocks gets 64 MB, enough for all that
a patch touches but not for the whole set: an archive does not fit into memory either, and Cairn keeps no decoded blocks. Both
read the same windows; the first ones are compared bit for bit. Rounds alternate, so that a busy machine hits both alike.

    .cairn/venv/bin/python benches/patch_against_rasterio.py
"""

import io
import json
import pathlib
import re
import statistics
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import rasterio
import rasterio.shutil
import requests
from rasterio.transform import from_origin
from rasterio.warp import transform as to_lonlat
from rasterio.windows import Window

CAIRN = pathlib.Path(__file__).parent.parent / "target/release/cairn"
SIDE, DATES, BANDS, PATCH = 2048, 12, ["B02", "B03", "B04", "B08"], 256
ROUNDS, PATCHES_A_ROUND, THREADS = 6, 24, 4
CRS, LEFT, TOP = "EPSG:32635", 300000, 6800040


def write(path, seed):
    """A scene that compresses as Sentinel-2 does under deflate, 1.3 to 1.7 times."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1, (SIDE // 64 + 1, SIDE // 64 + 1))
    at = np.arange(SIDE) / 64
    low, share = at.astype(int), (at % 1)[:, None]
    rows = coarse[low] * (1 - share) + coarse[low + 1] * share
    land = rows[:, low] * (1 - share.T) + rows[:, low + 1] * share.T
    scene = [1400 + 250 * k + 300 * land + rng.normal(0, 9 + 3 * k, (SIDE, SIDE)) for k in range(len(BANDS))]
    profile = dict(driver="GTiff", width=SIDE, height=SIDE, count=len(BANDS), dtype="uint16", crs=CRS, nodata=0,
                   transform=from_origin(LEFT, TOP, 10, 10), tiled=True, interleave="pixel")
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(np.rint(scene).astype(np.uint16))
            for index, name in enumerate(BANDS, 1):
                dataset.set_band_description(index, name)
        with memory.open() as dataset:
            rasterio.shutil.copy(dataset, path, driver="COG", compress="deflate", blocksize=512,
                                 overview_resampling="nearest")


def with_rasterio(datasets, pool, col, row):
    """The patch as rasterio reads it: one thread a date, dataset handles kept open, one reader a handle."""
    out = np.empty((DATES, len(BANDS), PATCH, PATCH), np.uint16)

    def read(date):
        dataset, lock = datasets[date]
        with lock:
            dataset.read(window=Window(col, row, PATCH, PATCH), out=out[date])

    list(pool.map(read, range(DATES)))
    return out


def with_cairn(session, url, col, row):
    """The same patch over HTTP, as a NumPy array."""
    x, y = LEFT + (col + PATCH / 2) * 10, TOP - (row + PATCH / 2) * 10
    (lon,), (lat,) = to_lonlat(CRS, "EPSG:4326", [x], [y])
    body = {"collections": ["scenes"], "bands": BANDS, "center": [lon, lat], "size": PATCH}
    answer = session.post(f"{url}/patch", json=body)
    answer.raise_for_status()
    return np.load(io.BytesIO(answer.content))


def timed(work, places):
    start = time.perf_counter()
    for col, row in places:
        work(col, row)
    return (time.perf_counter() - start) / len(places)


def main():
    with tempfile.TemporaryDirectory() as folder, rasterio.Env(GDAL_CACHEMAX=64):
        folder = pathlib.Path(folder)
        files = [folder / f"cogs/scenes/S2A_{2024 if d < 12 else 2025}{d % 12 + 1:02}15T095029.tif" for d in range(DATES)]
        files[0].parent.mkdir(parents=True)
        for date, path in enumerate(files):
            write(path, date)
        raw = SIDE * SIDE * 2 * len(BANDS) * 4 / 3
        ratio = raw * DATES / sum(path.stat().st_size for path in files)
        subprocess.run([CAIRN, "build", folder / "cogs", folder / "tree", "--quiet"], check=True, capture_output=True)
        server = subprocess.Popen(
            [CAIRN, "serve", folder / "tree/catalog.json", "--allow", folder / "cogs", "--bind", "127.0.0.1:0", "--quiet"],
            stdout=subprocess.PIPE, text=True)
        try:
            url = re.match(r"listening on (\S+)", server.stdout.readline())[1]
            datasets = [(rasterio.open(path), threading.Lock()) for path in files]
            session = requests.Session()
            rng = np.random.default_rng(7)
            draw = lambda: [tuple(int(v) for v in rng.integers(0, SIDE - PATCH, 2)) for _ in range(PATCHES_A_ROUND)]
            with ThreadPoolExecutor(THREADS) as pool:
                peers = {
                    "cairn": lambda col, row: with_cairn(session, url, col, row),
                    "rasterio": lambda col, row: with_rasterio(datasets, pool, col, row),
                }
                for col, row in draw()[:6]:  # warm both, and compare them
                    np.testing.assert_array_equal(peers["cairn"](col, row), peers["rasterio"](col, row))
                seconds = {name: [] for name in peers}
                for _ in range(ROUNDS):
                    places = draw()
                    for name, work in peers.items():
                        seconds[name].append(timed(work, places))
        finally:
            server.terminate()
            server.wait()
    medians = {name: statistics.median(rounds) for name, rounds in seconds.items()}
    print(f"{PATCH}x{PATCH} x {len(BANDS)} bands x {DATES} dates, 512-block deflate (compressed {ratio:.2f}x), hot, one at a time")
    for name, median in medians.items():
        print(f"  {name:9} {1000 * median:7.1f} ms a patch  {1 / median:6.1f} patches/s")
    print(f"  rasterio / cairn: {medians['rasterio'] / medians['cairn']:.2f}")
    print(json.dumps({"ratio": round(medians["rasterio"] / medians["cairn"], 3)}))


if __name__ == "__main__":
    main()
