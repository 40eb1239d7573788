"""The end of the process, at once and without any clean-up that could acknowledge something."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn

End = Callable[[str, int], NoReturn]


def end_process(cause: str, code: int) -> NoReturn:
    """One line on stderr, then out with the contract's exit code."""
    sys.stderr.write(f"intentwatch: {cause}\n")
    sys.stderr.flush()
    os._exit(code)
