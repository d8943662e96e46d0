"""Spans that a collector gets from the real server."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SECRET = "Atlantis"
JSON = {"Content-Type": "application/json"}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(ThreadingHTTPServer):
    """Takes what an OpenTelemetry collector would."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Taking)
        self.taken = []

    @property
    def url(self):
        """Return where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def spans(self):
        """Return all spans that came."""
        requests = [ExportTraceServiceRequest.FromString(body) for _, body in self.taken]
        groups = [group for request in requests for group in request.resource_spans]
        return [span for group in groups for scope in group.scope_spans for span in scope.spans]


class Taking(BaseHTTPRequestHandler):
    """Keeps the path and body of each request."""

    def do_POST(self):
        """Take one."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def collector():
    """Listen while the test runs."""
    with Collector() as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def attributes(span):
    """Return the attributes that are strings."""
    return {one.key: one.value.string_value for one in span.attributes}


def test_spans(tmp_path, running, collector):
    """Each request is a span with its id, in the client's trace, without what was sent; watching makes none."""
    with running(tmp_path, OTEL_ENDPOINT=f"{collector.url}/", WORKERS="2") as server:
        headers = JSON | {"X-Request-ID": "wanted", "traceparent": f"00-{TRACE}-{PARENT}-01"}
        body = json.dumps({"text": f"France condemned Iran in {SECRET}."})
        assert server.request("POST", f"/v1/relations?text={SECRET}", body, headers)[0] == 200
        assert server.request("GET", f"/nowhere?{SECRET}", headers={"X-Request-ID": "lost"})[0] == 404
        server.request("GET", "/health/live")
        server.request("GET", "/metrics")
        assert server.end() == 0
    assert {path for path, _ in collector.taken} == {"/v1/traces"}
    spans = {attributes(span)["request_id"]: span for span in collector.spans}
    assert set(spans) == {"wanted", "lost"}
    wanted = spans["wanted"]
    assert attributes(wanted)["http.route"] == "/v1/relations"
    assert (wanted.trace_id.hex(), wanted.parent_span_id.hex()) == (TRACE, PARENT)
    assert wanted.end_time_unix_nano > wanted.start_time_unix_nano
    assert spans["lost"].trace_id.hex() != TRACE
    assert all(b"country-relations" in body and SECRET.encode() not in body for _, body in collector.taken)


def test_collector_is_away(tmp_path, running, monkeypatch):
    """A collector that does not answer disturbs neither requests nor the end of the server."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        with running(tmp_path, OTEL_ENDPOINT=f"http://127.0.0.1:{reserved.getsockname()[1]}") as server:
            assert server.request("GET", "/v1/model")[0] == 200
            assert server.end() == 0
