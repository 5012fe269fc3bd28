"""docker-compose.yml: well-formed, with the server and an object store, each with something to run.

usage: compose.py FILE
"""

import pathlib
import sys

import yaml

document = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text())
services = document["services"]
if set(services) != {"cairn", "azurite"}:
    sys.exit(f"services are {sorted(services)}")
for name, service in services.items():
    if not ("build" in service or "image" in service):
        sys.exit(f"{name} has neither build nor image")
    if unknown := set(service) - {"build", "image", "command", "ports", "volumes", "environment", "depends_on"}:
        sys.exit(f"{name} has unexpected keys {sorted(unknown)}")
if not (pathlib.Path(sys.argv[1]).parent / services["cairn"]["build"] / "Dockerfile").is_file():
    sys.exit("the server's Dockerfile is missing")
