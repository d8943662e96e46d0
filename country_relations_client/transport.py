"""HTTP with the service: one connection that is kept, failures that are borne, streams that are taken up again."""

import email.utils
import gzip
import http.client
import json
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from country_relations_client.answers import Problem, read
from country_relations_client.duplex import Duplex
from country_relations_client.errors import (
    ClientError,
    LateError,
    ProblemError,
    UnexpectedAnswerError,
    UnreachableError,
)
from country_relations_client.patience import Attempts, Patience

_JSON, _NDJSON, _PROBLEM = "application/json", "application/x-ndjson", "application/problem+json"
_MIN_GZIP = 10_000
"""Bytes of a body that is worth compressing."""
_GZIP_LEVEL = 5
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the service listens, and under which path."""

    url: str
    host: str
    port: int | None
    path: str
    context: ssl.SSLContext | None

    @classmethod
    def of(cls, url: str) -> Self:
        """Read an address such as ``https://news.example.org:8443/relations``.

        Raises
        ------
        ValueError
            If it is none.
        """
        parts = urlsplit(url)
        plain = url.isprintable() and " " not in url and not (parts.username or parts.query or parts.fragment)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
            raise ValueError(f"{url!r} is no address of a service: give one such as http://127.0.0.1:8000")
        context = ssl.create_default_context() if parts.scheme == "https" else None
        return cls(url, parts.hostname, parts.port, parts.path.rstrip("/"), context)

    def connection(self, timeout: float) -> http.client.HTTPConnection:
        """Return a connection that is not open yet."""
        if self.context is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.context)


class Transport:
    """Sends requests and streams.

    Parameters
    ----------
    address : Address
        Of the service.
    api_key : str or None
        Sent with each request.
    timeout : float
        Seconds for which the service may be silent.
    patience : Patience
        With failures.
    """

    def __init__(self, address: Address, api_key: str | None, timeout: float, patience: Patience) -> None:
        self._address = address
        self._headers = {} if api_key is None else {"Authorization": f"Bearer {api_key.strip()}"}
        self._timeout = timeout
        self._patience = patience
        self._kept = address.connection(timeout)

    def close(self) -> None:
        """Close the connection; the next request opens it again."""
        self._kept.close()

    def get(self, path: str) -> Any:
        """Return the JSON that lies at a path."""
        return self._persist(lambda: self._exchange("GET", path, None, {}))

    def post(self, path: str, body: bytes) -> Any:
        """Return the JSON that answers JSON."""
        headers = {"Content-Type": _JSON}
        if len(body) >= _MIN_GZIP:
            body = gzip.compress(body, _GZIP_LEVEL)
            headers["Content-Encoding"] = "gzip"
        return self._persist(lambda: self._exchange("POST", path, body, headers))

    def _persist(self, exchange: Callable[[], _T]) -> _T:
        attempts = Attempts(self._patience)
        while True:
            try:
                return exchange()
            except ClientError as error:
                attempts.wait_after(error)

    def _exchange(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        if self._kept.sock is not None and _readable(self._kept.sock):
            # The service has closed it.
            self._kept.close()
        try:
            self._open(self._kept)
            with self._told():
                with suppress(BrokenPipeError):  # it may have answered before it had read all
                    self._kept.request(
                        method,
                        self._address.path + path,
                        body,
                        self._common(**headers, **{"Accept-Encoding": "gzip"}),
                    )
                response = self._kept.getresponse()
                return self._value(response, response.read())
        except (UnreachableError, LateError):
            self._kept.close()
            raise

    def stream(self, path: str, lines: Iterable[bytes]) -> Iterator[Any]:
        """Send lines and give the answer to each, in order.

        Parameters
        ----------
        path : str
            Of the stream.
        lines : iterable of bytes
            JSON without a line feed, pulled while answers are read. If it fails, the lines before are answered
            first.

        Yields
        ------
        object
            JSON. If the connection is lost, what was not answered is sent again.
        """
        source = _Source(lines)
        attempts = Attempts(self._patience)
        while True:
            try:
                for answer in self._answers(path, source):
                    attempts.succeeded()
                    yield answer
            except ClientError as error:
                attempts.wait_after(error)
            else:
                break
        if source.failure is not None:
            raise source.failure

    def _answers(self, path: str, source: "_Source") -> Iterator[Any]:
        connection = self._address.connection(self._timeout)
        try:
            self._open(connection)
            with self._told():
                connection.putrequest("POST", self._address.path + path)
                for name, value in self._common(
                    **{"Content-Type": _NDJSON, "Transfer-Encoding": "chunked"}
                ).items():
                    connection.putheader(name, value)
                connection.endheaders()
                duplex = Duplex(connection.sock, source.chunks(), self._timeout)
                with duplex.response() as response:
                    response.begin()
                    if response.status != HTTPStatus.OK:
                        duplex.stop()
                        self._value(response, response.read())
                    for line in response:
                        answer = self._line(line)
                        source.unanswered.popleft()
                        yield answer
            if source.unanswered:
                raise self._lost("it broke off")
        finally:
            connection.close()

    def _line(self, line: bytes) -> Any:
        if not line.endswith(b"\n"):
            raise self._lost("it broke off")
        answer = self._json(line)
        # What we send is JSON: whatever the service cannot read as such was cut off on the way.
        if answer["status"] == "error" and answer["problem"]["status"] == HTTPStatus.BAD_REQUEST:
            raise self._lost(answer["problem"]["detail"])
        return answer

    def _common(self, **more: str) -> dict[str, str]:
        return {"Accept": _JSON, "User-Agent": "country-relations-client", **self._headers, **more}

    def _open(self, connection: http.client.HTTPConnection) -> None:
        if connection.sock is not None:
            return
        try:
            connection.connect()
        except OSError as error:
            found = UnreachableError(
                f"{self._address.url} cannot be reached ({error}): see that the service runs there"
            )
            # A certificate that is not trusted now will not be in a second.
            found.transient = not isinstance(error, ssl.SSLCertVerificationError)
            raise found from error

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in the client's own words what befalls an open connection."""
        try:
            yield
        except TimeoutError as error:
            raise LateError(
                f"{self._address.url} was silent for {self._timeout:g} seconds: send less at once or raise timeout"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(repr(error)) from error

    def _lost(self, reason: str) -> UnreachableError:
        return UnreachableError(
            f"The connection to {self._address.url} was lost ({reason}): the service's log may tell why"
        )

    def _value(self, response: http.client.HTTPResponse, data: bytes) -> Any:
        """Return the JSON of an answer, or raise the problem."""
        if response.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        if response.status == HTTPStatus.OK:
            return self._json(data)
        retry_after = _seconds(response.headers.get("Retry-After"))
        raise ProblemError(self._problem(response, data), retry_after, response.headers.get("X-Request-ID"))

    def _json(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except ValueError:
            raise UnexpectedAnswerError(
                f"{self._address.url} answers no JSON: see that the address is that of a Country Relations service"
            ) from None

    def _problem(self, response: http.client.HTTPResponse, data: bytes) -> Problem:
        if response.headers.get_content_type() == _PROBLEM:
            return read(Problem, self._json(data))
        where = response.headers.get("Location")
        detail = f"Moved to {where}: give that address." if where else "A proxy said so; its log may tell why."
        return Problem(response.reason, response.status, detail)


class _Source:
    """Lines to send, those first that were sent and not answered."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self.unanswered: deque[bytes] = deque()
        self.failure: Exception | None = None

    def chunks(self) -> Iterator[bytes]:
        """Give the body of a request, as HTTP/1.1 cuts it."""
        yield from [_chunk(line) for line in self.unanswered]
        while self.failure is None:
            try:
                line = next(self._lines)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001 - the caller's own, kept for the caller
                self.failure = error
            else:
                self.unanswered.append(line)
                yield _chunk(line)
        yield b"0\r\n\r\n"


def _chunk(line: bytes) -> bytes:
    return b"%x\r\n%b\n\r\n" % (len(line) + 1, line)


def _readable(sock: socket.socket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))


def _seconds(told: str | None) -> float | None:
    """Read Retry-After, which is a number of seconds or a date."""
    if told is None:
        return None
    with suppress(ValueError):
        return max(0.0, float(told))
    with suppress(ValueError):
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    return None
