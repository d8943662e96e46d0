"""What all tests share: the application with the shipped model, and a small labels folder."""

import shutil
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.app import create_app
from service.config import Settings
from training import corpus

SENTENCES = 150


@pytest.fixture(scope="session")
def app() -> Flask:
    """Build the service as it ships; once, since the model takes its time to load."""
    return create_app(Settings())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Speak to the service without a server."""
    return app.test_client()


@pytest.fixture(scope="session")
def small_labels(tmp_path_factory) -> Path:
    """Take every so-maniest row of the corpus and lexicon that ship, and the whole gazetteer; read only."""
    folder = tmp_path_factory.mktemp("small") / "labels"
    shutil.copytree(corpus.DEFAULT_FOLDER, folder, ignore=shutil.ignore_patterns("corpus", "lexicon.tsv"))
    rows = [line for path in corpus.files(corpus.DEFAULT_FOLDER) for line in path.read_bytes().splitlines()]
    (folder / "corpus").mkdir()
    (folder / "corpus" / "part.jsonl").write_bytes(b"\n".join(rows[:: len(rows) // SENTENCES][:SENTENCES]) + b"\n")
    header, *entries = (corpus.DEFAULT_FOLDER / "lexicon.tsv").read_text(encoding="utf-8").splitlines()
    (folder / "lexicon.tsv").write_text("\n".join([header, *entries[::25]]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def labels(small_labels, tmp_path) -> Path:
    """Copy the small labels folder, to be changed."""
    return Path(shutil.copytree(small_labels, tmp_path / "labels"))
