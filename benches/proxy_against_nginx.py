"""COGs read through Cairn's asset proxy, against the same files behind nginx: by rasterio, odc-stac and stackstac.

Makes a deterministic time series of COGs (`cairn demo`) where there is none, serves it by `cairn serve` and its files by nginx,
both on this machine, and reads the same windows and stacks through both in turn. Each round starts with GDAL's caches
empty, in a process of its own. Prints medians of the rounds and their ratios; below 0.7 the end is a failure. Run it as

    .cairn/bench/bin/python benches/proxy_against_nginx.py        (CAIRN=… for another binary than target/release/cairn,
                                      SET=… for another demo set, ROUNDS=…, WAYS=odc-stac,stackstac for some only)

after `scripts/setup.sh peers` and `scripts/setup.sh nginx`; with another Python it goes on with that one.
"""

import importlib.util
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
CAIRN = os.environ.get("CAIRN", str(ROOT / "target/release/cairn"))
SET = Path(os.environ.get("SET", ROOT / ".cairn/bench-proxy"))
ROUNDS, LEAST = int(os.environ.get("ROUNDS", "5")), 0.7
BANDS = ["B02", "B03", "B04", "B08"]
#: What GDAL's own guide for COGs over HTTP says.
GDAL = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
        "GDAL_HTTP_MULTIPLEX": "NO", "VSI_CACHE": "FALSE"}


def rasterio_windows(items):
    """256 × 256 windows at random places of every asset; each file is opened anew."""
    import rasterio
    from rasterio.windows import Window

    chance, total = random.Random(7), 0
    for item in items:
        for band in BANDS:
            with rasterio.open(item["assets"][band]["href"]) as raster:
                for _ in range(4):
                    col, row = chance.randrange(raster.width - 256), chance.randrange(raster.height - 256)
                    total += int(raster.read(1, window=Window(col, row, 256, 256)).sum())
    return total


def rasterio_whole(items):
    import rasterio

    total = 0
    for item in items:
        for band in BANDS:
            with rasterio.open(item["assets"][band]["href"]) as raster:
                total += int(raster.read(1).sum(dtype="u8"))
    return total


def odc_stac(items):
    import odc.stac
    import pystac

    loaded = odc.stac.load([pystac.Item.from_dict(item) for item in items], bands=BANDS, chunks={}, resolution=10, groupby="id")
    return sum(int(loaded[band].astype("u8").sum().compute(scheduler="threads", num_workers=2)) for band in BANDS)


def stackstac(items):
    import numpy as np
    import stackstac as library

    stack = library.stack(items, assets=BANDS, resolution=10, dtype="uint16", fill_value=np.uint16(0), rescale=False, epsg=32635)
    return int(stack.astype("u8").sum().compute(scheduler="threads", num_workers=2))


WAYS = {"rasterio windows": rasterio_windows, "rasterio whole": rasterio_whole, "odc-stac": odc_stac, "stackstac": stackstac}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nginx(folder, root):
    """nginx over a folder, as Debian starts it but for paths: sendfile, keep-alive, a worker a core."""
    port = free_port()
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (Path(folder) / "nginx.conf").write_text(f"""daemon off; worker_processes auto; pid {folder}/pid; error_log {folder}/errors;
        events {{ worker_connections 768; }}
        http {{ sendfile on; tcp_nopush on; access_log off; {temporary} default_type image/tiff;
               server {{ listen 127.0.0.1:{port}; root {root}; }} }}""")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    command = [program, "-p", folder, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/errors"]
    return subprocess.Popen(command), f"http://127.0.0.1:{port}"


def cairn(folder):
    command = [CAIRN, "serve", str(SET / "tree/catalog.json"), "--allow", str(SET), "--bind", "127.0.0.1:0", "--cache-dir", folder, "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().split()[-1]


def measure(way, file):
    """Runs this file again, so that GDAL knows nothing: seconds, and the sum of all pixels."""
    ran = subprocess.run([sys.executable, "-W", "ignore", __file__, way, file], env=os.environ | GDAL, stdout=subprocess.PIPE, text=True)
    if ran.returncode:
        sys.exit(f"{way} failed")
    seconds, total = json.loads(ran.stdout.splitlines()[-1])
    return seconds, total


def one(way, file):
    items = json.loads(Path(file).read_text())
    act = WAYS[way]
    # What importing costs is not the server's.
    import numpy, rasterio  # noqa: F401, E401
    if way in ("odc-stac", "stackstac"):
        import odc.stac, stackstac as _library  # noqa: F401, E401
    start = time.perf_counter()
    total = act(items)
    print(json.dumps([time.perf_counter() - start, total]))


def main():
    python = ROOT / ".cairn/bench/bin/python"
    if importlib.util.find_spec("stackstac") is None and python.exists():
        os.execv(python, [str(python), __file__])
    if not (SET / "tree/catalog.json").exists():
        subprocess.run([CAIRN, "demo", SET, "--no-serve", "--quiet"], check=True)
    bad = False
    with tempfile.TemporaryDirectory() as folder:
        processes = []
        try:
            process, server = cairn(folder)
            processes.append(process)
            process, plain = nginx(folder, SET)
            processes.append(process)
            time.sleep(0.5)
            page = json.load(urllib.request.urlopen(f"{server}/search?limit=6"))["features"]
            beside = json.loads(json.dumps(page))
            for item in beside:
                for band in BANDS:
                    found = next((SET / "cogs").glob(f"*/{item['id']}/{band}.tif"))
                    item["assets"][band]["href"] = f"{plain}/{found.relative_to(SET)}"
            files = {}
            for name, items in (("cairn", page), ("nginx", beside)):
                files[name] = str(Path(folder) / f"{name}.json")
                Path(files[name]).write_text(json.dumps(items))
            for way in os.environ.get("WAYS", ",".join(WAYS)).split(","):
                seconds, totals = {"cairn": [], "nginx": []}, set()
                for nth in range(ROUNDS + 1):
                    for name, file in files.items():
                        took, total = measure(way, file)
                        totals.add(total)
                        # The first round fills the system's cache of files.
                        if nth:
                            seconds[name].append(took)
                assert len(totals) == 1, f"{way}: other pixels through one than through the other: {totals}"
                ours, theirs = (statistics.median(seconds[name]) for name in ("cairn", "nginx"))
                ratio = theirs / ours
                bad |= ratio < LEAST
                print(f"{way}: through Cairn {ours:.2f} s, nginx {theirs:.2f} s, speed ratio {ratio:.2f}", flush=True)
        finally:
            for process in processes:
                process.terminate()
                process.wait()
    sys.exit(f"a ratio is below {LEAST}" if bad else 0)


if __name__ == "__main__":
    one(*sys.argv[1:]) if len(sys.argv) > 1 else main()
