"""Which folder the model is loaded from."""

import re
from pathlib import Path

import pytest

from relations import artifact, registry
from relations.artifact import ArtifactError


@pytest.fixture
def root(publish, tmp_path) -> Path:
    """Publish two versions, of which the first is served."""
    publish(tmp_path / "models", "2024-01-01-aa", tiers=("fast", "context"))
    publish(tmp_path / "models", "second")
    return tmp_path / "models"


def refused(*arguments, **options):
    """Text with which a choice is refused."""
    with pytest.raises(ArtifactError) as refusal:
        registry.resolve(*arguments, **options)
    return str(refusal.value)


def test_what_is_there(root):
    """Versions and their tiers are told; other files and folders are no versions."""
    (root / "empty").mkdir()
    (root / ".new-x" / "fast").mkdir(parents=True)
    (root / ".new-x" / "fast" / "manifest.json").touch()
    assert registry.versions(root) == ["2024-01-01-aa", "second"]
    assert registry.tiers(root, "2024-01-01-aa") == ["fast", "context"]
    assert registry.tiers(root, "second") == ["fast"]
    assert registry.served(root) == "2024-01-01-aa"


def test_served_version(root):
    """Without a choice it is the served version, looked up anew each time."""
    assert registry.resolve(root) == root / "2024-01-01-aa" / registry.DEFAULT_TIER
    assert registry.resolve(root, "context") == root / "2024-01-01-aa" / "context"
    (root / "current").write_text("second\n")
    assert registry.resolve(root, "fast") == root / "second" / "fast"


def test_chosen_version(root):
    """A version that is named is taken, whatever is served."""
    assert registry.resolve(root, "fast", "second") == root / "second" / "fast"


def test_single_model(root):
    """A folder that holds a model itself, or the tiers of one version, is taken as it is."""
    for folder in (root / "second" / "fast", root / "second"):
        assert registry.resolve(folder, "fast") == root / "second" / "fast"


def test_missing_tier(root):
    """A tier that the version lacks is refused with the ones that it has, and how to choose one."""
    text = refused(root, "context", "second")
    assert re.search(r"second has no context tier.*choose fast.*COUNTRY_RELATIONS_TIER", text)


@pytest.mark.parametrize("name", ["third", "../models/second", "", "current", "/"])
def test_missing_version(root, name):
    """A version that is not there, or is no name, is refused with the ones that are."""
    text = refused(root, "fast", name)
    assert f"no version {name} in {root}" in text
    assert "2024-01-01-aa, second" in text


def test_served_version_is_gone(root):
    """Where the served version is not there that is said, with the ones that are."""
    (root / "current").write_text("third\n")
    assert re.search(r"no version third.*2024-01-01-aa, second", refused(root))


def test_nothing_served(root):
    """Where no version has been promoted that is said, with what to do."""
    (root / "current").unlink()
    assert registry.served(root) is None
    text = refused(root)
    assert "promote one (2024-01-01-aa, second)" in text
    assert "COUNTRY_RELATIONS_MODEL_VERSION" in text


@pytest.mark.parametrize("content", [b"", b"\xff", b"../second", b"second\nfirst"])
def test_damaged_current(root, content):
    """A file that names no version is refused with its place and the remedy."""
    (root / "current").write_bytes(content)
    text = refused(root)
    assert str(root / "current") in text
    assert "write the version to serve into it" in text


def test_unreadable_current(root):
    """A folder in the place of that file is refused with its place."""
    (root / "current").unlink()
    (root / "current").mkdir()
    assert str(root / "current") in refused(root)


def test_no_model(tmp_path):
    """A folder without models, one that is not there, and a file are refused with name and remedy."""
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "nowhere", tmp_path / "file"):
        assert refused(folder) == f"no model in {folder}: train a model or name another folder"
        assert registry.versions(folder) == []


def test_shipped():
    """A version ships, under its own name, and is served."""
    folder = registry.resolve()
    assert folder.parent.name == registry.served(artifact.DEFAULT_FOLDER)
    assert artifact.read_manifest(folder).version == folder.parent.name
