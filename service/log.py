"""The log: JSON lines on stderr, one a request; the texts that were sent stand in it only where that is wished."""

import logging
import re
import sys
import time
import uuid

import structlog
from flask import Flask, current_app, g, request
from werkzeug.wrappers import Response

HEADER = "X-Request-ID"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_MAX_PATH = 200
_MAX_TEXT = 2_000
_TEXT = "LOG_TEXT"
_WATCHERS = ("health", "metrics")
_log = structlog.get_logger(__name__)


def configure(level: str) -> None:
    """Send the whole process's log, gunicorn's and Python's included, to stderr.

    Parameters
    ----------
    level : str
        The least level that is written.
    """
    common: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *common,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=common,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.EventRenamer("message"),
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)


def register(app: Flask, *, text: bool) -> None:
    """Give every request an id, which stands in its response and in all that is logged of it.

    Parameters
    ----------
    app : Flask
        The application.
    text : bool
        True lets what `note` is told stand in the request's line.
    """
    app.config[_TEXT] = text
    app.before_request(_begin)
    app.after_request(_end)


def note(text: str) -> None:
    """Tell the text that a request sent, or the next of several."""
    if current_app.config[_TEXT]:
        g.text = f"{g.text}\n{text}"[:_MAX_TEXT] if "text" in g else text[:_MAX_TEXT]


def _begin() -> None:
    given = request.headers.get(HEADER, "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    g.began = time.perf_counter()
    # A thread serves one request after the other.
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    # Whoever watches the service asks every few seconds.
    write = _log.debug if request.blueprint in _WATCHERS and response.status_code < 400 else _log.info
    noted = {"text": g.text} if "text" in g else {}
    write(
        "request",
        method=request.method,
        path=request.path[:_MAX_PATH],
        status=response.status_code,
        bytes=response.content_length,
        milliseconds=round((time.perf_counter() - g.began) * 1000, 1),
        **noted,
    )
    return response
