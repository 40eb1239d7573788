"""The end of a process, at once and from any thread."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn

End = Callable[[str, int], NoReturn]


def end_process(cause: str, code: int) -> NoReturn:
    """One line on stderr, then out with the contract's exit code, without any clean-up that could
    acknowledge something.
    """
    sys.stderr.write(f"intentwatch: {cause}\n")
    sys.stderr.flush()
    os._exit(code)
