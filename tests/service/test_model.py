"""GET /v1/model."""

import dataclasses

from relations import artifact, registry


def test_model(client):
    """The manifest of the served model is told in full."""
    manifest = artifact.read_manifest(registry.resolve())
    response = client.get("/v1/model")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert response.get_json() == dataclasses.asdict(manifest)


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
