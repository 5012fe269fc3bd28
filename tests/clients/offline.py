"""No test leaves this machine: schemas come from `schemas/`, any other host answers 404 and is named on stderr.

Importing this module is enough. It covers `urllib3` (so `requests`, pystac-client, pystac) and `urllib`.
"""

import io
import pathlib
import sys
import urllib.error
import urllib.request
from email.message import Message
from urllib.parse import urlsplit

import urllib3

SCHEMAS = pathlib.Path(__file__).parents[2] / "schemas"
LOCAL = {"127.0.0.1", "localhost"}


def bundled(url: str) -> bytes | None:
    """The bundled document published at `url`, or nothing."""
    parts = urlsplit(url)
    for root in (SCHEMAS, SCHEMAS / "derived"):
        file = root / parts.netloc / parts.path.lstrip("/")
        if file.is_file():
            return file.read_bytes()
    print(f"offline: {url} is not bundled", file=sys.stderr)
    return None


class _Handler(urllib.request.BaseHandler):
    handler_order = 100

    def _open(self, request):
        if urlsplit(request.full_url).hostname in LOCAL:
            return None
        body = bundled(request.full_url)
        if body is None:
            raise urllib.error.HTTPError(request.full_url, 404, "not bundled", Message(), None)
        answer = urllib.response.addinfourl(io.BytesIO(body), Message(), request.full_url, 200)
        answer.msg = "OK"
        return answer

    http_open = https_open = _open


_send = urllib3.HTTPConnectionPool.urlopen


def _urlopen(pool, method, url, *args, **options):
    if pool.host in LOCAL:
        return _send(pool, method, url, *args, **options)
    body = bundled(f"{pool.scheme}://{pool.host}{url}")
    return urllib3.HTTPResponse(
        body=io.BytesIO(body or b""),
        status=404 if body is None else 200,
        headers={"content-type": "application/json"},
        preload_content=options.get("preload_content", True),
    )


urllib3.HTTPConnectionPool.urlopen = _urlopen
urllib.request.install_opener(urllib.request.build_opener(_Handler()))
