"""How one gets in to Kafka, as Faust wants to be told; and what aiokafka means that is let out."""

from typing import Any

import faust
from aiokafka import errors
from faust import auth

from streams import brokers, refused
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


def understood(access: Access, group: str, error: BaseException | None) -> BaseException | None:
    """What has ended a membership; brokers.Refused where it was a right that is missing."""
    if not isinstance(error, errors.GroupAuthorizationFailedError):
        return error
    why = refused.Error("GROUP_AUTHORIZATION_FAILED", str(error))
    return brokers.Refused(refused.undone(access, f"use group {group}", why))
