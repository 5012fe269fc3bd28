"""A pystac session over catalogs/global-maps.toml's tree: list it, find Items by a region, open their assets with rasterio.

usage: walk_maps.py CATALOG
"""

import sys

import offline  # noqa: F401
import pystac
import rasterio
from shapely.geometry import box, shape

REGION = box(24, 60, 27, 62)


def check(condition, what):
    if not condition:
        sys.exit(what)


def inside(collection):
    return [item for item in collection.get_items() if shape(item.geometry).intersects(REGION)]


def main(path):
    root = pystac.Catalog.from_file(path)
    collections = {collection.id: collection for collection in root.get_all_collections()}
    counts = {name: sum(1 for _ in collection.get_items()) for name, collection in collections.items()}
    check(
        counts == {"canopy": 500, "surface-water": 260, "elevation": 1, "land-cover": 1},
        f"collections and items: {counts}",
    )
    single = root.get_child("single-file-maps")
    check(single is not None and {c.id for c in single.get_children()} == {"elevation", "land-cover"}, "the sub-catalog")

    canopy = collections["canopy"]
    check(canopy.extent.spatial.bboxes == [[-180, -90, 180, 90]], f"extent: {canopy.extent.spatial.bboxes}")
    check([p.name for p in canopy.providers] == ["Example Institute"], "providers")
    found = inside(canopy)
    check([item.id for item in found] == ["canopy_r03c14"], f"items of the region: {[i.id for i in found]}")
    asset = found[0].assets["data"]
    bands = [band["name"] for band in asset.to_dict()["bands"]]
    check(bands == ["height", "cover", "loss", "gain"], f"bands: {bands}")
    with rasterio.open(asset.get_absolute_href()) as raster:
        values = raster.read()[:, 0, 0].tolist()
    check(values == [89, 1089, 2089, 3089], f"pixels: {values}")

    found = inside(collections["surface-water"])
    check(len(found) == 1 and set(found[0].assets) >= {"occurrence", "seasonality"}, "the variables of a tile")
    for key in ("occurrence", "seasonality"):
        with rasterio.open(found[0].assets[key].get_absolute_href()) as raster:
            check(raster.read(1).max() == 40, f"{key}: {raster.read(1).max()}")

    elevation = inside(collections["elevation"])[0]
    with rasterio.open(elevation.assets["data"].get_absolute_href()) as raster:
        row, col = raster.index(25, 61)
        check(raster.read(1)[row, col] == row * 32 + col, "elevation at a point")
    print(f"{sum(counts.values())} items walked")


if __name__ == "__main__":
    main(sys.argv[1])
