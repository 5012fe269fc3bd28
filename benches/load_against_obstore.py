"""A cold load of a tree of 10,000 Items from an S3 server, against obstore getting the same objects from the same server.

Starts `s3s-fs` over a temporary folder, puts the tree there, then in turn lets obstore get all documents (64 at once) and
`cairn serve` load the tree (64 at once from each parent, parsed, indexed, ready to answer). Prints objects a second of both
and their ratio, medians of some rounds. Run it as

    .cairn/venv/bin/python benches/load_against_obstore.py        (CAIRN=… for another binary than target/release/cairn)
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import obstore
from obstore.store import S3Store

ITEMS, ROUNDS, AT_ONCE = 10_000, 5, 64
ROOT = Path(__file__).parent.parent
SERVER = ROOT / ".cairn/s3s/bin/s3s-fs"


def tree():
    """Keys and documents: a catalog, a Collection, a catalog for each thousand of small Items."""
    def link(rel, href):
        return {"rel": rel, "href": href}

    base = {"stac_version": "1.1.0", "description": "-"}
    months = range(ITEMS // 1000)
    for nth in range(ITEMS):
        w, s = nth % 170, nth // 170
        square = [[w, s], [w + 1, s], [w + 1, s + 1], [w, s + 1], [w, s]]
        yield f"t/c/{nth // 1000}/i{nth}.json", {
            "type": "Feature", "stac_version": "1.1.0", "id": f"i{nth}", "collection": "c",
            "geometry": {"type": "Polygon", "coordinates": [square]}, "bbox": [w, s, w + 1, s + 1],
            "properties": {"datetime": f"2026-{nth // 1000 + 1:02}-01T00:00:{nth % 60:02}Z"},
            "links": [], "assets": {"data": {"href": f"./i{nth}.tif"}},
        }
    for month in months:
        links = [link("item", f"./i{month * 1000 + nth}.json") for nth in range(1000)]
        yield f"t/c/{month}/catalog.json", base | {"type": "Catalog", "id": f"m{month}", "links": links}
    extent = {"spatial": {"bbox": [[0, 0, 170, 60]]}, "temporal": {"interval": [[None, None]]}}
    children = [link("child", f"./{month}/catalog.json") for month in months]
    collection = {"type": "Collection", "id": "c", "license": "other", "extent": extent, "links": children}
    yield "t/c/collection.json", base | collection
    yield "t/catalog.json", base | {"type": "Catalog", "id": "r", "links": [link("child", "./c/collection.json")]}


async def each(keys, act):
    """Runs `act` for all keys, AT_ONCE at a time."""
    left = iter(keys)

    async def work():
        for key in left:
            await act(key)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def load(cairn, environment):
    """Seconds until the server has loaded the tree and listens."""
    with tempfile.TemporaryDirectory() as cache:
        command = [cairn, "serve", "s3://bucket/t/catalog.json", "--bind", "127.0.0.1:0", "--cache-dir", cache, "--quiet"]
        start = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        line = process.stdout.readline()
        seconds = time.perf_counter() - start
        process.terminate()
        process.wait()
        assert line.startswith("listening"), line
        return seconds


def main(cairn):
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        (Path(folder) / "bucket").mkdir()
        arguments = ["--access-key", "AK", "--secret-key", "SK", "--host", "127.0.0.1", "--port", str(port), folder]
        server = subprocess.Popen([SERVER, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(1)
            url = f"http://127.0.0.1:{port}"
            options = {"allow_http": True}
            store = S3Store("bucket", endpoint=url, access_key_id="AK", secret_access_key="SK", region="us-east-1",
                            client_options=options)
            documents = {key: json.dumps(document).encode() for key, document in tree()}
            asyncio.run(each(documents, lambda key: obstore.put_async(store, key, documents[key])))
            names = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_ENDPOINT_URL": url,
                     "AWS_REGION": "us-east-1"}

            async def get(key):
                await (await obstore.get_async(store, key)).bytes_async()

            ours, theirs = [], []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                asyncio.run(each(documents, get))
                theirs.append(len(documents) / (time.perf_counter() - start))
                ours.append(len(documents) / load(cairn, os.environ | names))
            a, b = statistics.median(ours), statistics.median(theirs)
            print(f"cairn serve {a:.0f} objects/s, obstore {b:.0f} objects/s, ratio {a / b:.2f}")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main(os.environ.get("CAIRN", ROOT / "target/release/cairn"))
