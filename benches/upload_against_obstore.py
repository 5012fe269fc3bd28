"""10,000 Items into a bucket: `cairn upload` against obstore's `put`, the same files, the same concurrency, the same emulator.

Cairn lists the bucket first, reads and sums each file, keeps its order of stages and tells media types; obstore puts bytes that
are in memory already. Rounds alternate, each into a prefix of its own, so that a busy machine hits both alike.

    .cairn/venv/bin/python benches/upload_against_obstore.py        (CAIRN=… for another binary than target/release/cairn)
"""

import asyncio
import json
import os
import pathlib
import socket
import statistics
import subprocess
import tempfile
import time

from obstore import put_async
from obstore.store import S3Store

HERE = pathlib.Path(__file__).parent.parent
CAIRN = os.environ.get("CAIRN", HERE / "target/release/cairn")
ITEMS, ROUNDS, CONCURRENCY, ITEM_BYTES = 10_000, 3, 16, 5_000
ACCESS, SECRET = "AKBENCH", "SKBENCH"


def make_tree(folder):
    """A catalog, a Collection, Items of 5 KB in folders of their own."""
    item = {"type": "Feature", "stac_version": "1.1.0", "geometry": None, "links": [], "assets": {},
            "properties": {"datetime": "2024-01-01T00:00:00Z"}}
    for n in range(ITEMS - 2):
        path = folder / f"c/i{n}/i{n}.json"
        path.parent.mkdir(parents=True)
        text = json.dumps({**item, "id": f"i{n}"})
        path.write_text(text[:-1] + ', "padding": "' + "x" * (ITEM_BYTES - len(text)) + '"}')
    (folder / "c/collection.json").write_text('{"type": "Collection"}')
    (folder / "catalog.json").write_text('{"type": "Catalog"}')


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def with_cairn(tree, endpoint, prefix):
    env = {**os.environ, "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": endpoint,
           "AWS_REGION": "us-east-1"}
    start = time.perf_counter()
    subprocess.run([CAIRN, "upload", tree, f"s3://bench/{prefix}", "--quiet", "--concurrency", str(CONCURRENCY)], check=True, env=env)
    return time.perf_counter() - start


def with_obstore(files, endpoint, prefix):
    store = S3Store("bench", endpoint=endpoint, access_key_id=ACCESS, secret_access_key=SECRET, region="us-east-1",
                    client_options={"allow_http": True})

    async def put_all():
        turn = asyncio.Semaphore(CONCURRENCY)

        async def one(name, data):
            async with turn:
                await put_async(store, f"{prefix}/{name}", data, use_multipart=False)

        await asyncio.gather(*(one(name, data) for name, data in files.items()))

    start = time.perf_counter()
    asyncio.run(put_all())
    return time.perf_counter() - start


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "data/bench").mkdir(parents=True)
        tree = folder / "tree"
        make_tree(tree)
        files = {path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*.json")}
        port = free_port()
        with open(folder / "log", "w") as log:
            server = subprocess.Popen([HERE / ".cairn/s3s/bin/s3s-fs", "--access-key", ACCESS, "--secret-key", SECRET, "--host",
                                       "127.0.0.1", "--port", str(port), folder / "data"], stdout=log, stderr=log)
        try:
            endpoint = f"http://127.0.0.1:{port}"
            for _ in range(100):
                if socket.socket().connect_ex(("127.0.0.1", port)) == 0:
                    break
                time.sleep(0.05)
            seconds = {"cairn": [], "obstore": []}
            for n in range(ROUNDS):
                seconds["cairn"].append(with_cairn(tree, endpoint, f"cairn{n}"))
                seconds["obstore"].append(with_obstore(files, endpoint, f"obstore{n}"))
        finally:
            server.terminate()
            server.wait()
    rates = {name: len(files) / statistics.median(times) for name, times in seconds.items()}
    print(f"{len(files)} files of {ITEM_BYTES} bytes into s3s-fs, {CONCURRENCY} at once, median of {ROUNDS}")
    for name, rate in rates.items():
        print(f"  {name:8} {rate:7.0f} files/s")
    print(json.dumps({"ratio": round(rates["cairn"] / rates["obstore"], 3)}))


if __name__ == "__main__":
    main()
