"""Rate limits over HTTP, counted in memory."""

import logging
import sys

import pytest
from structlog.testing import capture_logs

from service import keyfile, limits
from service.app import create_app
from service.config import PREFIX, ConfigError, Settings

PATH = "/v1/countries?code=FRA"
COUNTED = {limits.LIMIT, limits.REMAINING, limits.RESET}
NO_REDIS = "redis://127.0.0.1:1/"


def build(tmp_path, **settings):
    """Build a service without a model."""
    return create_app(Settings(tmp_path, workers=1, **settings)).test_client()


def statuses(client, count, path=PATH, **options):
    """Send a request so many times; return the statuses."""
    return [client.get(path, **options).status_code for _ in range(count)]


def coming_from(address):
    """Return what makes a request come from an address."""
    return {"environ_overrides": {"REMOTE_ADDR": address}}


def test_limit(tmp_path, problems):
    """All that is allowed passes and counts down; the next request is a 429 that says when to come back."""
    client = build(tmp_path, rate_limit="3/hour")
    for left in (2, 1, 0):
        response = client.get(PATH)
        assert response.status_code == 200
        assert (response.headers[limits.LIMIT], response.headers[limits.REMAINING]) == ("3", str(left))
        assert 0 < int(response.headers[limits.RESET]) <= 3600
        assert "Retry-After" not in response.headers
    response = client.get(PATH)
    assert "3 per 1 hour" in problems.check(response, 429)["detail"]
    assert response.headers[limits.REMAINING] == "0"
    assert 0 < int(response.headers["Retry-After"]) <= 3600


def test_one_budget(tmp_path):
    """All routes count towards one limit, and so do requests that fail."""
    client = build(tmp_path, rate_limit="3/hour")
    assert client.post("/v1/relations", data=b"{").status_code == 503
    assert client.get("/v1/countries?nonsense=1").status_code == 422
    assert statuses(client, 2) == [200, 429]


def test_several_limits(tmp_path):
    """Of several limits the one that is used up speaks, and the others go on counting."""
    client = build(tmp_path, rate_limit="2/hour;5/day")
    assert statuses(client, 3) == [200, 200, 429]
    response = client.get(PATH)
    assert response.headers[limits.LIMIT] == "2"
    assert int(response.headers["Retry-After"]) <= 3600


def bearing(file, **rates):
    """Make keys with these rates; return the headers that carry them."""
    return [{"Authorization": f"Bearer {keyfile.add(file, name, rate=rate)}"} for name, rate in rates.items()]


@pytest.mark.parametrize("path", ["/health/live", "/openapi.json", "/v1/nowhere"])
def test_never_limited(tmp_path, path):
    """Health, documentation and what does not exist neither count nor fail."""
    client = build(tmp_path, rate_limit="1/hour")
    assert 429 not in statuses(client, 5, path)
    assert not COUNTED & set(client.get(path).headers.keys())
    assert client.options(PATH).status_code == 200
    assert statuses(client, 2) == [200, 429]
    assert 429 not in statuses(client, 2, path)


def test_no_limit(client):
    """Without a limit nothing is counted."""
    assert not COUNTED & set(client.get(PATH).headers.keys())


def test_address(tmp_path):
    """Without keys each address counts by itself; an IPv6 client has a whole /64."""
    client = build(tmp_path, rate_limit="1/hour")
    assert statuses(client, 2, **coming_from("192.0.2.1")) == [200, 429]
    assert statuses(client, 1, **coming_from("::ffff:192.0.2.1")) == [429]
    assert statuses(client, 1, **coming_from("192.0.2.2")) == [200]
    assert statuses(client, 1, **coming_from("2001:db8::1")) == [200]
    assert statuses(client, 1, **coming_from("2001:db8::2")) == [429]
    assert statuses(client, 1, **coming_from("2001:db8:0:1::1")) == [200]
    assert statuses(client, 2, **coming_from("")) == [200, 429]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [
        (0, ["192.0.2.1", "192.0.2.2"], [200, 429]),
        (1, ["192.0.2.1", "192.0.2.2"], [200, 200]),
        (1, ["192.0.2.1, 192.0.2.9", "192.0.2.2, 192.0.2.9"], [200, 429]),
        (2, ["192.0.2.1, 192.0.2.9", "192.0.2.2, 192.0.2.9"], [200, 200]),
    ],
)
def test_proxies(tmp_path, proxies, forwarded, counted):
    """X-Forwarded-For is believed as far as trusted proxies wrote it: a client that invents one wins nothing."""
    client = build(tmp_path, rate_limit="1/hour", trusted_proxies=proxies)
    found = [client.get(PATH, headers={"X-Forwarded-For": one}).status_code for one in forwarded]
    assert found == counted


def test_clients(tmp_path):
    """With keys each client counts by its name, whatever its address; its own rate comes first."""
    path = tmp_path / "keys"
    desk, fast = bearing(path, desk=None, fast="3/hour")
    client = build(tmp_path, api_keys_file=path, rate_limit="1/hour")
    assert statuses(client, 2, headers=desk, **coming_from("192.0.2.1")) == [200, 429]
    assert statuses(client, 1, headers=desk, **coming_from("192.0.2.2")) == [429]
    assert statuses(client, 4, headers=fast) == [200, 200, 200, 429]
    response = client.get(PATH)
    assert response.status_code == 401
    assert not COUNTED & set(response.headers.keys())


def test_own_rate_alone(tmp_path):
    """A key's own rate holds where there is no general one, and leaves the other clients free."""
    path = tmp_path / "keys"
    desk, slow = bearing(path, desk=None, slow="1/hour")
    client = build(tmp_path, api_keys_file=path)
    assert statuses(client, 2, headers=slow) == [200, 429]
    assert statuses(client, 3, headers=desk) == [200, 200, 200]
    assert not COUNTED & set(client.get(PATH, headers=desk).headers.keys())


def test_redis_is_away(tmp_path, caplog):
    """Without its Redis the service answers and limits by itself, and says so once."""
    with caplog.at_level(logging.INFO):
        client = build(tmp_path, rate_limit="3/hour", rate_limit_storage=NO_REDIS)
        assert statuses(client, 4) == [200, 200, 200, 429]
    told = [record.getMessage() for record in caplog.records if record.name == "flask-limiter"]
    assert told == ["Rate limit storage unreachable - falling back to in-memory storage"]


@pytest.mark.parametrize(
    ("settings", "warns"),
    [
        ({"rate_limit": "9/hour", "workers": 2}, True),
        ({"rate_limit": "9/hour", "workers": 1}, False),
        ({"rate_limit": "9/hour", "workers": 2, "rate_limit_storage": NO_REDIS}, False),
        ({"workers": 2}, False),
    ],
)
def test_warning(tmp_path, settings, warns):
    """Several workers that count each for itself are worth a warning at the start."""
    with capture_logs() as logged:
        create_app(Settings(tmp_path, **settings))
    warnings = [line["event"] for line in logged if line["log_level"] == "warning"]
    assert len(warnings) == warns
    assert all("each worker" in one for one in warnings)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("RATE_LIMIT", "fast", r"'fast' is no rate: write it as"),
        ("RATE_LIMIT", "0/day", r"no rate"),
        ("RATE_LIMIT_STORAGE", "memcached://me:secret@host", r"no Redis: give an address that begins redis://"),
        ("TRUSTED_PROXIES", "-1", r"'-1': give a whole number from 0 to 16"),
    ],
)
def test_bad_setting(name, value, told):
    """A bad setting ends the start with a readable error that tells no password."""
    with pytest.raises(ConfigError, match=rf"{PREFIX}{name}.*{told}") as refusal:
        Settings.from_environment({PREFIX + name: value})
    assert "secret" not in str(refusal.value)


def test_redis_without_the_package(monkeypatch):
    """A Redis is refused at the start where the package that speaks to it is missing."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigError, match="install the redis extra"):
        Settings.from_environment({f"{PREFIX}RATE_LIMIT_STORAGE": NO_REDIS})


def test_good_settings():
    """Every setting of the limits can be set."""
    settings = Settings.from_environment(
        {
            f"{PREFIX}RATE_LIMIT": "600 per minute",
            f"{PREFIX}RATE_LIMIT_STORAGE": "redis://:secret@host:6379/1",
            f"{PREFIX}TRUSTED_PROXIES": "1",
        }
    )
    assert settings == Settings(
        rate_limit="600/minute", rate_limit_storage="redis://:secret@host:6379/1", trusted_proxies=1
    )
