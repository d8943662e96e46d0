"""A model is fitted, scored and written; the same labels give the same bytes."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from relations import artifact, registry
from relations.domain import LABELS
from relations.gazetteer import GazetteerError
from training import behaviour, comparison, corpus, fit
from training.behaviour import BehaviourError
from training.corpus import CorpusError, held_out
from training.lexicon_table import LexiconError, compile_lexicon
from training.registry import RegistryError

_TRAIN = """
import sys
from pathlib import Path
from training.fit import Parameters, train
manifest, _ = train(Path(sys.argv[1]), Path(sys.argv[2]), Parameters(), lambda line: None)
print(manifest.sha256)
"""


def be_told(_):
    """Hear what training says."""


@pytest.fixture(scope="session")
def trained(small_labels, tmp_path_factory):
    """Train once: folder of the models, manifest, scores, and what was said."""
    root, said = tmp_path_factory.mktemp("trained"), []
    manifest, scores = fit.train(small_labels, root, fit.Parameters(), said.append)
    return root, manifest, scores, said


def content_of(root):
    """Every file under a folder with its content."""
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def relabel(labels, change):
    """Rewrite each row of the corpus."""
    path = labels / "corpus" / "part.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("".join(json.dumps(change(row)) + "\n" for row in rows), encoding="utf-8")


def test_same_bytes_under_any_hash_seed(small_labels, tmp_path):
    """Two trainings in two processes with different PYTHONHASHSEED write the same bytes, digest for digest."""
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", _TRAIN, str(small_labels), str(tmp_path / seed)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
        )
        for seed in ("1", "2")
    ]
    said = [run.communicate()[0].strip() for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    folders = [registry.resolve(tmp_path / seed) for seed in ("1", "2")]
    for name in (artifact.MODEL_FILE, comparison.HELD_OUT_FILE, comparison.BEHAVIOUR_FILE):
        contents = [(folder / name).read_bytes() for folder in folders]
        assert contents[0] == contents[1]
    contents = [(folder / artifact.MODEL_FILE).read_bytes() for folder in folders]
    assert said == [hashlib.sha256(content).hexdigest() for content in contents]


def test_what_is_written(trained, small_labels, codes):
    """The version holds a model that opens, and a manifest that describes it, its labels and its scores."""
    root, manifest, scores, _ = trained
    model, written = artifact.load(root / manifest.version / "fast")
    sentences = corpus.read(small_labels, codes)
    assert written == manifest
    assert manifest.labels_sha256 == corpus.digest(small_labels)
    assert tuple(manifest.classes) == tuple(model.classes) == LABELS
    assert manifest.metrics["sentences"] == len(sentences)
    assert manifest.metrics["held_out"] == scores.as_dict()
    assert manifest.versions == artifact.current_versions()
    assert scores.pairs == sum(len(sentence.pairs) for sentence in sentences if held_out(sentence))


def test_name_of_a_version(trained):
    """A version is called by the day in UTC and the beginning of the model's digest; the first one is served."""
    root, manifest, _, _ = trained
    assert manifest.version == f"{manifest.trained_at[:10]}-{manifest.sha256[:8]}"
    assert registry.versions(root) == [registry.served(root)] == [manifest.version]


def test_what_is_kept_to_compare_by(trained, small_labels, codes):
    """The judgements of the held-out pairs are kept, and give the scores that are reported."""
    root, manifest, scores, _ = trained
    compared = comparison.compare(registry.resolve(root), registry.resolve(root))
    assert compared.scores[0].pairs == scores.pairs
    assert compared.scores[0].accuracy == scores.accuracy
    assert compared.scores[0].macro_f1 == scores.macro_f1
    cases = behaviour.read(small_labels / behaviour.FILE)
    assert compared.cases == len(cases)
    shares = manifest.metrics["behaviour"]
    counts = Counter(case.kind for case in cases)
    assert compared.passed[0] == sum(round(shares[kind] * count) for kind, count in counts.items())


def test_training_again(trained, small_labels, tmp_path):
    """The same labels on the same day give the version that is there, and leave it alone; another name is new."""
    root = Path(shutil.copytree(trained[0], tmp_path / "models"))
    before, said, name = content_of(root), [], trained[1].version
    manifest, _ = fit.train(small_labels, root, fit.Parameters(), said.append)
    assert manifest.sha256 == trained[1].sha256
    if manifest.version == name:  # unless midnight has passed since
        assert content_of(root) == before
        assert f"{name} is in {root} already" in said[-1]
    fit.train(small_labels, root, fit.Parameters(), be_told, "another")
    assert registry.served(root) == name
    assert artifact.load(registry.resolve(root, version="another"))[1].sha256 == manifest.sha256


@pytest.mark.parametrize("name", ["taken", "current", "../x", ".x", "", "x" * 65])
def test_bad_name(trained, small_labels, tmp_path, name):
    """A name that is taken or none is refused before anything is read."""
    root, said = Path(shutil.copytree(trained[0], tmp_path / "models")), []
    (root / trained[1].version).rename(root / "taken")
    with pytest.raises(RegistryError, match=r"called|already"):
        fit.train(small_labels, root, fit.Parameters(), said.append, name)
    assert said == []


def test_it_says_what_it_does(trained):
    """Progress is told in lines that hold the numbers of sentences and the digest."""
    _, manifest, _, said = trained
    assert len(said) >= 3
    assert str(manifest.metrics["sentences"]) in " ".join(said)
    assert manifest.sha256 in said[-1]


def test_it_learns(trained, small_labels, codes):
    """The written model is fitted on all sentences: it knows their labels far better than a guess would."""
    model, _ = artifact.load(registry.resolve(trained[0]))
    sentences = corpus.read(small_labels, codes)
    assert fit.evaluate(model, sentences).kappa > 0.8
    assert fit.evaluate(model, [sentence for sentence in sentences if held_out(sentence)]).kappa > 0.8


def test_scores_are_of_held_out_sentences(trained, small_labels, codes):
    """The reported scores are those of a model that has not seen the held-out sentences."""
    sentences = corpus.read(small_labels, codes)
    lexicon = compile_lexicon(small_labels / "lexicon.tsv")
    unseen = fit.fit([sentence for sentence in sentences if not held_out(sentence)], lexicon, fit.Parameters())
    scores = fit.evaluate(unseen, [sentence for sentence in sentences if held_out(sentence)])
    assert scores.as_dict() == trained[2].as_dict()


def test_evaluate(analyser, small_labels, codes):
    """Scores are over every pair of the sentences that are given."""
    sentences = corpus.read(small_labels, codes)[:20]
    scores = fit.evaluate(analyser.model, sentences)
    assert scores.pairs == sum(len(sentence.pairs) for sentence in sentences)
    labelled = [one for sentence in sentences for one in sentence.pairs]
    judged = analyser.model.judge([one.pair for one in labelled])
    assert scores.accuracy == pytest.approx(
        np.mean([a.label == b.label for a, b in zip(labelled, judged, strict=True)])
    )


def test_parameters(small_labels, codes):
    """A weaker penalty fits the training data closer, and a higher ``min_df`` leaves fewer features."""
    sentences = corpus.read(small_labels, codes)
    lexicon = compile_lexicon(small_labels / "lexicon.tsv")
    weak, strong = (fit.fit(sentences, lexicon, fit.Parameters(C=C)) for C in (10.0, 0.01))
    assert fit.evaluate(weak, sentences).accuracy > fit.evaluate(strong, sentences).accuracy
    few = fit.fit(sentences, lexicon, fit.Parameters(min_df=5))
    assert len(artifact.dump(few)[0]) < len(artifact.dump(weak)[0])


@pytest.mark.parametrize(
    ("file", "wreck", "error"),
    [
        (
            "corpus/part.jsonl",
            lambda text: text.replace('"label": "support"', '"label": "suport"', 1),
            CorpusError,
        ),
        ("corpus/part.jsonl", lambda text: text + "{\n", CorpusError),
        ("lexicon.tsv", lambda text: text + "word\tx\tACCUSE\topposition\n", LexiconError),
        ("gazetteer/names.tsv", lambda text: text + "Zyxwut\tQQQ\tname\t\t\t\n", GazetteerError),
        ("behaviour.txt", lambda text: text + "[France|FRA met [Iran|IRN]\nFRA>IRN neutrality\n", BehaviourError),
    ],
    ids=["label", "JSON", "lexicon", "gazetteer", "behaviour"],
)
def test_bad_labels_write_nothing(labels, trained, tmp_path, file, wreck, error):
    """Bad labels raise their error before anything is fitted, write nothing, and leave what is there as it was."""
    old, new, said = tmp_path / "old", tmp_path / "new", []
    shutil.copytree(trained[0], old)
    before = content_of(old)
    path = labels / file
    path.write_text(wreck(path.read_text(encoding="utf-8")), encoding="utf-8")
    for folder in (old, new):
        with pytest.raises(error):
            fit.train(labels, folder, fit.Parameters(), said.append)
    assert not [line for line in said if line.startswith("fitting")]
    assert content_of(old) == before
    assert not new.exists()


def test_too_few_sentences(labels, tmp_path):
    """A corpus of which no sentence can be held out is refused in words, and nothing is written."""
    path = labels / "corpus" / "part.jsonl"
    path.write_text(path.read_text(encoding="utf-8").splitlines(keepends=True)[0], encoding="utf-8")
    with pytest.raises(CorpusError, match="few"):
        fit.train(labels, tmp_path / "new", fit.Parameters(), be_told)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("label", LABELS)
def test_label_that_never_occurs(labels, tmp_path, label):
    """A corpus that lacks one of the labels is refused in words that name it, since answers give all three."""
    other = next(one for one in LABELS if one != label)

    def change(row):
        for relation in row["relations"]:
            if relation["label"] == label:
                relation |= {"label": other, "event": None}
        return row

    relabel(labels, change)
    with pytest.raises(CorpusError, match=label):
        fit.train(labels, tmp_path / "new", fit.Parameters(), be_told)
    assert not (tmp_path / "new").exists()
