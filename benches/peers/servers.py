"""Programs that are asked over HTTP: Cairn, its baselines, titiler."""

import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import urllib.parse

import numpy as np
from rasterio.warp import transform as to_lonlat

from .scenes import CRS

ROOT = pathlib.Path(__file__).parent.parent.parent
CAIRN = ROOT / "target/release/cairn"
BASELINES = ROOT / "target/release/examples/baselines"


class Process:
    """A program that says where it listens; ended with the block."""

    def __init__(self, *command, **options):
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True, **options)
        self.address = re.search(r"http://(\S+)", self.process.stdout.readline())[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def cpu_seconds(self):
        """CPU that it has used so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Client:
    """One connection, as a data loader's worker keeps it; the body is read into memory that is there already."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address)
        self.buffer = bytearray()

    def ask(self, path, body=None):
        """The answer's headers and body, the latter valid until the next question."""
        payload = None if body is None else json.dumps(body)
        self.connection.request("GET" if body is None else "POST", path, payload, {"content-type": "application/json"})
        answer = self.connection.getresponse()
        length = int(answer.headers["content-length"])
        if len(self.buffer) < length:
            self.buffer = bytearray(length)
        view, at = memoryview(self.buffer)[:length], 0
        while at < length:
            read = answer.readinto(view[at:])
            assert read, "a short answer"
            at += read
        answer.read()
        assert answer.status == 200, bytes(view)
        return answer.headers, view


def array_of(npy):
    """An .npy file in memory as an array, nothing copied."""
    length = int.from_bytes(npy[8:10], "little")
    shape = tuple(int(n) for n in re.search(rb"'shape': \(([^)]*)\)", bytes(npy[:10 + length]))[1].split(b",") if n.strip())
    return np.frombuffer(npy, np.uint16, offset=10 + length).reshape(shape)


class Cairn(Process):
    """`cairn serve` over a built tree of a set."""

    def __init__(self, folder, *options, tree=None, cache=None):
        if tree is None:
            tree = folder / "tree/catalog.json"
            subprocess.run([CAIRN, "build", folder / "cogs", folder / "tree", "--quiet"], check=True, capture_output=True)
        allow = str(tree).removesuffix("/tree/catalog.json")
        super().__init__(CAIRN, "serve", tree, "--allow", allow, "--bind", "127.0.0.1:0", "--quiet",
                         "--cache-dir", cache or folder / "cache", *options)


def question(collection, bands, place, size, resolution=10, **more):
    """A body for /patch around the window whose upper left corner is `place` (x, y of the CRS)."""
    x, y = place[0] + size / 2 * resolution, place[1] - size / 2 * resolution
    (lon,), (lat,) = to_lonlat(CRS, "EPSG:4326", [x], [y])
    return {"collections": [collection], "bands": bands, "center": [lon, lat], "size": size, **more}


class Limit:
    """The decode limit, told by `baselines limit`."""

    def __init__(self):
        self.process = subprocess.Popen([BASELINES, "limit"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, patches):
        """Seconds a patch; patches[n] is a list of (file, plane, (col, row, width, height))."""
        return self.ask(patches)["seconds"] / len(patches)

    def stored_bytes(self, patches):
        """Bytes that the touched blocks of a patch take in their files."""
        return self.ask(patches)["stored"] / len(patches)

    def ask(self, patches):
        reads = [[dict(file=str(f), plane=p, window=list(w)) for f, p, w in patch] for patch in patches]
        self.process.stdin.write(json.dumps({"patches": reads}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Titiler(Process):
    """titiler's COG endpoints under uvicorn, a worker a core."""

    APP = ("from fastapi import FastAPI\nfrom titiler.core.factory import TilerFactory\n"
           "app = FastAPI()\napp.include_router(TilerFactory().router)\n")

    def __init__(self, folder):
        (folder / "titiler_app.py").write_text(self.APP)
        port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "titiler_app:app", "--workers", "2", "--port", str(port), "--log-level", "error",
             "--timeout-keep-alive", "600"],
            cwd=folder, env={**os.environ, "GDAL_CACHEMAX": "64", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"})
        self.address = f"127.0.0.1:{port}"
        for _ in range(100):
            try:
                connection = http.client.HTTPConnection(self.address)
                connection.request("GET", "/openapi.json")
                connection.getresponse().read()
                break
            except OSError:
                time.sleep(0.2)

    @staticmethod
    def path(file, box, size):
        url = urllib.parse.quote(str(file))
        box = ",".join(str(edge) for edge in box)
        return f"/bbox/{box}/{size}x{size}.npy?url={url}&coord_crs={CRS}&dst_crs={CRS}"


def free_port():
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def at_once(workers, jobs, work):
    """Seconds a job, with so many workers that each run `work(state, job)`; `workers` are their states."""
    jobs, lock, failures = iter(jobs), threading.Lock(), []

    def run(state):
        try:
            while True:
                with lock:
                    job = next(jobs, None)
                if job is None:
                    return
                work(state, job)
        except BaseException as failure:  # noqa: BLE001: told below
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(state,)) for state in workers]
    start = time.perf_counter()
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    elapsed = time.perf_counter() - start
    if failures:
        raise failures[0]
    return elapsed
