"""The application factory."""

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from service import (
    api,
    compression,
    corrections,
    countries,
    docs,
    documents,
    engine,
    errors,
    headers,
    health,
    keys,
    limits,
    log,
    metrics,
    model,
    page,
    relations,
    reload,
    tracing,
)
from service.config import Settings


class _Json(DefaultJSONProvider):
    """Keeps the contract's order of fields, and names such as Türkiye legible."""

    sort_keys = False
    ensure_ascii = False


class _App(Flask):
    json_provider_class = _Json


def create_app(settings: Settings) -> Flask:
    """Build the service.

    Parameters
    ----------
    settings : Settings
        What the operator chose.

    Returns
    -------
    Flask
        With a verified model, or, where there is none, answering 503 to all that needs one.
    """
    app = _App(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes + 1  # see service.body
    log.register(app, text=settings.log_text)
    metrics.register(app)
    tracing.register(app, settings)
    compression.register(app)
    errors.register(app)
    headers.register(app, settings)
    keys.register(app, settings)
    limits.register(app, settings)
    engine.register(app, settings)
    reload.register(app, settings)
    corrections.register(app, settings)
    api.register(
        app,
        relations.blueprint,
        documents.blueprint,
        model.blueprint,
        reload.blueprint,
        corrections.blueprint,
        countries.blueprint,
        health.blueprint,
        metrics.blueprint,
    )
    app.register_blueprint(docs.blueprint)
    page.register(app, settings)
    return app
