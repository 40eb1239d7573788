"""What is said once while it lasts, and once when it is over."""

import logging

log = logging.getLogger("intentwatch.gateway")


class Told:
    """Which conditions have been said."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def say(self, condition: str, text: str) -> None:
        """It holds."""
        if condition not in self._said:
            self._said.add(condition)
            log.warning("%s", text)

    def over(self, condition: str, text: str) -> None:
        """It holds no more."""
        if condition in self._said:
            self._said.remove(condition)
            log.warning("%s", text)
