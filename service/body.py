"""From the bytes of a request to checked values: strict JSON, then a schema."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from flask import Request
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from service import compression
from service.errors import InvalidRequest

MIMETYPE = "application/json"
_BLOCK = 65_536


def read_json(request: Request) -> Any:
    """Read the body of a request as JSON.

    Parameters
    ----------
    request : Request
        Sent as ``application/json`` in UTF-8, with or without a byte order mark.

    Returns
    -------
    object
        Any JSON value.

    Raises
    ------
    UnsupportedMediaType
        If it is sent as anything else, or in an encoding that nobody here reads.
    RequestEntityTooLarge
        If it is over the limit, sent or inflated.
    BadRequest
        If it is no JSON, which has no NaN and no Infinity.
    """
    check_mimetype(request, MIMETYPE)
    return parse(_read(request), "body")


def check_mimetype(request: Request, mimetype: str) -> None:
    """Refuse a body that is sent as anything else.

    Raises
    ------
    UnsupportedMediaType
        Which tells how to send it.
    """
    if request.mimetype != mimetype:
        raise UnsupportedMediaType(f"Send the body as Content-Type: {mimetype}.")


def parse(data: bytes, name: str) -> Any:
    """Read bytes as JSON.

    Parameters
    ----------
    data : bytes
        UTF-8, with or without a byte order mark.
    name : str
        What errors call it.

    Returns
    -------
    object
        Any JSON value.

    Raises
    ------
    BadRequest
        If it is no JSON, which has no NaN and no Infinity.
    """

    def refuse(constant: str) -> NoReturn:
        raise BadRequest(f"The {name} is not JSON: {constant} is no value.")

    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=refuse)
    except UnicodeDecodeError as error:
        raise BadRequest(f"The {name} is not UTF-8: byte {error.start} cannot be read.") from None
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"The {name} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise BadRequest(f"The {name} is nested too deeply.") from None
    except ValueError:
        # Python converts no integer of more than some thousand digits, lest it take for ever.
        raise BadRequest(f"The {name} holds a number with too many digits.") from None


def limit_of(request: Request) -> int:
    """How many bytes a body may have.

    Of a chunked one werkzeug gives what lies within its own limit and drops the rest without a word. So its limit
    is one byte more than ours, and a body that reaches it is too long.
    """
    return (request.max_content_length or 1) - 1


def blocks(request: Request, size: int = _BLOCK) -> Iterator[bytes]:
    """Give a body block by block, inflated if it is gzip.

    Parameters
    ----------
    request : Request
        Not yet read.
    size : int
        Bytes that are read at a time; a server gives none before it has so many, or all.

    Raises
    ------
    UnsupportedMediaType
        If it has another encoding; before anything is read.
    BadRequest
        While it is read, if it breaks off or is no gzip.
    """
    sent = _sent(request, size)
    return compression.inflate(sent) if compression.is_compressed(request) else sent


def _sent(request: Request, size: int) -> Iterator[bytes]:
    while block := _next(request, size):
        yield block


def _next(request: Request, size: int) -> bytes:
    try:
        return request.stream.read(size)
    except RequestEntityTooLarge:
        raise
    except Exception:  # noqa: BLE001 - each server has its own for a lost client and for malformed chunks
        raise BadRequest("The body broke off, stood still too long, or has malformed chunks.") from None


def _read(request: Request) -> bytes:
    limit = limit_of(request)
    too_large = RequestEntityTooLarge(f"The body may have {limit} bytes at most.")
    body = bytearray()
    try:
        for block in blocks(request):
            body += block
            if len(body) > limit:
                raise too_large
    except RequestEntityTooLarge:
        # Werkzeug's own, without our words, where the length that is announced is over the limit.
        raise too_large from None
    return bytes(body)


class BodyParser(FlaskParser):
    """Puts `read_json` and `InvalidRequest` where webargs has its own."""

    def load_json(self, req: Request, schema: Schema) -> Any:  # noqa: ARG002 - the signature is webargs'
        """Read the body."""
        return read_json(req)

    def handle_error(
        self,
        error: ValidationError,
        req: Request,  # noqa: ARG002
        schema: Schema,  # noqa: ARG002
        *,
        error_status_code: int | None,  # noqa: ARG002
        error_headers: Mapping[str, str] | None,  # noqa: ARG002
    ) -> NoReturn:
        """Raise what the schema found."""
        # webargs nests all messages under the one place in the request that was read: "json" or "query".
        messages = error.messages
        raise InvalidRequest(next(iter(messages.values())) if isinstance(messages, dict) else messages) from None
