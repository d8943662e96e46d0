"""POST /v1/relations/batch and POST /v1/relations/stream."""

import gzip
import io
import json
import socket
from itertools import chain

import pytest
from structlog.testing import capture_logs

from relations.analyser import Analyser
from service import lines
from service.app import create_app
from service.config import Settings
from service.documents import IDLE_SECONDS

BATCH = "/v1/relations/batch"
STREAM = "/v1/relations/stream"
NDJSON = "application/x-ndjson"
DAY = "2024-05-16"
TEXT = "France condemned the Iranian attack on Germany."
OTHER = "It rained in the hills. Spain and Italy signed a trade agreement."
MANY = ", ".join(["France, Iran, Spain, Italy, Chad, Mali, Peru, Cuba, Iraq, Oman, Togo, Fiji"] * 2)

BAD_DOCUMENTS = [
    ({}, ["/text"]),
    ({"text": ""}, ["/text"]),
    ({"text": 5}, ["/text"]),
    ({"text": "a" * 100_001}, ["/text"]),
    ({"text": "a\ud800b"}, ["/text"]),
    ({"text": "a", "txt": "b"}, ["/txt"]),
    ({"text": "a", "id": 1.5}, ["/id"]),
    ({"text": "a", "id": "x" * 257}, ["/id"]),
    ({"text": "", "id": None, "more": 1}, ["/id", "/more", "/text"]),
    (None, [""]),
    ("text", [""]),
    (5, [""]),
    ([], [""]),
]


@pytest.fixture(scope="module")
def dense(app):
    """Build a text with more pairs than one text may have."""
    countries = app.test_client().get("/v1/countries").get_json()["countries"]
    return ", ".join(one["name"] for one in countries if one["party"]) + " met."


def single(client, text, **options):
    """Post one text by itself."""
    response = client.post("/v1/relations", json={"text": text, "as_of": DAY, **options})
    assert response.status_code == 200
    return response.get_json()


def post(client, documents, **options):
    """Post a batch."""
    body = json.dumps({"documents": documents, "as_of": DAY, **options})
    return client.post(BATCH, data=body, content_type="application/json")


def batch(client, documents, **options):
    """Post a batch and return its results."""
    response = post(client, documents, **options)
    assert response.status_code == 200, response.text
    return response.get_json()["results"]


def check_problem(outcome, status, identity=None):
    """Return the problem of a document, which must be as those of whole requests."""
    assert list(outcome) == ["id", "status", "problem"]
    assert outcome["id"] == identity
    assert outcome["status"] == "error"
    problem = outcome["problem"]
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"]
    return problem


def pointers(problem):
    """Return where a problem sees faults."""
    return [error["pointer"] for error in problem["errors"]]


class TestBatch:
    """Many texts in one request."""

    def test_fields(self, client):
        """A batch has the contract's fields, in the contract's order."""
        body = post(client, [{"id": "a", "text": TEXT}, {"text": ""}]).get_json()
        assert list(body) == ["model", "results"]
        assert list(body["model"]) == ["name", "version", "sha256", "tier"]
        assert list(body["results"][0]) == ["id", "status", "sentences", "dyads"]
        assert list(body["results"][1]) == ["id", "status", "problem"]

    def test_same_as_single(self, client):
        """Each document is answered as it would be alone, in order, with the options of the batch."""
        options = {"explain": True, "include_neutral": False, "min_probability": 0.5}
        texts = [TEXT, OTHER, TEXT]
        results = batch(client, [{"id": number, "text": text} for number, text in enumerate(texts)], **options)
        assert [one["id"] for one in results] == [0, 1, 2]
        for text, result in zip(texts, results, strict=True):
            alone = single(client, text, **options)
            assert result["status"] == "ok"
            assert (result["sentences"], result["dyads"]) == (alone["sentences"], alone["dyads"])

    @pytest.mark.parametrize(("bad", "expected"), BAD_DOCUMENTS, ids=lambda value: repr(value)[:40])
    def test_bad_document(self, client, bad, expected):
        """A bad document has a problem that points into it, and its neighbours are answered."""
        first, found, last = batch(client, [{"text": TEXT}, bad, {"text": TEXT}])
        assert first["status"] == last["status"] == "ok"
        assert pointers(check_problem(found, 422)) == expected

    @pytest.mark.parametrize("identity", ["a", "", 7, "ü/😀"])
    def test_id_of_a_bad_document(self, client, identity):
        """A bad document keeps its id."""
        (found,) = batch(client, [{"id": identity, "text": ""}])
        check_problem(found, 422, identity)

    def test_too_many_pairs(self, client, dense):
        """A text with too many pairs spoils no other."""
        found, last = batch(client, [{"text": dense}, {"text": TEXT}])
        assert pointers(check_problem(found, 422)) == ["/text"]
        assert last["status"] == "ok"

    def test_full(self, client, monkeypatch):
        """After so many pairs no more documents are read, and they are told to come again."""
        monkeypatch.setattr("service.documents.MAX_BATCH_PAIRS", 200)
        results = batch(client, [{"id": number, "text": MANY} for number in range(4)])
        assert [one["status"] for one in results] == ["ok", "ok", "error", "error"]
        problem = check_problem(results[-1], 422, 3)
        assert "another" in problem["errors"][0]["detail"]

    def test_unexpected(self, client, monkeypatch):
        """A document at which the service fails is a 500 of its own, and the log tells why without the text."""
        analyse = Analyser.analyse

        def failing(self, text, options):
            if text == "boom":
                raise KeyError(text)
            return analyse(self, text, options)

        monkeypatch.setattr(Analyser, "analyse", failing)
        with capture_logs() as logged:
            first, found, last = batch(client, [{"text": TEXT}, {"id": "b", "text": "boom"}, {"text": TEXT}])
        assert first["status"] == last["status"] == "ok"
        assert "boom" not in json.dumps(check_problem(found, 500, "b"))
        (line,) = (one for one in logged if one["event"] == "unexpected error")
        assert line["error"] == "KeyError"
        assert "boom" not in json.dumps(line)

    def test_most_documents(self, client):
        """256 documents are read."""
        assert {one["status"] for one in batch(client, [{"text": "It rained."}] * 256)} == {"ok"}

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({}, ["/documents"]),
            ({"documents": None}, ["/documents"]),
            ({"documents": {}}, ["/documents"]),
            ({"documents": "abc"}, ["/documents"]),
            ({"documents": []}, ["/documents"]),
            ({"documents": [{"text": "a"}] * 257}, ["/documents"]),
            ({"documents": [{"text": "a"}], "text": "a"}, ["/text"]),
            ({"documents": [{"text": "a"}], "min_probability": 2}, ["/min_probability"]),
            ({"documents": [{}], "as_of": "today", "explain": 1}, ["/as_of", "/explain"]),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_bad_batch(self, client, problems, body, expected):
        """Bad options or a bad outer shape are a 422 as ever."""
        assert problems.pointers(client.post(BATCH, json=body)) == expected

    def test_limit(self, client, problems):
        """The limit of a body is that of a batch."""
        problems.check(client.post(BATCH, json={"documents": [{"text": "a" * 5000}] * 256}), 413)


def send(client, body, content_type=NDJSON, **headers):
    """Post a stream."""
    return client.post(STREAM, data=body, content_type=content_type, headers=headers)


def answers(response):
    """Read the lines of an answer."""
    assert response.status_code == 200, response.text
    assert response.mimetype == NDJSON
    text = response.get_data(as_text=True)
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def ndjson(*documents):
    """Write documents a line each."""
    return "".join(json.dumps(one) + "\n" for one in documents).encode()


class TestStream:
    """Texts of any number."""

    def test_same_as_single(self, client):
        """Each line is answered as it would be alone, with options of its own, in order."""
        documents = [
            {"id": "a", "text": TEXT, "as_of": DAY},
            {"id": 2, "text": OTHER, "as_of": DAY, "explain": True},
            {"text": TEXT, "as_of": DAY, "min_probability": 1},
        ]
        found = answers(send(client, ndjson(*documents)))
        assert len(found) == 3
        for document, line in zip(documents, found, strict=True):
            assert line.pop("status") == "ok"
            assert line == client.post("/v1/relations", json=document).get_json()

    def test_fields(self, client):
        """A good line and a bad one have the same fields as in a batch, a good one its model as well."""
        good, bad = answers(send(client, ndjson({"text": TEXT}, {})))
        assert set(good) == {"id", "status", "model", "sentences", "dyads"}
        assert list(good)[:2] == ["id", "status"]
        check_problem(bad, 422)

    @pytest.mark.parametrize(
        ("line", "status"),
        [
            (b"{", 400),
            (b'{"text": "a"} {}', 400),
            (b'{"text": "\xff"}', 400),
            (b'{"text": NaN}', 400),
            (b"[" * 100_000, 400),
            (b'{"text": ""}', 422),
            (b"[]", 422),
            (b"null", 422),
            (b'"text"', 422),
            (b'{"text": "a", "as_of": "today"}', 422),
            (b"\xef\xbb\xbf\xef\xbb\xbf{}", 400),
            (b" " * (1024 * 1024) + b'{"text": "a"}', 413),
        ],
        ids=lambda value: repr(value)[:30],
    )
    def test_bad_line(self, client, line, status):
        """A bad line is answered with a problem, and the stream goes on."""
        good = ndjson({"text": TEXT})
        first, found, last = answers(send(client, good + line + b"\n" + good))
        assert first["status"] == last["status"] == "ok"
        assert "line" in check_problem(found, status)["detail"] or status == 422

    def test_id_of_a_bad_line(self, client):
        """A bad line keeps its id where that can be read."""
        found = answers(send(client, ndjson({"id": "a", "text": ""}, {"id": [1], "text": "a"})))
        check_problem(found[0], 422, "a")
        check_problem(found[1], 422)

    def test_too_many_pairs(self, client, dense):
        """A text with too many pairs is a bad line."""
        found, last = answers(send(client, ndjson({"text": dense}, {"text": TEXT})))
        assert pointers(check_problem(found, 422)) == ["/text"]
        assert last["status"] == "ok"

    @pytest.mark.parametrize("body", [b"", b"\n", b"\r\n \n\t\n\n"])
    def test_nothing(self, client, body):
        """Blank lines have no answer."""
        assert answers(send(client, body)) == []

    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n", b""])
    def test_line_ends(self, client, end):
        """Lines may end as they do on any system, and the last one need not end at all."""
        line = json.dumps({"text": TEXT}).encode()
        assert [one["status"] for one in answers(send(client, line + (end or b"\n") + line + end))] == ["ok"] * 2

    def test_line_breaks_in_text(self, client):
        """Line breaks of any kind within a text do not break the lines of the answer."""
        (found,) = answers(send(client, ndjson({"text": "France\u2028condemned\nIran.\x85\r\u2029"})))
        assert found["status"] == "ok"

    def test_limit_is_of_the_line(self, problems):
        """The limit bounds a line to the byte, and not the stream."""
        narrow = create_app(Settings(max_body_bytes=100)).test_client()
        fits, over = b'{"text": "a"}'.ljust(100), b'{"text": "a"}'.ljust(101)
        body = b"\n".join([fits, over, fits, over * 1000, fits])
        found = answers(send(narrow, body))
        assert [one["status"] for one in found] == ["ok", "error", "ok", "error", "ok"]
        assert "100 bytes" in check_problem(found[1], 413)["detail"]
        problems.check(narrow.post("/v1/relations", data=body, content_type="application/json"), 413)

    def test_chunked(self, client):
        """A body whose length was not announced is read to its end."""
        body = io.BytesIO(ndjson({"text": TEXT}, {"text": OTHER}))
        environ = {"wsgi.input": body, "wsgi.input_terminated": True}
        response = client.post(STREAM, content_type=NDJSON, environ_overrides=environ)
        assert [one["status"] for one in answers(response)] == ["ok", "ok"]

    def test_gzip(self, client):
        """A compressed stream is inflated as it comes, and its limit is that of the inflated line."""
        body = ndjson({"text": TEXT}) + b" " * 10_000_000 + b"\n" + ndjson({"text": OTHER})
        found = answers(send(client, gzip.compress(body), **{"Content-Encoding": "gzip"}))
        assert [one["status"] for one in found] == ["ok", "error", "ok"]
        check_problem(found[1], 413)

    def test_broken_gzip(self, client):
        """Where a compressed stream is damaged the lines before are answered, and the last one tells of it."""
        body = gzip.compress(ndjson(*[{"text": TEXT}] * 3))
        *good, last = answers(send(client, body[:-4], **{"Content-Encoding": "gzip"}))
        assert [one["status"] for one in good] == ["ok"] * 3
        assert "gzip" in check_problem(last, 400)["detail"]

    def test_other_encoding(self, client, problems):
        """Another encoding is a 415 before anything is read."""
        problems.check(send(client, b"", **{"Content-Encoding": "br"}), 415)

    @pytest.mark.parametrize("content_type", [None, "application/json", "text/plain", "application/jsonl"])
    def test_wrong_content_type(self, client, problems, content_type):
        """Only NDJSON is read; all else is a 415 that says so."""
        assert NDJSON in problems.check(send(client, b"{}", content_type), 415)["detail"]

    def test_no_model(self, problems, tmp_path):
        """Without a model a stream is a 503."""
        problems.check(send(create_app(Settings(model_dir=tmp_path)).test_client(), b"{}"), 503)

    def test_log(self, client):
        """The end of a stream is logged with the number of its lines and problems, without the texts."""
        with capture_logs() as logged:
            answers(send(client, ndjson({"text": TEXT}, {"text": ""}, {"text": "Atlantis"})))
        (line,) = (one for one in logged if one["event"] == "stream ended")
        assert (line["lines"], line["problems"]) == (3, 1)
        assert "Atlantis" not in json.dumps(logged)

    def test_not_compressed(self, client):
        """The answer to a stream is not compressed, so that no line waits for others."""
        response = send(client, ndjson(*[{"text": TEXT}] * 3), **{"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in response.headers
        assert len(answers(response)) == 3

    def test_read_as_it_comes(self, client):
        """The first answer comes before the end of the body was read."""
        body = Body(json.dumps({"text": TEXT}).encode().ljust(20_000) + b"\n")
        response = client.post(STREAM, content_type=NDJSON, environ_overrides=body.environ)
        assert json.loads(next(response.response))["status"] == "ok"
        read = body.given
        assert 20_000 < read < 100_000
        response.close()
        assert body.given == read

    def test_lost_client(self, client):
        """Where the body breaks off, the lines before are answered and the last one says so."""
        body = Body(ndjson({"text": "It rained."}), most=1)
        *good, last = answers(client.post(STREAM, content_type=NDJSON, environ_overrides=body.environ))
        assert {one["status"] for one in good} == {"ok"}
        assert "broke off" in check_problem(last, 400)["detail"]

    def test_stuck_client(self, client):
        """A client that neither sends nor takes anything is waited for only so long."""
        with socket.socket() as connection:
            answers(client.post(STREAM, content_type=NDJSON, environ_overrides={"gunicorn.socket": connection}))
            assert connection.gettimeout() == IDLE_SECONDS

    def test_documented(self, client):
        """The OpenAPI document tells of NDJSON both ways and of the shape of a line."""
        operation = client.get("/openapi.json").get_json()["paths"][STREAM]["post"]
        assert set(operation["requestBody"]["content"]) == {NDJSON}
        assert set(operation["responses"]["200"]["content"]) == {NDJSON}
        assert {"415", "500", "503"} <= set(operation["responses"])
        assert not {"400", "413", "422"} & set(operation["responses"])


class Body:
    """One line over and over without an end, or until the client is lost."""

    def __init__(self, line, most=None):
        self.line = line
        self.most = most
        self.given = 0
        self.environ = {"wsgi.input": self, "wsgi.input_terminated": True}

    def read(self, size):
        """Give as many bytes as are asked for."""
        if self.most is not None and self.given >= self.most:
            raise ConnectionResetError
        start = self.given % len(self.line)
        self.given += size
        return (self.line * (size // len(self.line) + 2))[start : start + size]


class TestSplit:
    """Cutting of blocks into lines."""

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
    def test_any_blocks(self, size):
        """However a body is cut, the same lines come out, and None for each that is too long."""
        body = b"\nab\n\nabcde\nabcdef\nabc\n" + b"x" * 50 + b"\nend"
        blocks = [body[start : start + size] for start in range(0, len(body), size)]
        assert list(lines.split(blocks, 5)) == [b"", b"ab", b"", b"abcde", None, b"abc", None, b"end"]

    @pytest.mark.parametrize(
        ("body", "expected"), [(b"", []), (b"\n", [b""]), (b"abcdefg", [None]), (b"a", [b"a"])]
    )
    def test_ends(self, body, expected):
        """A last line counts where it has anything."""
        assert list(lines.split([body], 5)) == expected

    def test_long_line_is_not_kept(self):
        """A line without an end is skipped without being held."""
        held = chain((b"x" * 1000 for _ in range(10_000)), [b"\nend"])
        assert list(lines.split(held, 5000)) == [None, b"end"]
