"""Python libraries that read the same files in their own process."""

import datetime

import numpy as np
import pystac
import rasterio
from rasterio.windows import Window

from .scenes import BANDS, CRS, LEFT, SIDE, TOP

SIZE = 256


class Rasterio:
    """Datasets that stay open, for one thread: windows of files[date][band]."""

    def __init__(self, files):
        self.open = {path: rasterio.open(path) for date in files for path in date.values()}
        self.files = files

    def read(self, col, row):
        out = np.empty((len(self.files), len(BANDS), SIZE, SIZE), np.uint16)
        window = Window(col, row, SIZE, SIZE)
        for date, bands in zip(out, self.files):
            if len(set(bands.values())) == 1:
                self.open[bands[BANDS[0]]].read(window=window, out=date)
            else:
                for band, plane in zip(BANDS, date):
                    self.open[bands[band]].read(1, window=window, out=plane)
        return out


def items(files):
    """The set as STAC Items, described as fully as these libraries like it, so that none has to open a file to learn more."""
    edges = [LEFT, TOP - 10 * SIDE, LEFT + 10 * SIDE, TOP]
    bbox = list(rasterio.warp.transform_bounds(CRS, "EPSG:4326", *edges))
    west, south, east, north = bbox
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    all_items = []
    for nth, bands in enumerate(files):
        item = pystac.Item(f"d{nth}", {"type": "Polygon", "coordinates": [ring]}, bbox,
                           datetime.datetime(2022 + nth // 12, nth % 12 + 1, 15, tzinfo=datetime.UTC),
                           {"proj:epsg": 32635, "proj:code": CRS},
                           stac_extensions=["https://stac-extensions.github.io/projection/v1.1.0/schema.json",
                                            "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
                                            "https://stac-extensions.github.io/raster/v1.1.0/schema.json"])
        of_file = {}
        for band, path in bands.items():
            of_file.setdefault(path, []).append(band)
        for path, of in of_file.items():
            fields = {"proj:epsg": 32635, "proj:shape": [SIDE, SIDE], "proj:transform": [10, 0, LEFT, 0, -10, TOP],
                      "eo:bands": [{"name": band} for band in of],
                      "raster:bands": [{"data_type": "uint16", "nodata": 0} for _ in of]}
            key = of[0] if len(of) == 1 else "stack"
            item.add_asset(key, pystac.Asset(str(path), media_type=pystac.MediaType.COG, roles=["data"], extra_fields=fields))
        all_items.append(item)
    return all_items


def bounds_of(col, row):
    return LEFT + 10 * col, TOP - 10 * (row + SIZE), LEFT + 10 * (col + SIZE), TOP - 10 * row


def odc_stac_read(all_items, stacked, col, row):
    """With as many threads as do it best."""
    import odc.stac
    from odc.geo.geobox import GeoBox

    west, south, east, north = bounds_of(col, row)
    box = GeoBox.from_bbox((west, south, east, north), CRS, resolution=10)
    bands = [f"stack.{n}" for n in range(1, len(BANDS) + 1)] if stacked else BANDS
    loaded = odc.stac.load(all_items, bands=bands, geobox=box, dtype="uint16", nodata=0, pool=4)
    return np.stack([loaded[band].values for band in bands], axis=1)


def stackstac_read(all_items, col, row):
    import stackstac

    stack = stackstac.stack(all_items, assets=BANDS, epsg=32635, resolution=10, bounds=bounds_of(col, row), dtype="uint16",
                            fill_value=np.uint16(0), rescale=False, snap_bounds=False, chunksize=SIZE)
    return stack.compute(scheduler="threads", num_workers=4).values
