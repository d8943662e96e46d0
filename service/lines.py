"""Bodies of any length in NDJSON: a JSON value a line, read and forgotten line by line."""

import sys
from collections.abc import Iterable, Iterator

from flask import Request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

from service import body

MIMETYPE = "application/x-ndjson"
_BLOCK = 1_024
"""Bytes that are read at a time: a client that sends now and then waits for no more. Gunicorn reads no fewer."""


def read(request: Request) -> Iterator[object]:
    """Read a body line by line.

    Parameters
    ----------
    request : Request
        Sent as `MIMETYPE` in UTF-8, plain or as gzip. What bounds other bodies bounds a line of this one.

    Returns
    -------
    iterator of object
        For each line that is not blank its JSON value, or, in place of one that cannot be read, the
        `HTTPException` that says why. Where the body breaks off the last one is such an exception.

    Raises
    ------
    UnsupportedMediaType
        If it is sent as anything else; before anything is read.
    """
    limit = body.limit_of(request)
    body.check_mimetype(request, MIMETYPE)
    request.max_content_length = sys.maxsize  # None would mean the application's
    return _values(body.blocks(request, _BLOCK), limit)


def _values(blocks: Iterable[bytes], limit: int) -> Iterator[object]:
    try:
        for line in split(blocks, limit):
            if line is None:
                yield RequestEntityTooLarge(f"A line may have {limit} bytes at most.")
            elif line.strip():
                yield _value(line)
    except HTTPException as error:
        yield error


def _value(line: bytes) -> object:
    try:
        return body.parse(line, "line")
    except BadRequest as error:
        return error


def split(blocks: Iterable[bytes], limit: int) -> Iterator[bytes | None]:
    """Cut a body into lines.

    Parameters
    ----------
    blocks : iterable of bytes
        The body, cut anywhere.
    limit : int
        Most bytes of a line.

    Yields
    ------
    bytes or None
        Lines without their line feed; None for one over the limit, of which nothing was kept.
    """
    line = bytearray()
    too_long = False
    for block in blocks:
        *ends, rest = block.split(b"\n")
        for end in ends:
            line += end
            yield None if too_long or len(line) > limit else bytes(line)
            line.clear()
            too_long = False
        line += rest
        if len(line) > limit:
            line.clear()
            too_long = True
    if line or too_long:
        yield None if too_long else bytes(line)
