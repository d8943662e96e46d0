"""The one verified model of a process, loaded at the start, or the reason why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from flask import Flask, current_app
from werkzeug.exceptions import ServiceUnavailable

from relations import artifact, gazetteer
from relations.analyser import Analyser
from relations.mentions import MentionFinder
from service.config import Settings

_KEY = "country-relations"
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
    """There is no engine; ``cause`` says why."""

    cause: str


def load(settings: Settings) -> Engine:
    """Load the model and the gazetteer.

    Parameters
    ----------
    settings : Settings
        Says where they are, and which digest the model must have.

    Returns
    -------
    Engine

    Raises
    ------
    artifact.ArtifactError
        If the model is missing or not the one that is trusted; then nothing of it was unpickled.
    gazetteer.GazetteerError
        If a row of the gazetteer is bad.
    OSError
        If a file of the gazetteer cannot be read.
    """
    model, manifest = artifact.load(settings.model_dir, settings.model_sha256)
    countries = gazetteer.load(settings.gazetteer_dir)
    names = {code: country.name for code, country in countries.countries.items()}
    return Engine(Analyser(MentionFinder(countries), model), manifest, names)


def register(app: Flask, settings: Settings) -> None:
    """Give an application its engine.

    Where that fails the application still starts, so that its health can be asked for.
    """
    try:
        engine = load(settings)
    except (artifact.ArtifactError, gazetteer.GazetteerError, OSError) as error:
        _log.error("no model is served", reason=str(error))
        app.extensions[_KEY] = _Missing(_outside(str(error), settings.model_dir, settings.gazetteer_dir))
        return
    app.extensions[_KEY] = engine
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
    state = current_app.extensions[_KEY]
    if isinstance(state, Engine):
        return state
    raise ServiceUnavailable(f"No verified model is loaded: {state.cause}.")
