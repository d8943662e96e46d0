"""``country-relations config``."""

import pytest

from service.config import PREFIX, Settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    for told in Settings().told({}):
        monkeypatch.delenv(told.variable, raising=False)


def printed(succeed):
    """Return what is printed of each variable."""
    return {line.split()[0]: line for line in succeed("config").splitlines()}


def test_defaults(succeed):
    """Every setting has a line with its value, origin and meaning."""
    lines = printed(succeed)
    told = Settings().told({})
    assert list(lines) == [one.variable for one in told]
    for one in told:
        assert lines[one.variable].split() == f"{one.variable} {one.value} default {one.meaning}".split()
        assert one.meaning


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("WORKERS", "3", "3"),
        ("LOG_TEXT", "Yes", "true"),
        ("CORS_ORIGINS", "https://a.org, https://b.org", "https://a.org,https://b.org"),
        ("RATE_LIMIT_STORAGE", "redis://me:s@cret@host/0", "redis://***@host/0"),
        ("OTEL_ENDPOINT", "https://me:s@cret@host/otlp", "https://***@host/otlp"),
    ],
)
def test_value_of_the_environment(succeed, monkeypatch, name, given, value):
    """A variable's value is told as the service understood it, and without a password."""
    monkeypatch.setenv(PREFIX + name, given)
    line = printed(succeed)[PREFIX + name]
    assert line.split()[1:3] == [value, "environment"]


def test_bad_value(fail, monkeypatch):
    """A bad variable fails as it does at the start of the service."""
    monkeypatch.setenv(f"{PREFIX}LOG_TEXT", "maybe")
    message = fail("config")
    assert fail("serve") == message
    assert message == f"{PREFIX}LOG_TEXT is 'maybe': give true or false\n"
