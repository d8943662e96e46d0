"""The gazetteer and the one verified model of a process, loaded at the start, or why they are missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from flask import Flask, current_app
from werkzeug.exceptions import ServiceUnavailable

from relations import artifact, gazetteer
from relations.analyser import Analyser
from relations.gazetteer import Gazetteer
from relations.mentions import MentionFinder
from service.config import Settings

_GAZETTEER = "country-relations-gazetteer"
_ENGINE = "country-relations-engine"
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
    """

    analyser: Analyser
    manifest: artifact.Manifest
    names: Mapping[str, str]


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
    model, manifest = artifact.load(settings.model_dir, settings.model_sha256)
    names = {code: country.name for code, country in known.countries.items()}
    return Engine(Analyser(MentionFinder(known), model), manifest, names)


def register(app: Flask, settings: Settings) -> None:
    """Give an application its gazetteer and its engine.

    Where that fails the application still starts, so that its health can be asked for. Without a model it has
    the gazetteer all the same; without the gazetteer it has neither.
    """
    try:
        known = app.extensions[_GAZETTEER] = gazetteer.load(settings.gazetteer_dir)
        engine = app.extensions[_ENGINE] = load(settings, known)
    except (artifact.ArtifactError, gazetteer.GazetteerError, OSError) as error:
        _log.error("no model is served", reason=str(error))
        missing = _Missing(_outside(str(error), settings.model_dir, settings.gazetteer_dir))
        app.extensions.setdefault(_GAZETTEER, missing)
        app.extensions[_ENGINE] = missing
        return
    manifest = engine.manifest
    _log.info("model loaded", name=manifest.name, version=manifest.version, sha256=manifest.sha256)


def _outside(reason: str, *folders: Path) -> str:
    """Take the server's paths out of what a client gets to read."""
    for folder in folders:
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
