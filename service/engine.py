"""The gazetteer and the one verified model of a process, or why they are missing."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from flask import Flask, current_app
from werkzeug.exceptions import ServiceUnavailable

from relations import artifact, gazetteer, registry
from relations.analyser import Analyser, Options
from relations.domain import Pair
from relations.gazetteer import Gazetteer
from relations.mentions import MentionFinder
from service.config import Settings

CARD_FILE = "card.md"
"""What people should know of a model, as Markdown."""

LOAD_ERRORS = (artifact.ArtifactError, gazetteer.GazetteerError, OSError)
"""What `renew` raises where it cannot load."""

_GAZETTEER = "country-relations-gazetteer"
_ENGINE = "country-relations-engine"
_TRIAL = Pair("France condemned Iran.", ((0, 6, "source"), (17, 21, "target")), "source", "target")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Engine:
    """What answers requests.

    Attributes
    ----------
    analyser : Analyser
        Reads texts.
    manifest : artifact.Manifest
        Says which model it is.
    names : mapping of str to str
        Country code to the country's name.
    card : str or None
        The model's card, where there is one.
    """

    analyser: Analyser
    manifest: artifact.Manifest
    names: Mapping[str, str]
    card: str | None = None


@dataclass(frozen=True, slots=True)
class _Missing:
    """What could not be loaded; ``cause`` says why."""

    cause: str


def load(settings: Settings, known: Gazetteer) -> Engine:
    """Load the model and join it with the gazetteer.

    Parameters
    ----------
    settings : Settings
        Says where the model is, and which digest it must have.
    known : Gazetteer
        What is known of names.

    Returns
    -------
    Engine

    Raises
    ------
    artifact.ArtifactError
        If the model is missing or not the one that is trusted; then nothing of it was unpickled.
    """
    folder = registry.resolve(settings.model_dir, settings.tier, settings.model_version)
    model, manifest = artifact.load(folder, settings.model_sha256, settings.encoder_threads)
    names = {code: country.name for code, country in known.countries.items()}
    return Engine(Analyser(MentionFinder(known), model), manifest, names, _card(folder))


def _card(folder: Path) -> str | None:
    # Tiers of one version share a card.
    for path in (folder / CARD_FILE, *([folder.parent / CARD_FILE] if folder.name in registry.TIERS else [])):
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
    return None


def verified(settings: Settings) -> tuple[Gazetteer, Engine]:
    """Load gazetteer and model, and let the model judge a pair.

    Raises
    ------
    ArtifactError, GazetteerError, OSError
        If one is missing or not the one that is trusted, or the model fails on the pair.
    """
    known = gazetteer.load(settings.gazetteer_dir)
    engine = load(settings, known)
    try:
        engine.analyser.judge([_TRIAL], Options(as_of=dt.date.min))
    except Exception as error:  # noqa: BLE001 - a model can fail in any way
        raise artifact.ArtifactError(f"the model fails on a plain sentence ({error!r}): train again") from None
    return known, engine


def renew(app: Flask, settings: Settings) -> Engine:
    """Load gazetteer and model anew; requests that have begun finish with the old ones.

    Returns
    -------
    Engine
        The new one.

    Raises
    ------
    ArtifactError, GazetteerError, OSError
        As `verified`; the application then keeps what it has.
    """
    known, engine = verified(settings)
    app.extensions.update({_GAZETTEER: known, _ENGINE: engine})
    _tell(engine)
    return engine


def register(app: Flask, settings: Settings) -> None:
    """Give an application its gazetteer and its engine.

    Where that fails the application still starts, so that its health can be asked for. Without a model it has
    the gazetteer all the same; without the gazetteer it has neither.
    """
    try:
        known = app.extensions[_GAZETTEER] = gazetteer.load(settings.gazetteer_dir)
        engine = app.extensions[_ENGINE] = load(settings, known)
    except LOAD_ERRORS as error:
        _log.error("no model is served", reason=str(error))
        missing = _Missing(outside(error, settings))
        app.extensions.setdefault(_GAZETTEER, missing)
        app.extensions[_ENGINE] = missing
        return
    _tell(engine)


def _tell(engine: Engine) -> None:
    manifest = engine.manifest
    _log.info("model loaded", name=manifest.name, version=manifest.version, sha256=manifest.sha256)


def outside(error: Exception, settings: Settings) -> str:
    """Tell why something could not be loaded, without the server's paths: a client gets to read it."""
    reason = str(error)
    for folder in (settings.model_dir, settings.gazetteer_dir):
        reason = reason.replace(f"{folder}/", "").replace(str(folder), "its folder")
    return reason


def current() -> Engine:
    """Return the engine of the application that handles the request.

    Raises
    ------
    ServiceUnavailable
        If it has none.
    """
    state = current_app.extensions[_ENGINE]
    if isinstance(state, Engine):
        return state
    raise ServiceUnavailable(f"No verified model is loaded: {state.cause}.")


def current_gazetteer() -> Gazetteer:
    """Return the gazetteer of the application that handles the request; it needs no model.

    Raises
    ------
    ServiceUnavailable
        If it has none.
    """
    state = current_app.extensions[_GAZETTEER]
    if isinstance(state, Gazetteer):
        return state
    raise ServiceUnavailable(f"No gazetteer is loaded: {state.cause}.")
