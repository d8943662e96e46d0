"""``country-relations corrections``, and ``labels pull-corrections``."""

import datetime as dt
import json

import pytest

from service.correction_store import Store

TEXT = "France condemned the Iranian attack and praised Germany."
SENT = {
    "model_version": "v",
    "model_sha256": "0" * 64,
    "text": TEXT,
    "source_start": 0,
    "source_end": 6,
    "target_start": 21,
    "target_end": 28,
    "target_country": "IRN",
    "label": "opposition",
    "event": "ACCUSE",
    "judged": "neutrality",
    "note": "Read \x1b[2Jit.",
    "client": "desk",
    "as_of": dt.date(2024, 5, 16),
}


@pytest.fixture
def url(tmp_path):
    """Name a database that is not there yet."""
    return f"sqlite:///{tmp_path}/corrections.db"


@pytest.fixture
def store(url):
    """Open it."""
    return Store(url)


@pytest.fixture
def corpus_file(tmp_path):
    """Name a corpus file that is not there yet."""
    (tmp_path / "corpus").mkdir()
    return tmp_path / "corpus" / "corrections.jsonl"


def test_list(call, store, url):
    """New corrections are listed with all that a reviewer needs, and nothing that steers the terminal."""
    identity = store.add(SENT)
    result = call("corrections", "list", "--url", url)
    assert result.exit_code == 0
    first, sentence, note = result.stdout.splitlines()
    assert first.startswith(f"{identity}  ")
    assert first.endswith("new       desk  'France' → IRN  opposition ACCUSE, not neutrality")
    assert (sentence.strip(), note.strip()) == (TEXT, "note: Read  [2Jit.")
    assert "1 corrections with status new" in result.stderr


def test_review(call, succeed, store, url):
    """What is accepted or rejected is no longer new, and knows who said so."""
    ids = [store.add(SENT) for _ in range(3)]
    assert succeed("corrections", "accept", *ids[:2], "--url", url) == "2 accepted\n"
    assert succeed("corrections", "reject", ids[2], "--url", url) == "1 rejected\n"
    assert call("corrections", "list", "--url", url).stdout == ""
    assert [one.status for one in store.find()] == ["accepted", "accepted", "rejected"]
    assert all(one.reviewed_by for one in store.find())
    assert call("corrections", "list", "--status", "all", "--url", url).stdout.count(TEXT) == 3


def test_export(succeed, store, url, tmp_path):
    """An export holds every field, a line a correction."""
    ids = [store.add(SENT) for _ in range(2)]
    store.review(ids[:1], "accepted", "one")
    told = [json.loads(line) for line in succeed("corrections", "export", "--url", url).splitlines()]
    assert [one["id"] for one in told] == ids
    assert {name: told[1][name] for name in SENT} == SENT | {"as_of": "2024-05-16"}
    out = tmp_path / "out.jsonl"
    succeed("corrections", "export", "--url", url, "--status", "accepted", "--out", out)
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == told[:1]


def test_faults(fail, store, url, tmp_path):
    """An unknown id, a bad address, a database that is away and a file that cannot be are told with a remedy."""
    store.prepare()
    assert "corrections list" in fail("corrections", "accept", "abc", "--url", url)
    assert "give an address" in fail("corrections", "list", "--url", "mysql://host/name")
    assert "make its folder" in fail("corrections", "list", "--url", f"sqlite:///{tmp_path}/none/a.db")
    assert "none" in fail("corrections", "export", "--url", url, "--out", tmp_path / "none" / "out.jsonl")


def test_address_from_the_environment(succeed, store, url, monkeypatch):
    """The address may stand where the service has it."""
    store.prepare()
    monkeypatch.setenv("COUNTRY_RELATIONS_CORRECTIONS_URL", url)
    assert succeed("corrections", "export") == ""


def test_pull(succeed, store, url, corpus_file, two_versions):
    """Accepted corrections become rows, once; others do not."""
    ids = [store.add(SENT), store.add(SENT | {"label": "support", "event": None})]
    store.review(ids[:1], "accepted", "one")
    arguments = ("labels", "pull-corrections", "--url", url, "--into", corpus_file, "--model", two_versions)
    output = succeed(*arguments, "--min-probability", 0)
    assert f"1 accepted corrections; 1 new and 0 changed rows in {corpus_file}" in output
    (row,) = (json.loads(line) for line in corpus_file.read_text(encoding="utf-8").splitlines())
    assert {"source": "FRA", "target": "IRN", "label": "opposition", "event": "ACCUSE"} in row["relations"]
    before = corpus_file.read_bytes()
    assert "1 there already" in succeed(*arguments)
    told = json.loads(succeed(*arguments, "--json"))
    assert (told["rows"], len(told["there_already"])) == ({"new": 0, "changed": 0}, 1)
    assert corpus_file.read_bytes() == before


def test_pull_by_way_of_label_studio(call, fail, succeed, store, url, corpus_file, two_versions, tmp_path):
    """What the model is not sure of goes to Label Studio, and what comes back from there is pulled no more."""
    store.review([store.add(SENT)], "accepted", "one")
    out = tmp_path / "tasks.json"
    arguments = ("labels", "pull-corrections", "--url", url, "--into", corpus_file, "--model", two_versions)
    result = call(*arguments, "--min-probability", 1)
    assert result.exit_code == 3
    assert "--tasks FILE writes them" in result.stdout
    assert call(*arguments, "--min-probability", 1, "--tasks", out).exit_code == 3
    assert not corpus_file.exists()
    assert f"{out} exists" in fail(*arguments, "--tasks", out)
    tasks = json.loads(out.read_text(encoding="utf-8"))
    for task in tasks:
        task["annotations"] = [{"result": task["predictions"][0]["result"]}]
    out.write_text(json.dumps(tasks), encoding="utf-8")
    call("labels", "import", out, "--format", "label-studio", "--into", corpus_file)
    assert "1 there already" in succeed(*arguments)
