"""Pure. Whether a caller has shown the token of `Authorization: Bearer TOKEN`."""

import hmac
from typing import Final

# An orchestrator's probes have no token, and what they learn is no secret.
OPEN: Final = ("/livez", "/readyz")
CHALLENGE: Final = "Bearer"


def shown(header: bytes, token: str | None) -> bool:
    """Whether this is the token; without one nobody has to show any. Takes as long for a wrong one
    however much of it is right.

    >>> shown(b"Bearer abc", "abc"), shown(b"bearer abc", "abc"), shown(b"", None)
    (True, True, True)
    >>> shown(b"Bearer ab", "abc"), shown(b"Basic abc", "abc"), shown(b"abc", "abc")
    (False, False, False)
    """
    if token is None:
        return True
    scheme, _, credentials = header.partition(b" ")
    right = hmac.compare_digest(credentials.strip(), token.encode())
    return right and scheme.lower() == CHALLENGE.lower().encode()
