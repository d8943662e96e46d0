"""What the tests of the service share."""

from http import HTTPStatus
from typing import Any

import pytest
from werkzeug.test import TestResponse


class Problems:
    """Checks that a response is a problem as the contract wants it."""

    @staticmethod
    def check(response: TestResponse, status: int) -> dict[str, Any]:
        """Return the problem's body."""
        assert response.status_code == status
        assert response.content_type == "application/problem+json"
        assert "Traceback" not in response.text
        body = response.get_json(force=True)
        assert body["type"] == "about:blank"
        assert body["title"] == HTTPStatus(status).phrase
        assert body["status"] == status
        assert body["detail"]
        assert set(body) == {"type", "title", "status", "detail"} | ({"errors"} if status == 422 else set())
        return body

    @classmethod
    def pointers(cls, response: TestResponse) -> list[str]:
        """Return where a 422 sees faults."""
        errors = cls.check(response, 422)["errors"]
        assert errors
        assert all(set(error) == {"pointer", "detail"} and error["detail"] for error in errors)
        return [error["pointer"] for error in errors]


@pytest.fixture
def problems() -> type[Problems]:
    """Give the checks of problem responses."""
    return Problems
