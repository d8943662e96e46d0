"""What the tests of training share: a small labels folder, and a model fitted on it."""

import json
import shutil
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from relations import gazetteer
from relations.analyser import Analyser
from relations.mentions import MentionFinder
from training import corpus, fit
from training.lexicon_table import compile_lexicon

SENTENCES = 150


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Fit small models in one thread: several would only wait for each other."""
    with threadpool_limits(1):
        yield


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


@pytest.fixture(scope="session")
def codes() -> frozenset[str]:
    """Give the codes of all countries."""
    return frozenset(gazetteer.load().countries)


@pytest.fixture(scope="session")
def analyser(small_labels, codes) -> Analyser:
    """Fit a model on the small labels, and join it with the mention finder."""
    lexicon = compile_lexicon(small_labels / "lexicon.tsv")
    model = fit.fit(corpus.read(small_labels, codes), lexicon, fit.Parameters())
    return Analyser(MentionFinder(gazetteer.load()), model)


@pytest.fixture
def write(tmp_path):
    """Write JSON lines; a row that is a string stands as it is."""

    def lines(rows, name="gold.jsonl"):
        path = tmp_path / name
        texts = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        return path

    return lines
