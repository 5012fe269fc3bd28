"""Geometries and boxes of a built tree against pyproj and shapely: random places in and around each raster.

usage: footprints_against_pyproj.py CATALOG
"""

import sys

import numpy
import offline  # noqa: F401
import pyproj
import pystac
import rasterio
import shapely

PLACES = 20_000
# Nearer to its edge than this many pixels, a place may be in or out.
EDGE = 1


def longitudes_held(longitudes):
    """Degrees of longitude that the places reach over, without their widest gap."""
    sorted_ones = numpy.sort(longitudes)
    gaps = numpy.diff(sorted_ones, append=sorted_ones[0] + 360)
    return 360 - gaps.max()


def check(item, random):
    with rasterio.open(item.assets["data"].get_absolute_href()) as raster:
        bounds, pixel, crs = raster.bounds, raster.res[0], raster.crs
    width = bounds.right - bounds.left
    x = random.uniform(bounds.left - width, bounds.right + width, PLACES)
    y = random.uniform(bounds.bottom - width, bounds.top + width, PLACES)
    depth = numpy.minimum.reduce([x - bounds.left, bounds.right - x, y - bounds.bottom, bounds.top - y])
    sure = numpy.abs(depth) > EDGE * pixel
    x, y, is_inside = x[sure], y[sure], depth[sure] > 0
    lon, lat = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(x, y)

    geometry = shapely.geometry.shape(item.geometry)
    if not geometry.is_valid:
        sys.exit(f"{item.id}: {shapely.is_valid_reason(geometry)}")
    wrong = shapely.contains_xy(geometry, lon, lat) != is_inside
    if wrong.any():
        sys.exit(f"{item.id}: {wrong.sum()} of {wrong.size} places, such as {lon[wrong][0]} {lat[wrong][0]}")

    west, south, east, north = item.bbox
    lon, lat = lon[is_inside], lat[is_inside]
    between = (lon >= west) & (lon <= east) if west <= east else (lon >= west) | (lon <= east)
    if not (between & (lat >= south) & (lat <= north)).all():
        sys.exit(f"{item.id}: the box {item.bbox} does not hold the raster")
    if (east - west) % 360 > longitudes_held(lon) + 12 or north - south > numpy.ptp(lat) + 0.3:
        sys.exit(f"{item.id}: the box {item.bbox} is too wide")


def main(path):
    random = numpy.random.default_rng(1)
    items = list(pystac.read_file(path).get_items(recursive=True))
    for item in items:
        check(item, random)
    print(f"{len(items)} footprints agree")


if __name__ == "__main__":
    main(sys.argv[1])
