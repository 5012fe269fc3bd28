"""The Planetary Computer's SDK, pointed at Cairn, signs what a search finds; rasterio reads it.

The SDK signs hosts of Azure's own cloud only. Their names are taken for Azurite's address when rasters are opened.

usage: planetary_computer_sdk.py CAIRN AZURITE RASTER
"""

import os
import sys

cairn, azurite, raster = sys.argv[1:]
os.environ["PC_SDK_SAS_URL"] = f"{cairn}/sas/v1/token"

import numpy as np
import planetary_computer
import pystac_client
import rasterio

CLOUD = "https://cairntest.blob.core.windows.net/"


def read(href):
    href = href.replace(CLOUD, f"{azurite}/cairntest/")
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), rasterio.open(f"/vsicurl/{href}") as opened:
        return opened.read()


with rasterio.open(raster) as opened:
    wanted = opened.read()
catalog = pystac_client.Client.open(cairn, modifier=planetary_computer.sign_inplace)
(item,) = catalog.search(collections=["c"]).items()
signed = item.assets["data"].href
assert signed.startswith(f"{CLOUD}open/a/x.tif?sv=") and "sig=" in signed
np.testing.assert_array_equal(read(signed), wanted)
plain = signed.split("?")[0]
assert planetary_computer.sign(plain) == signed, "the token is kept until a minute before it ends"
try:
    read(plain)
    sys.exit("what is not signed can be read")
except rasterio.errors.RasterioIOError:
    pass
try:
    planetary_computer.sas.get_token("cairntest", "shut", retry_total=0)
    sys.exit("a container that nobody allowed is signed")
except Exception as error:
    assert "403" in str(error), error
# Signed by the server instead: the SDK leaves such hrefs as they are.
(item,) = pystac_client.Client.open(cairn).search(method="POST", collections=["c"]).items()
by_server = pystac_client.stac_api_io.StacApiIO().read_json(f"{cairn}/collections/c/items/i?sign=true")["assets"]["data"]
assert planetary_computer.sign(by_server["href"]) == by_server["href"]
np.testing.assert_array_equal(read(by_server["href"]), wanted)
assert by_server["alternate"]["original"]["href"] == plain
print("signed and read")
