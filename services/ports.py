"""Free ports of the loopback interface."""

import socket

HOST = "127.0.0.1"


def free(count: int) -> list[int]:
    """`count` different ports nobody listens on now; held together while choosing, so none comes
    twice.
    """
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def listening(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0
