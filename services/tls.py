"""TLS of the processes that answer HTTP: one certificate and key for all of them."""

import ssl

from schemas import settings


def context(loaded: settings.Settings) -> ssl.SSLContext | None:
    """What a listener speaks TLS with; None where no certificate is named. Ends the process with
    exit 3 and one line where the files are not to be used.
    """
    if loaded.tls_cert is None:
        if loaded.tls_key is not None:
            settings.refuse("INTENTWATCH_TLS_KEY is set and INTENTWATCH_TLS_CERT is not")
        return None
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An encrypted key would ask the terminal for its password.
        made.load_cert_chain(loaded.tls_cert, loaded.tls_key, password="")
    except OSError as error:
        named = f"INTENTWATCH_TLS_CERT {loaded.tls_cert}, INTENTWATCH_TLS_KEY {loaded.tls_key}"
        settings.refuse(f"no certificate with its key: {named}: {error.strerror or error}")
    return made
