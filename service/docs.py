"""Swagger UI at /docs: the OpenAPI document to read and to try, without a CDN."""

from importlib.resources import files

from flask import Blueprint
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from service import headers

blueprint = Blueprint("docs", __name__, url_prefix="/docs")

_FOLDER = files("flask_swagger_ui") / "dist"
_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_HOUR = 3600
# Relative links: a proxy may serve all of this below a path of its own.
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Country relations: the API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<main id="api"></main>
<noscript>This page needs JavaScript; <a href="openapi.json">openapi.json</a> says the same.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null, tryItOutEnabled: true,
});
"""


@blueprint.get("")
def page() -> Response:
    """Give the page."""
    return headers.kept(Response(_PAGE, mimetype="text/html"), 0)


@blueprint.get("/start.js")
def start() -> Response:
    """Give the script that starts Swagger UI: a page of a strict policy has none in line."""
    return headers.kept(Response(_START, mimetype="text/javascript"), 0)


@blueprint.get("/<name>")
def asset(name: str) -> Response:
    """Give a file of Swagger UI."""
    if name not in _TYPES:
        raise NotFound
    return headers.kept(Response((_FOLDER / name).read_bytes(), mimetype=_TYPES[name]), _HOUR)
