"""pystac validates every object of a tree, stac-check its root, its Collections and some Items. A tree that is published at a
URL of this machine is served there meanwhile.

usage: validate_tree.py CATALOG [PORT FOLDER]
"""

import functools
import http.server
import sys
import threading

import offline  # noqa: F401
import pystac
from stac_check.lint import Linter

ITEMS_CHECKED = 3


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def main(path, port=None, folder=None):
    if port:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), functools.partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
    root = pystac.read_file(path)
    count = root.validate_all()
    collections = list(root.get_all_collections())
    if not collections:
        sys.exit(f"{path}: no collections")
    objects = [root, *collections]
    for collection in collections:
        objects += list(collection.get_items(recursive=True))[:ITEMS_CHECKED]
    for stac_object in objects:
        linter = Linter(stac_object.to_dict(include_self_link=False, transform_hrefs=False))
        if not linter.valid_stac:
            sys.exit(f"{stac_object.self_href}: stac-check: {linter.error_type} {linter.error_msg}")
    print(f"{count} objects, {len(objects)} by stac-check")


if __name__ == "__main__":
    main(*sys.argv[1:])
