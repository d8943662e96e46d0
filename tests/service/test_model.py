"""GET /v1/model and /v1/model/card."""

import dataclasses
import shutil

import pytest

from relations import artifact, registry
from service.app import create_app
from service.config import Settings

CARD = "# A model\n\nTürkiye is in it, “quotes” too.\n"


def test_model(client):
    """The manifest of the served model is told in full, but for the digests of files that lie beside it."""
    told = dataclasses.asdict(artifact.read_manifest(registry.resolve()))
    told.pop("files")
    response = client.get("/v1/model")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert response.get_json() == told


def test_same_model_everywhere(client):
    """The model that an answer names is this one."""
    manifest = client.get("/v1/model").get_json()
    named = client.post("/v1/relations", json={"text": "a"}).get_json()["model"]
    assert named == {key: manifest[key] for key in ("name", "version", "sha256", "tier")}


def test_head(client):
    """HEAD gives the headers of GET, and no body."""
    response = client.head("/v1/model")
    assert response.status_code == 200
    assert response.data == b""
    assert response.content_length == client.get("/v1/model").content_length


@pytest.mark.parametrize("place", [".", "fast"])
def test_card(two_versions, place):
    """The card of the served version, or of its tier, is given as it was written, and once to whoever keeps it."""
    (two_versions / "first" / place / "card.md").write_text(CARD, encoding="utf-8")
    client = create_app(Settings(two_versions, tier="fast")).test_client()
    response = client.get("/v1/model/card")
    assert (response.status_code, response.content_type) == (200, "text/markdown; charset=utf-8")
    assert response.text == CARD
    again = client.get("/v1/model/card", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_no_card(two_versions, problems):
    """A model without a card is a 404 that says so; a card beside a mounted folder is not its own."""
    lone = two_versions.parent / "lone"
    shutil.copytree(two_versions / "first" / "fast", lone)
    (two_versions.parent / "card.md").write_text(CARD, encoding="utf-8")
    for folder in (two_versions, lone):
        response = create_app(Settings(folder, tier="fast")).test_client().get("/v1/model/card")
        assert "no card" in problems.check(response, 404)["detail"]
