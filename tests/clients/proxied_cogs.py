"""Rasters read by GDAL through the asset proxy, one range a request and several, are those on the disk.

usage: proxied_cogs.py PROXYING_URL ORIGINAL_URL
"""

import sys

import numpy as np
import pystac_client
import rasterio

proxying, original = sys.argv[1:]


def hrefs(url):
    for item in pystac_client.Client.open(url).search().items():
        for key, asset in item.assets.items():
            yield (item.id, key), asset.href


def read(path):
    """All bands of a raster and its first overview, or what GDAL says against it."""
    try:
        with rasterio.open(path) as raster:
            pixels = [raster.read(), raster.read(1, out_shape=(max(raster.height // 2, 1), max(raster.width // 2, 1)))]
            return pixels, raster.profile, raster.tags()
    except rasterio.errors.RasterioIOError:
        return None


near, count = dict(hrefs(original)), 0
for options in ({}, {"GDAL_HTTP_MULTIRANGE": "SINGLE_GET"}, {"GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "NO", "CPL_VSIL_CURL_CHUNK_SIZE": "4096"}):
    # No listing of folders beside, and nothing kept from the round before.
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", VSI_CACHE=False, CPL_VSIL_CURL_NON_CACHED="/vsicurl/", **options):
        for key, href in hrefs(proxying):
            assert href.startswith(proxying), href
            if near[key].endswith("/cog_strile_arrays_zeroified_when_possible.tif"):
                # GDAL makes other pixels of it from any web server than from the disk.
                continue
            through, beside = read(f"/vsicurl/{href}"), read(near[key])
            assert (through is None) == (beside is None), (key, near[key])
            if beside is None:
                continue
            for one, other in zip(through[0], beside[0]):
                np.testing.assert_array_equal(one, other, err_msg=near[key])
            assert repr(through[1:]) == repr(beside[1:]), near[key]
            count += 1
assert count > 60, count
print(f"{count} rasters are alike")
