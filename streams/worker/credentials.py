"""How one gets in to Kafka, as Faust wants to be told."""

from typing import Any

import faust
from faust import auth

from streams import brokers
from streams.access import Access


def credentials(access: Access) -> Any:
    """For `broker_credentials`; None where neither a user nor TLS is asked for."""
    context = brokers.context(access)
    if access.signed_in:
        return faust.SASLCredentials(
            username=access.user,
            password=access.password,
            ssl_context=context,
            mechanism=access.mechanism,
        )
    return auth.SSLCredentials(context) if context else None
