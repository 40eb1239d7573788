"""`make pinned`: what the product decides now, against expected/; exit 1 where they differ.

WRITE=1 writes expected/ anew.
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from pinned import compare, demo, history, incidents, product


def main() -> int:
    """Compare, or write."""
    parser = argparse.ArgumentParser(prog="make pinned", description=__doc__)
    parser.add_argument("--write", action="store_true", help="what is decided becomes the expected")
    write = parser.parse_args().write
    act = compare.written if write else compare.compared
    with product.databases("history", "demo") as (one, two), ThreadPoolExecutor(2) as pool:
        parts = {
            "demo": demo.played(two),
            "history": history.played(one),
            "incidents": incidents.played(),
        }
        told = "".join(pool.map(act, parts.keys(), parts.values()))
    sys.stdout.write(told or "pinned: everything is as expected\n")
    return 1 if told and not write else 0


if __name__ == "__main__":
    raise SystemExit(main())
