"""A server is killed at random instants of mixed writes: what it acknowledged is there after a restart, what it did not is
whole or absent, and the tree has no broken link.

usage: killed_writes.py CAIRN ROOT FOLDER KILLS SEED   (ROOT: the tree as the server reads it; FOLDER: the same as files)
"""

import http.client
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import offline  # noqa: F401
import pystac

CLIENTS = 4
ITEMS = "/collections/c/items"
BULK = 25


def item(id, number):
    west, south = float(number % 100), float(number % 50)
    ring = [[west, south], [west + 1, south], [west + 1, south + 1], [west, south + 1], [west, south]]
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": id,
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [west, south, west + 1, south + 1],
        "properties": {"datetime": f"2024-{number // 28 % 12 + 1:02}-{number % 28 + 1:02}T00:00:00Z", "n": number},
        "assets": {}, "links": [],
    }  # fmt: skip


class Server:
    def __init__(self, cairn, root, cache):
        command = [cairn, "serve", root, "--bind", "127.0.0.1:0", "--token", "t", "--cache-dir", cache]
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if "listening on" not in line:
            self.log.seek(0)
            sys.exit(f"the server did not start: {self.log.read()}")
        self.url = line.split()[-1].rstrip("/")

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": "Bearer t", "content-type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Client(threading.Thread):
    """Writes Items of its own, and knows of each which states it may be in: `None` for not there."""

    def __init__(self, server, name, known, seed):
        super().__init__()
        self.server, self.name, self.known, self.seed = server, name, known, seed
        self.doubtful, self.acknowledged, self.wrong = [], 0, []

    def run(self):
        chance = random.Random(f"{self.seed}{self.name}")
        for step in range(100_000):
            there = [id for id, states in self.known.items() if len(states) == 1 and None not in states]
            kind = chance.choice(["post", "post", "bulk", "put", "patch", "delete"])
            number = chance.randrange(336)
            try:
                if kind == "post" or not there:
                    id = f"{self.name}-{step}"
                    if not self.write({id: number}, "POST", ITEMS, item(id, number), 201):
                        return
                elif kind == "bulk":
                    ids = {f"{self.name}-{step}-{n}": chance.randrange(336) for n in range(BULK)}
                    self.doubtful = list(ids)
                    features = [item(id, number) for id, number in ids.items()]
                    body = {"type": "FeatureCollection", "features": features}
                    if not self.write(ids, "POST", ITEMS, body, 201):
                        return
                    self.doubtful = []
                else:
                    id = chance.choice(there)
                    path = f"{ITEMS}/{id}"
                    if kind == "put":
                        done = self.write({id: number}, "PUT", path, item(id, number), 204)
                    elif kind == "patch":
                        done = self.write({id: number}, "PATCH", path, {"properties": {"n": number}}, 204)
                    else:
                        done = self.write({id: None}, "DELETE", path, None, 204)
                    if not done:
                        return
            except (OSError, http.client.HTTPException):
                return

    def write(self, states, method, path, body, wanted):
        before = {id: self.known.get(id, {None}) for id in states}
        for id, state in states.items():
            self.known[id] = before[id] | {state}
        status, answer = self.server.ask(method, path, body)
        if status != wanted:
            self.wrong.append(f"{method} {path}: {status} {answer[:300]}")
            return False
        for id, state in states.items():
            self.known[id] = {state}
        self.acknowledged += 1
        return True


def state(server, id):
    status, body = server.ask("GET", f"{ITEMS}/{id}")
    if status == 404:
        return None
    if status != 200:
        sys.exit(f"GET {id}: {status} {body[:300]}")
    return json.loads(body)["properties"]["n"]


def broken(cairn, root, folder):
    """What `cairn validate` and pystac find wrong with the tree, and what pystac finds in it."""
    said = subprocess.run([cairn, "validate", root], capture_output=True, text=True)
    if said.returncode != 0:
        return said.stdout + said.stderr, {}
    found = {}
    try:
        for one in pystac.read_file(str(folder / "catalog.json")).get_items(recursive=True):
            if one.id in found:
                return f"{one.id} is linked twice", {}
            found[one.id] = one.properties["n"]
    except Exception as error:  # noqa: BLE001
        return f"pystac: {error!r}", {}
    return "", found


def main(cairn, root, folder, kills, seed):
    chance, known = random.Random(seed), {}
    lost = broken_trees = acknowledged = 0
    cache = tempfile.mkdtemp()
    for kill in range(kills):
        server = Server(cairn, root, cache)
        clients = [Client(server, f"k{kill}c{n}", {}, seed) for n in range(CLIENTS)]
        # Each goes on with a part of what is there.
        for n, (id, states) in enumerate(known.items()):
            clients[n % CLIENTS].known[id] = states
        for client in clients:
            client.start()
        time.sleep(0.3 + chance.random() * 1.2)
        server.kill()
        for client in clients:
            client.join()
            known.update(client.known)
            acknowledged += client.acknowledged
            for wrong in client.wrong:
                sys.exit(f"a write was refused: {wrong}")
        server = Server(cairn, root, cache)
        for id, states in known.items():
            now = state(server, id)
            if now not in states:
                print(f"kill {kill}: {id} is {now}, expected one of {states}")
                lost += 1
            known[id] = {now}
        for client in clients:
            there = [next(iter(known[id])) is not None for id in client.doubtful]
            if any(there) and not all(there):
                print(f"kill {kill}: a bulk write of {len(there)} Items left {sum(there)}")
                lost += 1
        wrong, found = broken(cairn, root, folder)
        expected = {id: next(iter(states)) for id, states in known.items() if None not in states}
        if wrong or found != expected:
            differing = {id for id in found.keys() | expected.keys() if found.get(id) != expected.get(id)}
            told = [f"{id}: {found.get(id)} in the tree, {expected.get(id)} served" for id in sorted(differing)[:9]]
            print(f"kill {kill}: {wrong or told}")
            broken_trees += 1
        known = {id: states for id, states in known.items() if None not in states}
        server.kill()
    print(f"{kills} kills, {acknowledged} writes acknowledged: acknowledged lost {lost}, broken trees {broken_trees}")
    sys.exit(1 if lost or broken_trees or not acknowledged else 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
