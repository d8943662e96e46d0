"""A trained model on disk: written whole, verified before it is opened."""

import hashlib
import io
import json
import os
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_origin

import joblib

from relations.classifier import Model

DEFAULT_FOLDER = Path(__file__).resolve().parents[1] / "model_artifacts"
"""Holds all models; `relations.registry` finds one in it."""
MODEL_FILE = "model.joblib"
MANIFEST_FILE = "manifest.json"
LIBRARIES = ("scikit-learn", "numpy", "scipy", "joblib")


class ArtifactError(Exception):
    """A model cannot be trusted or opened; the text names cause and remedy."""


@dataclass(frozen=True)
class Manifest:
    """What is known of a model.

    Attributes
    ----------
    name, version, tier : str
        Which model this is.
    sha256 : str
        Digest of the model file, lower-case hexadecimal.
    labels_sha256 : str
        Digest of the labelled data and lexicon that it was fitted from.
    classes : list of str
        Labels in the order of the probabilities.
    metrics : dict
        Scores on held-out documents.
    versions : dict
        Python and the libraries it was fitted with.
    trained_at : str
        ISO 8601 time, UTC.
    files : dict
        Digests of further files that belong to the model, by name.
    """

    name: str
    version: str
    tier: str
    sha256: str
    labels_sha256: str
    classes: list[str]
    metrics: dict[str, Any]
    versions: dict[str, str]
    trained_at: str
    files: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Readable JSON with a final line end."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Read what `to_json` wrote.

        Raises
        ------
        ArtifactError
            If the text is not a manifest.
        """
        try:
            manifest = cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise ArtifactError(f"the manifest is damaged ({error}): restore it or train again") from None
        for one in fields(cls):
            kind: Any = get_origin(one.type) or one.type
            if not isinstance(getattr(manifest, one.name), kind):
                raise ArtifactError(f"the manifest is damaged ({one.name}): restore it or train again")
        return manifest


def current_versions(*more: str) -> dict[str, str]:
    """Versions of Python and of the libraries that a model depends on, ``more`` among them."""
    return {"python": platform.python_version(), **{name: version(name) for name in (*LIBRARIES, *more)}}


def write(path: Path, content: bytes) -> None:
    """Write a file so that there is always either the old one or the whole new one, on the disk itself."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    temporary.chmod(0o644)
    temporary.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Bring a file's content, or the names in a folder, onto the disk itself."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def dump(model: Model) -> tuple[bytes, str]:
    """Serialise a model; the same fit gives the same bytes.

    Returns
    -------
    content : bytes
        Compressed joblib dump.
    sha256 : str
        Its digest.
    """
    buffer = io.BytesIO()
    joblib.dump(model, buffer, compress=("zlib", 6))
    content = buffer.getvalue()
    return content, hashlib.sha256(content).hexdigest()


def save(folder: Path, content: bytes, manifest: Manifest, files: Mapping[str, bytes] | None = None) -> None:
    """Write a model, the files that belong to it and its manifest, each atomically, the manifest last."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, beside in (files or {}).items():
        write(folder / name, beside)
    write(folder / MODEL_FILE, content)
    write(folder / MANIFEST_FILE, manifest.to_json().encode())


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a folder.

    Raises
    ------
    ArtifactError
        If there is none or it is damaged.
    """
    try:
        text = (folder / MANIFEST_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(
            f"no readable manifest in {folder} ({error}): train a model or name another folder"
        ) from None
    return Manifest.from_json(text)


def read_trusted(path: Path, sha256: str) -> bytes:
    """Read a file and check its digest.

    Parameters
    ----------
    path : Path
        A file of a model.
    sha256 : str
        The digest that it must have, lower-case hexadecimal.

    Returns
    -------
    bytes

    Raises
    ------
    ArtifactError
        If it cannot be read or is another file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"no readable {path.name} in {path.parent} ({error}): restore it, train a model or name another folder"
        ) from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise ArtifactError(
            f"{path} has digest {digest[:12]}… where {sha256[:12]}… belongs; it was not opened: restore the file "
            "or train again"
        )
    return content


def verify(folder: Path, expected_sha256: str | None = None) -> tuple[bytes, Manifest]:
    """Read a model without opening it, and check its digest.

    Parameters
    ----------
    folder : Path
        Holds model.joblib and manifest.json.
    expected_sha256 : str, optional
        Digest that is trusted from elsewhere (the image, the environment); without it the manifest's counts.

    Returns
    -------
    content : bytes
        The model file.
    manifest : Manifest

    Raises
    ------
    ArtifactError
        If a file is missing or a digest differs.
    """
    manifest = read_manifest(folder)
    if expected_sha256 is not None and manifest.sha256 != expected_sha256.lower():
        raise ArtifactError(
            f"the manifest in {folder} is for model {manifest.sha256[:12]}…, but {expected_sha256[:12]}… is "
            "pinned: deploy the pinned model or change the pin"
        )
    content = read_trusted(folder / MODEL_FILE, manifest.sha256)
    for name, sha256 in manifest.files.items():
        read_trusted(folder / name, sha256)
    return content, manifest


def load(folder: Path, expected_sha256: str | None = None, threads: int = 1) -> tuple[Model, Manifest]:
    """Verify a model and only then unpickle it.

    Parameters
    ----------
    folder : Path
        As `relations.registry.resolve` finds it.
    expected_sha256 : str, optional
        As in `verify`.
    threads : int
        Threads that the context tier may use for one call.

    Returns
    -------
    model : Model
    manifest : Manifest

    Raises
    ------
    ArtifactError
        If a file is missing, a digest differs, the model was fitted under another scikit-learn, or the context
        tier lacks a package.
    """
    content, manifest = verify(folder, expected_sha256)
    here, there = version("scikit-learn"), manifest.versions.get("scikit-learn", "unknown")
    if here.split(".")[:2] != there.split(".")[:2]:
        raise ArtifactError(
            f"the model was fitted under scikit-learn {there}, but {here} is installed: "
            f"install scikit-learn {there} or train again"
        )
    try:
        model = joblib.load(io.BytesIO(content))
    except Exception as error:  # noqa: BLE001 - a pickle can raise anything
        raise ArtifactError(f"{folder / MODEL_FILE} cannot be opened ({error!r}): train again") from None
    if not isinstance(model, Model):
        raise ArtifactError(f"{folder / MODEL_FILE} does not hold a model of this project: train again")
    model.attach(folder, threads)
    return model, manifest
