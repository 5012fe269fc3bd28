"""A patch time series made the plain way with rasterio and NumPy, straight from the files: what `/patch` must equal bit for bit."""

import math
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

import numpy as np
import rasterio
import scan
from rasterio.warp import transform as project


@lru_cache(maxsize=512)
def opened(href: str):
    return rasterio.open(href)


@dataclass(frozen=True)
class Window:
    """Pixels on the grid of `crs` and `origin`: half-open, may reach outside every raster."""

    crs: str
    pixel: tuple[float, float]
    left: float
    top: float
    height: int
    width: int

    @property
    def transform(self) -> tuple[float, ...]:
        return (self.pixel[0], 0.0, self.left, 0.0, self.pixel[1], self.top)

    @property
    def centre(self) -> tuple[float, float]:
        """lon, lat"""
        x = self.left + self.pixel[0] * self.width / 2
        y = self.top + self.pixel[1] * self.height / 2
        (lon,), (lat,) = project(self.crs, "EPSG:4326", [x], [y])
        return lon, lat


@dataclass(frozen=True)
class Step:
    """One time step: `(B, H, W)` pixels, `(H, W)` validity, the Items in it and the earliest one's time."""

    pixels: np.ndarray
    valid: np.ndarray
    items: list[tuple[str, str]]
    time: int


def _columns(window_crs, pixel, x0, y0, lon, lat):
    xs, ys = project("EPSG:4326", window_crs, lon, lat)
    return [(x - x0) / pixel[0] for x in xs], [(y - y0) / pixel[1] for y in ys]


def window_at(file, lon: float, lat: float, height: int, width: int) -> Window:
    """The window whose middle lies nearest to a point."""
    crs, t = file.crs.to_string(), file.transform
    (col,), (row,) = _columns(crs, (t.a, t.e), t.c, t.f, [lon], [lat])
    return _shifted(crs, t, round(col - width / 2), round(row - height / 2), height, width)


def window_over(file, bbox: list[float]) -> Window:
    """The smallest window that covers a lon/lat box, whose sides are curves on the grid."""
    crs, t = file.crs.to_string(), file.transform
    west, south, east, north = bbox
    along = np.linspace(0, 1, 400)
    lon = np.concatenate([west + (east - west) * along] * 2 + [np.full(400, west), np.full(400, east)])
    lat = np.concatenate([np.full(400, south), np.full(400, north)] + [south + (north - south) * along] * 2)
    cols, rows = _columns(crs, (t.a, t.e), t.c, t.f, lon, lat)
    first_col, first_row = math.floor(min(cols)), math.floor(min(rows))
    return _shifted(crs, t, first_col, first_row, math.ceil(max(rows)) - first_row, math.ceil(max(cols)) - first_col)


def _shifted(crs, t, col, row, height, width):
    return Window(crs, (t.a, t.e), t.c + col * t.a, t.f + row * t.e, height, width)


def overlap(file, window: Window):
    """First column and row of the window in the file, and the part of the window inside it as two slices; none when apart."""
    t = file.transform
    col, row = round((window.left - t.c) / t.a), round((window.top - t.f) / t.e)
    rows = slice(max(0, -row), min(window.height, file.height - row))
    cols = slice(max(0, -col), min(window.width, file.width - col))
    return (col, row, rows, cols) if rows.start < rows.stop and cols.start < cols.stop else None


def read(item: dict, names: list[str], window: Window):
    """The window's pixels of one Item, `(B, H, W)`, and where all bands are valid; none when the rasters lie elsewhere."""
    known, layers, valid = scan.bands(item), [], None
    for name in names:
        key, number = known[name]
        file = opened(item["assets"][key]["href"])
        place = overlap(file, window)
        if place is None:
            return None
        col, row, rows, cols = place
        nodata = file.nodatavals[number - 1]
        layer = np.full((window.height, window.width), 0 if nodata is None else nodata, file.dtypes[number - 1])
        span = ((row + rows.start, row + rows.stop), (col + cols.start, col + cols.stop))
        layer[rows, cols] = file.read(number, window=span)
        good = np.zeros(layer.shape, bool)
        good[rows, cols] = True
        if nodata is not None:
            good &= ~np.isnan(layer) if np.isnan(nodata) else layer != nodata
        layers.append(layer)
        valid = good if valid is None else valid & good
    return np.stack(layers).astype(np.result_type(*layers)), valid


def hide(item: dict, names: list[str], window: Window, mask: str, pixels, valid):
    """Makes pixels nodata where the mask's band, of any resolution, has one of its values."""
    band, _, values = mask.partition(":")
    key, number = scan.bands(item)[band]
    file = opened(item["assets"][key]["href"])
    t, whole = file.transform, file.read(number)
    x = window.left + window.pixel[0] * (np.arange(window.width) + 0.5)
    y = window.top + window.pixel[1] * (np.arange(window.height) + 0.5)
    cols, rows = np.floor((x - t.c) / t.a).astype(int), np.floor((y - t.f) / t.e).astype(int)
    inside = ((rows >= 0) & (rows < file.height))[:, None] & ((cols >= 0) & (cols < file.width))
    seen = whole[np.clip(rows, 0, file.height - 1)[:, None], np.clip(cols, 0, file.width - 1)]
    hidden = inside & np.isin(seen, [int(value) for value in values.split(",")])
    for layer, nodata in zip(pixels, nodatas(item, names)):
        layer[hidden] = 0 if nodata is None else nodata
    valid &= ~hidden


def nodatas(item: dict, names: list[str]) -> list:
    known = scan.bands(item)
    return [opened(item["assets"][known[name][0]]["href"]).nodatavals[known[name][1] - 1] for name in names]


def scales(item: dict, names: list[str]) -> list[tuple[float, float]]:
    """Scale and offset of each band."""
    known = scan.bands(item)
    files = [(opened(item["assets"][known[name][0]]["href"]), known[name][1] - 1) for name in names]
    return [(file.scales[index], file.offsets[index]) for file, index in files]


def steps(items: list[dict], names: list[str], window: Window, group_by: str, mask: str | None = None) -> list[Step]:
    """Time steps, oldest first. A solar day's Items of one platform are mosaicked, the earlier on top. A mask goes with
    `group_by` item only."""
    lon = window.centre[0]
    groups: dict = {}
    for item in sorted(items, key=lambda item: (scan.span(item)[0], item["id"])):
        taken = read(item, names, window)
        if taken is None:
            continue
        if mask:
            hide(item, names, window, mask, *taken)
        time = scan.span(item)[0]
        key = (item["collection"], item["id"])
        if group_by == "solar_day":
            day = math.floor((time / 3600e9 + lon / 15) / 24)
            key = (day, item["properties"].get("platform"))
        groups.setdefault(key, []).append((item, time, *taken))
    found = []
    for group in groups.values():
        item, time, pixels, valid = group[0]
        pixels, valid, named = pixels.copy(), valid.copy(), [label(item)]
        for other, _, more, good in group[1:]:
            fill = good & ~valid
            pixels[:, fill] = more[:, fill]
            valid |= good
            named.append(label(other))
        found.append(Step(pixels, valid, named, time))
    return found


def label(item: dict) -> tuple[str, str]:
    return item["collection"], item["id"]


def labels(text: str) -> list[tuple[str, str]]:
    """`collection/id,collection/id`, each part percent-encoded."""
    return [tuple(map(unquote, name.split("/"))) for name in text.split(",")] if text else []


def spread(found: list, count: int) -> list:
    """Exactly `count` of them, evenly spread; `None` where there are too few; nothing out of nothing."""
    if not found:
        return []
    if len(found) <= count:
        return found + [None] * (count - len(found))
    if count == 1:
        return found[:1]
    return [found[(2 * k * (len(found) - 1) + (count - 1)) // (2 * (count - 1))] for k in range(count)]
