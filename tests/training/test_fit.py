"""A model is fitted, scored and written; the same labels give the same bytes."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from relations import artifact, registry
from relations.domain import LABELS
from relations.gazetteer import GazetteerError
from training import behaviour, comparison, corpus, fit, search, sources
from training.behaviour import BehaviourError
from training.corpus import CorpusError, held_out
from training.lexicon_table import LexiconError, compile_lexicon
from training.registry import RegistryError
from training.split import split

_TRAIN = """
import sys
from pathlib import Path
from training.fit import Parameters, train
from training.sources import choose
root, *folders = map(Path, sys.argv[1:])
labels = choose(folders, {folder.name: 1.0 + number for number, folder in enumerate(folders)}, shipped=False)
manifest, _ = train(labels, root, Parameters(), lambda line: None)
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


@pytest.mark.parametrize("count", [1, 2], ids=["one folder", "two folders and a weight"])
def test_same_bytes_under_any_hash_seed(small_labels, more_labels, tmp_path, count):
    """Two trainings in two processes with different PYTHONHASHSEED write the same bytes, digest for digest."""
    folders = [str(folder) for folder in (small_labels, more_labels)[:count]]
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", _TRAIN, str(tmp_path / seed), *folders],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
        )
        for seed in ("1", "2")
    ]
    said = [run.communicate()[0].strip() for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    folders = [registry.resolve(tmp_path / seed, "fast") for seed in ("1", "2")]
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
    compared = comparison.compare(registry.resolve(root, "fast"), registry.resolve(root, "fast"))
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
    assert artifact.load(registry.resolve(root, "fast", "another"))[1].sha256 == manifest.sha256


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
    model, _ = artifact.load(registry.resolve(trained[0], "fast"))
    sentences = corpus.read(small_labels, codes)
    assert fit.evaluate(model, sentences).kappa > 0.8
    assert fit.evaluate(model, [sentence for sentence in sentences if held_out(sentence)]).kappa > 0.65


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


# Folders and weights


@pytest.fixture(scope="module")
def added(trained, small_labels, more_labels, tmp_path_factory):
    """Train on a second folder beside the small labels: folder of the models, manifest, and what was said."""
    root, said = Path(shutil.copytree(trained[0], tmp_path_factory.mktemp("added") / "models")), []
    both = sources.choose([small_labels, more_labels], {"more": 3}, shipped=False)
    manifest, _ = fit.train(both, root, fit.Parameters(), said.append, "added")
    return root, manifest, said


def test_folders_in_the_manifest(added, small_labels, more_labels, codes):
    """The manifest tells what each folder brought, and its digest is that of all of them with their weights."""
    _, manifest, said = added
    counts = {folder.name: len(corpus.read(folder, codes)) for folder in (small_labels, more_labels)}
    assert manifest.metrics["folders"] == {
        "labels": {"sentences": counts["labels"], "weight": 1.0},
        "more": {"sentences": counts["more"], "weight": 3},
    }
    both = sources.choose([small_labels, more_labels], {"more": 3}, shipped=False)
    assert manifest.labels_sha256 == both.digest()
    assert f"more: {counts['more']} sentences of weight 3" in said


def test_new_and_served_on_each_folder(added, trained, more_labels, codes):
    """Both models are scored on all held-out sentences and on each folder's, also one new to the served."""
    standing = added[1].metrics["standing"]
    served, manifest = artifact.load(registry.resolve(trained[0], "fast"))
    tested = [sentence for sentence in corpus.read(more_labels, codes) if held_out(sentence)]
    there = standing["folders"]["more"]
    assert standing["served"] == {"version": manifest.version, "sha256": manifest.sha256}
    assert there["sentences"] == len(tested) > 0
    assert there["served"] == fit.evaluate(served, tested).as_dict()
    assert standing["folders"]["labels"]["served"] == manifest.metrics["held_out"]
    assert standing["all"]["new"] == added[1].metrics["held_out"]
    assert sum(one["new"]["pairs"] for one in standing["folders"].values()) == standing["all"]["new"]["pairs"]
    assert all(0 <= one["p_value"] <= 1 for one in standing["folders"].values())


def test_served_model_that_cannot_be_read(trained, small_labels, tmp_path):
    """Where the served model is damaged, training goes on without the comparison, and says so."""
    root, said = Path(shutil.copytree(trained[0], tmp_path / "models")), []
    (registry.resolve(root, "fast") / comparison.HELD_OUT_FILE).unlink()
    manifest, _ = fit.train(small_labels, root, fit.Parameters(), said.append, "new")
    assert manifest.metrics["standing"]["served"] is None
    assert any(line.startswith("not compared with the served model") for line in said)


def test_near_duplicates_are_not_scored_by(labels, tmp_path, codes):
    """A near-duplicate of a held-out sentence changes the written model, but not any held-out score."""
    before, _ = fit.train(labels, tmp_path / "before", fit.Parameters(), be_told)
    copies = [near for near in map(resembling, corpus.read(labels, codes)) if near]
    path = labels / "corpus" / "part.jsonl"
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in copies)
    said = []
    after, _ = fit.train(labels, tmp_path / "after", fit.Parameters(), said.append)
    assert after.metrics["set_aside"] == len(copies) > 0
    assert after.metrics["held_out"] == before.metrics["held_out"]
    assert after.sha256 != before.sha256
    assert any("near-duplicates" in line for line in said)


def resembling(sentence):
    """Give a row that is not held out but like a sentence that is; nothing for other sentences."""
    words = len(sentence.text.split())
    if not held_out(sentence) or words < 15:
        return None
    texts = (f"{sentence.text[:-1]} in week {number}." for number in range(1, 1000))
    text = next(text for text in texts if not held_out(replace(sentence, text=text)))
    actors = sentence.pairs[0].pair.actors
    return {
        "id": f"{sentence.id}-near",
        "text": text,
        "mentions": [
            {"start": start, "end": end, "country" if actor.isupper() else "actor": actor}
            for start, end, actor in actors
        ],
        "relations": [
            {"source": one.pair.source, "target": one.pair.target, "label": one.label, "event": one.event}
            for one in sentence.pairs
        ],
    }


def test_weight_is_repetition(small_labels, codes):
    """Twice the weight of all sentences is twice the inverse penalty."""
    sentences = corpus.read(small_labels, codes)[:60]
    lexicon = compile_lexicon(small_labels / "lexicon.tsv")
    heavy = fit.fit([replace(one, weight=2.0) for one in sentences], lexicon, fit.Parameters(C=1))
    plain = fit.fit(sentences, lexicon, fit.Parameters(C=2))
    pairs = [one.pair for sentence in sentences for one in sentence.pairs]
    np.testing.assert_allclose(heavy.probabilities(pairs), plain.probabilities(pairs), atol=2e-3)


def test_weight_draws(small_labels, codes):
    """Sentences of a large weight are fitted closer than those of a small one."""
    sentences = corpus.read(small_labels, codes)
    lexicon = compile_lexicon(small_labels / "lexicon.tsv")
    some, others = sentences[:40], sentences[40:]
    scores = {}
    for weight in (0.1, 20.0):
        model = fit.fit([*(replace(one, weight=weight) for one in some), *others], lexicon, fit.Parameters(C=0.1))
        scores[weight] = fit.evaluate(model, some).accuracy
    assert scores[20.0] > scores[0.1]


# Quick, search


def test_quick(trained, small_labels, tmp_path, codes):
    """A quick training writes the fit that is scored, with the same scores, and says on how much it was fitted."""
    said = []
    manifest, scores = fit.train(small_labels, tmp_path, fit.Parameters(), said.append, quick=True)
    kept = [sentence for sentence in corpus.read(small_labels, codes) if not held_out(sentence)]
    assert scores.as_dict() == trained[2].as_dict()
    assert manifest.metrics["fitting"] == {"C": 1.5, "min_df": 3, "quick": True, "sentences": len(kept)}
    unseen = fit.fit(kept, compile_lexicon(small_labels / "lexicon.tsv"), fit.Parameters())
    assert manifest.sha256 == artifact.dump(unseen)[1]
    assert sum(line.startswith("fitting") for line in said) == 1
    assert not trained[1].metrics["fitting"]["quick"]


def test_search(small_labels, tmp_path, codes):
    """A search is told in the manifest, its best choice is fitted with, and what is held out has no part in it."""
    said, done = [], []
    manifest, _ = fit.train(
        small_labels,
        tmp_path,
        fit.Parameters(),
        said.append,
        searching=lambda *counts: done.append(counts),
    )
    fitting = manifest.metrics["fitting"]
    assert len(fitting["search"]) == len(search.PENALTIES) * len(search.MIN_DFS)
    assert fitting["search"][f"C {fitting['C']:g} min_df {fitting['min_df']}"] == max(fitting["search"].values())
    assert done[-1][0] == done[-1][1] == len(fitting["search"]) * search.FOLDS
    assert any("macro-F1" in line for line in said)
    parts = split(corpus.read(small_labels, codes))
    tries = search.search(
        replace(parts, tested=[]), compile_lexicon(small_labels / "lexicon.tsv"), lambda *_: None, 1
    )
    assert search.as_dict(tries) == fitting["search"]
