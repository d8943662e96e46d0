"""A model on disk: verified before it is opened, written whole."""

import dataclasses
import hashlib
import io
import json
import pickle
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest

from relations import artifact, registry
from relations.artifact import ArtifactError, Manifest, current_versions
from relations.domain import LABELS

_WRITE_WITH_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from relations.artifact import read_manifest, save
folder = Path(sys.argv[1])
manifest = read_manifest(folder)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    save(folder, b"x" * 1_000_000, manifest)
except OSError:
    sys.exit(3)
"""


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return Path.touch, (Path(self.file),)


def describe(content, **changes):
    """Manifest for the content of a model file."""
    values = {
        "name": "test",
        "version": "1",
        "tier": "fast",
        "sha256": hashlib.sha256(content).hexdigest(),
        "labels_sha256": "0" * 64,
        "classes": list(LABELS),
        "metrics": {"held_out": {"accuracy": 0.5}},
        "versions": current_versions(),
        "trained_at": "2024-01-01T00:00:00+00:00",
    }
    return Manifest(**(values | changes))


@pytest.fixture
def folder(tmp_path, small_model) -> Path:
    """Save a model."""
    content, _ = artifact.dump(small_model)
    artifact.save(tmp_path / "model", content, describe(content))
    return tmp_path / "model"


@pytest.fixture
def trapped(tmp_path):
    """Write a folder whose model writes a file when opened; give both."""

    def write(**changes):
        file = tmp_path / "trap"
        buffer = io.BytesIO()
        joblib.dump(Trap(file), buffer)
        artifact.save(tmp_path / "trapped", buffer.getvalue(), describe(buffer.getvalue(), **changes))
        return tmp_path / "trapped", file

    return write


def check_manifest_refused(folder, text):
    """Loading must fail in words that name the manifest."""
    (folder / artifact.MANIFEST_FILE).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ArtifactError, match="manifest"):
        artifact.load(folder)


def test_round_trip(folder, small_model, training_pairs):
    """A model that was saved is loaded with the same judgements and its manifest."""
    model, manifest = artifact.load(folder)
    assert np.array_equal(model.probabilities(training_pairs), small_model.probabilities(training_pairs))
    assert model.classes == small_model.classes
    content = (folder / artifact.MODEL_FILE).read_bytes()
    assert manifest == describe(content)
    assert artifact.read_manifest(folder) == manifest


def test_manifest_round_trip():
    """A manifest is read as it was written, and written as readable JSON with a final line end."""
    manifest = describe(b"", name="Türkiye", metrics={"a": [1, 2.5, None]})
    text = manifest.to_json()
    assert Manifest.from_json(text) == manifest
    assert text.endswith("}\n")
    assert "Türkiye" in text
    assert set(json.loads(text)) == {field.name for field in dataclasses.fields(Manifest)}


def test_same_bytes(small_model, folder):
    """Dumping a model, again or after loading it, gives the same bytes, and the digest is of these bytes."""
    content, sha256 = artifact.dump(small_model)
    assert hashlib.sha256(content).hexdigest() == sha256
    assert artifact.dump(small_model) == (content, sha256)


def test_trap_works(trapped):
    """The trap that the next tests set does snap when opened."""
    folder, file = trapped()
    with pytest.raises(ArtifactError, match="hold"):
        artifact.load(folder)
    assert file.exists()


@pytest.mark.parametrize("digest", ["0" * 64, "", "no digest"])
def test_digest_mismatch(trapped, digest):
    """A model whose digest is not the manifest's is refused before it is unpickled, with cause and remedy."""
    folder, file = trapped(sha256=digest)
    with pytest.raises(ArtifactError, match=r"digest.*not opened.*train again"):
        artifact.load(folder)
    assert not file.exists()


def test_other_scikit_learn(trapped):
    """A model of another scikit-learn is refused before it is unpickled, and the text names both versions."""
    folder, file = trapped(versions={**current_versions(), "scikit-learn": "0.24.2"})
    with pytest.raises(ArtifactError) as caught:
        artifact.load(folder)
    assert "0.24.2" in str(caught.value)
    assert current_versions()["scikit-learn"] in str(caught.value)
    assert "train again" in str(caught.value)
    assert not file.exists()


def test_unknown_scikit_learn(trapped):
    """A model that does not say under which scikit-learn it was fitted is refused before it is unpickled."""
    folder, file = trapped(versions={})
    with pytest.raises(ArtifactError, match="scikit-learn"):
        artifact.load(folder)
    assert not file.exists()


def test_other_patch_release(folder):
    """A model of another patch release of the same scikit-learn is opened."""
    manifest = artifact.read_manifest(folder)
    major, minor, *_ = current_versions()["scikit-learn"].split(".")
    changed = dataclasses.replace(manifest, versions={"scikit-learn": f"{major}.{minor}.99"})
    artifact.save(folder, (folder / artifact.MODEL_FILE).read_bytes(), changed)
    assert artifact.load(folder)[1] == changed


def test_pin(folder):
    """A pinned digest opens the model it belongs to, in either case of letters."""
    sha256 = artifact.read_manifest(folder).sha256
    assert artifact.load(folder, sha256)[1].sha256 == sha256
    assert artifact.load(folder, sha256.upper())[1].sha256 == sha256


def test_pin_of_another_model(trapped):
    """A model that is not the pinned one is refused before it is unpickled, though its manifest vouches for it."""
    folder, file = trapped()
    with pytest.raises(ArtifactError, match=r"pin"):
        artifact.load(folder, "ab" * 32)
    assert not file.exists()


def test_manifest_that_lies_about_the_pin(trapped):
    """A manifest that claims the pinned digest for another file does not get it opened."""
    folder, file = trapped(sha256="ab" * 32)
    with pytest.raises(ArtifactError, match="digest"):
        artifact.load(folder, "ab" * 32)
    assert not file.exists()


def test_flipped_bit(folder):
    """One changed bit anywhere in the model file is noticed."""
    path = folder / artifact.MODEL_FILE
    content = path.read_bytes()
    for place in (0, len(content) // 2, -1):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ArtifactError, match="digest"):
            artifact.load(folder)


@pytest.mark.parametrize("file", [artifact.MODEL_FILE, artifact.MANIFEST_FILE])
def test_missing_file(folder, file):
    """A missing file is refused with the folder and the remedy."""
    (folder / file).unlink()
    with pytest.raises(ArtifactError, match="train a model or name another folder") as caught:
        artifact.load(folder)
    assert str(folder) in str(caught.value)


def test_missing_folder(tmp_path):
    """A folder that is not there is refused with its name and the remedy."""
    with pytest.raises(ArtifactError, match="train a model or name another folder") as caught:
        artifact.load(tmp_path / "nowhere")
    assert "nowhere" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "{", "null", "5", "[]", "{}", '"text"', '{"name": "test"}', b"\xff\xfe"],
    ids=["empty", "cut", "null", "number", "list", "no fields", "string", "too few fields", "not UTF-8"],
)  # fmt: skip
def test_damaged_manifest(folder, text):
    """What is no manifest is refused in words that say so."""
    check_manifest_refused(folder, text)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Manifest)])
def test_manifest_with_a_wrong_value(folder, field):
    """A manifest in which a field has a value of another kind is damaged."""
    fields = json.loads((folder / artifact.MANIFEST_FILE).read_text())
    for value in (None, 5):
        check_manifest_refused(folder, json.dumps({**fields, field: value}))


def test_manifest_without_a_field(folder):
    """A manifest that lacks a field is damaged, whichever it lacks; only one without further files names none."""
    fields = json.loads((folder / artifact.MANIFEST_FILE).read_text())
    for field in set(fields) - {"files"}:
        check_manifest_refused(folder, json.dumps({key: value for key, value in fields.items() if key != field}))


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({"a": 1}), b"cno_such_module\nName\n."])
def test_file_that_holds_no_model(folder, content):
    """A file that its manifest vouches for but that holds no model of this project is refused with the remedy."""
    artifact.save(folder, content, describe(content))
    with pytest.raises(ArtifactError, match="train again"):
        artifact.load(folder)


def test_save_makes_the_folder(tmp_path, small_model):
    """A folder that is not there yet is made, and holds model and manifest and nothing else."""
    content, _ = artifact.dump(small_model)
    folder = tmp_path / "a" / "b"
    artifact.save(folder, content, describe(content))
    assert {path.name for path in folder.iterdir()} == {artifact.MODEL_FILE, artifact.MANIFEST_FILE}
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in folder.iterdir())


def test_save_replaces(folder, small_model):
    """Saving over a model replaces it and leaves nothing else behind."""
    content, _ = artifact.dump(small_model)
    artifact.save(folder, content, describe(content, version="2"))
    assert artifact.load(folder)[1].version == "2"
    assert {path.name for path in folder.iterdir()} == {artifact.MODEL_FILE, artifact.MANIFEST_FILE}


def test_full_disk_keeps_the_old_model(folder, training_pairs, small_model):
    """A write that fails half way leaves the old model as it was, and no debris."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    command = [sys.executable, "-c", _WRITE_WITH_A_FULL_DISK, str(folder), "300000"]
    assert subprocess.run(command, check=False).returncode == 3
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert artifact.load(folder)[0].classes == small_model.classes


def test_shipped_model():
    """The model that ships is intact, is of this scikit-learn, and knows the labels of the codebook."""
    model, manifest = artifact.load(registry.resolve())
    assert tuple(model.classes) == LABELS == tuple(manifest.classes)
