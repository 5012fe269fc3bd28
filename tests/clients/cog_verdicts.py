"""rio-cogeo's verdict on files, a line each: `cog` or `no`, then the path.

usage: cog_verdicts.py FILE...
"""

import sys
import warnings

from rio_cogeo.cogeo import cog_validate

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for path in sys.argv[1:]:
        try:
            is_cog, _errors, _warnings = cog_validate(path, quiet=True)
        except Exception:  # noqa: BLE001 - whatever it makes of a file that it cannot read
            print("unreadable", path)
            continue
        print("cog" if is_cog else "no", path)
