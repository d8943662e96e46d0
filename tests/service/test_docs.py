"""The page at /docs."""

import re

import pytest

from service.app import create_app
from service.config import Settings


def test_page(client):
    """The page names only files of this service, all of which are there, and has no script or style in line."""
    page = client.get("/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert not re.search(r"<script>|<style|\son\w+=|\sstyle=|https?://", page.text)
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert "docs/start.js" in files
    for file in files:
        assert client.get(f"/{file}").status_code == 200


def test_types(client):
    """Scripts and styles have types that a browser takes under nosniff, and may be kept for a while."""
    for name, kind in (
        ("swagger-ui-bundle.js", "javascript"),
        ("start.js", "javascript"),
        ("swagger-ui.css", "css"),
    ):
        response = client.get(f"/docs/{name}")
        assert kind in response.mimetype
        assert "ETag" in response.headers


def test_shows_our_document(client):
    """Swagger UI 5, which reads OpenAPI 3.1, shows the document of this service."""
    assert '"openapi.json"' in client.get("/docs/start.js").text
    assert re.search(r"\b5\.\d+\.\d+\b", client.get("/docs/swagger-ui-bundle.js").text)


@pytest.mark.parametrize("name", ["index.css", "VERSION", "..%2fLICENSE", "%2e%2e/__init__.py", "swagger-ui.js"])
def test_nothing_else(client, problems, name):
    """Nothing lies there but what the page needs."""
    problems.check(client.get(f"/docs/{name}"), 404)


def test_without_model(tmp_path):
    """The page needs no model."""
    assert create_app(Settings(model_dir=tmp_path)).test_client().get("/docs").status_code == 200
