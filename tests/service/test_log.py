"""Request ids and the log."""

import json
import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from service.app import create_app
from service.config import Settings
from service.log import HEADER

SECRET = "Atlantis"


@pytest.mark.parametrize("given", ["a", "A-Z.a_z-09", "x" * 128])
def test_id_of_the_client(client, given):
    """A client's own request id comes back."""
    assert client.get("/health/live", headers={HEADER: given}).headers[HEADER] == given


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 129, "ü", "a/b", '"', "a,b"])
def test_id_of_the_server(client, given):
    """Without an id, or with one that could forge a log line, the server makes one; each time another."""
    made = {
        client.get("/health/live", headers={} if given is None else {HEADER: given}).headers[HEADER]
        for _ in range(2)
    }
    assert len(made) == 2
    assert given not in made


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nowhere"),
        ("GET", "/v1/relations"),
        ("POST", "/v1/relations"),
        ("OPTIONS", "/v1/pairs"),
        ("HEAD", "/"),
    ],
)
def test_every_response_has_an_id(client, method, path):
    """Errors and bodiless answers have a request id too."""
    assert client.open(path, method=method, headers={HEADER: "mine"}).headers[HEADER] == "mine"


def test_line_of_a_request(client):
    """A request is one line of the log."""
    with capture_logs() as logged:
        client.post("/v1/relations", json={"text": "a"})
    (line,) = logged
    assert line["log_level"] == "info"
    assert (line["method"], line["path"], line["status"]) == ("POST", "/v1/relations", 200)
    assert {"bytes", "milliseconds"} <= set(line)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_quiet_health(client, path):
    """A good health check is logged for debugging only."""
    with capture_logs() as logged:
        client.get(path)
    assert [one["log_level"] for one in logged] == ["debug"]


@pytest.mark.parametrize(
    "body",
    [
        {"text": f"France condemned {SECRET}."},
        {"text": f"{SECRET}\x00"},
        {"text": "a", "id": SECRET},
        {"text": "a", SECRET: SECRET},
        {"text": [SECRET]},
    ],
)
def test_text_is_not_logged(client, body):
    """Nothing of a body gets into the log."""
    with capture_logs() as logged:
        client.post(f"/v1/relations?{SECRET}", json=body)
        client.post("/v1/relations", data=f'{{"text": {SECRET}', content_type="application/json")
    assert len(logged) == 2
    assert SECRET not in json.dumps(logged)


@pytest.fixture(scope="module")
def open_client():
    """Speak to a service that may log texts."""
    return create_app(Settings(log_text=True)).test_client()


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/v1/relations", {"text": "Rain."}, "Rain."),
        ("/v1/relations", {"text": "é" * 3000}, "é" * 2000),
        ("/v1/relations", {"text": "Rain.", "unknown": 1}, None),
        (
            "/v1/relations/batch",
            {"documents": [{"text": "Rain."}, {"text": ""}, {"text": "Hail."}]},
            "Rain.\nHail.",
        ),
        (
            "/v1/pairs",
            {"items": [{"text": "A b.", "source": {"start": 0, "end": 1}, "target": {"start": 2, "end": 3}}]},
            "A b.",
        ),
    ],
)
def test_text_is_logged_where_wished(open_client, path, body, text):
    """Where the operator wishes it, a request's line holds the texts that were read, up to a limit."""
    with capture_logs() as logged:
        open_client.post(path, json=body)
    (line,) = logged
    assert line.get("text") == text


PROGRAM = """
import logging, warnings
from service import log
import structlog
log.configure("info")
structlog.contextvars.bind_contextvars(request_id="r1")
structlog.get_logger("service").info("ours", number=5)
structlog.get_logger("service").debug("unseen")
logging.getLogger("gunicorn.error").warning("theirs %s", "too")
warnings.warn("beware", stacklevel=1)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("other").exception("failed")
"""


def test_json_lines():
    """All that the process logs is JSON on stderr, one object a line; stdout stays clean."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    ours, theirs, warning, failure = map(json.loads, done.stderr.splitlines())
    assert ours.pop("timestamp").endswith("Z")
    assert ours == {"message": "ours", "number": 5, "level": "info", "request_id": "r1"}
    assert (theirs["message"], theirs["level"]) == ("theirs too", "warning")
    assert "beware" in warning["message"]
    assert "ZeroDivisionError" in failure["exception"]
