"""A TCP proxy that cuts, stalls and slows what passes through it. One asyncio loop in a thread of
its own.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from services import ports

_BLOCK = 64 * 1024
_PATIENCE_S = 10.0
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER 0: the peer sees a reset, not an end


@dataclass
class Proxy:
    """`port` is where clients connect. Change `stalled` and `bytes_per_s` at any time; `cut` resets
    every connection there is.
    """

    port: int
    target: int
    loop: asyncio.AbstractEventLoop
    stalled: bool = False
    refusing: bool = False
    bytes_per_s: float | None = None
    connections: int = 0
    passed: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pair a client with the target until either side ends."""
        self.connections += 1
        if self.refusing:
            self._reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(ports.HOST, self.target)
        except OSError:
            self._reset(writer)
            return
        self.open |= {writer, far_writer}
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            for each in (writer, far_writer):
                self.open.discard(each)
                each.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while block := await source.read(_BLOCK):
                while self.stalled:
                    await asyncio.sleep(0.05)
                if self.bytes_per_s:
                    await asyncio.sleep(len(block) / self.bytes_per_s)
                sink.write(block)
                self.passed += len(block)
                await sink.drain()
        with contextlib.suppress(OSError, RuntimeError):
            sink.close()

    def cut(self) -> int:
        """Reset every connection; how many there were."""

        async def reset() -> int:
            count = len(self.open)
            for writer in list(self.open):
                self._reset(writer)
            return count

        return int(self._call(reset()))

    @staticmethod
    def _reset(writer: asyncio.StreamWriter) -> None:
        taken = writer.get_extra_info("socket")
        if taken is not None:
            with contextlib.suppress(OSError):
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_PATIENCE_S)


async def _closed(server: asyncio.Server) -> None:
    server.close()
    mine = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in mine:
        task.cancel()
    await asyncio.gather(*mine, return_exceptions=True)


@contextlib.contextmanager
def before(target: int, port: int | None = None) -> Iterator[Proxy]:
    """A proxy in front of a loopback port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()
    proxy = Proxy(port or ports.free(1)[0], target, loop)
    server = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(proxy.accept, ports.HOST, proxy.port), loop
    ).result(_PATIENCE_S)
    try:
        yield proxy
    finally:
        proxy.stalled = False
        asyncio.run_coroutine_threadsafe(_closed(server), loop).result(_PATIENCE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE_S)
        loop.close()
