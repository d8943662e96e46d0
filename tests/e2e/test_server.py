"""The real server, over a real socket."""

import http.client
import json
import shlex
import signal
import socket

import pytest

ARTICLE = (
    "PARIS — France condemned Iran’s missile tests on Tuesday.\r\n\r\n“We stand with Germany,” the French "
    "foreign minister said. German officials thanked France. Markets were calm 😀."
)
PATIENCE = 60
"""Seconds after which a test gives up; nothing is measured."""


@pytest.fixture(scope="module")
def server(tmp_path_factory, running):
    """Start a server with two workers for all tests that do not end it."""
    with running(tmp_path_factory.mktemp("server"), WORKERS="2", TIER="context") as started:
        yield started


JSON = {"Content-Type": "application/json"}


def test_article(server):
    """An article that is posted comes back read."""
    status, headers, body = server.request("POST", "/v1/relations", json.dumps({"text": ARTICLE}), JSON)
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Request-ID"]
    answer = json.loads(body)
    assert any(sentence["relations"] for sentence in answer["sentences"])
    for sentence in answer["sentences"]:
        for mention in sentence["mentions"]:
            assert ARTICLE[mention["start"] : mention["end"]] == mention["text"]


def test_greeting(server):
    """The greeting's curl line, pasted, works."""
    (line,) = (one for one in server.greeting.splitlines() if one.startswith("curl "))
    words = shlex.split(line)
    (url,) = (word for word in words if word.startswith("http://"))
    header, value = words[words.index("-H") + 1].split(": ")
    path = url.removeprefix(f"http://{server.host}:{server.port}")
    status, _, body = server.request("POST", path, words[words.index("-d") + 1], {header: value})
    assert status == 200
    assert any(sentence["relations"] for sentence in json.loads(body)["sentences"])


@pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413), (100_000, 413)])
def test_chunked_body(server, extra, status):
    """The limit holds, to the byte, for a body whose length is not announced."""
    body = b'{"text": "France condemned Iran."}'.ljust(1024 * 1024 + extra)
    chunks = (body[start : start + 65_536] for start in range(0, len(body), 65_536))
    found, headers, answer = server.request("POST", "/v1/relations", chunks, JSON)
    assert found == status, answer
    assert headers["Content-Type"] == ("application/json" if status == 200 else "application/problem+json")


def test_log(server):
    """All that the server logs is JSON, a line for each request, and nothing of the texts."""
    server.request("POST", "/v1/relations", json.dumps({"text": ARTICLE}), JSON | {"X-Request-ID": "wanted"})
    server.wait_for(lambda: '"wanted"' in server.log)
    lines = [json.loads(line) for line in server.log.splitlines()]
    assert "model loaded" in {line["message"] for line in lines}
    (line,) = (one for one in lines if one.get("request_id") == "wanted")
    assert (line["message"], line["path"], line["status"]) == ("request", "/v1/relations", 200)
    assert "missile" not in server.log


def test_model_is_loaded_once(server):
    """Workers share the model that was loaded before they were forked."""
    assert server.log.count("model loaded") == 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_clean_end(tmp_path, how, running):
    """A server that is told to end does so with exit code 0."""
    with running(tmp_path, TIER="context") as started:
        assert started.request("GET", "/health/ready")[0] == 200
        assert started.end(how) == 0


def test_request_in_flight_is_finished(tmp_path, running):
    """A request that the server has begun to read when it is told to end is answered, and then it ends."""
    body = json.dumps({"text": ARTICLE}).encode()
    with (
        running(tmp_path, TIER="context") as started,
        socket.create_connection((started.host, started.port), PATIENCE) as line,
    ):
        head = f"POST /v1/relations HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        line.sendall(f"{head}Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n".encode())
        # The server says this when it waits for the body: from now on the request is in flight.
        assert line.recv(1024).startswith(b"HTTP/1.1 100 ")
        started.process.send_signal(signal.SIGTERM)
        started.wait_for(lambda: "Handling signal: term" in started.log)
        line.sendall(body)
        response = http.client.HTTPResponse(line)
        response.begin()
        assert response.status == 200
        assert json.loads(response.read())["sentences"]
        assert started.process.wait(PATIENCE) == 0


def test_server_without_model(tmp_path, running):
    """Without a model the server starts, lives, and is not ready."""
    with running(tmp_path, MODEL_DIR=str(tmp_path)) as started:
        assert started.request("GET", "/health/live")[0] == 200
        status, headers, _ = started.request("GET", "/health/ready")
        assert status == 503
        assert headers["Content-Type"] == "application/problem+json"
        assert "no model is served" in started.log
