"""A new model without a break: loaded and tried first, then served by all processes."""

import os
import signal
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock

import structlog
from flask import Flask, current_app, request
from werkzeug.exceptions import Conflict

from relations.artifact import Manifest
from service import engine, examples
from service.api import Blueprint
from service.config import Settings
from service.schemas import ModelAnswer

blueprint = Blueprint("reload", __name__, url_prefix="/v1", description="The model that answers.")

_RELOAD = "country-relations-reload"
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Reload:
    """What a reload needs; ``arbiter`` is the process that forks all that serve, None where there is none."""

    settings: Settings
    arbiter: int | None = None
    busy: Lock = field(default_factory=Lock)


def register(app: Flask, settings: Settings) -> None:
    """Let an application load its model again."""
    app.extensions[_RELOAD] = _Reload(settings)


def governed_by(app: Flask, arbiter: int) -> None:
    """Tell an application which process replaces all workers on SIGHUP, as `swap` prepares it."""
    app.extensions[_RELOAD].arbiter = arbiter


def swap(app: Flask) -> None:
    """Put the model that is on disk now in the place of the old one, or log why the old one stays."""
    try:
        engine.renew(app, app.extensions[_RELOAD].settings)
    except engine.LOAD_ERRORS as error:
        _refuse(error)


def _refuse(error: Exception) -> None:
    _log.error("new model refused, the old one stays", reason=str(error))


@blueprint.operation(
    "POST",
    "/model/reload",
    answer=ModelAnswer,
    role="admin",
    status=HTTPStatus.ACCEPTED,
    problems=[HTTPStatus.CONFLICT],
    example=examples.MODEL,
)
def reload_model() -> Manifest:
    """Serve the model that is on disk now.

    It is loaded and tried first; if it is bad, the old one stays. Otherwise all processes take it over within
    seconds, while requests in flight finish with the old one. `GET /v1/model` tells which one answers.
    """
    state: _Reload = current_app.extensions[_RELOAD]
    if not state.busy.acquire(blocking=False):
        raise Conflict("A reload is going on: wait until GET /v1/model tells the new model.")
    try:
        return _reload(state)
    except engine.LOAD_ERRORS as error:
        _refuse(error)
        raise Conflict(f"The old model stays: {engine.outside(error, state.settings)}.") from None
    finally:
        state.busy.release()


def _reload(state: _Reload) -> Manifest:
    if state.arbiter is None:
        if request.is_multiprocess:
            raise Conflict("Several processes serve, and none can tell the others: restart the service.")
        return engine.renew(current_app, state.settings).manifest
    if os.getppid() != state.arbiter:
        raise Conflict("This process outlived its server and will end: ask again.")
    _, renewed = engine.verified(state.settings)
    os.kill(state.arbiter, signal.SIGHUP)
    return renewed.manifest
