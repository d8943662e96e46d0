"""gzip, of requests and of answers."""

import gzip
import json
import tracemalloc
import zlib

import pytest
from werkzeug.exceptions import BadRequest

from service.app import create_app
from service.compression import MIN_BYTES, inflate
from service.config import Settings

PATH = "/v1/relations"
JSON = "application/json"
TEXT = "France condemned the Iranian attack on Germany."
BODY = json.dumps({"text": TEXT, "as_of": "2024-05-16"}).encode()
WANTS = {"Accept-Encoding": "gzip"}


def ask(client, body, coding="gzip", **headers):
    """Post a body that is said to be encoded so."""
    return client.post(PATH, data=body, content_type=JSON, headers={"Content-Encoding": coding, **headers})


def cut(data, size):
    """Cut bytes into blocks."""
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", " gzip "])
def test_request(client, coding):
    """A compressed request is answered as the plain one."""
    plain = client.post(PATH, data=BODY, content_type=JSON)
    assert plain.status_code == 200
    assert ask(client, gzip.compress(BODY), coding).data == plain.data


@pytest.mark.parametrize("coding", ["", "identity", "Identity"])
def test_plain_request(client, coding):
    """A request may say that it is plain."""
    assert ask(client, BODY, coding).status_code == 200


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "gzip;q=1", "utf-8"])
def test_other_encoding(client, problems, coding):
    """Another encoding is a 415, not a riddle about UTF-8, and says what is read."""
    response = ask(client, BODY, coding)
    assert "gzip" in problems.check(response, 415)["detail"]
    assert response.headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        BODY,
        zlib.compress(BODY),
        gzip.compress(BODY, mtime=0)[:-1],
        gzip.compress(BODY, mtime=0)[:-9],
        gzip.compress(BODY, mtime=0)[:12],
        gzip.compress(BODY, mtime=0)[:-8] + b"\0" * 8,
        gzip.compress(BODY, mtime=0) + b"more",
        gzip.compress(BODY, mtime=0) + gzip.compress(BODY, mtime=0)[:15],
    ],
    ids=range(9),
)
def test_broken_gzip(client, problems, body):
    """What is no gzip, is cut off, fails its checksum or has something behind it is a 400."""
    assert "gzip" in problems.check(ask(client, body), 400)["detail"]


@pytest.mark.parametrize(("size", "status"), [(100, 200), (101, 413), (1_000, 413), (50_000_000, 413)])
def test_limit_is_of_the_inflated_size(problems, size, status):
    """A body that inflates to more than the limit is a 413."""
    narrow = create_app(Settings(max_body_bytes=100)).test_client()
    response = ask(narrow, gzip.compress(b'{"text": "a"}'.ljust(size)))
    if status == 413:
        assert "100 bytes" in problems.check(response, 413)["detail"]
    else:
        assert response.status_code == status


@pytest.mark.parametrize("size", [1, 2, 7, 1000, 10**6])
def test_inflate_in_any_blocks(size):
    """However the compressed bytes are cut, and in however many members they came, the plain ones come out."""
    plain = [b"", b"a" * 300_000, bytes(range(256)) * 50, b"", b"end"]
    body = b"".join(gzip.compress(one) for one in plain)
    assert b"".join(inflate(cut(body, size))) == b"".join(plain)


def test_inflate_is_bounded():
    """A small body that inflates to 100 MB is inflated in small pieces."""
    bomb = gzip.compress(b"\0" * 100_000_000, 9)
    tracemalloc.start()
    assert sum(map(len, inflate(cut(bomb, 16_384)))) == 100_000_000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000


def test_inflate_refuses_what_comes_too_late():
    """What was good before the damage comes out, and then the damage is told."""
    whole = []
    with pytest.raises(BadRequest, match="cut off"):
        whole.extend(inflate(cut(gzip.compress(b"a" * 1000)[:-4], 5)))
    assert b"".join(whole) == b"a" * 1000


def test_answer(client):
    """Who accepts gzip gets the same answer as gzip, and caches are told what it hangs on."""
    plain = client.post(PATH, data=BODY, content_type=JSON)
    packed = client.post(PATH, data=BODY, content_type=JSON, headers=WANTS)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.content_length == len(packed.data) < len(plain.data)
    assert gzip.decompress(packed.data) == plain.data
    assert "Accept-Encoding" in plain.vary
    assert "Accept-Encoding" in packed.vary
    assert packed.content_type == plain.content_type


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("*", True),
        ("gzip;q=0.1", True),
        ("gzip;q=0", False),
        ("*;q=0", False),
        ("br", False),
        ("identity", False),
        ("identity, gzip;q=0.5", False),
        ("", False),
    ],
)
def test_preference(client, accepted, packed):
    """The client's preference counts."""
    response = client.get("/v1/countries", headers={"Accept-Encoding": accepted})
    assert (response.headers.get("Content-Encoding") == "gzip") is packed


def test_small_answer(client):
    """A small answer, such as most problems, is left alone, and so hangs on nothing."""
    response = client.get("/health/live", headers=WANTS)
    assert len(response.data) < MIN_BYTES
    assert "Content-Encoding" not in response.headers
    assert "Accept-Encoding" not in response.vary


def test_large_problem(client):
    """A large problem is compressed like any answer."""
    body = json.dumps({"text": "a", **{f"field{number}": 1 for number in range(50)}})
    response = client.post(PATH, data=body, content_type=JSON, headers=WANTS)
    assert response.status_code == 422
    assert len(json.loads(gzip.decompress(response.data))["errors"]) == 50


def test_head(client):
    """HEAD tells the length of the body that GET sends."""
    get, head = (client.open("/v1/countries", method=method, headers=WANTS) for method in ("GET", "HEAD"))
    assert head.data == b""
    assert head.headers["Content-Encoding"] == "gzip"
    assert head.content_length == get.content_length == len(get.data)


def test_answer_may_be_kept(client):
    """Each form has an ETag of its own, the compressed one's weak, and either is good for both forms."""
    url = "/v1/countries?code=FRA&code=DEU"
    plain, packed = client.get(url), client.get(url, headers=WANTS)
    assert packed.headers["Content-Encoding"] == "gzip"
    tags = {plain.headers["ETag"], packed.headers["ETag"]}
    assert len(tags) == 2
    assert packed.headers["ETag"].startswith("W/")
    assert not plain.headers["ETag"].startswith("W/")
    for tag in tags:
        for wants, form in (({}, plain), (WANTS, packed)):
            again = client.get(url, headers={"If-None-Match": tag, **wants})
            assert (again.status_code, again.data) == (304, b"")
            assert again.headers["ETag"] == form.headers["ETag"]
            assert "Accept-Encoding" in again.vary
            assert "Content-Encoding" not in again.headers
