"""One connection in both directions at once, without a thread.

The service answers a stream line by line while it reads, and stands still once the buffers between are full of
answers. Python's HTTP libraries send all of a body before they read. Here reading does the sending: whoever waits
for an answer sends on meanwhile, in the thread that also pulls the documents, as a database's cursor wants it.
"""

import io
import selectors
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any, cast

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_BUFFER = 65_536
_SEND_BUFFER = 262_144
"""Bytes that the system takes ahead of the network. Left to itself it takes megabytes, and what is not answered is
kept, to be sent again if the connection is lost."""


class Duplex(io.RawIOBase):
    """Gives what comes in at a socket, and sends while it waits.

    Parameters
    ----------
    sock : socket
        Connected; it becomes a non-blocking one.
    outgoing : iterator of bytes
        What to send, none of it empty; pulled only when there is room for more.
    timeout : float
        Seconds without a byte in either direction after which reading raises TimeoutError.
    """

    def __init__(self, sock: socket.socket, outgoing: Iterator[bytes], timeout: float) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._socket = sock
        self._outgoing = outgoing
        self._unsent = memoryview(b"")
        self._sending = True
        self._timeout = timeout

    def response(self) -> HTTPResponse:
        """Return the answer, of which nothing is read yet."""
        # All that it does with a socket is to call makefile.
        return HTTPResponse(cast("socket.socket", self), method="POST")

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Give what `HTTPResponse` asks a socket for."""
        return io.BufferedReader(self, _BUFFER)

    def stop(self) -> None:
        """Send no more."""
        self._sending = False

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what there is; until there is something, send."""
        while True:
            try:
                return self._socket.recv_into(buffer)
            except _NOT_NOW:
                if not self._send():
                    self._wait()

    def _send(self) -> bool:
        """Send a piece, and say whether that went."""
        if not self._unsent and self._sending:
            self._unsent = memoryview(next(self._outgoing, b""))
            self._sending = bool(self._unsent)
        if not self._sending:
            return False
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except _NOT_NOW:
            return False
        except (BrokenPipeError, ConnectionResetError):
            # Who closes before all is sent has mostly said why, and that can still be read.
            self.stop()
        return True

    def _wait(self) -> None:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._sending else 0)
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, wanted)
            if not selector.select(self._timeout):
                raise TimeoutError
