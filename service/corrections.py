"""Corrections: somebody says that a relation is wrong, and what is right; kept for a person to look at."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask, current_app, g, request
from werkzeug.exceptions import NotFound, ServiceUnavailable

from service import examples, log
from service.api import Blueprint
from service.config import PREFIX, Settings
from service.engine import Engine
from service.errors import InvalidRequest
from service.schemas import CorrectionAnswer, CorrectionRequest

if TYPE_CHECKING:
    from service.correction_store import Store

blueprint = Blueprint("corrections", __name__, url_prefix="/v1", description="What is wrong, and what is right.")

VARIABLE = f"{PREFIX}CORRECTIONS_URL"
_STORE = "country-relations-corrections"
_ACTORS = ("source", "target")
_log = structlog.get_logger(__name__)


def register(app: Flask, settings: Settings) -> None:
    """Let an application take corrections, where a database is named; one that is away is asked again later."""
    app.extensions[_STORE] = None
    if settings.corrections_url is None:
        return
    # It brings SQLAlchemy, some thirty megabytes.
    from service.correction_store import Store, StoreError  # noqa: PLC0415

    store = app.extensions[_STORE] = Store(settings.corrections_url)
    try:
        store.prepare()
    except StoreError as error:
        _log.error("corrections cannot be kept", reason=str(error))


def _switched_on() -> None:
    if request.method != "OPTIONS" and current_app.extensions[_STORE] is None:
        raise NotFound(
            f"This service takes no corrections: set {VARIABLE} to a database, such as sqlite:////data/corrections.db"
        )


blueprint.before_request(_switched_on)


@blueprint.operation(
    "POST",
    "/corrections",
    body=CorrectionRequest,
    answer=CorrectionAnswer,
    needs_model=True,
    status=HTTPStatus.CREATED,
    problems=[HTTPStatus.NOT_FOUND],
    example=examples.CORRECTION,
)
def correct(engine: Engine, request: dict[str, Any]) -> dict[str, str]:
    """Say that a relation is wrong, and what is right.

    Send the sentence, or a text around it, with the two places that stand for the actors. It is kept with your
    client's name and the model that is served, until a person accepts or rejects it; what is accepted can become
    training data.
    """
    from service.correction_store import StoreError  # noqa: PLC0415

    _check_countries(engine, request)
    log.note(request["text"])
    places = {f"{role}_{name}": value for role in _ACTORS for name, value in request.pop(role).items()}
    served = {"model_version": engine.manifest.version, "model_sha256": engine.manifest.sha256}
    store: Store = current_app.extensions[_STORE]
    try:
        return {"id": store.add({**request, **places, **served, "client": g.client})}
    except StoreError as error:
        _log.error("a correction was not kept", reason=str(error))
        raise ServiceUnavailable(
            "The correction is not kept, for its database is away: send it again later."
        ) from None


def _check_countries(engine: Engine, request: dict[str, Any]) -> None:
    told = {role: request[role].get("country") for role in _ACTORS}
    unknown = {
        role: {"country": ["No such code."]} for role, code in told.items() if code and code not in engine.names
    }
    if unknown:
        raise InvalidRequest(unknown)
