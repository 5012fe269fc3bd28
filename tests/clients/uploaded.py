"""What `cairn upload` put into a store, as obstore sees it: names, bytes, media types, checksums.

usage: uploaded.py s3|azure ENDPOINT BUCKET PREFIX FOLDER
"""

import base64
import hashlib
import pathlib
import sys

from obstore.store import AzureStore, S3Store

kind, endpoint, bucket, prefix, folder = sys.argv[1:]
plain = {"allow_http": True}
if kind == "s3":
    store = S3Store(bucket, endpoint=endpoint, access_key_id="AKTEST", secret_access_key="SKTESTsecret", region="us-east-1",
                    client_options=plain)
else:
    store = AzureStore(bucket, account_name="cairntest", endpoint=f"{endpoint}/cairntest",
                       account_key="Y2Fpcm4tdGVzdC1rZXktdGhhdC1vcGVucy1ub3RoaW5nLWVsc2UtaW4tdGhlLXdvcmxkLi4u", client_options=plain)

TYPES = {
    "cog.tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    "item.json": "application/geo+json",
    "catalog.json": "application/json",
    "picture.JPG": "image/jpeg",
    "parts.parquet": "application/vnd.apache.parquet",
}
listed = {meta["path"].removeprefix(f"{prefix}/"): meta for page in store.list(prefix) for meta in page}
files = {path.relative_to(folder).as_posix(): path for path in pathlib.Path(folder).rglob("*") if path.is_file()}
if set(listed) != set(files):
    sys.exit(f"in the store {sorted(listed)}, in the folder {sorted(files)}")
for name, path in files.items():
    got = store.get(f"{prefix}/{name}")
    attributes = got.attributes
    data = path.read_bytes()
    if bytes(got.bytes()) != data:
        sys.exit(f"{name} has other bytes")
    wanted = TYPES.get(path.name, "image/tiff")
    if attributes.get("Content-Type") != wanted:
        sys.exit(f"{name} is {attributes.get('Content-Type')}, not {wanted}")
    checksum = base64.b64encode(hashlib.md5(data).digest()).decode()
    if attributes.get("md5chksum") != checksum:
        sys.exit(f"{name} has the checksum {attributes}, not {checksum}")
