"""Tiny rasters that lie around, beside and at a pole, and across the antimeridian.

usage: make_polar.py FOLDER
"""

import pathlib
import sys

import numpy
import rasterio
from rasterio.transform import from_origin

SIZE = 50
PIXEL = 4_000

# The pole of each CRS.
POLES = {5041: (2e6, 2e6), 5042: (2e6, 2e6), 32661: (2e6, 2e6), 3413: (0, 0), 3031: (0, 0), 3571: (0, 0)}

# Where the pole lies in the raster, in pixels from its upper left corner.
PLACES = {
    "middle": (25, 25),
    "corner": (0, 0),
    "other": (50, 50),
    "edge": (25, 0),
    "aside": (50, 13.3),
    "within": (25.2, 0.3),
    "beside": (25.2, -0.3),
}

# Elsewhere: the upper left corner.
OTHERS = {"date": (32660, 7e5, 1e6), "fiji": (3460, 2.05e6, 4e6), "tile": (32635, 3e5, 6.8e6)}


def write(path, epsg, x, y):
    profile = {"driver": "GTiff", "width": SIZE, "height": SIZE, "count": 1, "dtype": "uint8"}
    transform = from_origin(x, y, PIXEL, PIXEL)
    with rasterio.open(path, "w", crs=f"EPSG:{epsg}", transform=transform, **profile) as raster:
        raster.write(numpy.ones((1, SIZE, SIZE), "uint8"))


def main(folder):
    folder = pathlib.Path(folder) / "polar"
    folder.mkdir(parents=True)
    for epsg, (x, y) in POLES.items():
        for place, (col, row) in PLACES.items():
            write(folder / f"{place}{epsg}.tif", epsg, x - col * PIXEL, y + row * PIXEL)
    for name, (epsg, x, y) in OTHERS.items():
        write(folder / f"{name}{epsg}.tif", epsg, x, y)


if __name__ == "__main__":
    main(sys.argv[1])
