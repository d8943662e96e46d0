"""The Python client against the real server, and against servers that misbehave."""

import asyncio
import gzip
import itertools
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
import tracemalloc
from collections import deque
from contextlib import ExitStack, suppress
from email.utils import formatdate

import pytest

from country_relations_client import (
    Analysis,
    Client,
    Failure,
    LateError,
    ProblemError,
    UnexpectedAnswerError,
    UnreachableError,
)
from country_relations_client.patience import Patience
from service import keyfile

TEXT = "France condemned Iran and praised Germany."
SHORT = "France condemned Iran."
GONE = b""
"""For an answer: the connection is closed without one."""
TLS_SUBJECT = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]


@pytest.fixture(scope="module")
def server(tmp_path_factory, running):
    """Start a server for all tests that do not end it."""
    with running(tmp_path_factory.mktemp("server"), THREADS="2") as started:
        yield started


def url_of(server):
    """Return where a server listens."""
    return f"http://{server.host}:{server.port}"


@pytest.fixture
def client(server):
    """Speak to the server; nothing is tried again."""
    with Client(url_of(server), retries=0) as opened:
        yield opened


@pytest.fixture
def speak():
    """Give what makes a client, which hardly waits between its tries."""
    with ExitStack() as stack:
        yield lambda url, **more: stack.enter_context(Client(url, **{"backoff": 0.01} | more))


def posted(server, path, body):
    """Return what the service says to a plain request."""
    answer = server.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})[2]
    return json.loads(answer)


def logged(server, path):
    """Return the statuses of all requests to a path that the server has logged."""
    lines = [json.loads(line) for line in server.log.splitlines()]
    return [line["status"] for line in lines if line.get("path") == path]


class Scripted:
    """A server that answers each connection as it is told, in order, and closes it."""

    def __init__(self, *answers):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.requests = []
        self.thread = threading.Thread(target=self._serve, args=(deque(answers),))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)  # wakes who waits for a connection
        self.thread.join()
        self.socket.close()

    def _serve(self, answers):
        while answers:
            try:
                line, _ = self.socket.accept()
            except OSError:
                return
            with line, line.makefile("rb") as incoming:
                head = b"".join(iter(incoming.readline, b"\r\n"))
                self.requests.append((head, self._body(head.lower(), incoming)))
                answer = answers.popleft()
                if answer is None:
                    incoming.read()  # says nothing until the client gives up
                else:
                    line.sendall(answer)

    @staticmethod
    def _body(head, incoming):
        if b"chunked" in head:
            return b"".join(iter(incoming.readline, b"0\r\n"))
        _, found, rest = head.partition(b"content-length: ")
        return incoming.read(int(rest.split()[0])) if found else b""


def answer(status, body, *headers, kind="application/json"):
    """Return the bytes of an answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join(told).encode() + b"\r\n\r\n" + data


def problem(status, *headers, **more):
    """Return the bytes of a problem."""
    body = {"type": "about:blank", "title": "Made up", "status": status, "detail": "So it is.", **more}
    return answer(status, body, *headers, kind="application/problem+json")


def lines(*outcomes):
    """Return the bytes of a stream's answer up to its end, which is missing."""
    chunks = [json.dumps(one).encode() + b"\n" for one in outcomes]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in chunks)


END = b"0\r\n\r\n"
MODEL = {"name": "made-up", "version": "1", "sha256": "0" * 64, "tier": "fast"}
ANALYSIS = {"id": None, "model": MODEL, "sentences": [], "dyads": []}
CUT_OFF = {"status": 400, "title": "Bad Request", "detail": "The body broke off."}


def ok(identity):
    """Return a line of a stream's answer."""
    return ANALYSIS | {"id": identity, "status": "ok"}


def test_relations(client, server):
    """A text is answered with all that the service says of it, options and id included."""
    options = {"as_of": "2024-05-16", "include_neutral": False, "explain": True, "min_probability": 0.5}
    found = client.relations(TEXT, id="a", **options)
    told = posted(server, "/v1/relations", {"text": TEXT, "id": "a", **options})
    assert found.id == "a"
    assert found.model.sha256 == told["model"]["sha256"]
    (sentence,) = found.sentences
    assert [one.text for one in sentence.mentions] == ["France", "Iran", "Germany"]
    expected = told["sentences"][0]["relations"]
    assert [(one.source, one.target, one.label) for one in sentence.relations] == [
        (one["source"], one["target"], one["label"]) for one in expected
    ]
    assert sentence.relations[0].probabilities.opposition == expected[0]["probabilities"]["opposition"]
    assert sentence.relations[0].evidence[0].text == expected[0]["evidence"][0]["text"]
    assert [(one.source, one.balance) for one in found.dyads] == [
        (one["source"], one["balance"]) for one in told["dyads"]
    ]


def test_pairs(client):
    """Pairs of one's own actors are judged, in order."""
    item = {"text": "Alice praised Bob.", "source": {"start": 0, "end": 5}, "target": {"start": 14, "end": 17}}
    found = client.pairs(iter([item, item | {"text": "Alice attacked Bob", "target": {"start": 15, "end": 18}}]))
    assert [one.label for one in found.results] == ["support", "opposition"]
    assert found.model.name == "country-relations"


def test_countries_and_model(client):
    """The gazetteer and the model tell of themselves."""
    assert len(client.countries()) > 200
    france, soviet = client.countries("SUN", "FRA")
    assert ("Paris" in france.capitals, soviet.code, soviet.until) == (True, "SUN", 1991)
    assert set(client.model().classes) == {"support", "opposition", "neutrality"}


def test_problem(client, server):
    """A refusal is an exception with all that the service says, and the request is not sent again."""
    before = len(logged(server, "/v1/relations"))
    with Client(url_of(server)) as patient, pytest.raises(ProblemError) as caught:
        patient.relations("", min_probability=2)
    error = caught.value
    assert (error.status, error.title) == (422, "Unprocessable Entity")
    assert {one.pointer for one in error.errors} == {"/text", "/min_probability"}
    assert error.request_id in server.log
    assert "/min_probability" in str(error)
    assert logged(server, "/v1/relations")[before:] == [422]


def test_batch(client, server):
    """Documents of any number go in as few requests as the service allows, and come back in order."""
    texts = ["", *["It rained."] * 299, SHORT]
    found = list(client.batch(({"id": k, "text": text} for k, text in enumerate(texts)), include_neutral=False))
    assert [one.id for one in found] == list(range(301))
    first, *rest = found
    assert isinstance(first, Failure)
    assert first.problem.errors[0].pointer == "/text"
    assert all(isinstance(one, Analysis) for one in rest)
    assert [one.label for one in rest[-1].sentences[0].relations] == ["opposition"]
    assert logged(server, "/v1/relations/batch")[-2:] == [200, 200]
    assert list(client.batch([])) == []


def test_batch_of_long_documents(client, server):
    """No request is over the service's limit, and plain texts will do as documents."""
    before = len(logged(server, "/v1/relations/batch"))
    found = list(client.batch(["x" * 99_990 + " It rained."[:10]] * 12))
    assert all(isinstance(one, Analysis) for one in found)
    assert logged(server, "/v1/relations/batch")[before:] == [200, 200]


def test_batch_under_another_limit(tmp_path, running):
    """Where the service takes less than usual it is given less; what is too large by itself spoils no other."""
    with running(tmp_path, MAX_BODY_BYTES="2000") as small, Client(url_of(small), retries=0) as client:
        documents = [{"id": k, "text": SHORT + " It rained." * (300 if k == 7 else 30)} for k in range(12)]
        found = list(client.batch(documents))
        assert [one.id for one in found if isinstance(one, Failure)] == [7]
        assert found[7].problem.status == 413
        assert [one.id for one in found] == list(range(12))
        streamed = list(client.stream(documents))
        assert [one.id for one in streamed if isinstance(one, Analysis)] == [*range(7), *range(8, 12)]
        assert streamed[7].problem.status == 413


def test_stream_in_constant_memory(client):
    """Thousands of documents go through one connection, and the client keeps next to none of them."""
    filler = " It rained" + " and rained" * 120 + "."
    documents = ({"id": k, "text": SHORT + filler if k else ""} for k in range(3000))
    tracemalloc.start()
    try:
        count = failures = 0
        for count, one in enumerate(client.stream(documents, include_neutral=False), 1):
            assert one.id == count - 1
            failures += isinstance(one, Failure)
        assert (count, failures) == (3000, 1)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000 < 3000 * len(filler)
    finally:
        tracemalloc.stop()


def test_stream_has_no_end(client, server):
    """Answers come while documents are sent; who takes no more of them sets the service free."""
    found = client.stream(itertools.repeat(SHORT))
    assert len(list(itertools.islice(found, 50))) == 50
    ended = server.log.count("stream ended")
    found.close()
    server.wait_for(lambda: server.log.count("stream ended") == ended + 1)


def test_documents_that_fail(client):
    """An exception of the caller's documents, even an OSError, comes after the answers to those before."""

    def documents():
        yield {"id": 1, "text": SHORT}
        raise FileNotFoundError("article.txt")

    found = client.stream(documents())
    assert next(found).id == 1
    with pytest.raises(FileNotFoundError, match=r"article\.txt"):
        next(found)
    with pytest.raises(TypeError, match="cannot be sent"):
        list(client.stream([{"text": SHORT, "id": object()}]))


def test_api_key(tmp_path, running):
    """The key goes with every request, streams too; without it the service's refusal is raised at once."""
    key = keyfile.add(tmp_path / "keys", "tester")
    with running(tmp_path, API_KEYS_FILE=str(tmp_path / "keys")) as locked:
        with Client(url_of(locked), api_key=f"{key}\n") as client:
            assert client.model().tier
            assert [one.id for one in client.stream([{"id": 1, "text": SHORT}])] == [1]
        with Client(url_of(locked)) as client:
            for ask in (client.model, lambda: list(client.stream(itertools.repeat(SHORT)))):
                with pytest.raises(ProblemError, match="API key") as caught:
                    ask()
                assert caught.value.status == 401
        assert logged(locked, "/v1/model") == [200, 401]
        assert key not in locked.log


def test_rate_limit(tmp_path, running):
    """Who is over a rate limit waits as the service asks; where that is too long the refusal is raised."""

    def ask(client):
        return client.countries("FRA")[0].name

    with running(tmp_path, RATE_LIMIT="1/second", MODEL_DIR=str(tmp_path)) as slow:
        with Client(url_of(slow)) as client:
            assert {ask(client) for _ in range(4)} == {"France"}
        with Client(url_of(slow), longest_wait=0.5) as client:
            with pytest.raises(ProblemError, match="1 per 1 second") as caught:
                # Sooner or later two of them fall into one second.
                deque(map(ask, itertools.repeat(client)), 0)
            assert (caught.value.status, caught.value.retry_after) == (429, 1)


def test_server_restarts(tmp_path, running):
    """A client outlives its server: the kept connection is opened again, and a stream goes on where it was."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    with running(folders[0], GRACEFUL_SECONDS="1") as first, Client(url_of(first), backoff=0.01) as client:
        before = client.model()

        def documents(again):
            for k in range(90):
                if k == 60:
                    first.end()
                    again(running(folders[1], port=first.port))
                yield {"id": k, "text": SHORT}

        with ExitStack() as stack:
            found = client.stream(documents(stack.enter_context))
            assert [one.id for one in found if isinstance(one, Analysis)] == list(range(90))
            with Client(url_of(first), retries=0) as another:
                assert client.model() == another.model() == before


@pytest.mark.parametrize(
    "failure",
    [
        GONE,
        b"HTTP/1.1 20",
        problem(503),
        problem(429, "Retry-After: 0"),
        answer(502, b"<p>Bad gateway", kind="text/html"),
        answer(504, b"", kind="text/plain"),
    ],
)
def test_retries(failure, speak):
    """What may go over is tried again, for requests and streams alike."""
    with Scripted(failure, failure, answer(200, ANALYSIS)) as flaky:
        assert speak(flaky.url).relations(TEXT).sentences == ()
        assert len(flaky.requests) == 3
    with Scripted(failure, failure, lines(ok(1)) + END) as flaky:
        assert [one.id for one in speak(flaky.url).stream([{"id": 1, "text": TEXT}])] == [1]
        assert len(flaky.requests) == 3
        assert len({body for _, body in flaky.requests}) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_no_retries(status, speak):
    """What would fail again is not tried again."""
    with Scripted(problem(status, errors=[{"pointer": "/text", "detail": "Bad."}]), GONE) as refusing:
        with pytest.raises(ProblemError, match=f"{status} Made up: So it is.; /text: Bad.") as caught:
            speak(refusing.url).relations(TEXT)
        assert caught.value.status == status
        assert len(refusing.requests) == 1


def test_patience_ends(speak):
    """After so many failures the last one is raised."""
    with Scripted(*[problem(503)] * 3) as busy:
        with pytest.raises(ProblemError) as caught:
            speak(busy.url, retries=2).relations(TEXT)
        assert caught.value.status == 503
        assert len(busy.requests) == 3
    with pytest.raises(UnreachableError, match="see that the service runs"):
        speak(busy.url, retries=2).model()


@pytest.mark.parametrize("kind", ["seconds", "date"])
def test_retry_after(kind, speak):
    """Retry-After is honoured, be it seconds or a date, unless it is longer than the caller would wait."""
    told = "1" if kind == "seconds" else formatdate(time.time() + 3600, usegmt=True)
    with Scripted(problem(503, f"Retry-After: {told}"), answer(200, ANALYSIS)) as busy:
        client = speak(busy.url, longest_wait=60)
        began = time.monotonic()
        if kind == "seconds":
            assert client.relations(TEXT).model.name == "made-up"
            assert time.monotonic() - began >= 1
        else:
            with pytest.raises(ProblemError) as caught:
                client.relations(TEXT)
            assert caught.value.retry_after > 3000


def test_backoff():
    """Waits double up to half a minute, and no two clients wait alike."""
    patience = Patience(retries=9, backoff=0.5, longest_wait=60)
    error = UnreachableError()
    for failed, longest in ((0, 0.5), (1, 1), (4, 8), (8, 30)):
        waits = {patience.pause(failed, error) for _ in range(20)}
        assert longest / 2 <= min(waits) < max(waits) <= longest
    with pytest.raises(UnreachableError):
        patience.pause(9, error)


def test_stream_breaks_off(speak):
    """A stream that breaks off, within a line or with the service's word for it, is taken up where it was."""
    documents = [{"id": k, "text": TEXT} for k in range(4)]
    cut_off = {"id": None, "status": "error", "problem": CUT_OFF}
    answers = (
        lines(ok(0)) + END,
        lines(ok(1)) + b"20\r\n{" + b'"id": 2',
        lines(cut_off) + END,
        lines(ok(2)),
        lines(ok(3)) + END,
    )
    with Scripted(*answers) as flaky:
        found = speak(flaky.url, retries=2).stream(documents)
        assert [one.id for one in found] == [0, 1, 2, 3]
        sent = [
            [json.loads(line)["id"] for line in body.splitlines() if line[:1] == b"{"]
            for _, body in flaky.requests
        ]
    assert sent == [[0, 1, 2, 3], [1, 2, 3], [2, 3], [2, 3], [3]]


def test_silence(speak):
    """A service that says nothing is not asked again, and nobody waits for ever."""
    for ask in (lambda client: client.model(), lambda client: list(client.stream([TEXT]))):
        with Scripted(None, None) as silent:
            with pytest.raises(LateError, match=r"silent for 0\.1 seconds"):
                ask(speak(silent.url, timeout=0.1))
            assert len(silent.requests) == 1


def test_large_bodies_are_compressed(speak):
    """A large body goes as gzip, a small one as it is; a compressed answer is read."""
    packed = answer(200, gzip.compress(json.dumps(ANALYSIS).encode()), "Content-Encoding: gzip")
    with Scripted(packed, packed) as server:
        for text in (TEXT, TEXT * 500):
            assert speak(server.url).relations(text).sentences == ()
        (small, plain), (large, body) = server.requests
    assert b"Content-Encoding" not in small
    assert json.loads(plain) == {"text": TEXT}
    assert b"Content-Encoding: gzip" in large
    assert json.loads(gzip.decompress(body)) == {"text": TEXT * 500}


@pytest.mark.parametrize(
    ("said", "error", "match"),
    [
        (answer(200, b"<p>Hello", kind="text/html"), UnexpectedAnswerError, "answers no JSON"),
        (answer(200, {"hello": 1}), UnexpectedAnswerError, "missing"),
        (answer(301, b"", "Location: https://x.test/"), ProblemError, "Moved to https://x.test/"),
    ],
)
def test_not_the_service(said, error, match, speak):
    """Where something else answers, the error says so."""
    with Scripted(said) as other, pytest.raises(error, match=match):
        speak(other.url).relations(TEXT)


def test_fields_may_be_added(speak):
    """Fields that a later service adds are passed over."""
    with Scripted(answer(200, ANALYSIS | {"new": 1, "model": MODEL | {"newer": 2}})) as later:
        assert speak(later.url).relations(TEXT).model.tier == "fast"


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x.test", "http://", "http://x.test/?a=1", "http://a b"])
def test_bad_address(url):
    """What is no address is refused with an example of one."""
    with pytest.raises(ValueError, match=r"give one such as http://127\.0\.0\.1:8000"):
        Client(url)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, to make a certificate")
def test_tls(tmp_path, server, monkeypatch, speak):
    """Requests and streams go through TLS; a certificate that is not known is refused."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-out", certificate, "-keyout", key]
    subprocess.run([*made, *TLS_SUBJECT], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Forwarder(server, context) as forwarder:
        with pytest.raises(UnreachableError, match="certificate"):
            speak(forwarder.url).model()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        client = speak(forwarder.url, retries=0)
        assert client.model().tier == client.relations(TEXT).model.tier
        long = f"{SHORT} It rained{' and rained' * 2000}."
        found = list(client.stream({"id": k, "text": long} for k in range(50)))
    assert [one.id for one in found] == list(range(50))
    assert all(len(one.sentences) == 2 for one in found)


class Forwarder:
    """Takes TLS off, as a reverse proxy does, in a thread of its own."""

    def __init__(self, server, context):
        self.server, self.context = server, context
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self):
        self.thread.start()
        start = asyncio.start_server(self._forward, "127.0.0.1", 0, ssl=self.context)
        self.listening = asyncio.run_coroutine_threadsafe(start, self.loop).result()
        self.url = f"https://localhost:{self.listening.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _end(self):
        self.listening.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _forward(self, client, answers):
        service, questions = await asyncio.open_connection(self.server.host, self.server.port)
        try:
            with suppress(OSError):
                await asyncio.gather(self._copy(client, questions), self._copy(service, answers))
        finally:
            answers.transport.abort()
            questions.transport.abort()

    @staticmethod
    async def _copy(source, target):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
        target.close()
