"""Time series of one Sentinel-2-like scene, in the layouts that are compared. Made once, in .cairn/bench-scenes."""

import pathlib
import shutil

import numpy as np
import rasterio
import rasterio.shutil
import zarr
from numcodecs import Blosc
from rasterio.transform import from_origin

CRS, LEFT, TOP = "EPSG:32635", 300000, 6800040
BANDS = ["B02", "B03", "B04", "B08"]
SIDE, DATES = 4096, 12
# The reference study's groups of bands, by ground size of a pixel; its scene is cut down, its patch is not.
GROUPS = {10: BANDS, 20: ["B05", "B06", "B07", "B8A", "B11", "B12"], 60: ["B01", "B09", "B10"]}
STUDY_SIDE_M, STUDY_DATES = 23040, 48
# (time, band, row, column) of the chunks of its Zarr store.
STUDY_CHUNKS = {10: (20, 4, 512, 512), 20: (40, 6, 256, 256), 60: (80, 3, 128, 128)}
DEFLATE_512 = dict(compress="deflate", blocksize=512)
DEFLATE_512_P2 = dict(compress="deflate", predictor=2, blocksize=512)
TIMESERIES = dict(compress="zstd", level=9, predictor=2, blocksize=256)


def pixels(side, bands, seed):
    """Smooth land with sensor noise: packs 1.3 times under deflate, as real scenes do."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1, (side // 64 + 2, side // 64 + 2))
    at = np.arange(side) / 64
    low, share = at.astype(int), (at % 1)[:, None]
    rows = coarse[low] * (1 - share) + coarse[low + 1] * share
    land = rows[:, low] * (1 - share.T) + rows[:, low + 1] * share.T
    scene = [1400 + 250 * k + 300 * land + rng.normal(0, 9 + 3 * (k % 4), (side, side)) for k in range(bands)]
    return np.rint(scene).astype(np.uint16)


def write_cog(path, array, names, resolution, layout):
    """A COG as GDAL's own driver writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count, side, _ = array.shape
    profile = dict(driver="GTiff", width=side, height=side, count=count, dtype="uint16", crs=CRS, nodata=0,
                   transform=from_origin(LEFT, TOP, resolution, resolution), tiled=True, interleave="pixel")
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(array)
            for index, name in enumerate(names, 1):
                dataset.set_band_description(index, name)
        with memory.open() as dataset:
            rasterio.shutil.copy(dataset, path, driver="COG", overview_resampling="nearest", **layout)


def date_name(nth):
    return f"S2A_{2022 + nth // 12}{nth % 12 + 1:02}15T095029"


def made(folder, make):
    """Makes a set unless it is there whole."""
    if not (folder / "made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        (folder / "made").touch()
    return folder


def series(base, layout, per_band):
    """Twelve dates of four bands: one file a date, or one a date and band. Gives the folder and files[date][band]."""

    def make(folder):
        for date in range(DATES):
            array = pixels(SIDE, len(BANDS), date)
            for path, bands in files_of(folder, date, per_band):
                write_cog(path, array[[BANDS.index(band) for band in bands]], bands, 10, layout)

    made(base, make)
    return base, [{band: path for path, bands in files_of(base, date, per_band) for band in bands} for date in range(DATES)]


def files_of(folder, date, per_band):
    name = date_name(date)
    if per_band:
        return [(folder / "cogs/scenes" / name / f"{name}_{band}.tif", [band]) for band in BANDS]
    return [(folder / "cogs/scenes" / f"{name}.tif", BANDS)]


def study_side(resolution):
    return STUDY_SIDE_M // resolution


def study_pixels(resolution, date):
    return pixels(study_side(resolution), len(GROUPS[resolution]), 1000 * resolution + date)


def study(base, layout):
    """The study's stacks: one file for each date and resolution. Gives the folder and files[resolution][date]."""

    def make(folder):
        for date in range(STUDY_DATES):
            for resolution, path in study_files(folder, date).items():
                write_cog(path, study_pixels(resolution, date), GROUPS[resolution], resolution, layout)

    made(base, make)
    return base, {resolution: [study_files(base, date)[resolution] for date in range(STUDY_DATES)] for resolution in GROUPS}


def study_files(folder, date):
    return {r: folder / f"cogs/r{r}" / f"{date_name(date)}.tif" for r in GROUPS}


def study_zarr(base):
    """The same as the study's Zarr store: blosc lz4 level 5, bitshuffle."""

    def make(folder):
        for resolution, bands in GROUPS.items():
            side = study_side(resolution)
            chunks = STUDY_CHUNKS[resolution]
            array = zarr.create_array(
                str(folder / f"r{resolution}"), shape=(STUDY_DATES, len(bands), side, side), dtype="uint16", zarr_format=2,
                chunks=(min(chunks[0], STUDY_DATES), *chunks[1:]), fill_value=0,
                compressors=[Blosc(cname="lz4", clevel=5, shuffle=Blosc.BITSHUFFLE)])
            for date in range(STUDY_DATES):
                array[date] = study_pixels(resolution, date)

    return made(base, make)


def series_zarr(base):
    """The twelve dates as the study stores them: a chunk holds twenty dates, also where a series is shorter."""

    def make(folder):
        array = zarr.create_array(
            str(folder / "r10"), shape=(DATES, len(BANDS), SIDE, SIDE), dtype="uint16", zarr_format=2,
            chunks=STUDY_CHUNKS[10], fill_value=0,
            compressors=[Blosc(cname="lz4", clevel=5, shuffle=Blosc.BITSHUFFLE)])
        for date in range(DATES):
            array[date] = pixels(SIDE, len(BANDS), date)

    return made(base, make)
