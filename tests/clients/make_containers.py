"""Writes rasters in other formats than TIFF: make_containers.py FOLDER.

`plain.jp2`, `two.nc` (a netCDF of two variables), `two.h5` (the same as HDF5, which netCDF 4 is), `one.nc`, `one.vrt`, and `second.tif` with
what the second variable holds, `flipped.tif` with the same upside down.
"""

import pathlib
import sys

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.transform import from_origin

folder = pathlib.Path(sys.argv[1])
rows, cols = np.mgrid[0:80, 0:60]
first, second = (rows * 3 + cols).astype("int16"), (cols * 5 - rows).astype("int16")
profile = {"height": 80, "width": 60, "dtype": "int16", "crs": "EPSG:32635", "transform": from_origin(3e5, 68e5, 10, 10)}
for name, bands, options in (
    ("two.nc", (first, second), {"driver": "netCDF", "FORMAT": "NC4"}),
    ("two4.nc", (first, second), {"driver": "netCDF", "FORMAT": "NC4"}),
    ("one.nc", (second,), {"driver": "netCDF", "FORMAT": "NC4"}),
    ("plain.jp2", (second,), {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES"}),
    ("second.tif", (second,), {"driver": "GTiff"}),
    # netCDF begins in the south; the HDF5 driver does not know.
    ("flipped.tif", (second[::-1],), {"driver": "GTiff"}),
):
    memory = f"/vsimem/{name}.tif"
    with rasterio.open(memory, "w", **profile, driver="GTiff", count=len(bands)) as dataset:
        dataset.write(np.stack(bands))
    # Strict copies are refused: netCDF keeps metadata in its own way.
    rasterio.shutil.copy(memory, str(folder / name), strict=False, **options)
rasterio.shutil.copy(str(folder / "second.tif"), str(folder / "one.vrt"), driver="VRT")
# The driver wants its own extension.
(folder / "two4.nc").rename(folder / "two.h5")
