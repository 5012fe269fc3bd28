"""pyarrow reads the table beside a tree.

usage: table_beside.py TABLE ITEMS
"""

import json
import sys

import pyarrow.parquet


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


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
