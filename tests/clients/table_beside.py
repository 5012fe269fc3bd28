"""pyarrow reads the table beside a tree; so do DuckDB, rustac and stac-geoparquet, where they are installed (they are heavy).

usage: table_beside.py TABLE ITEMS
"""

import asyncio
import importlib.util
import json
import sys

import pyarrow.parquet


def by_duckdb(path, _):
    import duckdb

    query = "select count(*) from read_parquet(?) where datetime is not null and geometry is not null and bbox.xmin <= bbox.xmax"
    return duckdb.execute(query, [path]).fetchone()[0]


def by_rustac(path, _):
    import rustac

    async def read():
        return await rustac.read(path)

    return len(asyncio.run(read())["features"])


def by_stac_geoparquet(_, table):
    import stac_geoparquet.arrow

    return sum(1 for item in stac_geoparquet.arrow.stac_table_to_items(table) if item["type"] == "Feature")


def main(path, items):
    file = pyarrow.parquet.ParquetFile(path)
    table = file.read()
    if table.num_rows != int(items) or len(set(table["id"].to_pylist())) < 500:
        sys.exit(f"{path}: {table.num_rows} rows")
    geo = json.loads(file.schema_arrow.metadata[b"geo"])
    if geo["primary_column"] != "geometry":
        sys.exit(f"{path}: {geo}")
    if any(file.metadata.row_group(n).num_rows > 50_000 for n in range(file.num_row_groups)):
        sys.exit(f"{path}: row groups of more than 50,000 Items")
    print(f"{table.num_rows} rows, {len(table.column_names)} columns, {file.num_row_groups} row groups")
    for name, count in {"duckdb": by_duckdb, "rustac": by_rustac, "stac_geoparquet": by_stac_geoparquet}.items():
        if importlib.util.find_spec(name):
            found = count(path, table)
            if found != int(items):
                sys.exit(f"{path}: {name} reads {found} Items")
            print(f"{name} reads them too")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
