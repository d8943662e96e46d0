"""Training runs in MLflow, where ``MLFLOW_TRACKING_URI`` asks for it. Needs the extra ``mlflow``."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from numbers import Real
from pathlib import Path
from typing import Any

from relations.artifact import MODEL_FILE, read_manifest
from relations.registry import tiers

EXPERIMENT = "country-relations"
_ADDRESS = "MLFLOW_TRACKING_URI"
_UNNAMEABLE = re.compile(r"[^\w./ -]", re.ASCII)
"""What MLflow takes in no name; folders of labels may be called anything."""
_CHOSEN = ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID")


class TrackingError(Exception):
    """A run cannot be logged; the text names cause and remedy."""


def wanted() -> bool:
    """Whether runs shall be logged; to be asked before a long training.

    Raises
    ------
    TrackingError
        If they shall, but MLflow is not installed.
    """
    if not os.environ.get(_ADDRESS):
        return False
    if find_spec("mlflow") is None:
        raise TrackingError(
            f"{_ADDRESS} is set, but MLflow is not installed: install the extra mlflow, or unset it"
        )
    return True


def log(root: Path, version: str, say: Callable[[str], None]) -> None:
    """Log a version as a run of its name: parameters, scores, and every file but the models.

    Parameters
    ----------
    root : Path
        Holds the versions, as `relations.registry` says.
    version : str
        Which.
    say : callable
        Told in a line what was done.

    Raises
    ------
    TrackingError
        If MLflow refuses it or cannot be reached; the version itself is not touched.
    """
    # MLflow tells its makers about every use unless it is told not to.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow  # noqa: PLC0415 - seconds, and an extra

    folder = root / version
    parameters: dict[str, Any] = {}
    scores: dict[str, float] = {}
    for tier in tiers(root, version):
        manifest = read_manifest(folder / tier)
        told = {key: getattr(manifest, key) for key in ("sha256", "labels_sha256", "trained_at", "versions")}
        parameters |= _flat(tier, told | {"fitting": manifest.metrics.get("fitting", {})})
        known = {name: value for name, value in manifest.metrics.items() if name != "fitting"}
        scores |= {name: float(value) for name, value in _flat(tier, known) if isinstance(value, Real)}
    try:
        if not any(os.environ.get(name) for name in _CHOSEN):
            mlflow.set_experiment(EXPERIMENT)
        with mlflow.start_run(run_name=version):
            mlflow.log_params(parameters)
            mlflow.log_metrics(scores)
            for path in sorted(folder.rglob("*")):
                if path.is_file() and path.name != MODEL_FILE and path.suffix != ".onnx":
                    place = path.parent.relative_to(folder).as_posix()
                    mlflow.log_artifact(str(path), None if place == "." else place)
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise TrackingError(
            f"{version} is trained and kept, but {os.environ[_ADDRESS]} did not take its run: {error}"
        ) from None
    say(f"logged {version} to {os.environ[_ADDRESS]}")


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names joined by dots."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}.{name}", value)
        else:
            yield _UNNAMEABLE.sub("_", f"{prefix}.{name}"), value
