"""gzip, both ways: of what is sent to us, and of what we answer."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Flask, Request, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType
from werkzeug.wrappers import Response

MIN_BYTES = 1_000
"""A smaller answer fits into one packet either way."""
_LEVEL = 5
_PIECE = 65_536
"""Most bytes that are inflated at a time, so that a small body cannot fill the memory."""
_GZIP_HEADER = 16 + zlib.MAX_WBITS
"""Tells zlib to want gzip's header and checksum."""


class UnsupportedEncoding(UnsupportedMediaType):
    """The body has a Content-Encoding that nobody here reads."""

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Tell what would have been read (RFC 9110, 15.5.16)."""
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", "gzip")]


def is_compressed(request: Request) -> bool:
    """Tell whether a request's body is gzip.

    Raises
    ------
    UnsupportedEncoding
        If it is anything else but plain.
    """
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if coding in {"", "identity"}:
        return False
    if coding in {"gzip", "x-gzip"}:
        return True
    raise UnsupportedEncoding("Send the body uncompressed, or as Content-Encoding: gzip.")


def inflate(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Inflate gzip as it comes.

    Parameters
    ----------
    blocks : iterable of bytes
        One or more gzip members, cut anywhere.

    Yields
    ------
    bytes
        Of bounded length, however well the body is compressed.

    Raises
    ------
    BadRequest
        If it is no gzip, or is cut off.
    """
    member = zlib.decompressobj(_GZIP_HEADER)
    try:
        for block in blocks:
            rest = block
            while rest:
                if member.eof:
                    member = zlib.decompressobj(_GZIP_HEADER)
                yield member.decompress(rest, _PIECE)
                rest = member.unconsumed_tail or member.unused_data
        yield member.flush()
    except zlib.error:
        raise BadRequest("The body is not what Content-Encoding: gzip says, or is damaged.") from None
    if not member.eof:
        raise BadRequest("The body is cut off: its gzip data has no end.")


def register(app: Flask) -> None:
    """Let an application compress its answers for those who accept it."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if not _worthwhile(response):
        return response
    response.vary.add("Accept-Encoding")
    accepted = request.accept_encodings
    if not accepted.quality("gzip") or accepted.quality("gzip") < accepted.quality("identity"):
        return response
    # Weak: two forms of one answer are not the same bytes. If-None-Match compares weakly, so either tag serves.
    tag, _ = response.get_etag()
    if tag is not None:
        response.set_etag(tag, weak=True)
    if response.status_code != 304:
        response.set_data(gzip.compress(response.get_data(), _LEVEL, mtime=0))
        response.content_encoding = "gzip"
    return response


def _worthwhile(response: Response) -> bool:
    kind = response.mimetype or ""
    return (
        not response.is_streamed
        and response.content_encoding is None
        and response.content_range.units is None
        and (kind.startswith("text/") or kind.endswith(("/json", "/javascript", "+json", "+xml")))
        and len(response.get_data()) >= MIN_BYTES
    )
