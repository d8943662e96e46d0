"""Streams over a real socket."""

import gzip
import http.client
import json
import re
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

HEAD = (
    "POST /v1/relations/stream HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
    "Transfer-Encoding: chunked\r\n"
)
DOCUMENT = b'{"id": 1, "text": "France condemned Iran."}\n'
REFUSED = b'{"text": "' + b"a" * 1_000_000 + b'"}\n'
TOO_LONG = b" " * 5_000_000 + b"\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory, running):
    """Start a server that can do one thing at a time."""
    with running(tmp_path_factory.mktemp("server"), THREADS="1") as started:
        yield started


@contextmanager
def stream(server, head=""):
    """Begin a stream; give what sends a chunk, and the socket."""
    with socket.create_connection((server.host, server.port), 60) as line:
        line.sendall(f"{HEAD}{head}\r\n".encode())
        yield lambda data: line.sendall(b"%x\r\n%b\r\n" % (len(data), data)), line


def begun(line):
    """Wait for the head of the answer and return the answer."""
    response = http.client.HTTPResponse(line)
    response.begin()
    assert response.status == 200
    return response


def answers_to(server, chunks, head=""):
    """Send chunks while the answer is read; return how each line fared."""
    with stream(server, head) as (send, line):

        def send_all():
            for chunk in chunks:
                send(chunk)
            line.sendall(b"0\r\n\r\n")

        sender = threading.Thread(target=send_all)
        sender.start()
        answers = [json.loads(one) for one in begun(line)]
        sender.join()
    return [one["problem"]["status"] if "problem" in one else one["status"] for one in answers]


def peak(server):
    """Return the most memory that the worker has ever had, in MB."""
    (worker,) = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{worker}/status").read_text())[1]) / 1000


@pytest.mark.parametrize("packed", [False, True])
def test_constant_memory(server, packed):
    """The memory of a worker does not grow with the stream, be it plain or compressed."""
    part = [DOCUMENT, *[REFUSED] * 7, TOO_LONG, DOCUMENT]
    fared = ["ok", *[422] * 7, 413, "ok"]
    head = "Content-Encoding: gzip\r\n" if packed else ""

    def sent(times):
        return (gzip.compress(one, 1) if packed else one for _ in range(times) for one in part)

    assert answers_to(server, sent(1), head) == fared
    before = peak(server)
    assert answers_to(server, sent(5), head) == fared * 5
    assert peak(server) - before < 30


def test_answers_come_while_the_body_is_sent(server):
    """The first answer comes before the client has sent the rest."""
    with stream(server) as (send, line):
        send(DOCUMENT + b" " * 2000)
        response = begun(line)
        assert json.loads(response.readline())["status"] == "ok"
        send(b"\n" + DOCUMENT)
        line.sendall(b"0\r\n\r\n")
        assert [json.loads(one)["status"] for one in response] == ["ok"]


def test_connection_lives_on(server):
    """After a stream the connection takes the next request."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    for _ in range(2):
        connection.request("POST", "/v1/relations/stream", DOCUMENT * 3, {"Content-Type": "application/x-ndjson"})
        response = connection.getresponse()
        assert [json.loads(one)["status"] for one in response] == ["ok"] * 3
    connection.close()


def test_client_that_leaves_ends_the_work(server):
    """When the client is gone its stream ends, and the server is free for others."""
    ended = server.log.count("stream ended")
    with stream(server) as (send, line):
        send(DOCUMENT * 2000)
        begun(line)
    assert server.request("GET", "/health/live")[0] == 200
    assert server.log.count("stream ended") == ended + 1
    *_, last = (json.loads(one) for one in server.log.splitlines() if "stream ended" in one)
    assert last["lines"] < 2000


@pytest.mark.parametrize("rest", [b"xyz\r\n", b"5\r\nabcdefgh", b"0\r\n"])
def test_malformed_chunks(server, rest):
    """Where the chunks are malformed or break off, the last line says so, and nothing of them is logged."""
    with stream(server) as (send, line):
        send(DOCUMENT + b" " * 2000)
        line.sendall(rest)
        line.shutdown(socket.SHUT_WR)
        good, last = [json.loads(one) for one in begun(line)]
    assert good["status"] == "ok"
    assert last["problem"]["status"] == 400
    assert "broke off" in last["problem"]["detail"]
    assert "Traceback" not in server.log
