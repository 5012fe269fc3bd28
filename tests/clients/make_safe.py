"""Writes a Sentinel-2 product with real JPEG 2000 pixels around the metadata of a real one.

make_safe.py TEMPLATE OUT [--pixels N] [--descending] [--zip] [--without BAND] [--no-picture]

TEMPLATE is a folder of tests/data/safe. Of the tile, the upper left N x N pixels of 60 m are written (N x 3 of 20 m, N x 6
of 10 m). Prints the path of what was written.
"""

import argparse
import pathlib
import re
import shutil

import numpy as np
import rasterio
from rasterio.transform import from_origin

GSD = {"B01": 60, "B09": 60, "B10": 60, "B02": 10, "B03": 10, "B04": 10, "B08": 10, "TCI": 10}


def pixels(band: str, size: int) -> np.ndarray:
    """Deterministic samples, band by row by column; a corner without data."""
    row, col = np.mgrid[0:size, 0:size]
    seed = sum(map(ord, band))
    if band == "SCL":
        return ((row // 7 + col // 5 + seed) % 12).astype("uint8")[None]
    if band == "TCI":
        return np.stack([(row * 3 + col * k + seed) % 255 + 1 for k in (1, 2, 5)]).astype("uint8")
    values = (row * 7 + col * 13 + (row * col) % 97 + seed * 31) % 9000 + 1001
    values[: size // 4, : size // 4] = 0
    return values.astype("uint16")[None]


def write(path: pathlib.Path, band: str, gsd: int, size: int, xml: str) -> None:
    samples = pixels(band, size)
    west, north = (float(re.search(rf"<{name}>(-?\d+)<", xml)[1]) for name in ("ULX", "ULY"))
    profile = {
        "driver": "JP2OpenJPEG", "count": len(samples), "height": size, "width": size, "dtype": samples.dtype,
        "crs": re.search(r"EPSG:\d+", xml)[0], "transform": from_origin(west, north, gsd, gsd),
        "QUALITY": "100", "REVERSIBLE": "YES", "YCBCR420": "NO",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(samples)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("template", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--pixels", type=int, default=40)
    parser.add_argument("--descending", action="store_true")
    parser.add_argument("--zip", action="store_true")
    parser.add_argument("--without")
    parser.add_argument("--no-picture", action="store_true")
    args = parser.parse_args()
    root = args.out / args.template.name
    for source in args.template.rglob("*.xml"):
        text = source.read_text("utf8")
        if args.descending:
            text = text.replace(">ASCENDING<", ">DESCENDING<")
        for gsd in (10, 20, 60):
            text = re.sub(rf"(<N(?:ROWS|COLS)>){109800 // gsd}(<)", rf"\g<1>{args.pixels * 60 // gsd}\2", text)
        dest = root / source.relative_to(args.template)
        dest.parent.mkdir(parents=True, exist_ok=True)
        dest.write_text(text, "utf8")
    tile = next(root.rglob("MTD_TL.xml")).read_text("utf8")
    product = next(root.glob("MTD_MSI*.xml")).read_text("utf8")
    for image in re.findall(r"<IMAGE_FILE>(.*?)</IMAGE_FILE>", product):
        band, gsd = re.search(r"_(B\w\w|TCI|SCL|AOT|WVP)(?:_(\d\d)m)?$", image).groups()
        gsd = int(gsd or GSD.get(band, 20))
        if band == args.without or (band == "TCI" and args.no_picture):
            continue
        write(root / f"{image}.jp2", band, gsd, args.pixels * 60 // gsd, tile)
    if args.zip:
        print(shutil.make_archive(str(args.out / args.template.stem), "zip", args.out, root.name))
        shutil.rmtree(root)
    else:
        print(root)


main()
