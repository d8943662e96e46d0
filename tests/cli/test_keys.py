"""The keys commands."""

import pytest

from service import keyfile

VARIABLE = "COUNTRY_RELATIONS_API_KEYS_FILE"


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Let the environment name a file that is not there yet."""
    path = tmp_path / "keys"
    monkeypatch.setenv(VARIABLE, str(path))
    return path


def test_life_of_a_key(file, succeed):
    """A key is printed alone when it is made, listed without its secret, and gone when revoked."""
    secret = succeed("keys", "add", "newsroom").strip()
    assert secret.startswith(keyfile.PREFIX)
    (key,) = keyfile.read(file)
    assert key.sha256 == keyfile.digest(secret)
    succeed("keys", "add", "boss", "--role", "admin", "--rate", "60 per minute")
    header, *rows = (line.split() for line in succeed("keys", "list").splitlines())
    assert header == ["name", "role", "rate", "added"]
    assert [row[:3] for row in rows] == [["newsroom", "client", "-"], ["boss", "admin", "60/minute"]]
    assert "newsroom" in succeed("keys", "revoke", "newsroom")
    assert [key.name for key in keyfile.read(file)] == ["boss"]


def test_named_file(file, succeed, tmp_path):
    """The option comes before the environment."""
    other = tmp_path / "other"
    succeed("keys", "add", "newsroom", "--file", other)
    assert other.exists()
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("list",), "make it with  country-relations keys add"),
        (("revoke", "newsroom"), "make it with  country-relations keys add"),
        (("add", "a b"), "is no name"),
        (("add", "newsroom", "--rate", "fast"), "is no rate"),
        (("add", "newsroom", "--role", "root"), "'root' is not one of 'client', 'admin'"),
    ],
)
def test_failure(file, fail, arguments, told):
    """What cannot be done is told with cause and remedy, and writes no file."""
    assert told in fail("keys", *arguments)
    assert not file.exists()


def test_no_file(fail, monkeypatch):
    """Without a file the option and the variable that name one are told."""
    monkeypatch.delenv(VARIABLE, raising=False)
    message = fail("keys", "list")
    assert "--file" in message
    assert VARIABLE in message
