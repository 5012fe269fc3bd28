"""The plain reading of a catalogue that Cairn's answers are held against: JSON files, shapely, integers; no index, no cleverness."""

import json
import pathlib
import re
from datetime import datetime, timezone
from urllib.parse import unquote, urlsplit

from shapely.geometry import LineString, Point, box, shape
from shapely.ops import unary_union

RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$")


def nanoseconds(text: str) -> int:
    """RFC 3339 → ns since 1970 UTC."""
    date, time, fraction, zone = RFC3339.fullmatch(text).groups()
    zone = "+00:00" if zone in "Zz" else zone
    seconds = int(datetime.fromisoformat(f"{date}T{time}{zone}").astimezone(timezone.utc).timestamp())
    return seconds * 10**9 + int((fraction or "").ljust(9, "0"))


def items(catalog: pathlib.Path) -> list[dict]:
    """Every Item of a tree, an ItemCollection or ndjson: `collection` set, asset hrefs absolute; of one id twice the first."""
    found = {}
    for document, folder, collection in _documents(pathlib.Path(catalog)):
        collection = collection or document["collection"]
        item = document | {"collection": collection}
        for asset in item["assets"].values():
            asset["href"] = _place(folder, asset["href"])
        found.setdefault((collection, item["id"]), item)
    return list(found.values())


def _documents(path: pathlib.Path, collection: str | None = None):
    if path.suffix in (".ndjson", ".jsonl"):
        yield from ((json.loads(line), path.parent, None) for line in path.read_text().splitlines() if line.strip())
        return
    document = json.loads(path.read_text())
    kind = document.get("type")
    if kind == "Feature":
        yield document, path.parent, collection
    elif kind == "FeatureCollection":
        yield from ((item, path.parent, None) for item in document["features"])
    else:
        if kind == "Collection":
            collection = document["id"]
        for link in document["links"]:
            if link["rel"] in ("child", "item"):
                yield from _documents(pathlib.Path(_place(path.parent, link["href"])), collection)


def _place(folder: pathlib.Path, href: str) -> str:
    parts = urlsplit(href)
    if parts.scheme == "file":
        return unquote(parts.path)
    return href if parts.scheme else str((folder / href).resolve())


def span(item: dict) -> tuple[int, int]:
    """First and last moment of an Item, ns."""
    properties = item["properties"]
    if properties.get("datetime"):
        moment = nanoseconds(properties["datetime"])
        return moment, moment
    return nanoseconds(properties["start_datetime"]), nanoseconds(properties["end_datetime"])


def order(item: dict):
    """Newest first, then id, then collection."""
    return -span(item)[0], item["id"], item["collection"]


def interval(text: str) -> tuple[float, float]:
    """A `datetime` parameter, both ends included."""
    start, _, end = text.partition("/") if "/" in text else (text, "", text)
    return (
        nanoseconds(start) if start not in ("", "..") else float("-inf"),
        nanoseconds(end) if end not in ("", "..") else float("inf"),
    )


def area(bbox: list[float]):
    """A `bbox` parameter: 4 or 6 numbers, west > east crosses the antimeridian."""
    west, south, east, north = bbox if len(bbox) == 4 else (bbox[0], bbox[1], bbox[3], bbox[4])
    if west <= east:
        return _rectangle(west, south, east, north)
    return unary_union([_rectangle(west, south, 180, north), _rectangle(-180, south, east, north)])


def _rectangle(west, south, east, north):
    """A box; without width or height a line or a point, since shapely's box would then be an invalid polygon that meets nothing."""
    if west < east and south < north:
        return box(west, south, east, north)
    if (west, south) == (east, north):
        return Point(west, south)
    return LineString([(west, south), (east, north)])


def matches(item: dict, question: dict) -> bool:
    """Whether an Item answers a search: every parameter given must hold."""
    if "collections" in question and item["collection"] not in question["collections"]:
        return False
    if "ids" in question and item["id"] not in question["ids"]:
        return False
    if "datetime" in question:
        (start, end), (first, last) = interval(question["datetime"]), span(item)
        if last < start or first > end:
            return False
    wanted = None
    if "bbox" in question:
        wanted = area(question["bbox"])
    if "intersects" in question:
        wanted = shape(question["intersects"])
    if wanted is not None and not (item["geometry"] and shape(item["geometry"]).intersects(wanted)):
        return False
    if "max_cloud_cover" in question:
        cover = item["properties"].get("eo:cloud_cover")
        if cover is None or cover > question["max_cloud_cover"]:
            return False
    if "bands" in question and not set(question["bands"]) <= set(bands(item)):
        return False
    return True


def bands(item: dict) -> dict[str, tuple[str, int]]:
    """Band name (or key of a single-band asset) → asset key and the band's number in the file, from 1."""
    found = {}
    for key, asset in item["assets"].items():
        described = asset.get("bands", [])
        for number, band in enumerate(described, 1):
            for name in (band.get("name"), band.get("eo:common_name")):
                if name:
                    found.setdefault(name, (key, number))
        if len(described) == 1:
            found.setdefault(key, (key, 1))
    return found


def answer(everything: list[dict], question: dict) -> list[dict]:
    """What a search must return, in order."""
    return sorted((item for item in everything if matches(item, question)), key=order)
