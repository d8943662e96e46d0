"""The application factory."""

import pytest

from service.app import create_app
from service.config import Settings


def test_applications_are_independent(client, tmp_path):
    """Two applications in one process share nothing."""
    other = create_app(Settings(model_dir=tmp_path)).test_client()
    assert other.get("/health/ready").status_code == 503
    assert client.get("/health/ready").status_code == 200


def test_legible_json(client):
    """Names come as they are written, not as escapes."""
    response = client.post("/v1/relations", json={"text": "Türkiye praised France."})
    assert response.content_type == "application/json"
    assert "Türkiye" in response.text


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/relations", {"POST", "OPTIONS"}),
        ("/v1/pairs", {"POST", "OPTIONS"}),
        ("/v1/model", {"GET", "HEAD", "OPTIONS"}),
        ("/health/ready", {"GET", "HEAD", "OPTIONS"}),
        ("/openapi.json", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_options(client, path, allowed):
    """OPTIONS tells the methods of a path."""
    response = client.options(path)
    assert response.status_code == 200
    assert set(response.allow) == allowed
