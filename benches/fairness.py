"""One heavy client against one light one: the light one's small searches, alone and beside pages of a continent and patches of
100 MB that the heavy one asks for without pause. Prints both p99s and their ratio, which should be below 5.

The heavy client (127.0.0.1, four searches and four patches under way at any time, answers read as fast as they come) and the
light one (127.0.0.2, one search after another on one connection) share the machine's cores with the server; the heavy one runs
at the lowest priority, as if it were elsewhere. Run it as

    .cairn/venv/bin/python benches/fairness.py [SECONDS]      (CAIRN=… and SENTINEL2_ITEMS=… for other binaries than
                                                                target/release/cairn and …/examples/sentinel2-items,
                                                                ITEMS=… for other than 50,000 of them)
"""

import http.client
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
CAIRN = os.environ.get("CAIRN", ROOT / "target/release/cairn")
MADE_ITEMS = os.environ.get("SENTINEL2_ITEMS", ROOT / "target/release/examples/sentinel2-items")
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 30
ITEMS, AT_ONCE = int(os.environ.get("ITEMS", 50_000)), 4
# Most of Europe, a page as large as there is.
CONTINENT = {"collections": ["sentinel-2-l2a"], "bbox": [-20, 30, 50, 72], "limit": 10_000}
# 5,000 x 5,000 x 2 dates of two bytes.
PATCH = {"collections": ["demo"], "bands": ["B04"], "size": 5000, "timestamps": 2}


def connect(port, own):
    return http.client.HTTPConnection("127.0.0.1", port, timeout=120, source_address=(own, 0))


def ask(connection, path, question):
    connection.request("POST", path, json.dumps(question), {"content-type": "application/json"})
    answer = connection.getresponse()
    buffer, size = bytearray(1 << 20), 0
    while count := answer.readinto(buffer):
        size += count
    return answer.status, size


def heavy(port, questions, counts, ended):
    """Asks without pause; counts answers, bytes, and refusals."""
    os.nice(19)

    def run(path, question):
        connection = connect(port, "127.0.0.1")
        while not ended.is_set():
            status, size = ask(connection, path, question)
            with counts.get_lock():
                counts[0 if path == "/search" else 1] += status == 200
                counts[2] += size
                counts[3] += status != 200
            if status in (429, 503):
                time.sleep(0.1)

    threads = [threading.Thread(target=run, args=question) for question in questions for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def light(port, seconds):
    """The times of small searches, one after another, in milliseconds."""
    connection, times, places = connect(port, "127.0.0.2"), [], random.Random(7)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        x, y = places.uniform(-10, 40), places.uniform(35, 65)
        question = {"bbox": [x, y, x + 0.2, y + 0.2], "limit": 10}
        start = time.perf_counter()
        status, _ = ask(connection, "/search", question)
        times.append(1000 * (time.perf_counter() - start))
        assert status == 200, status
    return sorted(times)


def figures(name, times):
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    print(f"{name}: {len(times)} small searches, p50 {p50:.2f} ms, p99 {p99:.2f} ms, longest {times[-1]:.1f} ms")
    return p99


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        subprocess.run([CAIRN, "demo", folder / "demo", "--no-serve", "--quiet"], check=True)
        with open(folder / "items.ndjson", "wb") as items:
            subprocess.run([MADE_ITEMS, str(ITEMS)], check=True, stdout=items)
        # Two Collections of one name would be one.
        tree = folder / "demo/tree"
        collection = next(tree.glob("**/collection.json"))
        name = json.loads(collection.read_text())["id"]
        demo = folder / "demo.ndjson"
        subprocess.run([CAIRN, "index", tree / "catalog.json", demo, "--quiet"], check=True)
        renamed = demo.read_text().replace(f'"collection":"{name}"', '"collection":"demo"')
        demo.write_text(renamed)
        first = json.loads(renamed.splitlines()[0])
        box = first["bbox"]
        patch = PATCH | {"center": [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]}
        server = subprocess.Popen(
            [CAIRN, "serve", folder / "items.ndjson", demo, "--allow", folder, "--bind", "127.0.0.1:0", "--cache-dir",
             folder / "cache", "--quiet"], stdout=subprocess.PIPE, text=True)
        try:
            port = int(server.stdout.readline().rsplit(":", 1)[1])
            light(port, 1)
            idle = figures("alone", light(port, SECONDS))
            counts, ended = multiprocessing.Array("q", 4), multiprocessing.Event()
            questions = [("/search", CONTINENT), ("/patch", patch)]
            other = multiprocessing.Process(target=heavy, args=(port, questions, counts, ended))
            other.start()
            time.sleep(3)
            before, start = counts[:], time.perf_counter()
            loaded = figures("beside the heavy client", light(port, SECONDS))
            took = time.perf_counter() - start
            searches, patches, size, refused = (after - b for after, b in zip(counts[:], before))
            ended.set()
            other.join()
            print(f"the heavy client got {searches} pages and {patches} patches, {size / took / 1e6:.0f} MB/s; {refused} refused")
            assert searches + patches > 0, "the heavy client was given nothing"
            print(f"ratio of the p99s: {loaded / idle:.2f}")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
