"""Every error as ``application/problem+json`` (RFC 9457)."""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, json
from werkzeug.exceptions import (
    HTTPException,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
    UnprocessableEntity,
)
from werkzeug.wrappers import Response

MIMETYPE = "application/problem+json"
MAX_ERRORS = 100
"""How many errors of one request are listed; a body of a million bad items must not be answered in full."""

_log = structlog.get_logger(__name__)


class InvalidRequest(UnprocessableEntity):
    """The JSON is well formed and breaks the schema.

    Parameters
    ----------
    messages : mapping or sequence
        Errors as marshmallow nests them.
    """

    def __init__(self, messages: Mapping[Any, Any] | Sequence[Any]) -> None:
        found = list(pointed(messages))
        self.errors = found[:MAX_ERRORS]
        listed = "" if len(found) == len(self.errors) else f"; the first {MAX_ERRORS} are listed"
        super().__init__(f"The request breaks its schema in {_places(len(found))}{listed}.")


def _places(count: int) -> str:
    return "one place" if count == 1 else f"{count} places"


def pointed(messages: object, pointer: str = "") -> Iterator[dict[str, str]]:
    """Flatten marshmallow's nested messages.

    Parameters
    ----------
    messages : mapping, sequence or str
        Messages by field name and index.
    pointer : str
        JSON pointer (RFC 6901) to the value that they are about.

    Yields
    ------
    dict
        With the keys ``pointer`` and ``detail``; fields in alphabetical order, since marshmallow gives
        unknown ones in the order of a set.
    """
    if isinstance(messages, Mapping):
        for key in sorted(messages, key=lambda one: (isinstance(one, str), one)):
            # "_schema" is where marshmallow keeps what concerns the whole object.
            below = pointer if key == "_schema" else f"{pointer}/{_token(key)}"
            yield from pointed(messages[key], below)
    elif isinstance(messages, str):
        yield {"pointer": pointer, "detail": messages}
    else:
        for message in messages:  # type: ignore[attr-defined]
            yield from pointed(message, pointer)


def _token(key: object) -> str:
    # A lone surrogate in an unknown field's name cannot be encoded.
    text = str(key).encode("utf-8", "replace").decode("utf-8")
    return text.replace("~", "~0").replace("/", "~1")


def problem(error: HTTPException) -> Response:
    """Turn an HTTP error into its response.

    Parameters
    ----------
    error : HTTPException
        Its description becomes the ``detail``; its headers, such as Allow, stay.

    Returns
    -------
    Response
    """
    response = error.get_response()
    if error.response is not None:
        return response
    response.data = json.dumps(told(error)) + "\n"
    response.content_type = MIMETYPE
    return response


def told(error: HTTPException) -> dict[str, Any]:
    """Tell an HTTP error in the words of RFC 9457.

    Parameters
    ----------
    error : HTTPException
        Its description becomes the ``detail``.

    Returns
    -------
    dict
    """
    status = HTTPStatus(error.code or 500)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": _detail(error),
    }
    if isinstance(error, InvalidRequest):
        body["errors"] = error.errors
    return body


def _detail(error: HTTPException) -> str:
    if isinstance(error, NotFound) and error.description == NotFound.description:
        return "Nothing lies at this path; /openapi.json lists all that there is."
    if isinstance(error, MethodNotAllowed):
        return f"This path allows {', '.join(sorted(error.valid_methods or ()))}."
    if isinstance(error, InternalServerError):
        return "The server failed on this request; its log tells why under this response's X-Request-ID."
    return error.description or HTTPStatus(error.code or 500).description


def unexpected(error: Exception) -> Response:
    """Log an error that nobody foresaw and answer 500."""
    return problem(logged(error))


def logged(error: Exception) -> InternalServerError:
    """Log an error that nobody foresaw and give the one that clients may see.

    The log gets the error's type and the way to it, not its message, which may quote the text that was sent.
    """
    frames = [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(error.__traceback__)]
    _log.error("unexpected error", error=type(error).__qualname__, frames=frames)
    return InternalServerError()


def register(app: Flask) -> None:
    """Let an application answer every error as a problem."""
    app.register_error_handler(HTTPException, problem)
    app.register_error_handler(Exception, unexpected)
