"""What outsiders read from a stac-geoparquet file of ours equals the Items that went into it.

Usage: table_reads.py TABLE.parquet ITEMS.ndjson

The other way it judges our reader: a file of another writer, and what we read from it.

Readers: pyarrow, the Python package stac-geoparquet, DuckDB, geopandas (pip install pyarrow stac-geoparquet duckdb
geopandas). Documented differences are levelled first: nulls that a table does not keep, 1 and 1.0, forms of instants,
fields of mixed types, which other readers see as JSON text.
"""

import json
import math
import sys
from datetime import datetime, timezone

import duckdb
import geopandas
import pyarrow.parquet
import stac_geoparquet.arrow

INSTANTS = {"datetime", "start_datetime", "end_datetime", "created", "updated", "expires", "published", "unpublished"}


def instant(text):
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
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
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, str) and name in INSTANTS:
        return instant(value)
    return value


def main(table, ndjson):
    with open(ndjson, encoding="utf-8") as lines:
        items = [json.loads(line) for line in lines if line.strip()]
    for item in items:
        item.setdefault("links", [])
        item.setdefault("assets", {})

    file = pyarrow.parquet.ParquetFile(table)
    rows = file.read()
    assert rows.num_rows == len(items), (rows.num_rows, len(items))
    assert rows["id"].to_pylist() == [item["id"] for item in items]
    columns = (file.schema.column(at) for at in range(len(file.schema)))
    marked = (column.path.split(".") for column in columns if column.logical_type.type == "JSON")
    json_columns = {[part for part in path if part not in ("list", "element")][-1] for path in marked}
    geo = json.loads(file.metadata.metadata[b"geo"])
    stac = json.loads(file.metadata.metadata.get(b"stac-geoparquet", b'{"version": "1.0.0"}'))
    assert geo["primary_column"] == "geometry" and geo["columns"]["geometry"]["encoding"] == "WKB"
    assert stac["version"].startswith("1."), stac
    print(f"pyarrow: {rows.num_rows} rows, {rows.num_columns} columns, collections {list(stac.get('collections', {}))}")

    read = list(stac_geoparquet.arrow.stac_table_to_items(rows))
    for want, got in zip(items, read, strict=True):
        want, got = level(want), level(got, None, json_columns)
        if want != got:
            for key in sorted(want.keys() | got.keys()):
                if want.get(key) != got.get(key):
                    print(f"{want['id']}: {key}\n  went in:  {want.get(key)}\n  came out: {got.get(key)}")
            sys.exit("stac-geoparquet reads something else")
    print(f"stac_geoparquet: {len(read)} Items equal")

    ids = [row[0] for row in duckdb.sql(f"select id from read_parquet('{table}')").fetchall()]
    assert ids == [item["id"] for item in items]
    first = duckdb.sql(f"select bbox, cast(datetime as varchar) from read_parquet('{table}') limit 1").fetchall()
    print(f"duckdb: {len(ids)} rows, the first: {first}")

    frame = geopandas.read_parquet(table)
    assert len(frame) == len(items)
    assert frame.crs is not None and frame.crs.to_epsg() in (4326, None), frame.crs
    with_geometry = [item for item in items if item.get("geometry")]
    assert int(frame.geometry.notna().sum()) == len(with_geometry)
    print(f"geopandas: {len(frame)} rows, {frame.crs}, bounds {frame.total_bounds}")


if __name__ == "__main__":
    main(*sys.argv[1:])
