"""Random searches through pystac-client, GET and POST, against a brute-force scan of the catalogue's files.

usage: search_against_scan.py URL CATALOG COUNT
"""

import random
import sys

import requests
import scan
from pystac_client import Client
from shapely.geometry import shape

# The forms of RFC 3339 and of intervals that a client may send.
INTERVALS = ["{a}", "{a}/{b}", "../{b}", "{a}/..", "/{b}", "{a}/"]


def moment(rng, everything) -> str:
    """A moment at, just before or just after an Item's own."""
    at = scan.span(rng.choice(everything))[rng.randint(0, 1)] + rng.choice([-(10**9), -1, 0, 0, 1, 3600 * 10**9])
    seconds, fraction = divmod(at, 10**9)
    text = scan.datetime.fromtimestamp(seconds, scan.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09}Z" if fraction else f"{text}Z"


def middle(rng, everything) -> tuple[float, float]:
    """A point inside or near some Item."""
    placed = [item for item in everything if item["geometry"]]
    point = shape(rng.choice(placed)["geometry"]).representative_point()
    return point.x, point.y


def box_near(rng, everything) -> list[float]:
    x, y = middle(rng, everything)
    dx, dy = (rng.choice([0, 0.001, 0.05, 1, 20]) * rng.random() for _ in "xy")
    west, south, east, north = max(x - dx, -180), max(y - dy, -90), min(x + dx, 180), min(y + dy, 90)
    return rng.choice(
        [
            [west, south, east, north],
            [west, south, east, north],
            [x, y, x, y],
            [west, y, east, y],
            [west, south, -50, east, north, 9000],
            [rng.uniform(100, 180), -90, rng.uniform(-180, -100), 90],
            [east, south, max(west - 0.5, -180), north],
            [-180, -90, 180, 90],
        ]
    )


def geometry_near(rng, everything) -> dict:
    x, y = middle(rng, everything)
    u, v = middle(rng, everything)
    size = rng.choice([0.01, 0.3, 8])
    point = {"type": "Point", "coordinates": [x, y]}
    line = {"type": "LineString", "coordinates": [[x, y], [u + size, v]]}
    ring = [[u, v], [u + size, v + size / 3], [u + size / 2, v + size], [u, v]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    return rng.choice(
        [
            point,
            line,
            polygon,
            {"type": "MultiPoint", "coordinates": [[x, y], [u, v]]},
            {"type": "MultiLineString", "coordinates": [line["coordinates"], [[x, y], [x + size, y]]]},
            {"type": "MultiPolygon", "coordinates": [[ring]]},
            {"type": "GeometryCollection", "geometries": [point, polygon]},
        ]
    )


def ask(rng, everything) -> dict:
    question = {}
    where = rng.random()
    if where < 0.5:
        question["bbox"] = box_near(rng, everything)
    elif where < 0.8:
        question["intersects"] = geometry_near(rng, everything)
    if rng.random() < 0.5:
        a, b = sorted((moment(rng, everything), moment(rng, everything)), key=scan.nanoseconds)
        question["datetime"] = rng.choice(INTERVALS).format(a=a, b=b)
    if rng.random() < 0.4:
        names = sorted({item["collection"] for item in everything})
        question["collections"] = rng.sample(names, rng.randint(1, len(names))) + ["nowhere"] * rng.randint(0, 1)
    if rng.random() < 0.2:
        question["ids"] = sorted({rng.choice(everything)["id"] for _ in range(rng.randint(1, 9))}) + ["nobody"]
    return question


def named(items) -> list[tuple[str, str]]:
    return [(item["collection"], item["id"]) for item in items]


def differs(what, question, wanted, got):
    missing, extra = sorted(set(wanted) - set(got)), sorted(set(got) - set(wanted))
    detail = f"missing {missing}, extra {extra}" if missing or extra else f"order or repeats: {got[:9]} for {wanted[:9]}"
    sys.exit(f"{what} {question}: {len(got)} instead of {len(wanted)}; {detail}")


def main(url, catalog, count):
    rng = random.Random(20)
    everything = scan.items(catalog)
    client = Client.open(url)
    found = 0
    for _ in range(count):
        question = ask(rng, everything)
        method = rng.choice(["GET", "POST"])
        wanted = named(scan.answer(everything, question))
        limit = rng.choice([None, 1, 3, 7, 100, 10000])
        if limit is not None and len(wanted) > 30 * limit:
            limit = len(wanted) // 9
        search = client.search(method=method, limit=limit, **question)
        got = named(item.to_dict(transform_hrefs=False) for item in search.item_collection())
        if got != wanted:
            differs(f"{method} limit {limit}", question, wanted, got)
        if search.matched() != len(wanted):
            sys.exit(f"{method} {question}: matched() is {search.matched()} instead of {len(wanted)}")
        found += len(wanted)
    own_parameters(rng, everything, url)
    print(f"{count} questions about {len(everything)} items, {found} answers in all")


def own_parameters(rng, everything, url):
    """Cairn's own `bands` and `max_cloud_cover`, which pystac-client does not know."""
    names = sorted({name for item in everything for name in scan.bands(item)})
    for _ in range(20):
        question = {"max_cloud_cover": rng.randint(0, 100)} if rng.random() < 0.6 else {}
        if names and rng.random() < 0.6:
            question["bands"] = rng.sample(names, min(2, len(names)))
        wanted = named(scan.answer(everything, question))
        listed = {"bands": ",".join(question["bands"])} if "bands" in question else {}
        for answer in (
            requests.post(f"{url}/search", json=question | {"limit": 10000}),
            requests.get(f"{url}/search", params=question | listed | {"limit": 10000}),
        ):
            answer.raise_for_status()
            got = named(answer.json()["features"])
            if got != wanted:
                differs(f"{answer.request.method} {answer.request.url}", question, wanted, got)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
