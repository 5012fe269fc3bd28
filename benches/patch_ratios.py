"""Patches over HTTP against Python libraries in their own process, and against what the machine can do at most.

    .cairn/bench/bin/python benches/patch_ratios.py [series] [single] [study] [store]

Each part prints times and ratios; the files, hot in the page cache, are made once (7 GB in .cairn/bench-scenes). Everybody reads
the same windows, four patches at a time; the first ones are compared bit for bit. Rounds of all alternate, so that a busy
machine hits them alike; the median round counts. GDAL's cache of decoded blocks is held to 64 MB, as an archive does not fit into
memory, and Cairn keeps no decoded blocks unless a line says so. The *decode limit* is what both cores need to inflate and
unfilter exactly the touched blocks (`benches/baselines`).
"""

import json
import os
import pathlib
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

os.environ |= {"GDAL_CACHEMAX": "64", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}

import numpy as np
import zarr

from peers import libraries, scenes
from peers.scenes import BANDS, DATES, DEFLATE_512, DEFLATE_512_P2, GROUPS, LEFT, SIDE, TIMESERIES, TOP
from peers.servers import (BASELINES, Cairn, Client, Limit, Process, Titiler, array_of, at_once, question)

SCENES = pathlib.Path(__file__).parent.parent / ".cairn/bench-scenes"
SIZE, AT_ONCE, ROUNDS = 256, 4, 5
NO_CACHE = ("--cache-bytes", "0")


def draw(rng, count, most=SIDE - SIZE):
    return [tuple(int(v) for v in rng.integers(0, most, 2)) for _ in range(count)]


def corner(place):
    return LEFT + 10 * place[0], TOP - 10 * place[1]


class Race:
    """Rounds of several readers over the same places."""

    def __init__(self, patches=24):
        self.readers, self.patches, self.rng = {}, patches, np.random.default_rng(7)

    def add(self, name, workers, read, patches=None):
        """`read(worker, place)`; fewer patches a round for the slow ones."""
        self.readers[name] = (workers, read, patches or self.patches)

    def add_limit(self, limit, reads):
        """`reads(place)` says what the decode limit reads."""
        self.readers["decode limit"] = (None, lambda places: limit.seconds([reads(place) for place in places]), self.patches)

    def run(self):
        """Median seconds a patch, by name."""
        seconds = {name: [] for name in self.readers}
        for nth in range(ROUNDS + 1):
            places = draw(self.rng, self.patches)
            for name, (workers, read, patches) in self.readers.items():
                if workers is None:
                    took = read(places)
                else:
                    took = at_once(workers, places[:patches], read) / patches
                if nth:  # the first round warms up
                    seconds[name].append(took)
        return {name: statistics.median(rounds) for name, rounds in seconds.items()}


def table(title, medians, wanted):
    """Prints a race's times, and for `wanted` (name, of whom, at least) how many times as fast one is as another."""
    print(f"\n{title}")
    for name, median in sorted(medians.items(), key=lambda pair: pair[1]):
        print(f"  {name:34} {1000 * median:8.2f} ms a patch {1 / median:8.1f} patches/s")
    for name, other, least in wanted:
        ratio = medians[other] / medians[name]
        print(f"  {name} is {ratio:.2f} times as fast as {other} (asked: {least}){'' if ratio >= least else '   MISSED'}")


def window_reads(files, col, row):
    """What the decode limit reads for a window of files[date][band]."""
    return [(path, 0, (col, row, SIZE, SIZE)) for date in files for path in dict.fromkeys(date.values())]


def cairn_reader(bands=BANDS, **more):
    def read(client, place):
        return array_of(client.ask("/patch", question("scenes", bands, corner(place), SIZE, **more))[1])
    return read


def clients(server, count=AT_ONCE):
    return [Client(server.address) for _ in range(count)]


def best(medians, *names):
    """The faster of several ways of one library counts."""
    fastest = min(names, key=medians.get)
    medians[names[0].rsplit(",", 1)[0]] = medians[fastest]
    return medians


def series():
    """256 x 256 pixels x 4 bands x 12 dates."""
    limit = Limit()
    sets = {
        "stacked": scenes.series(SCENES / "stacked", DEFLATE_512, per_band=False),
        "per band": scenes.series(SCENES / "per-band", DEFLATE_512_P2, per_band=True),
        "timeseries": scenes.series(SCENES / "timeseries", TIMESERIES, per_band=False),
    }
    best_rasterio = None
    for name, (folder, files) in sets.items():
        if name == "timeseries":
            continue
        with Cairn(folder, *NO_CACHE) as cairn, Titiler(SCENES) as titiler:
            race, read = Race(), cairn_reader()
            race.add("Cairn", clients(cairn), read)
            race.add_limit(limit, lambda place: window_reads(files, *place))
            handles = [libraries.Rasterio(files) for _ in range(4)]
            race.add("rasterio, 4 threads", handles, lambda own, place: own.read(*place))
            race.add("rasterio, 2 threads", handles[:2], lambda own, place: own.read(*place))
            all_items, stacked = libraries.items(files), name == "stacked"
            race.add("odc-stac", [None] * 2,
                     lambda _, place: libraries.odc_stac_read(all_items, stacked, *place), 4)
            if stacked:
                race.add("titiler", clients(titiler), lambda client, place: [
                    client.ask(Titiler.path(date[BANDS[0]], libraries.bounds_of(*place), SIZE)) for date in files], 8)
            else:
                race.add("stackstac", [None] * 2, lambda _, place: libraries.stackstac_read(all_items, *place), 4)
            client = Client(cairn.address)
            for place in draw(np.random.default_rng(1), 3):
                own = handles[0].read(*place)
                np.testing.assert_array_equal(read(client, place), own)
                np.testing.assert_array_equal(libraries.odc_stac_read(all_items, stacked, *place), own)
            medians = best(race.run(), "rasterio, 4 threads", "rasterio, 2 threads")
        if name == "stacked":
            best_rasterio = medians["rasterio"]
            wanted = [("Cairn", "decode limit", 1.0), ("Cairn", "rasterio", 1.4), ("Cairn", "titiler", 3), ("Cairn", "odc-stac", 6)]
        else:
            wanted = [("Cairn", "decode limit", 1.0), ("Cairn", "rasterio", 2), ("Cairn", "odc-stac", 4), ("Cairn", "stackstac", 6)]
        table(f"{SIZE} x {SIZE} x 4 bands x {DATES} dates at random places, {name}, 512-block deflate", medians, wanted)

    folder, files = sets["timeseries"]
    store = zarr.open_array(str(scenes.series_zarr(SCENES / "series-zarr") / "r10"), mode="r")
    with Cairn(folder, *NO_CACHE) as cairn:
        race, read = Race(48), cairn_reader()
        race.add("Cairn", clients(cairn), read)
        race.add_limit(limit, lambda place: window_reads(files, *place))
        race.add("zarr-python, the study's Zarr", [None] * 4,
                 lambda _, place: store[:, :, place[1]:place[1] + SIZE, place[0]:place[0] + SIZE])
        client = Client(cairn.address)
        for place in draw(np.random.default_rng(1), 3):
            col, row = place
            np.testing.assert_array_equal(read(client, place), store[:, :, row:row + SIZE, col:col + SIZE])
        medians = race.run()
        medians["rasterio's best on 512 blocks"] = best_rasterio
        table("The same from COGs of the timeseries profile (256 blocks, zstd 9, predictor 2)", medians,
              [("Cairn", "decode limit", 0.9), ("Cairn", "rasterio's best on 512 blocks", 3.5 * 0.9),
               ("Cairn", "zarr-python, the study's Zarr", 2.5 * 0.9)])
        aligned(cairn, files, limit, best_rasterio)
    with Cairn(folder) as cairn, Process(BASELINES, "bare", DATES * len(BANDS) * SIZE * SIZE * 2) as bare:
        places = draw(np.random.default_rng(2), 8)
        for _ in range(3):
            at_once(clients(cairn), places, read)
        race = Race(96)
        race.add("Cairn, decoded blocks kept", clients(cairn), lambda client, place: read(client, places[sum(place) % 8]))
        race.add("a bare handler of as many bytes", clients(bare), lambda client, _: client.ask("/"))
        table("The same from decoded blocks that are kept", race.run(),
              [("Cairn, decoded blocks kept", "a bare handler of as many bytes", 0.5)])
    limit.close()


def aligned(cairn, files, limit, best_rasterio):
    """Random places on the grid of blocks."""
    ask = {"collections": ["scenes"], "bands": BANDS, "size": SIZE, "timestamps": DATES, "align": "block", "seed": 3}
    client = Client(cairn.address)

    def place_of(index):
        plan = json.loads(bytes(client.ask("/patch/random", ask | {"index": index, "format": "json"})[1]))
        a, _, left, _, e, top = plan["samples"][0]["transform"]
        return round((left - LEFT) / a), round((top - TOP) / e)

    indexes = list(range(48))
    reads = [window_reads(files, *place_of(index)) for index in indexes]
    took, least = [], []
    for _ in range(ROUNDS):
        took.append(at_once(clients(cairn), indexes, lambda own, index: own.ask("/patch/random", ask | {"index": index})) / len(indexes))
        least.append(limit.seconds(reads))
    medians = {"Cairn, align=block": statistics.median(took), "decode limit": statistics.median(least),
               "rasterio's best on 512 blocks, anywhere": best_rasterio}
    table("Random patches with align=block, timeseries profile", medians,
          [("Cairn, align=block", "decode limit", 0.7), ("Cairn, align=block", "rasterio's best on 512 blocks, anywhere", 6)])


def single():
    """One band of one date."""
    print("\nOne 256 x 256 patch of one band, one at a time")
    layouts = [("512-block deflate", scenes.series(SCENES / "per-band", DEFLATE_512_P2, per_band=True), NO_CACHE, 5),
               ("timeseries profile", scenes.series(SCENES / "timeseries-per-band", TIMESERIES, per_band=True), NO_CACHE, 2),
               ("decoded blocks kept", scenes.series(SCENES / "per-band", DEFLATE_512_P2, per_band=True), (), 0.7)]
    for name, (folder, _), options, most in layouts:
        with Cairn(folder, *options) as cairn:
            client, read = Client(cairn.address), cairn_reader(["B04"], datetime="2022-05-01T00:00:00Z/2022-05-30T00:00:00Z")
            places = draw(np.random.default_rng(5), 200)
            for _ in range(3):
                for place in places:
                    read(client, place)
            took = []
            for place in places:
                start = time.perf_counter()
                read(client, place)
                took.append(time.perf_counter() - start)
        median = 1000 * statistics.median(took)
        print(f"  {name:24} p50 {median:6.2f} ms   p90 {1000 * sorted(took)[180]:6.2f} ms (asked: p50 under {most} ms)"
              f"{'' if median < most else '   MISSED'}")


def study():
    """The study's patch: 5,100 m, 13 bands at native resolutions, all dates."""
    limit = Limit()
    stacks = {"stacked 512-block deflate": scenes.study(SCENES / "study", DEFLATE_512),
              "timeseries profile": scenes.study(SCENES / "study-timeseries", TIMESERIES)}
    store = scenes.study_zarr(SCENES / "study-zarr")
    arrays = {r: zarr.open_array(str(store / f"r{r}"), mode="r") for r in GROUPS}
    most = (scenes.STUDY_SIDE_M - 5160) // 60

    def windows(place):
        return {r: (place[0] * 60 // r, place[1] * 60 // r, 5100 // r) for r in GROUPS}

    def from_zarr(_, place):
        return [arrays[r][:, :, row:row + n, col:col + n] for r, (col, row, n) in windows(place).items()]

    def from_cairn(own, place):
        ask = lambda r, client: array_of(client.ask("/patch", question(
            f"r{r}", GROUPS[r], (LEFT + 60 * place[0], TOP - 60 * place[1]), windows(place)[r][2], r))[1])
        return list(own[1].map(ask, GROUPS, own[0]))

    def with_rioxarray(_, place):
        import dask
        import rioxarray
        import xarray as xr
        loaded = []
        for r, (col, row, n) in windows(place).items():
            dates = [rioxarray.open_rasterio(path, chunks={"x": 512, "y": 512})[:, row:row + n, col:col + n] for path in files[r]]
            loaded.append(xr.concat(dates, dim="time"))
        return [array.values for array in dask.compute(*loaded, scheduler="threads", num_workers=4)]

    for name, (folder, files) in stacks.items():
        with Cairn(folder, *NO_CACHE) as cairn:
            places = draw(np.random.default_rng(4), 6, most)
            own = ([Client(cairn.address) for _ in GROUPS], ThreadPoolExecutor(len(GROUPS)))
            for mine, theirs in zip(from_cairn(own, places[0]), from_zarr(None, places[0])):
                np.testing.assert_array_equal(mine, theirs)
            peers = {"Cairn": lambda place: from_cairn(own, place), "zarr-python, the study's Zarr": lambda place: from_zarr(None, place)}
            if name.startswith("stacked"):
                peers["rioxarray with dask"] = lambda place: with_rioxarray(None, place)
            took = {peer: [] for peer in [*peers, "decode limit"]}
            for place in places:
                for peer, read in peers.items():
                    start = time.perf_counter()
                    read(place)
                    took[peer].append(time.perf_counter() - start)
                took["decode limit"].append(limit.seconds([[
                    (path, 0, (col, row, n, n)) for r, (col, row, n) in windows(place).items() for path in files[r]]]))
        wanted = [("Cairn", "decode limit", 1.0), ("Cairn", "rioxarray with dask", 5)] if name.startswith("stacked") else [
            ("Cairn", "zarr-python, the study's Zarr", 1.0)]
        medians = {peer: statistics.median(rounds[1:]) for peer, rounds in took.items()}
        table(f"The study's patch: 5,100 m, 13 bands, {scenes.STUDY_DATES} dates, one at a time, {name}", medians, wanted)
    limit.close()


def store():
    """A store that answers each request 20 ms later; per-band files, cold."""
    import rasterio
    from rasterio.windows import Window

    limit = Limit()
    folder, files = scenes.series(SCENES / "per-band", DEFLATE_512_P2, per_band=True)
    with Cairn(folder, *NO_CACHE):
        pass  # builds the tree
    latency, places = 0.020, draw(np.random.default_rng(9), 4)
    with Process(BASELINES, "store", folder, round(1000 * latency)) as slow, Process(BASELINES, "store", folder, 0) as fast:
        tree = f"http://{slow.address}/tree/catalog.json"
        read = cairn_reader()
        touched = [window_reads(files, *place) for place in places]
        decode = statistics.median(limit.seconds([reads]) for reads in touched)
        transfer = statistics.median(transfer_seconds(fast.address, folder, reads) for reads in touched)
        cold, known = [], []
        for place in places:
            with (tempfile.TemporaryDirectory() as cache,
                  Cairn(folder, *NO_CACHE, tree=tree, cache=cache) as cairn):
                client = Client(cairn.address)
                for took in (cold, known):
                    start = time.perf_counter()
                    array = read(client, place).copy()
                    took.append(time.perf_counter() - start)
        with_rasterio = []
        options = dict(GDAL_HTTP_MERGE_CONSECUTIVE_RANGES="YES", GDAL_HTTP_MULTIPLEX="YES", GDAL_HTTP_VERSION="2",
                       GDAL_INGESTED_BYTES_AT_OPEN=32768, VSI_CACHE=True, CPL_VSIL_CURL_CHUNK_SIZE=1 << 18,
                       CPL_VSIL_CURL_ALLOWED_EXTENSIONS=".tif")
        for nth, place in enumerate(places):
            def one(path, window=Window(*place, SIZE, SIZE), nth=nth):
                with rasterio.Env(**options), rasterio.open(f"http://{slow.address}/{path.relative_to(folder)}?{nth}") as dataset:
                    return dataset.read(1, window=window)
            paths = [path for date in files for path in date.values()]
            start = time.perf_counter()
            with ThreadPoolExecutor(16) as pool:
                bands = list(pool.map(one, paths))
            with_rasterio.append(time.perf_counter() - start)
        np.testing.assert_array_equal(np.stack(bands).reshape(array.shape), array)
        with Cairn(folder, *NO_CACHE, tree=tree) as cairn:
            jobs = draw(np.random.default_rng(10), 64)
            at_once(clients(cairn, 16), jobs, read)
            before = cairn.cpu_seconds()
            wall = at_once(clients(cairn, 16), jobs, read)
            busy = (cairn.cpu_seconds() - before) / wall
    print(f"\nA store {1000 * latency:.0f} ms away, {DATES} dates x 4 bands in a file each; transfer {1000 * transfer:.0f} ms, decode limit {1000 * decode:.0f} ms")
    for name, took, trips in (("nothing known", cold, 4), ("block tables known", known, 2)):
        median, ideal = statistics.median(took), trips * latency + transfer + decode
        print(f"  Cairn, {name:20} {1000 * median:7.0f} ms: {median / ideal:.2f} x ({trips} round trips + transfer + decode limit)"
              f" (asked: at most 1.3){'' if median <= 1.3 * ideal else '   MISSED'}")
    ratio = statistics.median(with_rasterio) / statistics.median(cold)
    print(f"  rasterio, 16 threads, cold   {1000 * statistics.median(with_rasterio):7.0f} ms: {ratio:.2f} x Cairn's (asked: 3){'' if ratio >= 3 else '   MISSED'}")
    print(f"  16 clients at once: {64 / wall:.1f} patches/s, Cairn keeps {busy:.2f} of 2 cores busy (the client needs the rest)")
    limit.close()


def transfer_seconds(address, folder, reads):
    """What it takes to fetch the touched parts of the files, all at once, without delay."""
    client = Client(address)
    start = time.perf_counter()
    for path, _, (col, row, width, height) in reads:
        blocks = (((col + width - 1) // 512) - col // 512 + 1) * (((row + height - 1) // 512) - row // 512 + 1)
        size = min(path.stat().st_size, blocks * path.stat().st_size // 22)
        client.connection.request("GET", f"/{path.relative_to(folder)}", headers={"range": f"bytes=0-{size - 1}"})
        client.connection.getresponse().read()
    return time.perf_counter() - start


if __name__ == "__main__":
    parts = {"series": series, "single": single, "study": study, "store": store}
    for part in sys.argv[1:] or parts:
        parts[part]()
