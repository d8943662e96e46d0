"""Reading of bodies."""

import io

import pytest

from service.app import create_app
from service.config import Settings

PATH = "/v1/relations"
JSON = "application/json"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"text": "a"',
        b'{"text": "a",}',
        b"{'text': 'a'}",
        b'{"text": "a"} {}',
        b'{"text": "a\nb"}',
        b'{"text": "a", "min_probability": NaN}',
        b'{"text": "a", "min_probability": Infinity}',
        b'{"text": "a", "min_probability": -Infinity}',
        b'{"text": "a", "id": ' + b"1" * 5000 + b"}",
        b'{"text": "\xff"}',
        b'{"text": "\xed\xa0\x80"}',
        '{"text": "a"}'.encode("utf-16"),
        b"[" * 200_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_malformed(client, problems, body):
    """What is no JSON in UTF-8 is a 400; NaN and Infinity are no JSON."""
    problems.check(client.post(PATH, data=body, content_type=JSON), 400)


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"', b"true", b'[{"text": "a"}]'])
def test_no_object(client, problems, body):
    """JSON that is no object is a 422 about the whole document."""
    assert problems.pointers(client.post(PATH, data=body, content_type=JSON)) == [""]


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/ld+json",
        "json",
    ],
)
def test_wrong_content_type(client, problems, content_type):
    """Only application/json is read; all else is a 415."""
    response = client.post(PATH, data=b'{"text": "a"}', content_type=content_type)
    assert JSON in problems.check(response, 415)["detail"]


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", "Application/JSON"])
def test_right_content_type(client, content_type):
    """Parameters and case of the content type do not matter."""
    assert client.post(PATH, data=b'{"text": "a"}', content_type=content_type).status_code == 200


@pytest.mark.parametrize("error", [ConnectionResetError, ValueError, RuntimeError])
def test_lost_client(client, problems, error):
    """A body that breaks off, in whatever way the server tells it, is a 400."""

    class Lost:
        def read(self, _):
            raise error("12")

    environ = {"wsgi.input": Lost(), "wsgi.input_terminated": True}
    problems.check(client.post(PATH, content_type=JSON, environ_overrides=environ), 400)


def test_byte_order_mark(client):
    """A byte order mark, which some editors and shells put first, is skipped."""
    assert client.post(PATH, data='\ufeff{"text": "a"}'.encode(), content_type=JSON).status_code == 200


@pytest.fixture(scope="module")
def narrow():
    """Build a service that takes 100 bytes."""
    return create_app(Settings(max_body_bytes=100)).test_client()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(99, 200), (100, 200), (101, 413), (102, 413), (5000, 413)])
def test_limit(narrow, problems, chunked, size, status):
    """A body over the limit is a 413 even where no length was announced and its beginning would be valid."""
    body = b'{"text": "a"}'.ljust(size)
    # A server that has decoded a chunked body gives a stream with an end and no length.
    how = (
        {"input_stream": io.BytesIO(body), "environ_overrides": {"wsgi.input_terminated": True}}
        if chunked
        else {"data": body}
    )
    response = narrow.post(PATH, content_type=JSON, **how)
    if status == 413:
        assert "100 bytes" in problems.check(response, 413)["detail"]
    else:
        assert response.status_code == status


def test_default_limit(client, problems):
    """A body over 1 MiB is a 413."""
    problems.check(client.post(PATH, data=b" " * (1024 * 1024 + 1), content_type=JSON), 413)
