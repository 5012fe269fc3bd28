"""`stac-api-validator` with the arguments given, its schemas from `schemas/`."""

import offline  # noqa: F401
from stac_api_validator.__main__ import main

main(prog_name="stac-api-validator")
