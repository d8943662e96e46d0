"""What all tests share: the application with the shipped model."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.app import create_app
from service.config import Settings


@pytest.fixture(scope="session")
def app() -> Flask:
    """Build the service as it ships; once, since the model takes its time to load."""
    return create_app(Settings())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Speak to the service without a server."""
    return app.test_client()
