"""GET /health/live and /health/ready; test_engine.py has the bad days."""

import pytest


@pytest.mark.parametrize(("path", "status"), [("/health/live", "live"), ("/health/ready", "ready")])
def test_healthy(client, path, status):
    """A service with its model lives and is ready."""
    response = client.get(path)
    assert response.status_code == 200
    assert response.get_json() == {"status": status}
