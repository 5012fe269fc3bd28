"""Tiny rasters for catalogs/global-maps.toml: a map of 500 tiles with 4 bands, one of 260 tiles with 2 variables, and two
maps of one file each.

usage: make_maps.py FOLDER
"""

import pathlib
import sys

import numpy
import rasterio
from rasterio.transform import from_bounds

SIZE = 8


def write(path, array, bounds, **profile):
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = array.shape
    transform = from_bounds(*bounds, width, height)
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:4326", transform=transform, width=width, height=height, count=count,
        dtype=array.dtype, compress="deflate", **profile,
    ) as raster:
        raster.write(array)


def tiles(columns, rows):
    """Names and bounds of a global grid, from its north-western corner."""
    width, height = 360 / columns, 180 / rows
    for row in range(rows):
        for col in range(columns):
            west, north = -180 + col * width, 90 - row * height
            yield f"r{row:02}c{col:02}", (west, north - height, west + width, north)


def main(folder):
    folder = pathlib.Path(folder)
    for n, (name, bounds) in enumerate(tiles(25, 20)):
        bands = numpy.stack([numpy.full((SIZE, SIZE), n + 1000 * band, "uint16") for band in range(4)])
        write(folder / f"canopy/canopy_{name}.tif", bands, bounds)
    for n, (name, bounds) in enumerate(tiles(26, 10)):
        for variable in ("occurrence", "seasonality"):
            array = numpy.full((1, SIZE, SIZE), n % 100, "uint8")
            write(folder / f"surface-water/{variable}/{name}.tif", array, bounds, nodata=255)
    globe = (-180, -90, 180, 90)
    elevation = numpy.arange(16 * 32, dtype="float32").reshape(1, 16, 32)
    write(folder / "elevation.tif", elevation, globe, nodata=-9999)
    write(folder / "land-cover.tif", (elevation % 11).astype("uint8"), globe)


if __name__ == "__main__":
    main(sys.argv[1])
