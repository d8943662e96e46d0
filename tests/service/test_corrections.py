"""POST /v1/corrections, and the database behind it, on SQLite; tests/e2e has PostgreSQL."""

import datetime as dt
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from threading import Barrier

import pytest
from structlog.testing import capture_logs

from service import keyfile
from service.app import create_app
from service.config import PREFIX, ConfigError, Settings
from service.correction_store import Store, StoreError

PATH = "/v1/corrections"
TEXT = "France condemned the Iranian attack."
SENT = {
    "text": TEXT,
    "source": {"start": 21, "end": 28, "country": "IRN"},
    "target": {"start": 0, "end": 6},
    "label": "neutrality",
    "judged": "opposition",
    "event": "CONSULT",
    "note": "Iran says nothing.",
    "as_of": "2024-05-16",
}
BOTH = {
    "text": "The two countries signed a pact.",
    "source": {"start": 0, "end": 17, "country": "JPN"},
    "target": {"start": 0, "end": 17, "country": "AUS"},
    "label": "support",
}
KEPT = {
    "text": TEXT,
    "source_start": 0,
    "source_end": 6,
    "target_start": 21,
    "target_end": 28,
    "label": "support",
    "model_version": "v",
    "model_sha256": "0" * 64,
}


@pytest.fixture
def url(tmp_path):
    """Name a database that is not there yet."""
    return f"sqlite:///{tmp_path}/corrections.db"


@pytest.fixture(scope="module")
def _shared(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('shared')}/corrections.db"
    return url, create_app(Settings(corrections_url=url))


@pytest.fixture
def taking(_shared):
    """Speak to a service that takes corrections."""
    return _shared[1].test_client()


@pytest.fixture
def kept(_shared):
    """Give what lists the corrections of that service."""
    return Store(_shared[0]).find


def test_kept(taking, kept):
    """All that was sent is kept, with the served model, the time and the status new; the answer names it."""
    began = dt.datetime.now(dt.UTC)
    response = taking.post(PATH, json=SENT)
    assert response.status_code == 201
    model = taking.get("/v1/model").get_json()
    (found,) = (asdict(one) for one in kept() if one.id == response.get_json()["id"])
    assert began <= found.pop("created_at") <= dt.datetime.now(dt.UTC)
    assert found == {
        "id": response.get_json()["id"],
        "status": "new",
        "client": None,
        "model_version": model["version"],
        "model_sha256": model["sha256"],
        "text": TEXT,
        "source_start": 21,
        "source_end": 28,
        "source_country": "IRN",
        "target_start": 0,
        "target_end": 6,
        "target_country": None,
        "label": "neutrality",
        "judged": "opposition",
        "event": "CONSULT",
        "note": "Iran says nothing.",
        "as_of": dt.date(2024, 5, 16),
        "reviewed_at": None,
        "reviewed_by": None,
    }


@pytest.mark.parametrize("sent", [BOTH, {name: SENT[name] for name in ("text", "source", "target", "label")}])
def test_least(taking, kept, sent):
    """Text, places and label are enough; a phrase that stands for both countries may be both places."""
    response = taking.post(PATH, json=sent)
    assert response.status_code == 201
    (found,) = (one for one in kept() if one.id == response.get_json()["id"])
    assert (found.text, found.label, found.judged, found.note) == (sent["text"], sent["label"], None, None)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"text": ""}, "/text"),
        ({"text": "x" * 10_001}, "/text"),
        ({"text": "France"}, "/source/end"),
        ({"label": "hostility"}, "/label"),
        ({"label": None}, "/label"),
        ({"judged": "wrong"}, "/judged"),
        ({"event": "ACCUSING"}, "/event"),
        ({"event": "AID", "label": "opposition"}, "/event"),
        ({"note": "x" * 2_001}, "/note"),
        ({"note": "\0"}, "/note"),
        ({"as_of": "16.5.2024"}, "/as_of"),
        ({"mood": "bad"}, "/mood"),
        ({"source": {"start": 21}}, "/source/end"),
        ({"source": {"start": 21, "end": 28, "country": "XYZ"}}, "/source/country"),
        ({"target": {"start": 0, "end": 6, "country": "IRN"}}, "/target/country"),
        ({"target": {"start": 21, "end": 28, "country": "FRA"}, "source": {"start": 21, "end": 28}}, "/target"),
        ({"target": {"start": 20, "end": 28, "country": "FRA"}}, "/target"),
    ],
)
def test_bad_request(taking, kept, problems, change, pointer):
    """What breaks the schema is refused with its place, and not kept."""
    before = len(kept())
    assert pointer in problems.pointers(taking.post(PATH, json=SENT | change))
    assert len(kept()) == before


@pytest.mark.parametrize("body", [SENT, {}])
def test_off(client, problems, body):
    """Without a database the route says how to switch it on, whatever is sent."""
    detail = problems.check(client.post(PATH, json=body), 404)["detail"]
    assert "set COUNTRY_RELATIONS_CORRECTIONS_URL" in detail


def test_page_knows(client, taking):
    """The page tells its scripts whether corrections are taken."""
    assert 'data-corrections="off"' in client.get("/").text
    assert 'data-corrections="on"' in taking.get("/").text


def test_client(tmp_path, url):
    """The name of the API key is kept; without a key nothing is."""
    key = keyfile.add(tmp_path / "keys", "desk")
    client = create_app(Settings(api_keys_file=tmp_path / "keys", corrections_url=url)).test_client()
    assert client.post(PATH, json=SENT).status_code == 401
    assert client.post(PATH, json=SENT, headers={"Authorization": f"Bearer {key}"}).status_code == 201
    assert [one.client for one in Store(url).find()] == ["desk"]


def test_without_model(tmp_path, url, problems):
    """Without a model there is no judgement to correct."""
    client = create_app(Settings(tmp_path, corrections_url=url)).test_client()
    assert "No verified model" in problems.check(client.post(PATH, json=SENT), 503)["detail"]


def test_database_away(tmp_path, problems):
    """A service whose database is away starts, answers 503 without a path, and keeps what comes later."""
    folder = tmp_path / "later"
    with capture_logs() as logged:
        client = create_app(Settings(corrections_url=f"sqlite:///{folder}/corrections.db")).test_client()
        detail = problems.check(client.post(PATH, json=SENT), 503)["detail"]
    assert "send it again later" in detail
    assert str(tmp_path) not in detail
    reasons = [one["reason"] for one in logged if one["log_level"] == "error"]
    assert len(reasons) == 2
    assert all(str(folder) in reason and "make its folder" in reason for reason in reasons)
    folder.mkdir()
    assert client.post(PATH, json=SENT).status_code == 201
    assert len(Store(f"sqlite:///{folder}/corrections.db").find()) == 1


def test_failure_is_not_quoted(tmp_path, url, problems):
    """A database that fails on a correction costs a 503; neither answer nor log quotes what was sent."""
    client = create_app(Settings(corrections_url=url)).test_client()
    with sqlite3.connect(tmp_path / "corrections.db") as connection:
        connection.execute("DROP TABLE corrections")
        connection.execute("CREATE TABLE corrections (id TEXT CHECK (id = ''), text TEXT)")
    connection.close()
    with capture_logs() as logged:
        problems.check(client.post(PATH, json=SENT), 503)
    assert "condemned" not in str(logged)
    assert "a correction was not kept" in str(logged)


def test_others_may_not_read(tmp_path, url):
    """The file is its owner's alone, for texts of clients are in it."""
    Store(url).prepare()
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_many_at_once(tmp_path, url):
    """Several services that start at once on a new database make one table, and nothing is lost."""
    together = Barrier(8, timeout=60)

    def start(number):
        store = Store(url)
        together.wait()
        store.prepare()
        return [store.add({**KEPT, "note": f"{number}"}) for _ in range(10)]

    with ThreadPoolExecutor(8) as pool:
        ids = [one for some in pool.map(start, range(8)) for one in some]
    assert len(set(ids)) == 80
    assert {one.id for one in Store(url).find()} == set(ids)


def test_migration(url):
    """A database of an older version keeps its rows and gets what is new, once; a newer one is refused."""
    old = Store(url)
    kept = old.add(KEPT)
    added = ("ALTER TABLE corrections ADD COLUMN weight INTEGER", "UPDATE corrections SET note = 'seen'")
    for _ in range(2):
        Store(url).prepare(added)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("SELECT id, note, weight FROM corrections").fetchall() == [(kept, "seen", None)]
    connection.close()
    with pytest.raises(StoreError, match="install a newer one"):
        Store(url).find()


def test_failed_migration(url):
    """A migration that fails leaves all as it was."""
    store = Store(url)
    store.add(KEPT)
    with pytest.raises(StoreError):
        Store(url).prepare(("ALTER TABLE corrections ADD COLUMN weight INTEGER", "UPDATE nothing SET a = 1"))
    assert [one.label for one in store.find()] == ["support"]
    Store(url).prepare()


def test_review(url):
    """Corrections are accepted and rejected with who said so and when; lists are by status, the oldest first."""
    store = Store(url)
    ids = [store.add(KEPT) for _ in range(3)]
    store.review(ids[:2], "accepted", "one")
    store.review(ids[1:2], "rejected", "other")
    assert [one.id for one in store.find()] == ids
    assert [[one.id for one in store.find(status)] for status in ("accepted", "rejected", "new")] == [
        [one] for one in ids
    ]
    found = store.find("rejected")[0]
    assert found.reviewed_by == "other"
    assert found.created_at <= found.reviewed_at <= dt.datetime.now(dt.UTC)


def test_review_of_all_or_none(url):
    """Where one of the corrections is not there, none is touched."""
    store = Store(url)
    here = store.add(KEPT)
    with pytest.raises(StoreError, match="no correction abc"):
        store.review([here, "abc"], "accepted", "one")
    assert store.find("new")[0].id == here


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("corrections.db", "give an address"),
        ("sqlite://", "give an address"),
        ("sqlite:///:memory:", "give an address"),
        ("sqlite:///file:x?mode=memory&uri=true", "give an address"),
        ("postgresql+pg8000://reader:secret@host:port/name", "give an address"),
        ("postgresql+pg8000://host/name", "needs a user"),
        (
            "postgresql+pg8000://reader:secret@host/name?sslmode=require",
            "its options are sslrootcert and unix_sock",
        ),
        ("postgresql+pg8000://reader:secret@host/name?sslrootcert=/nowhere", "name a PEM file"),
        ("postgresql+psycopg://reader:secret@host/name", "give an address"),
        ("mysql://reader:secret@host/name", "give an address"),
        (" ", "unset it"),
    ],
)
def test_bad_address(value, remedy):
    """An address of no database that is known here is refused at the start, without its password."""
    with pytest.raises(ConfigError) as refusal:
        Settings.from_environment({f"{PREFIX}CORRECTIONS_URL": value})
    assert f"{PREFIX}CORRECTIONS_URL" in str(refusal.value)
    assert remedy in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_password_is_not_shown():
    """The list of settings hides the password of the address."""
    variables = {f"{PREFIX}CORRECTIONS_URL": "postgresql+pg8000://reader:secret@host/name"}
    settings = Settings.from_environment(variables)
    assert settings.corrections_url == variables[f"{PREFIX}CORRECTIONS_URL"]
    assert "secret" not in str(settings.told(variables))
