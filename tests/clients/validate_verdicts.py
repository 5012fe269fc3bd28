"""pystac's verdict on documents, a line each: the path, then `valid`, `invalid` or `unknown`.

usage: validate_verdicts.py DOCUMENT...
"""

import sys

import offline  # noqa: F401
import pystac
from pystac.validation import validate_dict
from pystac.validation.stac_validator import GetSchemaError


def verdict(path):
    try:
        with open(path) as file:
            validate_dict(pystac.StacIO.default().json_loads(file.read()))
    except pystac.STACValidationError:
        return "invalid"
    except (GetSchemaError, pystac.STACError, KeyError, ValueError) as error:
        # A schema that is not bundled, or a document that is none of STAC's.
        return f"unknown ({type(error).__name__})"
    return "valid"


if __name__ == "__main__":
    for path in sys.argv[1:]:
        print(path, verdict(path))
