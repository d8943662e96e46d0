"""From the bytes of a request to checked values: strict JSON, then a schema."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from flask import Request
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from service.errors import InvalidRequest

MIMETYPE = "application/json"


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
        If it is sent as anything else, or compressed.
    RequestEntityTooLarge
        If it is over the limit.
    BadRequest
        If it is no JSON, which has no NaN and no Infinity.
    """
    if request.mimetype != MIMETYPE:
        raise UnsupportedMediaType(f"Send the body as Content-Type: {MIMETYPE}.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body uncompressed, without Content-Encoding.")
    body = _read(request)
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8: byte {error.start} cannot be read.") from None
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None
    except ValueError:
        # Python converts no integer of more than some thousand digits, lest it take for ever.
        raise BadRequest("The body holds a number with too many digits.") from None


def _read(request: Request) -> bytes:
    # Of a chunked body werkzeug returns what lies within its limit and drops the rest without a word. So its
    # limit is one byte more than ours, and a body that reaches it is too long.
    limit = (request.max_content_length or 1) - 1
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        body = None
    if body is None or len(body) > limit:
        raise RequestEntityTooLarge(f"The body may have {limit} bytes at most.")
    return body


def _refuse(constant: str) -> NoReturn:
    raise BadRequest(f"The body is not JSON: {constant} is no value.")


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
