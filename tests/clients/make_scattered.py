"""Writes a static tree of 240 awkward Items to a folder: nested catalogs, ranges, ties, the antimeridian, points, no geometry.

usage: make_scattered.py FOLDER
"""

import json
import pathlib
import random
import sys

from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box, mapping


def footprint(rng: random.Random):
    """A geometry in lon/lat and its bbox (west > east where it crosses the antimeridian)."""
    kind = rng.choice(["polygon", "polygon", "polygon", "triangle", "point", "line", "crossing", "none"])
    x, y = rng.uniform(-170, 170), rng.uniform(-80, 80)
    if kind == "none":
        return None, None
    if kind == "crossing":
        west, east = rng.uniform(178, 179.9), rng.uniform(-179.9, -178)
        halves = MultiPolygon([box(west, y, 180, y + 2), box(-180, y, east, y + 2)])
        return mapping(halves), [west, y, east, y + 2]
    shape = {
        "polygon": lambda: box(x, y, x + rng.uniform(0.1, 9), y + rng.uniform(0.1, 9)),
        "triangle": lambda: Polygon([(x, y), (x + 6, y + 1), (x + 2, y + 7)]),
        "point": lambda: Point(x, y),
        "line": lambda: LineString([(x, y), (x + 3, y + 4), (x + 5, y - 1)]),
    }[kind]()
    bbox = list(shape.bounds)
    if rng.random() < 0.1:
        bbox = [*bbox[:2], -5.0, *bbox[2:], 800.0]
    return mapping(shape), bbox


def times(rng: random.Random) -> dict:
    day = f"2023-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    if rng.random() < 0.2:
        return {"datetime": None, "start_datetime": f"{day}T00:00:00Z", "end_datetime": f"{day}T23:59:59.999999999Z"}
    # Few hours, so that many Items share a moment; zones and fractions as people write them.
    return {"datetime": f"{day[:8]}05T10:00:0{rng.randint(0, 2)}{rng.choice(['Z', '.5Z', '.000000001Z', '+00:00', '+02:00'])}"}


def write(path: pathlib.Path, document: dict):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def main(folder: pathlib.Path):
    rng = random.Random(5)
    places = {"alpha": folder / "alpha", "beta": folder / "deep/er/beta", "gämma": folder / "deep/gamma"}
    items = {name: [] for name in places}
    for number in range(240):
        collection = rng.choice(list(places))
        geometry, bbox = footprint(rng)
        item = {
            "type": "Feature",
            "stac_version": rng.choice(["1.0.0", "1.1.0"]),
            "id": rng.choice(["item-{}", "Item {}", "ítem.{}", "item+{}"]).format(number % 200),
            "geometry": geometry,
            "properties": times(rng),
            "collection": collection,
            "links": [{"rel": "collection", "href": "../collection.json"}],
            "assets": {},
        } | ({"bbox": bbox} if bbox else {})
        write(places[collection] / "items" / f"{number}.json", item)
        items[collection].append({"rel": "item", "href": f"./items/{number}.json"})
    for name, place in places.items():
        extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2023-01-01T00:00:00Z", None]]}}
        described = {"type": "Collection", "stac_version": "1.1.0", "id": name, "description": name, "license": "CC0-1.0"}
        write(place / "collection.json", described | {"extent": extent, "links": items[name]})

    def catalog(at, *children):
        links = [{"rel": "child", "href": child} for child in children]
        write(at / "catalog.json", {"type": "Catalog", "stac_version": "1.1.0", "id": at.name, "description": "x", "links": links})

    catalog(folder / "deep/er", "./beta/collection.json")
    catalog(folder / "deep", "er/catalog.json", "gamma/collection.json")
    catalog(folder, "alpha/collection.json", "deep/catalog.json")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
