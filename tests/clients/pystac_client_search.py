"""Every kind of search that pystac-client knows, warnings being errors, against a plain reading of the same files.

usage: pystac_client_search.py URL SCENES URL SCATTERED

SCENES has properties to filter, sort and count by; SCATTERED has footprints on the antimeridian and times as people write them.
"""

import sys
import warnings
from collections import Counter

import requests
import scan
from pystac_client import Client, ConformanceClasses
from shapely.geometry import box, mapping

# What a server has to declare for pystac-client to use it without a warning, in its own words.
CLASSES = ["CORE", "COLLECTIONS", "FEATURES", "ITEM_SEARCH", "FIELDS", "SORT", "QUERY", "FILTER"]
CLASSES += ["COLLECTION_SEARCH", "COLLECTION_SEARCH_FREE_TEXT"]


def name(item: dict) -> tuple[str, str]:
    return item["collection"], item["id"]


def cover(item: dict) -> float:
    """Cloud cover; not a number, which no comparison holds for, where there is none."""
    return item["properties"].get("eo:cloud_cover", float("nan"))


def compare(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got} instead of {wanted}")


def ask(client: Client, everything: list[dict], wanted, order=scan.order, **question) -> int:
    """Compares Items, their order, their number and the pages, by GET and by POST; `wanted` chooses among `everything`."""
    expected = [name(item) for item in sorted(filter(wanted, everything), key=order)]
    if not 0 < len(expected) < len(everything):
        sys.exit(f"{question} chooses {len(expected)} of {len(everything)} Items and tells nothing")
    for method in ("GET", "POST"):
        for limit in (None, max(2, len(expected) // 4)):
            what = f"{method} limit {limit} {question}"
            search = client.search(method=method, limit=limit, **question)
            pages = [page["features"] for page in search.pages_as_dicts()]
            compare(what, [name(item) for page in pages for item in page], expected)
            if limit:
                full, rest = divmod(len(expected), limit)
                compare(f"pages of {what}", [len(page) for page in pages], [limit] * full + [rest] * (rest > 0))
            compare(f"matched() of {what}", search.matched(), len(expected))
    return len(expected)


def filters(client: Client, items: list[dict]):
    """CQL2 and the query extension, in each form that the client sends."""

    def properties(holds):
        return lambda item: holds(item["properties"])

    text = {"filter_lang": "cql2-text"}
    ask(client, items, lambda i: cover(i) < 20, filter="eo:cloud_cover < 20")
    ask(client, items, lambda i: cover(i) < 20, filter="eo:cloud_cover < 20", **text)
    ask(client, items, lambda i: not cover(i) >= 0, filter='"eo:cloud_cover" IS NULL', **text)
    ask(
        client,
        items,
        lambda i: 10 <= cover(i) <= 15 and i["properties"]["platform"] == "north-1",
        filter="eo:cloud_cover BETWEEN 10 AND 15 AND platform IN ('north-1', 'nowhere')",
    )
    ask(client, items, properties(lambda p: p["platform"] == "North-2"), filter="platform LIKE 'N%'")
    ask(
        client,
        items,
        lambda i: scan.shape(i["geometry"]).intersects(box(3.5, 3.5, 9.5, 9.5)),
        filter="S_INTERSECTS(geometry, POLYGON((3.5 3.5, 9.5 3.5, 9.5 9.5, 3.5 9.5, 3.5 3.5)))",
    )
    less = {"op": "<", "args": [{"property": "eo:cloud_cover"}, 20]}
    north = {"op": "=", "args": [{"property": "platform"}, "north-1"]}
    ask(client, items, lambda i: cover(i) < 20, filter=less)
    both = {"op": "and", "args": [less, north]}
    ask(
        client,
        items,
        lambda i: cover(i) < 20 and i["properties"]["platform"] == "north-1",
        filter=both,
        filter_lang="cql2-json",
    )
    ask(client, items, lambda i: i["collection"] == "radar", filter={"op": "not", "args": [
        {"op": "=", "args": [{"property": "collection"}, "optical"]}]})
    ask(client, items, lambda i: cover(i) < 20, query=["eo:cloud_cover<20"])
    ask(
        client,
        items,
        lambda i: cover(i) >= 10 and i["properties"]["platform"] == "North-2",
        query=["eo:cloud_cover>=10", "platform=North-2"],
    )
    ask(client, items, lambda i: 5 < cover(i) < 20, query={"eo:cloud_cover": {"gt": 5, "lt": 20}})
    ask(client, items, properties(lambda p: p["grid:code"] == "MGRS-31VLH"), query={"grid:code": {"in": ["MGRS-31VLH"]}})
    ask(client, items, properties(lambda p: p["platform"] == "north-1"), query={"platform": {"startsWith": "north"}})


def orders(client: Client, items: list[dict]):
    """Each form of `sortby`; Items without the property come last; what is equal stays newest first."""
    optical = [item for item in items if item["collection"] == "optical"]

    def by_cover(sign):
        return lambda i: (not cover(i) >= 0, sign * cover(i) if cover(i) >= 0 else 0, scan.order(i))

    def chosen(item):
        return item["collection"] == "optical"

    compare("ids of a Collection differ", len({item["id"] for item in optical}), len(optical))
    up = [{"field": "properties.eo:cloud_cover", "direction": "asc"}]
    for sortby in ("eo:cloud_cover", "+properties.eo:cloud_cover", ["eo:cloud_cover"], up):
        ask(client, items, chosen, by_cover(1), collections="optical", sortby=sortby)
    for sortby in ("-properties.eo:cloud_cover", [{"field": "eo:cloud_cover", "direction": "desc"}]):
        ask(client, items, chosen, by_cover(-1), collections=["optical"], sortby=sortby)
    by_two = ["-properties.platform", "+id"]
    ask(client, items, chosen, lambda i: (i["properties"]["platform"] != "north-1", i["id"]), collections="optical", sortby=by_two)


def fields(client: Client, items: list[dict]):
    """What is left of an Item, however it is asked for."""
    cloudy = [item for item in items if cover(item) >= 0]
    for method in ("GET", "POST"):
        for wish in (["id", "properties.eo:cloud_cover"], "id,properties.eo:cloud_cover",
                     {"include": ["id", "properties.eo:cloud_cover"]}):
            search = client.search(method=method, filter="eo:cloud_cover >= 0", fields=wish)
            got = {name(item): item["properties"] for item in search.items_as_dicts()}
            compare(f"{method} {wish}", got, {name(i): {"eo:cloud_cover": cover(i)} for i in cloudy})
            compare(f"{method} {wish}", [i for i in search.items_as_dicts() if "assets" in i or "geometry" in i], [])
        search = client.search(method=method, fields=["-assets", "-links"], max_items=3)
        for item in search.items_as_dicts():
            compare(f"{method} without assets", ("assets" in item, "links" in item, "geometry" in item), (False, False, True))


def ids_and_text(client: Client, url: str, items: list[dict]):
    wanted = sorted(item["id"] for item in items)[3:9]
    ask(client, items, lambda i: i["id"] in wanted, ids=[*wanted, "nobody"])
    ask(client, items, lambda i: i["id"] in wanted and i["collection"] == "radar", ids=wanted, collections=["radar"])
    # The client has no parameter for free text yet.
    lakes = {name(item) for item in items if "Lake" in item["properties"].get("title", "")}
    compare("scenes of a lake", len(lakes) > 1, True)
    for answer in (
        requests.get(f"{url}/search", params={"q": "great lake,nothing"}),
        requests.post(f"{url}/search", json={"q": ["great lake", "nothing"]}),
    ):
        answer.raise_for_status()
        compare(f"{answer.request.method} q", {name(item) for item in answer.json()["features"]}, lakes)


def queryables(client: Client, items: list[dict]):
    """The client's own queryables, of a Collection and merged, say what the Items hold."""

    def covers(*collections):
        values = [cover(i) for i in items if i["collection"] in collections and cover(i) >= 0]
        return min(values), max(values)

    schemas = {
        ("optical", "radar"): client.get_queryables(),
        ("optical",): client.get_collection("optical").get_queryables(),
        ("radar",): client.get_collection("radar").get_queryables(),
    }
    for collections, schema in schemas.items():
        held = schema["properties"]
        compare(f"collections {collections}", sorted(held["collection"]["enum"]), sorted(collections))
        compare(f"$id {collections}", "$id" in schema, True)
        said = held["eo:cloud_cover"]["minimum"], held["eo:cloud_cover"]["maximum"]
        compare(f"cloud cover {collections}", said, covers(*collections))
        platforms = sorted({i["properties"]["platform"] for i in items if i["collection"] in collections})
        compare(f"platforms {collections}", sorted(held["platform"]["enum"]), platforms)
        compare(f"datetime {collections}", held["datetime"]["format"], "date-time")
    merged = client.get_merged_queryables(["optical", "radar"])
    compare("merged", {"id", "geometry", "datetime", "grid:code"} <= set(merged["properties"]), True)
    # The client leaves out what the two describe differently: their ids at least.
    compare("merged", "collection" in merged["properties"], False)


def collections(client: Client):
    """Collection search: `optical` lies in the north-east and begins in 2020, `radar` around 0, 0 and begins in 2024."""
    cases = [
        ({"q": "echoes"}, ["radar"]),
        ({"q": "light,echoes"}, ["optical", "radar"]),
        ({"q": "nothing of this"}, []),
        ({"bbox": [35, 35, 36, 36]}, ["optical"]),
        ({"bbox": [15, 15, 31, 31]}, ["optical", "radar"]),
        ({"bbox": [170, -5, -5, 5]}, ["radar"]),
        ({"datetime": "2021"}, ["optical"]),
        ({"datetime": "2025-06-01T00:00:00Z/.."}, ["optical", "radar"]),
        ({"datetime": ["2021-01-01", "2022-01-01"], "bbox": [-1, -1, 1, 1]}, []),
        ({"filter": "title LIKE 'Echoes%'"}, ["radar"]),
        ({"filter": {"op": "=", "args": [{"property": "id"}, "optical"]}, "filter_lang": "cql2-json"}, ["optical"]),
        ({"query": ["id=radar"]}, ["radar"]),
        ({"sortby": "-id"}, ["radar", "optical"]),
        ({"sortby": "-id", "limit": 1}, ["radar", "optical"]),
    ]
    for question, wanted in cases:
        search = client.collection_search(**question)
        compare(f"collections {question}", [found.id for found in search.collections()], wanted)
        compare(f"matched() of {question}", client.collection_search(**question).matched(), len(wanted))
    pages = client.collection_search(q="light,echoes", limit=1).pages_as_dicts()
    compare("pages", [len(page["collections"]) for page in pages], [1, 1])
    shown = list(client.collection_search(fields=["id", "title"]).collections_as_dicts())
    compare("fields", [found.get("title") for found in shown], ["Light of the day", "Echoes of the night"])
    compare("fields", any("keywords" in found for found in shown), False)


def aggregations(url: str, items: list[dict]):
    """pystac-client does not count yet: plain requests."""

    def counted(collection, **params):
        answer = requests.get(f"{url}{collection}/aggregate", params=params)
        answer.raise_for_status()
        return {found["name"]: found for found in answer.json()["aggregations"]}

    offered = requests.get(f"{url}/aggregations").json()["aggregations"]
    compare("offered", {"total_count", "datetime_min", "datetime_max"} <= {found["name"] for found in offered}, True)
    for collection in (None, "optical", "radar"):
        chosen = [i for i in items if collection in (None, i["collection"]) and cover(i) < 20]
        found = counted(
            f"/collections/{collection}" if collection else "",
            aggregations="total_count,datetime_max,collection_frequency,platform_frequency",
            filter="eo:cloud_cover < 20",
        )
        compare("total_count", found["total_count"]["value"], len(chosen))
        newest = max(scan.span(item)[0] for item in chosen)
        compare("datetime_max", scan.nanoseconds(found["datetime_max"]["value"]), newest)
        for of, value in (("collection", lambda i: i["collection"]), ("platform", lambda i: i["properties"]["platform"])):
            buckets = {bucket["key"]: bucket["frequency"] for bucket in found[f"{of}_frequency"]["buckets"]}
            compare(of, buckets, dict(Counter(map(value, chosen))))


def space_and_time(client: Client, items: list[dict]):
    def among(**question):
        return lambda item: scan.matches(item, question)

    for bbox in ([178.5, -80, -178.5, 85], [170, -90, -170, 0], [100, -90, -100, 90], [-60, -30, 40, 50]):
        ask(client, items, among(bbox=bbox), bbox=bbox)
        three = [*bbox[:2], -100, *bbox[2:], 9000]
        ask(client, items, among(bbox=bbox), bbox=three)
    crossing = mapping(box(178, -80, 180, 80).union(box(-180, -80, -178, 80)))
    for geometry in (mapping(box(-60, -30, 40, 50)), crossing):
        geometry = scan.json.loads(scan.json.dumps(geometry))
        ask(client, items, among(intersects=geometry), intersects=geometry)
    a, b = "2023-03-05T10:00:01Z", "2023-08-05T10:00:00Z"
    spans = [(f"{a}/{b}", f"{a}/{b}"), ([a, b], f"{a}/{b}"), (f"../{b}", f"../{b}"), ([None, b], f"../{b}")]
    spans += [([a, None], f"{a}/.."), (f"{a}/..", f"{a}/.."), ("2023-06", "2023-06-01T00:00:00Z/2023-06-30T23:59:59Z")]
    spans += [("2023-02/2023-04", "2023-02-01T00:00:00Z/2023-04-30T23:59:59Z")]
    for asked, meant in spans:
        ask(client, items, among(datetime=meant), datetime=asked)
    both = {"bbox": [100, -90, -100, 90], "datetime": f"{a}/{b}", "collections": ["alpha", "gämma"]}
    ask(client, items, among(**both), **both)
    # Everything, in pages that end in the middle of equal moments.
    for method in ("GET", "POST"):
        search = client.search(method=method, limit=7)
        got = [name(item) for page in search.pages_as_dicts() for item in page["features"]]
        compare(f"all by {method}", got, [name(item) for item in sorted(items, key=scan.order)])


def main(scenes_url, scenes_file, scattered_url, scattered_file):
    warnings.simplefilter("error")
    scenes, scattered = scan.items(scenes_file), scan.items(scattered_file)
    client = Client.open(scenes_url)
    for declared in CLASSES:
        compare(f"conforms_to {declared}", client.conforms_to(ConformanceClasses[declared]), True)
    compare("CONTEXT, which is deprecated", client.conforms_to(ConformanceClasses.CONTEXT), False)
    filters(client, scenes)
    orders(client, scenes)
    fields(client, scenes)
    ids_and_text(client, scenes_url, scenes)
    queryables(client, scenes)
    collections(client)
    aggregations(scenes_url, scenes)
    space_and_time(Client.open(scattered_url), scattered)


if __name__ == "__main__":
    main(*sys.argv[1:])
