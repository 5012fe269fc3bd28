"""What outsiders read from a stac-geoparquet file equals the Items that it was made of.

Usage: table_reads.py TABLE.parquet ITEMS.ndjson

Always read with pyarrow; where the Python package stac-geoparquet is installed, with it too. Every Item is compared whole,
in order; documented differences are levelled first: nulls that a table does not keep, empty links, assets and properties, 1 and 1.0,
forms of instants, fields of mixed types, which other readers see as JSON text.
"""

import json
import math
import sys
from datetime import datetime, timezone

import pyarrow.parquet
import shapely

try:
    import stac_geoparquet.arrow
except ImportError:
    stac_geoparquet = None

INSTANTS = {"datetime", "start_datetime", "end_datetime", "created", "updated", "expires", "published", "unpublished"}


def instant(text):
    moment = text if isinstance(text, datetime) else datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def level(value, name=None, json_columns=frozenset()):
    """The value without what a table does not keep."""
    if name in json_columns and isinstance(value, str):
        value = json.loads(value)
    if isinstance(value, dict):
        return {
            key: level(member, key, json_columns)
            for key, member in sorted(value.items())
            if member is not None
        }
    if isinstance(value, (list, tuple)):
        return [level(member) for member in value]
    if isinstance(value, bytes):
        # `proj:geometry`
        return level(json.loads(shapely.to_geojson(shapely.from_wkb(value))))
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, (str, datetime)) and name in INSTANTS:
        return instant(value)
    return value


def item_of(row):
    """A row as an Item, by pyarrow alone."""
    members = {"type", "stac_version", "stac_extensions", "id", "geometry", "bbox", "links", "assets", "collection"}
    item = {name: value for name, value in row.items() if name in members}
    item["properties"] = {name: value for name, value in row.items() if name not in members}
    if row["bbox"] is not None:
        box = row["bbox"]
        names = ["xmin", "ymin", "zmin", "xmax", "ymax", "zmax"]
        item["bbox"] = [box[name] for name in names if box.get(name) is not None]
    return item


def compare(reader, items, read, json_columns):
    for want, got in zip(items, read, strict=True):
        want, got = level(want), level(got, None, json_columns)
        for item in (want, got):
            for name in ("links", "assets", "properties"):
                if not item.get(name):
                    item.pop(name, None)
        for name in sorted(want.keys() | got.keys()):
            if want.get(name) != got.get(name):
                sys.exit(f"{reader} reads {want['id']}: {name}\n  went in:  {want.get(name)}\n  came out: {got.get(name)}")
    print(f"{reader}: {len(read)} Items equal")


def main(table, ndjson):
    with open(ndjson, encoding="utf-8") as lines:
        items = [json.loads(line) for line in lines if line.strip()]

    file = pyarrow.parquet.ParquetFile(table)
    rows = file.read()
    columns = [file.schema.column(at) for at in range(len(file.schema))]
    marked = (column.path.split(".") for column in columns if column.logical_type.type == "JSON")
    json_columns = {[part for part in path if part not in ("list", "element")][-1] for path in marked}
    geo = json.loads(file.metadata.metadata[b"geo"])
    stac = json.loads(file.metadata.metadata[b"stac-geoparquet"])
    assert geo["primary_column"] == "geometry" and geo["columns"]["geometry"]["encoding"] == "WKB", geo
    assert stac["version"].startswith("1."), stac
    groups, collections = file.metadata.num_row_groups, sorted(stac.get("collections", {}))
    print(f"{rows.num_rows} rows in {groups} groups, {rows.num_columns} columns, Collections {collections}")

    compare("pyarrow", items, [item_of(row) for row in rows.to_pylist()], json_columns)
    if stac_geoparquet is not None and rows.num_rows:
        # It takes no null for a geometry.
        geometries = [rows[name].is_valid().to_pylist() for name in ("geometry", "proj:geometry") if name in rows.column_names]
        whole = [all(row) for row in zip(*geometries)]
        read = list(stac_geoparquet.arrow.stac_table_to_items(rows.filter(whole))) if any(whole) else []
        compare("stac-geoparquet", [item for item, has in zip(items, whole) if has], read, json_columns)


if __name__ == "__main__":
    main(*sys.argv[1:])
