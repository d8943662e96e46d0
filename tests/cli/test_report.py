"""``country-relations report``, and what ``train`` writes of it."""

import json
import sys

import pytest

from relations import registry
from training import registry as versions

ALONE = ("--tier", "fast", "--without-shipped")


@pytest.fixture
def report(succeed, small_labels, two_versions):
    """Call the command for the small versions; give what it printed."""

    def run(*arguments):
        return succeed("report", *arguments, "--root", two_versions, "--labels", small_labels)

    return run


def test_version(report, two_versions):
    """Card and report of the version that is named come into its folder, and the paths are told."""
    output = report("second")
    for name in ("card.md", "report.html"):
        assert str(two_versions / "second" / name) in output
        assert (two_versions / "second" / name).is_file()
    assert not (two_versions / "first" / "card.md").exists()


def test_served(report, two_versions, tmp_path):
    """Without a version that of the served one is written, into the folder that is named."""
    report("--out", tmp_path / "out")
    assert (tmp_path / "out" / "card.md").read_text().startswith("# Model card: country-relations first\n")
    assert not (two_versions / "first" / "card.md").exists()


def test_learning_curve(report, two_versions):
    """With --learning-curve the curve is drawn, kept in the version, and shown."""
    assert "fitting" in report("second", "--learning-curve")
    curve = json.loads((two_versions / "second" / "learning.json").read_text())
    assert curve["points"][-1]["share"] == 100
    assert "Learning curve" in (two_versions / "second" / "card.md").read_text()
    assert versions.verify(two_versions, "second") == []


def test_no_version(fail, small_labels, two_versions):
    """A version that is not there is refused; so is none where none is served."""
    options = ("--root", two_versions, "--labels", small_labels)
    assert "first, second" in fail("report", "third", *options)
    assert "first, second" in fail("report", "third", "--learning-curve", *options)
    (two_versions / registry.CURRENT_FILE).unlink()
    assert "name one" in fail("report", *options)


def test_train_writes_both(succeed, small_labels, tmp_path):
    """A training leaves card and report in the new version, whose digests hold."""
    root = tmp_path / "models"
    succeed("train", *ALONE, "--labels", small_labels, "--output", root, "--version", "new")
    assert (root / "new" / "card.md").read_text().startswith("# Model card: country-relations new\n")
    assert (root / "new" / "report.html").is_file()
    assert versions.verify(root, "new") == []


def test_train_asked_to_log_without_mlflow(fail, small_labels, tmp_path, monkeypatch):
    """Where a run shall be logged but MLflow is missing, training does not begin."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    message = fail("train", *ALONE, "--labels", small_labels, "--output", tmp_path / "out")
    assert "install the extra mlflow" in message
    assert not (tmp_path / "out").exists()
