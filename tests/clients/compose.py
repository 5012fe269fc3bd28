"""docker-compose.yml and the files in deploy/, read: well-formed, nothing missing. Prints the services as JSON, for the test
that runs their commands.

usage: compose.py REPOSITORY
"""

import json
import pathlib
import shlex
import sys

import yaml

repository = pathlib.Path(sys.argv[1])
document = yaml.safe_load((repository / "docker-compose.yml").read_text())
services = document["services"]
wanted = {"s3", "azurite", "seed", "cairn", "cairn-from-bucket"}
if set(services) != wanted:
    sys.exit(f"services are {sorted(services)}")
KEYS = {"build", "image", "command", "entrypoint", "ports", "volumes", "environment", "depends_on", "restart"}
stages = {line.split(" AS ")[1] for line in (repository / "Dockerfile").read_text().splitlines() if " AS " in line}
for name, service in services.items():
    if unknown := set(service) - KEYS:
        sys.exit(f"{name} has unexpected keys {sorted(unknown)}")
    match service.get("build"):
        case None:
            if "image" not in service:
                sys.exit(f"{name} has neither build nor image")
        case str(folder):
            if not (repository / folder / "Dockerfile").is_file():
                sys.exit(f"{name}: {folder} has no Dockerfile")
        case {"context": ".", "target": target}:
            if target not in stages:
                sys.exit(f"{name}: the Dockerfile has no stage {target}")
    for volume in service.get("volumes", []):
        if volume.split(":")[0] not in document["volumes"]:
            sys.exit(f"{name}: no volume {volume}")
    for other in service.get("depends_on", []):
        if other not in services:
            sys.exit(f"{name} waits for {other}, which is not there")

deployment, service = yaml.safe_load_all((repository / "deploy/kubernetes.yaml").read_text())
container = deployment["spec"]["template"]["spec"]["containers"][0]
labels = deployment["spec"]["template"]["metadata"]["labels"]
if service["spec"]["selector"] != labels or deployment["spec"]["selector"]["matchLabels"] != labels:
    sys.exit("the selectors of kubernetes.yaml do not agree")
probes = {container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
unit = (repository / "deploy/cairn.service").read_text().splitlines()
(start,) = [shlex.split(line.removeprefix("ExecStart=")) for line in unit if line.startswith("ExecStart=")]
print(json.dumps({"services": services, "serve": [container["args"], start[1:]], "probes": sorted(probes)}))
