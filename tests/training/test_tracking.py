"""Training runs in MLflow."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from relations import artifact
from training import tracking
from training.tracking import TrackingError

_LOG = """
import sys
from pathlib import Path
from training import tracking
assert tracking.wanted()
try:
    tracking.log(Path(sys.argv[1]), "second", print)
except tracking.TrackingError as error:
    print("refused:", error)
"""
installed = pytest.mark.skipif(find_spec("mlflow") is None, reason="the extra mlflow is not installed")


@pytest.fixture
def log(two_versions, tmp_path):
    """Log a version in a process of its own, as MLflow's warnings are none of ours; give what was said."""

    def logged(address, **environment):
        run = subprocess.run(
            [sys.executable, "-c", _LOG, two_versions],
            env=os.environ | {"MLFLOW_TRACKING_URI": address, "MLFLOW_ALLOW_FILE_STORE": "true"} | environment,
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        return run.stdout

    return logged


def test_not_wanted(monkeypatch):
    """Without an address nothing is logged, whether MLflow is there or not."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert not tracking.wanted()


def test_not_installed(monkeypatch):
    """With an address but without MLflow the cause and the remedy are told before a training begins."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(TrackingError, match=r"MLFLOW_TRACKING_URI .* install the extra mlflow"):
        tracking.wanted()


@installed
def test_run(log, two_versions, tmp_path):
    """A run holds parameters and scores of the version under its name, and its files but not the model."""
    store = tmp_path / "store"
    assert f"logged second to {store.as_uri()}" in log(store.as_uri())
    (run,) = [path.parent for path in store.glob("*/*/meta.yaml")]
    assert "run_name: second" in (run / "meta.yaml").read_text()
    assert "name: country-relations" in (run.parent / "meta.yaml").read_text()
    manifest = artifact.read_manifest(two_versions / "second" / "fast")
    assert (run / "params" / "fast.sha256").read_text() == manifest.sha256
    assert (run / "params" / "fast.fitting.C").read_text() == "2.0"
    assert (run / "params" / "fast.versions.numpy").read_text() == manifest.versions["numpy"]
    for name, value in (
        ("held_out.accuracy", manifest.metrics["held_out"]["accuracy"]),
        ("held_out.per_class.support.f1", manifest.metrics["held_out"]["per_class"]["support"]["f1"]),
        ("sentences", manifest.metrics["sentences"]),
    ):
        assert float((run / "metrics" / f"fast.{name}").read_text().split()[1]) == value
    kept = {
        path.relative_to(run / "artifacts").as_posix() for path in run.rglob("artifacts/**/*") if path.is_file()
    }
    assert kept == {"SHA256SUMS", "fast/manifest.json", "fast/held_out.jsonl.gz", "fast/behaviour.jsonl.gz"}


@installed
def test_experiment(log, tmp_path):
    """An experiment that the environment names is taken."""
    store = tmp_path / "store"
    log(store.as_uri(), MLFLOW_EXPERIMENT_NAME="mine")
    assert any("name: mine" in path.read_text() for path in store.glob("*/meta.yaml"))


@installed
def test_unreachable(log):
    """A server that does not answer is told of; the version is said to be safe."""
    said = log("http://127.0.0.1:9", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert said.startswith("refused: second is trained and kept, but http://127.0.0.1:9 did not take its run")
