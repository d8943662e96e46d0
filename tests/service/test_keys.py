"""API keys over HTTP."""

from dataclasses import dataclass

import pytest
import structlog
from structlog.testing import capture_logs

from service import keyfile, keys
from service.app import create_app
from service.config import PREFIX, ConfigError, Settings

PATH = "/v1/countries?code=FRA"
RELOAD = "/v1/model/reload"


@dataclass
class Keyed:
    """A service without a model that asks for keys, its file and two good keys."""

    path: str
    client: object
    desk: str
    boss: str


@pytest.fixture
def keyed(tmp_path):
    """Build a service that asks for keys."""
    path = tmp_path / "keys"
    desk, boss = keyfile.add(path, "desk"), keyfile.add(path, "boss", "admin")
    return Keyed(path, create_app(Settings(tmp_path, api_keys_file=path)).test_client(), desk, boss)


def bearing(key):
    """Return the header that carries a key."""
    return {"Authorization": f"Bearer {key}"}


def test_good_key(keyed):
    """A good key opens the API, however the scheme is written."""
    assert keyed.client.get(PATH, headers=bearing(keyed.desk)).status_code == 200
    assert keyed.client.get(PATH, headers={"Authorization": f"bearer {keyed.boss}"}).status_code == 200
    assert keyed.client.head(PATH, headers=bearing(keyed.desk)).status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "crk_abc", "Digest a=b"])
def test_no_key(keyed, problems, header):
    """Without a key the answer is 401 with a bare challenge, as RFC 6750 wants it."""
    response = keyed.client.get(PATH, headers={} if header is None else {"Authorization": header})
    assert "Authorization: Bearer KEY" in problems.check(response, 401)["detail"]
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="country-relations"'


def test_bad_key(keyed, problems):
    """A key that differs, be it in one character, its case or its length, or that is a hash, opens nothing."""
    stored = [key.sha256 for key in keyfile.read(keyed.path)]
    other = keyed.desk[:-1] + ("a" if keyed.desk[-1] != "a" else "b")
    for key in (other, keyed.desk.swapcase(), keyed.desk[:-1], keyed.desk + "x", "é", "x" * 5000, *stored):
        response = keyed.client.get(PATH, headers=bearing(key))
        problems.check(response, 401)
        assert key not in response.text
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="country-relations", error="invalid_token"'


def test_order(keyed, problems):
    """A client without a key learns nothing: neither what its body lacks nor that there is no model."""
    problems.check(keyed.client.post("/v1/relations", data=b"{"), 401)
    problems.check(keyed.client.get("/v1/model"), 401)
    problems.check(keyed.client.post(RELOAD), 401)


def test_what_is_public(keyed, problems):
    """All under /v1 needs a key; health, metrics, documentation and page do not, nor what does not exist."""
    for rule in keyed.client.application.url_map.iter_rules():
        assert keys.public(rule.rule) is not rule.rule.startswith("/v1/"), rule.rule
    assert keyed.client.get("/health/live").status_code == 200
    assert keyed.client.get("/openapi.json").status_code == 200
    assert keyed.client.options(PATH).status_code == 200
    problems.check(keyed.client.get("/v1/nowhere"), 404)
    problems.check(keyed.client.delete("/v1/countries"), 405)
    assert not keys.public("/healthy")
    assert not keys.public("/v1/docs")


def test_log(keyed):
    """The log has the client's name with its requests alone, 401s have their line, and no key is in it."""
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
        keyed.client.get(PATH, headers=bearing(keyed.desk))
        refused = keyed.client.get(PATH, headers=bearing("crk_wrong"))
        keyed.client.get(PATH, headers=bearing(keyed.boss))
    assert [(line["status"], line.get("client")) for line in logged] == [(200, "desk"), (401, None), (200, "boss")]
    assert logged[1]["request_id"] == refused.headers["X-Request-ID"]
    assert "crk_" not in str(logged)


def test_revoked_key(keyed, problems):
    """A key that is revoked or added while the service runs closes or opens at once."""
    keyfile.revoke(keyed.path, "desk")
    problems.check(keyed.client.get(PATH, headers=bearing(keyed.desk)), 401)
    assert keyed.client.get(PATH, headers=bearing(keyfile.add(keyed.path, "desk"))).status_code == 200
    problems.check(keyed.client.get(PATH, headers=bearing(keyed.desk)), 401)


@pytest.mark.parametrize("spoil", [lambda path: path.write_text("nonsense\n"), lambda path: path.unlink()])
def test_file_becomes_bad(keyed, problems, spoil):
    """A file that becomes bad leaves the last good keys in force and is logged once; mended, it counts again."""
    good = keyed.path.read_text()
    with capture_logs() as logged:
        spoil(keyed.path)
        assert keyed.client.get(PATH, headers=bearing(keyed.desk)).status_code == 200
        problems.check(keyed.client.get(PATH, headers=bearing("crk_wrong")), 401)
    (error,) = (line for line in logged if line["log_level"] == "error")
    assert "line 1" in error["reason"] or "does not exist" in error["reason"]
    keyed.path.write_text("".join(line for line in good.splitlines(keepends=True) if "desk" not in line))
    problems.check(keyed.client.get(PATH, headers=bearing(keyed.desk)), 401)
    assert keyed.client.get(PATH, headers=bearing(keyed.boss)).status_code == 200


def test_admin(keyed, problems):
    """What needs the role admin refuses a client's key, and lets an admin's pass to the view."""
    response = keyed.client.post(RELOAD, headers=bearing(keyed.desk))
    assert "role admin" in problems.check(response, 403)["detail"]
    challenge = response.headers["WWW-Authenticate"]
    assert challenge == 'Bearer realm="country-relations", error="insufficient_scope", scope="admin"'
    # There is no model to load, which the view itself finds out.
    assert keyed.client.post(RELOAD, headers=bearing(keyed.boss)).status_code == 409


def test_admin_without_keys(client, problems):
    """A service that runs without keys has no admin, and says how to get one."""
    detail = problems.check(client.post(RELOAD), 403)["detail"]
    assert f"{PREFIX}API_KEYS_FILE" in detail
    assert "country-relations keys add NAME --role admin" in detail


def test_no_file(client):
    """Without a file of keys, nobody needs one, and a stray header does no harm."""
    assert client.get(PATH).status_code == 200
    assert client.get(PATH, headers=bearing("crk_any")).status_code == 200


@pytest.mark.parametrize("content", [None, "nonsense\n"])
def test_bad_file_at_the_start(tmp_path, content):
    """A bad file ends the start with the variable, the file and the reason."""
    path = tmp_path / "keys"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=rf"{PREFIX}API_KEYS_FILE: {path}"):
        Settings.from_environment({f"{PREFIX}API_KEYS_FILE": str(path)})
    with pytest.raises(keyfile.KeyFileError, match=str(path)):
        create_app(Settings(tmp_path, api_keys_file=path))


def test_empty_file(tmp_path, problems):
    """A file without keys lets nobody in: it does not switch keys off."""
    path = tmp_path / "keys"
    path.write_text("")
    settings = Settings.from_environment(
        {f"{PREFIX}API_KEYS_FILE": str(path), f"{PREFIX}MODEL_DIR": str(tmp_path)}
    )
    problems.check(create_app(settings).test_client().get(PATH), 401)


def test_document(client):
    """The document declares the scheme; every operation under /v1 has it and 401, and no other has."""
    document = client.get("/openapi.json").get_json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path, methods in document["paths"].items():
        for method in methods.keys() & {"get", "post"}:
            operation = methods[method]
            admin = "403" in operation["responses"]
            expected = [{"key": []}] if admin else [{"key": []}, {}]
            assert operation.get("security") == (expected if path.startswith("/v1/") else None), path
            assert ("401" in operation["responses"]) is path.startswith("/v1/")
            assert ("429" in operation["responses"]) is path.startswith("/v1/")
            assert admin is (path == RELOAD)
