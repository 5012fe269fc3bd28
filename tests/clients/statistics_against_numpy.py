"""Statistics and histograms of a built tree against NumPy, its thumbnails against rasterio.

usage: statistics_against_numpy.py CATALOG
"""

import sys

import numpy
import offline  # noqa: F401
import pystac
import rasterio

EVERY = 50


def check_band(name, array, band):
    valid = array.compressed().astype("float64")
    found = band["statistics"]
    wanted = {
        "minimum": valid.min(), "maximum": valid.max(), "mean": valid.mean(), "stddev": valid.std(),
        "valid_percent": 100 * valid.size / array.size,
    }
    for key, value in wanted.items():
        if not numpy.isclose(found[key], value, rtol=1e-9, atol=1e-9):
            sys.exit(f"{name}: {key} is {found[key]}, NumPy has {value}")
    histogram = band["raster:histogram"]
    counts, edges = numpy.histogram(valid, bins=histogram["count"])
    if histogram["buckets"] != counts.tolist() or [histogram["min"], histogram["max"]] != [edges[0], edges[-1]]:
        sys.exit(f"{name}: {histogram}, NumPy has {counts} from {edges[0]} to {edges[-1]}")


def main(path):
    checked = 0
    for item in list(pystac.read_file(path).get_items(recursive=True))[::EVERY]:
        for key, asset in item.assets.items():
            href = asset.get_absolute_href()
            with rasterio.open(href) as raster:
                if key == "thumbnail":
                    pixels = raster.read()
                    if max(raster.shape) > 512 or raster.count not in (2, 4) or not pixels[-1].any():
                        sys.exit(f"{href}: {raster.profile}")
                    continue
                arrays = raster.read(masked=True)
            for array, band in zip(arrays, asset.to_dict()["bands"], strict=True):
                check_band(f"{href} {band['name']}", array, band)
                checked += 1
    print(f"{checked} bands agree")


if __name__ == "__main__":
    main(sys.argv[1])
