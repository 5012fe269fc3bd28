"""pystac opens a tree: every link resolves, every asset exists, every Item knows its Collection.

usage: open_tree.py CATALOG
"""

import pathlib
import sys

import offline  # noqa: F401
import pystac


def main(path):
    root = pystac.read_file(path)
    items = list(root.get_items(recursive=True))
    if not items:
        sys.exit(f"{path}: no items")
    for item in items:
        if item.get_collection() is None:
            sys.exit(f"{item.self_href}: no collection")
        if item.geometry is None or item.bbox is None or not item.stac_extensions:
            sys.exit(f"{item.self_href}: geometry, bbox and extensions are expected")
        for key, asset in item.assets.items():
            if not pathlib.Path(asset.get_absolute_href()).exists():
                sys.exit(f"{item.self_href}: asset {key} does not exist: {asset.get_absolute_href()}")
        if item.ext.has("proj") and not item.ext.proj.code:
            sys.exit(f"{item.self_href}: no proj:code")
    folder = pathlib.Path(path).resolve().parent
    for document in folder.rglob("*.json"):
        if str(folder) in document.read_text():
            sys.exit(f"{document}: an absolute path in a self-contained tree")
    print(f"{len(items)} items")


if __name__ == "__main__":
    main(sys.argv[1])
