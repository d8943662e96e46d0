"""What the tests of training share: a model fitted on the small labels."""

import json
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from relations import gazetteer
from relations.analyser import Analyser
from relations.mentions import MentionFinder
from training import corpus, fit
from training.lexicon_table import compile_lexicon


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Fit small models in one thread: several would only wait for each other."""
    with threadpool_limits(1):
        yield


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


@pytest.fixture(scope="session")
def more_labels(small_labels, tmp_path_factory) -> Path:
    """Take some rows that the small labels lack into a folder that holds nothing but a corpus."""
    folder = tmp_path_factory.mktemp("own") / "more"
    (folder / "corpus").mkdir(parents=True)
    known = set((small_labels / "corpus" / "part.jsonl").read_bytes().splitlines())
    rows = (corpus.DEFAULT_FOLDER / "corpus" / "newswire.jsonl").read_bytes().splitlines()
    (folder / "corpus" / "own.jsonl").write_bytes(
        b"\n".join([row for row in rows if row not in known][:80]) + b"\n"
    )
    return folder


@pytest.fixture
def write(tmp_path):
    """Write JSON lines; a row that is a string stands as it is."""

    def lines(rows, name="gold.jsonl"):
        path = tmp_path / name
        texts = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        return path

    return lines
