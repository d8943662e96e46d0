"""The commands that look after labels and exchange them with annotation tools."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from relations import gazetteer
from training import corpus

FORMATS = Path(__file__).parents[1] / "training" / "formats"
FILES = {
    "label-studio": "label_studio.json",
    "doccano": "doccano.jsonl",
    "prodigy": "prodigy.jsonl",
    "brat": "brat",
    "table": "pairs.csv",
}


@pytest.fixture
def into(tmp_path):
    """Name a corpus file that is not there."""
    return tmp_path / "new.jsonl"


def imported(call, into, *arguments, form="table", file=None):
    """Import a file of the tests and give the result."""
    file = file or FORMATS / FILES[form]
    return call("labels", "import", file, "--format", form, "--into", into, *arguments)


def table(path, *rows):
    """Write a table."""
    path.write_text("\n".join(["text,source,target,label", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("form", FILES)
def test_import(call, into, form):
    """Every format is read into good rows; what was refused is told with place and reason, and in the status."""
    result = imported(call, into, form=form)
    assert (result.exit_code, result.stderr) == (3, "")
    sentences, problems = corpus.scan([into], frozenset(gazetteer.load().countries))
    assert problems == []
    assert result.stdout.startswith(f"{len(sentences)} sentences with ")
    assert re.search(rf"\n\d+ refused:\n  {FORMATS}/.*: \S", result.stdout)


def test_import_json(call, into):
    """With --json the summary is for programs: what was taken, changed, left out and refused."""
    result = imported(call, into, "--json", form="label-studio")
    told = json.loads(result.stdout)
    assert told["into"] == str(into)
    assert told["taken"]["sentences"] == len(into.read_text(encoding="utf-8").splitlines())
    assert sum(told["taken"]["labels"].values()) == told["taken"]["pairs"]
    assert told["taken"]["neutral_without_a_relation"] > 0
    for kind in ("changed", "left_out", "refused"):
        assert all(set(note) == {"place", "reason"} for note in told[kind])
        assert told[kind]


def test_import_all(succeed, into, tmp_path):
    """Where nothing is refused the status is 0; several files go into one."""
    first = table(tmp_path / "a.csv", "Italy aided Malta.,Italy,MLT,support")
    second = table(tmp_path / "b.csv", "Togo met Ghana.,TGO,GHA,neutrality", "Togo met Ghana.,GHA,TGO,neutrality")
    output = succeed("labels", "import", first, second, "--format", "table", "--into", into)
    assert "2 sentences with 4 pairs (3 neutrality, 0 opposition, 1 support)" in output
    assert "1 of them neutral, since they have no relation" in output


def test_import_map(call, into):
    """A label by another name means what --map says."""
    assert "label 'Backs' is none of" in imported(call, into, form="doccano").stdout
    assert len(into.read_text(encoding="utf-8").splitlines()) == 1
    imported(call, into, "--force", "--map", "Backs=support", form="doccano")
    assert len(into.read_text(encoding="utf-8").splitlines()) == 2


def test_import_missing(call, into, tmp_path):
    """With --missing refuse a sentence that lacks a pair is refused; where nothing is left nothing is written."""
    file = table(tmp_path / "a.csv", "Italy aided Malta.,ITA,MLT,support")
    result = imported(call, into, "--missing", "refuse", file=file)
    assert result.exit_code == 1
    assert "no relation for MLT→ITA" in result.stdout
    assert "nothing written" in result.stdout
    assert not into.exists()


def test_import_annotator(call, into):
    """With --annotator that annotator's labels are taken."""
    imported(call, into, "--annotator", "desk-ben", form="prodigy")
    assert "Jordan took in refugees" in into.read_text(encoding="utf-8")


def test_import_no_split(call, into):
    """With --no-split a text of two sentences stays one."""
    imported(call, into, "--no-split", form="label-studio")
    assert any("border. Ghana" in line for line in into.read_text(encoding="utf-8").splitlines())


def test_import_as_of(call, into, tmp_path):
    """With --as-of a name stands for the country that it stood for on that day."""
    file = table(tmp_path / "a.csv", "The Kremlin warned Japan.,the Kremlin,JPN,opposition")
    imported(call, into, "--as-of", "1985-06-01", file=file)
    assert '"SUN"' in into.read_text(encoding="utf-8")


def test_import_keeps_what_is_there(call, fail, into, tmp_path):
    """A file that is there is not touched without --append, which adds to it, or --force, which replaces it."""
    first = table(tmp_path / "a.csv", "Italy aided Malta.,ITA,MLT,support")
    second = table(tmp_path / "b.csv", "Togo aided Ghana.,TGO,GHA,support")
    imported(call, into, file=first)
    before = into.read_text()
    message = fail("labels", "import", second, "--format", "table", "--into", into)
    assert "--append" in message
    assert "--force" in message
    assert into.read_text() == before
    imported(call, into, "--append", file=second)
    assert [json.loads(line)["id"] for line in into.read_text().splitlines()] == ["new-1", "new-2"]
    assert "stands already" in imported(call, into, "--append", file=first).stdout
    imported(call, into, "--force", file=first)
    assert into.read_text() == before
    assert "choose one" in fail(
        "labels", "import", first, "--format", "table", "--into", into, "--append", "--force"
    )


def test_import_beside_a_corpus(call, labels, tmp_path):
    """A sentence that another file of the corpus has is refused, so that the corpus stays good."""
    text = json.loads((labels / "corpus" / "part.jsonl").read_text(encoding="utf-8").splitlines()[0])["text"]
    export = tmp_path / "out.json"
    call("labels", "export", labels / "corpus" / "part.jsonl", "--format", "label-studio", "--out", export)
    result = imported(call, labels / "corpus" / "new.jsonl", form="label-studio", file=export)
    assert result.exit_code == 1
    assert "part.jsonl:1" in result.stdout
    assert text not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--map", "support"), "NAME=LABEL"),
        (("--format", "excel"), "--format"),
        (("--into", "/nowhere/new.jsonl"), "/nowhere"),
    ],
)
def test_import_bad_option(fail, into, arguments, reason):
    """A bad option is refused with its name or value."""
    given = {"--format": "table", "--into": into} | {arguments[0]: arguments[1]}
    options = [part for pair in given.items() for part in pair]
    assert reason in fail("labels", "import", FORMATS / "pairs.csv", *options)
    assert not into.exists()


def test_import_of_something_else(fail, into, tmp_path):
    """A file of another format is refused with its name and the remedy."""
    assert "pairs.csv" in fail(
        "labels", "import", FORMATS / "pairs.csv", "--format", "label-studio", "--into", into
    )
    assert "nowhere" in fail("labels", "import", tmp_path / "nowhere", "--format", "table", "--into", into)


@pytest.mark.parametrize("form", ["brat", "table"])
def test_export_and_back(succeed, small_labels, into, tmp_path, form):
    """What is exported comes back the same."""
    source = small_labels / "corpus" / "part.jsonl"
    out = tmp_path / "out"
    output = succeed("labels", "export", source, "--format", form, "--out", out)
    assert str(out) in output
    succeed("labels", "import", out, "--format", form, "--into", into, "--no-split")
    result = json.loads(succeed("labels", "agree", source, into, "--json"))
    assert (result["agreement"], result["only_first"], result["only_second"]) == (1.0, [], [])


def test_export_keeps_what_is_there(fail, succeed, small_labels, tmp_path):
    """A file or a folder with files is not touched without --force."""
    source, file, folder = small_labels / "corpus" / "part.jsonl", tmp_path / "taken.json", tmp_path / "brat"
    file.write_text("mine")
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    for out, form in ((file, "label-studio"), (folder, "brat")):
        arguments = ("labels", "export", source, "--format", form, "--out", out)
        assert f"{out} exists" in fail(*arguments)
        succeed(*arguments, "--force")
    assert file.read_text() != "mine"
    assert (folder / "mine.txt").read_text() == "mine"


def test_export_bad_rows(fail, tmp_path):
    """A corpus file with bad rows is refused with their places."""
    path = tmp_path / "bad.jsonl"
    path.write_text("{}\n")
    assert f"{path}:1" in fail("labels", "export", path, "--format", "table", "--out", tmp_path / "out.csv")
    path.write_text("")
    assert "no labelled sentence" in fail(
        "labels", "export", path, "--format", "table", "--out", tmp_path / "out.csv"
    )


def test_check_json(succeed, small_labels):
    """The report is for programs with --json."""
    lines = (small_labels / "corpus" / "part.jsonl").read_text(encoding="utf-8").splitlines()
    told = json.loads(succeed("labels", "check", small_labels, "--json"))
    assert told["errors"] == 0
    assert told["counts"]["sentences"] == len(lines)
    assert told["warnings"] == sum(one["severity"] == "warning" for one in told["findings"])


def test_check_status(call, labels):
    """Warnings are no failure but with --strict; errors always are, with --json too."""
    path = labels / "corpus" / "part.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace(" the ", " the\u200b ", 1), encoding="utf-8")
    assert call("labels", "check", labels).exit_code == 0
    assert call("labels", "check", labels, "--strict").exit_code == 2
    path.write_bytes(path.read_bytes() + b"{}\n")
    assert call("labels", "check", labels, "--strict").exit_code == 1
    result = call("labels", "check", labels, "--json")
    assert (result.exit_code, json.loads(result.stdout)["errors"]) == (1, 1)


def test_check_against(succeed, small_labels, tmp_path):
    """A labelled sentence that a named test set has, too, is told."""
    path = tmp_path / "held.jsonl"
    shutil.copy(small_labels / "corpus" / "part.jsonl", path)
    assert f"~ {path}:1: 1.00 alike" in succeed("labels", "check", small_labels, "--against", path)


def test_agree(succeed, fail, small_labels, tmp_path):
    """Two files are compared in a table; without a common sentence that is said."""
    source = small_labels / "corpus" / "part.jsonl"
    other = tmp_path / "other.jsonl"
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    other.write_text("".join(lines[5:]), encoding="utf-8")
    output = succeed("labels", "agree", source, other)
    assert "Cohen's kappa         1.000" in output
    assert "pairs that only the first has" in output
    other.write_text(lines[0], encoding="utf-8")
    last = tmp_path / "last.jsonl"
    last.write_text(lines[-1], encoding="utf-8")
    assert "in common" in fail("labels", "agree", other, last)


def test_suggest(succeed, fail, model, tmp_path):
    """The chosen sentences are shown and written as tasks with predictions of the named model."""
    texts = tmp_path / "day.txt"
    texts.write_text("Italy condemned Malta on the pier.\nTogo rested.\nPeru and Chile signed a pact on copper.\n")
    out = tmp_path / "tasks.json"
    arguments = ("labels", "suggest", texts, "--out", out, "--model", model, "--as-of", "2024-05-16")
    output = succeed(*arguments, "--count", 1)
    assert re.match(r"[01]\.\d\d  \S", output)
    assert f"1 sentences in {out}; passed over: 1 fewer than two countries" in output
    (task,) = json.loads(out.read_text(encoding="utf-8"))
    assert task["predictions"][0]["model_version"].startswith("country-relations ")
    assert f"{out} exists" in fail(*arguments)
    succeed(*arguments, "--force")
    assert len(json.loads(out.read_text(encoding="utf-8"))) == 2
    texts.write_text("It rained.\n")
    assert "names two countries" in fail(*arguments, "--force")


def test_check_shows_progress(small_labels):
    """On a terminal a progress bar is shown on standard error; standard output stays the same."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", "from cli.main import main; main()", "labels", "check", small_labels]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        told = process.stdout.read()
        shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert b"comparing sentences" in shown
    assert b"100%" in shown
    assert b"no bad row" in told
    assert b"comparing" not in told


def _read(descriptor):
    """Read from a terminal until its other end is closed, which Linux tells by an error."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""
