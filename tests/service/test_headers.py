"""Headers of all answers, and other origins' pages."""

import pytest

from service import headers, keyfile
from service.app import create_app
from service.config import PREFIX, ConfigError, Settings

ORIGIN = "https://news.example.org"
REQUESTS = [
    ("GET", "/v1/model", 200),
    ("POST", "/v1/relations", 200),
    ("GET", "/health/live", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/docs", 200),
    ("GET", "/docs/swagger-ui.css", 200),
    ("GET", "/", 200),
    ("GET", "/nowhere", 404),
    ("PUT", "/v1/model", 405),
    ("OPTIONS", "/v1/model", 200),
]


def routes(app):
    """Yield the rules that have no variable part and are switched on, with the methods of each."""
    for rule in app.url_map.iter_rules():
        if not rule.arguments and rule.rule != "/v1/corrections":
            yield rule.rule, rule.methods


@pytest.fixture
def client_of(tmp_path):
    """Build a service without a model that is open to some origins; speak to it."""

    def build(origins):
        settings = Settings.from_environment(
            {PREFIX + "CORS_ORIGINS": origins, PREFIX + "MODEL_DIR": str(tmp_path)}
        )
        return create_app(settings).test_client()

    return build


def preflight(client, method="POST", path="/v1/relations", origin=ORIGIN, wanted="content-type,authorization"):
    """Ask as a browser does before it lets a page send."""
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": wanted}
    return client.options(path, headers={"Origin": origin} | asked)


@pytest.mark.parametrize(("method", "path", "status"), REQUESTS)
def test_security(client, method, path, status):
    """Every answer, errors included, tells browsers to be strict."""
    response = client.open(path, method=method, json={"text": "a"} if method == "POST" else None)
    assert response.status_code == status
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    policy = response.headers["Content-Security-Policy"]
    assert policy == (headers.PAGE_POLICY if response.mimetype == "text/html" else headers.NOTHING_POLICY)
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(("method", "path", "status"), REQUESTS)
def test_kept_by_none(client, method, path, status):
    """What changes from request to request or quotes what was sent is stored nowhere; all else has an ETag."""
    response = client.open(path, method=method, json={"text": "a"} if method == "POST" else None)
    if method == "GET" and status == 200 and path != "/health/live":
        assert response.headers["ETag"]
        assert not response.cache_control.no_store
    else:
        assert response.cache_control.no_store


def test_head_everywhere(app, client):
    """On every path HEAD has the status and headers of GET, and no body."""
    own = {"X-Request-ID", "Date"}
    for path, methods in routes(app):
        if "GET" in methods and path != "/metrics":
            get, head = client.get(path), client.head(path)
            assert head.status_code == get.status_code
            assert head.data == b""
            told = [{name: value for name, value in one.headers if name not in own} for one in (get, head)]
            assert told[0] == told[1], path


def test_options_everywhere(app, client):
    """On every path OPTIONS tells the methods in Allow, and any other method is a 405 that tells the same."""
    for path, methods in routes(app):
        response = client.options(path)
        assert response.status_code == 200
        assert set(response.allow) == methods
        refused = client.delete(path)
        assert refused.status_code == 405
        assert refused.content_type == "application/problem+json"
        assert set(refused.allow) == methods


def test_not_modified(client):
    """A model that is still the same costs no second download."""
    tag = client.get("/v1/model").headers["ETag"]
    again = client.get("/v1/model", headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert again.cache_control.no_cache


def test_closed_by_default(client):
    """Unless the operator names origins, no page of another one gets to read an answer."""
    for response in (preflight(client), client.get("/v1/model", headers={"Origin": ORIGIN})):
        assert not [name for name, _ in response.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize("origins", [ORIGIN, f"https://other.example.org, {ORIGIN.upper()}", "*"])
def test_open_origin(client_of, origins):
    """A page of a named origin may send and read, errors and the headers that matter included."""
    client = client_of(origins)
    expected = "*" if origins == "*" else ORIGIN
    asked = preflight(client)
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == expected
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    allowed = {one.strip().lower() for one in asked.headers["Access-Control-Allow-Headers"].split(",")}
    assert {"content-type", "authorization"} <= allowed
    assert int(asked.headers["Access-Control-Max-Age"]) > 0
    for path, status in (("/v1/countries?code=FRA", 200), ("/v1/model", 503), ("/nowhere", 404)):
        response = client.get(path, headers={"Origin": ORIGIN})
        assert response.status_code == status
        assert response.headers.getlist("Access-Control-Allow-Origin") == [expected]
        exposed = response.headers["Access-Control-Expose-Headers"]
        assert all(name in exposed for name in ("X-Request-ID", "ETag", "Retry-After", "RateLimit-Remaining"))
        assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example.org", f"{ORIGIN}.evil.org", "null", "http://news.example.org"]
)
def test_other_origin(client_of, origin):
    """A page of another origin gets no leave, and no cache may mix the two up."""
    client = client_of(ORIGIN)
    for response in (preflight(client, origin=origin), client.get("/v1/model", headers={"Origin": origin})):
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "Origin" in response.vary
    assert "Origin" in client.get("/v1/model").vary


def test_preflight_of_another_method(client_of):
    """A method that no operation has gets no leave."""
    assert "Access-Control-Allow-Methods" not in preflight(client_of(ORIGIN), "DELETE").headers


@pytest.mark.parametrize(
    "origins",
    ["news.example.org", "https://news.example.org/", "https://*.example.org", f"{ORIGIN},", f"{ORIGIN},*"],
)
def test_bad_origins(origins):
    """An origin that no browser would ever send ends the start, and the message shows a good one."""
    with pytest.raises(ConfigError, match="without a path"):
        Settings.from_environment({PREFIX + "CORS_ORIGINS": origins})


def test_preflight_needs_no_key(tmp_path):
    """A browser asks without the page's key, and the page gets to read that its key is missing."""
    keyfile.add(tmp_path / "keys", "desk")
    client = create_app(Settings(tmp_path, cors_origins=(ORIGIN,), api_keys_file=tmp_path / "keys")).test_client()
    assert "authorization" in preflight(client).headers["Access-Control-Allow-Headers"].lower()
    refused = client.post("/v1/relations", json={"text": "a"}, headers={"Origin": ORIGIN})
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "WWW-Authenticate" in refused.headers["Access-Control-Expose-Headers"]
