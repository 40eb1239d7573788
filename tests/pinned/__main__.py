"""`make pinned`: what the product decides now, against expected/; exit 1 where they differ.

WRITE=1 writes expected/ anew.
"""

import argparse
import sys

from pinned import compare


def main() -> int:
    """Compare, or write."""
    parser = argparse.ArgumentParser(prog="make pinned", description=__doc__)
    parser.add_argument("--write", action="store_true", help="what is decided now becomes the expected")
    if parser.parse_args().write:
        for part in compare.PARTS:
            compare.write(part)
        return 0
    told = "".join(compare.compared(part) for part in compare.PARTS)
    sys.stdout.write(told or "pinned: everything is as expected\n")
    return 1 if told else 0


if __name__ == "__main__":
    raise SystemExit(main())
