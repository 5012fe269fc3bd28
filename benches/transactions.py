"""How fast a server writes through to a tree on disk, beside what threads reach that only write and fsync, and what that does
to searches.

usage: transactions.py [CAIRN [FOLDER]] [--items N] [--seconds S]

In FOLDER (a temporary one by default; it is the disk that is measured) a tree of N Items in one Collection is made. Then:
8 clients POST single Items; one client POSTs bulks of 1,000, each of new scenes of a month, then each of three years that are
there already; a ninth searches alone, and while they write; 8 threads write and fsync an Item's file and its link document.
Each figure is printed with its ratio. ext4 is slow to make files where many were deleted in the last five minutes: leave it
that long between two runs.
"""

import argparse
import http.client
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).parent.parent
CLIENTS = 8
BULK, BULKS = 1_000, 10
LINKED = 900


def item(id, number):
    west, south = number % 170 - 85.0, number % 160 / 2 - 40.0
    ring = [[west, south], [west + 1, south], [west + 1, south + 1], [west, south + 1], [west, south]]
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": "c",
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [west, south, west + 1, south + 1],
        "properties": {
            "datetime": f"{2015 + number // 336 % 10}-{number // 28 % 12 + 1:02}-{number % 28 + 1:02}T10:20:30Z",
            "eo:cloud_cover": number % 100, "platform": "sentinel-2a", "gsd": 10,
        },
        "assets": {
            band: {"href": f"https://example.com/{id}/{band}.tif", "type": "image/tiff; application=geotiff"}
            for band in ("B02", "B03", "B04", "B08", "SCL")
        },
        "links": [],
    }  # fmt: skip


def link(rel, href):
    return {"rel": rel, "href": href, "type": "application/json"}


def put(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2))


def plant(folder, count):
    catalog = {"type": "Catalog", "stac_version": "1.1.0", "description": "A tree that is measured"}
    put(folder / "catalog.json", {**catalog, "id": "root", "links": [
        link("root", "./catalog.json"), link("child", "./c/collection.json")]})  # fmt: skip
    months = {}
    for number in range(count):
        one = item(f"item-{number}", number)
        year, month = one["properties"]["datetime"][:4], one["properties"]["datetime"][5:7]
        day = one["properties"]["datetime"][8:10]
        shelf = months.setdefault((year, month), {}).setdefault(day, [])
        shelf.append(one["id"])
        one["links"] = [link("root", "../../catalog.json"), link("parent", "../collection.json"),
                        link("collection", "../collection.json")]  # fmt: skip
        put(folder / "c" / one["id"] / f"{one['id']}.json", one)
    collection = {
        "type": "Collection", "stac_version": "1.1.0", "id": "c", "description": "Measured", "license": "CC0-1.0",
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}},
        "links": [link("root", "../catalog.json"), link("parent", "../catalog.json")],
    }  # fmt: skip
    for year in sorted({year for year, _ in months}):
        collection["links"].append(link("child", f"./{year}/catalog.json"))
        own = {month: days for (of, month), days in sorted(months.items()) if of == year}
        put(folder / "c" / year / "catalog.json", {**catalog, "id": f"c-{year}", "links": [
            link("root", "../../catalog.json"), link("parent", "../collection.json"),
            *(link("child", f"./{month}/catalog.json") for month in own)]})  # fmt: skip
        for month, days in own.items():
            ids = [id for day in days.values() for id in day]
            if len(ids) > 1_000:
                raise SystemExit("a month has too many Items: give fewer")
            put(folder / "c" / year / month / "catalog.json", {**catalog, "id": f"c-{year}-{month}", "links": [
                link("root", "../../../catalog.json"), link("parent", "../catalog.json"),
                *(link("item", f"../../{id}/{id}.json") for id in ids)]})  # fmt: skip
    put(folder / "c" / "collection.json", collection)


class Client:
    def __init__(self, port):
        self.port, self.connection = port, http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, method, path, body=None):
        headers = {"authorization": "Bearer t", "content-type": "application/json"}
        start = time.perf_counter()
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        said = answer.read()
        took = time.perf_counter() - start
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {said[:300]}")
        return took


def together(count, work):
    results, lock = [], threading.Lock()

    def run(nth):
        own = work(nth)
        with lock:
            results.extend(own)

    threads = [threading.Thread(target=run, args=(nth,)) for nth in range(count)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, time.perf_counter() - start


def synced(path, text):
    with open(path, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def bare(folder, seconds):
    """Writes a second of 8 threads that only write and fsync an Item and its link document."""
    links = json.dumps({"links": [link("item", f"../../item-{n}/item-{n}.json") for n in range(LINKED)]}, indent=2)
    links, text = links.encode(), json.dumps(item("x", 1), indent=2).encode()

    def work(nth):
        own, end, count = folder / f"bare-{nth}", time.perf_counter() + seconds, 0
        own.mkdir()
        while time.perf_counter() < end:
            synced(own / f"{count}.json", text)
            synced(own / "links.part", links)
            os.rename(own / "links.part", own / "links.json")
            count += 1
        return [count]

    counts, took = together(CLIENTS, work)
    return sum(counts) / took


def singles(port, seconds, name):
    def work(nth):
        client, end, times, count = Client(port), time.perf_counter() + seconds, [], 0
        while time.perf_counter() < end:
            body = json.dumps(item(f"{name}-{nth}-{count}", nth * 31 + count))
            times.append(client.ask("POST", "/collections/c/items", body))
            count += 1
        return times

    times, took = together(CLIENTS, work)
    return len(times) / took, times


def searching(port, until):
    client, times = Client(port), []
    while not until.is_set():
        n = len(times) % 100
        box = f"{n - 50},{n / 4 - 12},{n - 49},{n / 4 - 11}"
        times.append(client.ask("GET", f"/search?limit=10&bbox={box}"))
        time.sleep(0.002)
    return times


def written(port, bulks):
    """Items a second of one client that POSTs these one after another."""
    client, start = Client(port), time.perf_counter()
    for body in bulks:
        client.ask("POST", "/collections/c/items", body)
    return BULK * len(bulks) / (time.perf_counter() - start)


def p99(times):
    return statistics.quantiles(times, n=100)[98] * 1000


def while_searching(port, work):
    until, found = threading.Event(), []
    thread = threading.Thread(target=lambda: found.extend(searching(port, until)))
    thread.start()
    result = work()
    until.set()
    thread.join()
    return result, p99(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cairn", nargs="?", default=ROOT / "target/release/cairn", type=pathlib.Path)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10)
    asked = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(dir=asked.folder))
    try:
        measure(asked, folder)
    finally:
        shutil.rmtree(folder)


def measure(asked, folder):
    plant(folder / "tree", asked.items)
    os.sync()
    command = [asked.cairn, "serve", str(folder / "tree/catalog.json"), "--bind", "127.0.0.1:0", "--token", "t",
               "--cache-dir", str(folder / "cache")]  # fmt: skip
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = int(server.stdout.readline().rsplit(":", 1)[1].strip("/\n"))
        _, alone = while_searching(port, lambda: time.sleep(asked.seconds))
        print(f"searches alone: p99 {alone:.1f} ms")
        (rate, times), beside = while_searching(port, lambda: singles(port, asked.seconds, "single"))
        print(f"8 clients, single Items: {rate:.0f} Items/s, p99 {p99(times):.1f} ms")
        singly = rate
        print(f"searches meanwhile: p99 {beside:.1f} ms, {beside / alone:.2f} times")
        # Numbers of Items tell their days: 28 of a month, 336 of a year, ten years in all.
        new = lambda nth, n: nth * 28 + n % 28  # noqa: E731
        old = lambda nth, n: nth * 311 + n  # noqa: E731
        for name, number in ("of a month", new), ("of three years", old):
            bulks = [json.dumps({"type": "FeatureCollection", "features": [
                item(f"{name.replace(' ', '-')}-{nth}-{n}", number(nth, n)) for n in range(BULK)]}) for nth in range(BULKS)]  # fmt: skip
            rate, beside = while_searching(port, lambda: written(port, bulks))  # noqa: B023
            print(f"bulks of {BULK:,} Items {name}: {rate:.0f} Items/s, {rate / 10_000:.2f} of 10,000")
            print(f"searches meanwhile: p99 {beside:.1f} ms, {beside / alone:.2f} times")
        limit = bare(folder, asked.seconds)
        print(f"8 threads that only write and fsync: {limit:.0f} Items/s; single Items reach {singly / limit:.2f} of that")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
