"""The model is replaced while requests come in without a pause; none of them may notice but by the digest."""

import http.client
import json
import signal
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from relations import artifact
from service import keyfile

BODY = json.dumps({"text": "France condemned the Iranian attack. Spain thanked Italy."})
JSON = {"Content-Type": "application/json"}
ENOUGH = 12
"""Answers of the new model after which it counts as the only one."""
PAUSE = 0.02
"""Seconds between a client's requests: a machine that is busy otherwise must also get to load the model."""
PATIENCE = 60


class Crowd:
    """Clients that send one request after the other and note which model answered, or what went wrong."""

    def __init__(self, server, headers):
        self.server = server
        self.headers = headers
        self.models = []
        self.failures = []
        self.over = threading.Event()
        # One opens a connection for each request, the other keeps its own as long as the server does.
        self.threads = [threading.Thread(target=self.send, args=(kept,)) for kept in (False, True)]

    def send(self, kept):
        """Send until it is over."""
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=PATIENCE)
        while not self.over.wait(PAUSE):
            try:
                connection.request("POST", "/v1/relations", BODY, self.headers)
                response = connection.getresponse()
                answer = json.loads(response.read())
                assert response.status == 200, answer
                self.models.append(answer["model"]["sha256"])
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.failures.append(repr(error))
            if not kept:
                connection.close()
        connection.close()

    def wait_for(self, sha256):
        """Wait until a model alone has answered for a while."""
        self.server.wait_for(lambda: self.failures or set(self.models[-ENOUGH:]) == {sha256})

    @contextmanager
    def sending(self):
        """Send for as long as the block lasts; none may have failed."""
        for thread in self.threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in self.threads:
                thread.join(PATIENCE)
        assert self.failures == []


@pytest.fixture
def root(two_versions):
    """Give the folder of two models, the first of which is served."""
    return two_versions


@pytest.fixture
def admin(tmp_path):
    """Make an administrator's key; return the header that carries it."""
    return {"Authorization": f"Bearer {keyfile.add(tmp_path / 'keys', 'boss', 'admin')}"}


@pytest.fixture
def server(running, root, admin, tmp_path):
    """Start a server with two workers."""
    with running(tmp_path, WORKERS="2", MODEL_DIR=str(root), API_KEYS_FILE=str(tmp_path / "keys")) as started:
        yield started


@pytest.fixture
def digests(root):
    """Tell the digest of each version."""
    return {one: artifact.read_manifest(root / one / "fast").sha256 for one in ("first", "second")}


def workers(server):
    """Return which processes a server has forked."""
    process = server.process.pid
    return set(Path(f"/proc/{process}/task/{process}/children").read_text().split())


def test_reload_without_a_break(server, root, admin, digests):
    """A reload by request, then one by SIGHUP: all workers switch, and no request fails or is lost."""
    crowd = Crowd(server, JSON | admin)
    with crowd.sending():
        crowd.wait_for(digests["first"])
        before = workers(server)
        (root / "current").write_text("second")
        status, _, answer = server.request("POST", "/v1/model/reload", headers=admin)
        assert (status, json.loads(answer)["sha256"]) == (202, digests["second"])
        crowd.wait_for(digests["second"])
        server.wait_for(lambda: len(workers(server)) == 2 and not workers(server) & before)
        (root / "current").write_text("first")
        server.process.send_signal(signal.SIGHUP)
        crowd.wait_for(digests["first"])
    assert set(crowd.models) == set(digests.values())


def test_bad_model_changes_nothing(server, root, admin, digests):
    """A model that was cut short is refused, by request and by SIGHUP; the old one goes on without a failure."""
    crowd = Crowd(server, JSON | admin)
    with crowd.sending():
        crowd.wait_for(digests["first"])
        model = root / "second" / "fast" / artifact.MODEL_FILE
        model.write_bytes(model.read_bytes()[:-10])
        (root / "current").write_text("second")
        status, headers, answer = server.request("POST", "/v1/model/reload", headers=admin)
        assert (status, headers["Content-Type"]) == (409, "application/problem+json")
        assert "digest" in json.loads(answer)["detail"]
        refusals = server.log.count("new model refused")
        assert refusals == 1
        before = workers(server)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(lambda: server.log.count("new model refused") > refusals)
        server.wait_for(lambda: len(workers(server)) == 2 and not workers(server) & before)
        seen = len(crowd.models)
        server.wait_for(lambda: len(crowd.models) > seen + ENOUGH)
    assert set(crowd.models) == {digests["first"]}


def test_encoder_of_several_threads(running, tmp_path):
    """Workers answer and end although they were forked after the encoder was tried, whose threads they lack."""
    variables = {"TIER": "context", "ENCODER_THREADS": "2", "MAX_REQUESTS": "1", "GRACEFUL_SECONDS": "1"}
    with running(tmp_path, **variables) as server:
        for reloads in (False, True, False, False):
            if reloads:
                server.process.send_signal(signal.SIGHUP)
                server.wait_for(lambda: server.log.count("model loaded") == 2)
            # Each worker answers one request; the next is forked when it has ended.
            status, _, answer = server.request("POST", "/v1/relations", BODY, JSON)
            assert (status, json.loads(answer)["model"]["tier"]) == (200, "context")
    assert "TIMEOUT" not in server.log
