"""A certificate of this host's loopback, made anew, and the context that trusts it alone."""

import ssl
import subprocess
from pathlib import Path
from typing import NamedTuple


class Files(NamedTuple):
    """PEM files of a certificate and its key."""

    cert: Path
    key: Path

    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.cert))


def written(directory: Path, name: str = "loopback") -> Files:
    files = Files(directory / f"{name}.pem", directory / f"{name}.key")
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    argv += ["-subj", "/CN=localhost", "-addext", names]
    argv += ["-out", str(files.cert), "-keyout", str(files.key)]
    subprocess.run(argv, check=True, capture_output=True)
    return files
