"""Relations of many texts at once, where a bad one spoils no other."""

from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from flask import request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import HTTPException

from service import errors, examples, relations
from service.api import Blueprint
from service.engine import Engine
from service.errors import InvalidRequest
from service.schemas import (
    BatchAnswer,
    BatchRequest,
    DocumentRequest,
    Identifier,
    LineAnswer,
    RelationsRequest,
)

MAX_BATCH_PAIRS = 100_000
"""After so many pairs a batch is full. A megabyte of news has some thirty thousand, but lists of countries could
keep the service busy for half an hour."""
IDLE_SECONDS = 60
"""How long a stream's client may neither send nor take anything. One that sends all before it reads an answer
stands still as soon as the buffers between are full, and would hold its thread for ever."""

blueprint = Blueprint("documents", __name__, url_prefix="/v1", description="Relations in many texts.")
_log = structlog.get_logger(__name__)


@blueprint.operation(
    "POST",
    "/relations/batch",
    body=BatchRequest,
    answer=BatchAnswer,
    needs_model=True,
    example=examples.BATCH,
)
def batch(engine: Engine, request: dict[str, Any]) -> dict[str, Any]:
    """Read up to 256 texts with the same options.

    A document that cannot be read has a problem in place of its answer, whose pointers lead into the document.
    """
    documents = request.pop("documents")
    schema = DocumentRequest()
    results: list[dict[str, Any]] = []
    pairs = 0
    for document in documents:
        results.append(_outcome(engine, document, schema, request, full=pairs >= MAX_BATCH_PAIRS))
        pairs += _pairs(results[-1])
    return {"model": engine.manifest, "results": results}


@blueprint.operation(
    "POST",
    "/relations/stream",
    body=RelationsRequest,
    answer=LineAnswer,
    streamed=True,
    needs_model=True,
    example=examples.LINE,
)
def stream(engine: Engine, values: Iterator[object]) -> Iterator[dict[str, Any]]:
    """Read texts of any number: a document a line, and a line of answer for each, in order.

    A line that cannot be read has a problem in place of its answer; a blank one has no answer. Read the answers
    while you send: who waits with reading until all is sent is cut off after a minute.
    """
    connection = request.environ.get("gunicorn.socket")
    if connection is not None:
        # Gunicorn takes it back before the connection's next request.
        connection.settimeout(IDLE_SECONDS)
    return _answers(engine, values)


def _answers(engine: Engine, values: Iterator[object]) -> Iterator[dict[str, Any]]:
    schema = RelationsRequest()
    count = problems = 0
    try:
        for value in values:
            outcome = _outcome(engine, value, schema, {})
            count += 1
            problems += outcome["status"] == "error"
            yield outcome
    finally:
        _log.info("stream ended", lines=count, problems=problems)


def _outcome(
    engine: Engine, value: object, schema: Schema, options: Mapping[str, Any], *, full: bool = False
) -> dict[str, Any]:
    """Answer one document, or say what is wrong with it."""
    try:
        document = _loaded(schema, value, full=full)
        return {**relations.read(engine, {**options, **document}), "status": "ok"}
    except HTTPException as error:
        problem = errors.told(error)
    except Exception as error:  # noqa: BLE001 - it must not spoil the others either
        problem = errors.told(errors.logged(error))
    return {"id": _identity(value), "status": "error", "problem": problem}


def _loaded(schema: Schema, value: object, *, full: bool) -> dict[str, Any]:
    if isinstance(value, HTTPException):
        raise value
    try:
        loaded: dict[str, Any] = schema.load(value)  # type: ignore[arg-type]
    except ValidationError as error:
        raise InvalidRequest(error.messages) from None
    if full:
        used = f"The documents before it have used up the {MAX_BATCH_PAIRS:,} pairs of a batch"
        raise InvalidRequest({"text": [f"{used}: send it in another."]})
    return loaded


def _identity(value: object) -> str | int | None:
    """The id of a document that may be bad all through."""
    if not isinstance(value, dict):
        return None
    try:
        identity: str | int | None = Identifier(allow_none=True).deserialize(value.get("id"))
    except ValidationError:
        return None
    return identity


def _pairs(outcome: Mapping[str, Any]) -> int:
    named = [{one["country"] for one in each["mentions"]} for each in outcome.get("sentences", ())]
    return sum(len(countries) * (len(countries) - 1) for countries in named)
