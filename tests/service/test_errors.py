"""Problems."""

import json

import pytest
from structlog.testing import capture_logs
from werkzeug.exceptions import HTTPException, default_exceptions

from service import errors, log
from service.app import create_app
from service.config import Settings
from service.errors import MAX_ERRORS, InvalidRequest, pointed

SECRET = "Atlantis"


@pytest.fixture(scope="module")
def failing():
    """Build an application with a path for every error; none of them needs the model."""
    app = create_app(Settings(model_dir=Settings().model_dir / "none"))

    @app.get("/raise/<int:code>")
    def raise_http(code):
        raise default_exceptions[code]

    @app.get("/raise")
    def raise_unexpected():
        raise RuntimeError(SECRET)

    return app.test_client()


@pytest.mark.parametrize("code", sorted(set(default_exceptions) - {422}))
def test_every_http_error(failing, problems, code):
    """Every HTTP error is a problem of its own status."""
    problems.check(failing.get(f"/raise/{code}"), code)


def test_unexpected_error(failing, problems):
    """An error that nobody foresaw is a 500; the log tells its place, and nobody its message."""
    with capture_logs() as logged:
        response = failing.get("/raise")
    body = problems.check(response, 500)
    assert SECRET not in response.text
    assert log.HEADER in body["detail"]
    (line,) = (one for one in logged if one["log_level"] == "error")
    assert line["error"] == "RuntimeError"
    assert line["frames"][-1].endswith(" raise_unexpected")
    assert SECRET not in json.dumps(logged)


def test_not_found(client, problems):
    """A path that leads nowhere is a 404 that says where to look."""
    assert "/openapi.json" in problems.check(client.get("/v2/relations"), 404)["detail"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/relations"), ("PUT", "/v1/pairs"), ("POST", "/v1/model")]
)
def test_wrong_method(client, problems, method, path):
    """A 405 names the methods that are allowed, in Allow and for the reader."""
    response = client.open(path, method=method)
    body = problems.check(response, 405)
    assert response.allow
    assert all(allowed in body["detail"] for allowed in response.allow)


def test_head_of_an_error(client):
    """HEAD gets the status and headers of the problem, and no body."""
    response = client.head("/nowhere")
    assert response.status_code == 404
    assert response.content_type == errors.MIMETYPE
    assert response.data == b""


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ({"text": ["a", "b"]}, [("/text", "a"), ("/text", "b")]),
        ({"_schema": ["a"]}, [("", "a")]),
        ({"items": {10: {"_schema": ["b"]}, 9: {"end": ["a"]}}}, [("/items/9/end", "a"), ("/items/10", "b")]),
        ({"a/b~c": ["a"]}, [("/a~1b~0c", "a")]),
        ({"\ud800": ["a"]}, [("/?", "a")]),
        (["a"], [("", "a")]),
    ],
)
def test_pointers(messages, expected):
    """Marshmallow's messages become JSON pointers, in a fixed order."""
    assert [(one["pointer"], one["detail"]) for one in pointed(messages)] == expected


def test_many_errors():
    """Of very many errors the first are listed, and their number is told."""
    error = InvalidRequest({str(number): ["bad"] for number in range(MAX_ERRORS + 1)})
    assert len(error.errors) == MAX_ERRORS
    assert str(MAX_ERRORS + 1) in error.description


def test_response_of_its_own(app):
    """An error that brings its response keeps it."""
    with app.test_request_context():
        own = app.make_response("as it is")
        assert errors.problem(HTTPException(response=own)).get_data(as_text=True) == "as it is"
