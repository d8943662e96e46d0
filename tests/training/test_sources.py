"""Labels come from the shipped folder, from others, or from both; each has a name and a weight."""

import json
import shutil
from pathlib import Path

import pytest

from training import corpus, sources
from training.corpus import CorpusError
from training.sources import SourcesError, choose, read


@pytest.fixture
def own(more_labels, tmp_path):
    """Copy the folder of nothing but a corpus, to be changed."""
    return Path(shutil.copytree(more_labels, tmp_path / "own"))


def rows(folder):
    """Rows of a folder's only file."""
    (path,) = corpus.files(folder)
    return path, [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_shipped_alone():
    """Without a folder the shipped one is taken, with the digest that it always had."""
    chosen = choose()
    assert [(one.name, one.path, one.weight) for one in chosen.folders] == [("shipped", corpus.DEFAULT_FOLDER, 1)]
    assert chosen.digest() == corpus.digest(corpus.DEFAULT_FOLDER)
    assert choose([corpus.DEFAULT_FOLDER], shipped=False) == chosen


def test_added_to_the_shipped(own):
    """A folder is added to the shipped one, whose lexicon, gazetteer and cases serve where it has none."""
    chosen = choose([own])
    assert [one.name for one in chosen.folders] == ["shipped", "own"]
    assert chosen.lexicon == corpus.DEFAULT_FOLDER / "lexicon.tsv"
    assert chosen.gazetteer == corpus.DEFAULT_FOLDER / "gazetteer"
    assert chosen.behaviour == corpus.DEFAULT_FOLDER / "behaviour.txt"
    assert [one.name for one in choose([own], shipped=False).folders] == ["own"]


def test_own_lexicon(own, small_labels):
    """The first folder that has a lexicon of its own gives it, whether the shipped sentences are taken or not."""
    for shipped in (True, False):
        chosen = choose([own, small_labels], shipped=shipped)
        assert chosen.lexicon == small_labels / "lexicon.tsv"
    (own / "lexicon.tsv").write_bytes((small_labels / "lexicon.tsv").read_bytes())
    assert choose([own, small_labels]).lexicon == own / "lexicon.tsv"


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ({"mine": 2}, "mine, which is none of shipped, own"),
        ({"own": 0}, "above 0"),
        ({"own": -1}, "above 0"),
        ({"own": float("nan")}, "above 0"),
        ({"own": float("inf")}, "above 0"),
    ],
)
def test_bad_weight(own, weights, told):
    """A weight of no folder, or that is no positive number, is refused in words."""
    with pytest.raises(SourcesError, match=told):
        choose([own], weights)


def test_bad_folders(own, tmp_path):
    """A folder that is not there, and two of one name, are refused with the remedy, all at once."""
    (tmp_path / "other" / "own").mkdir(parents=True)
    with pytest.raises(SourcesError, match=r"nowhere: make it(.|\n)*called own: rename"):
        choose([own, tmp_path / "nowhere", tmp_path / "other" / "own"])


def test_weight_by_name_or_path(own):
    """A weight goes to a folder by its name or by its path as it was named."""
    for key in ("own", str(own)):
        assert [one.weight for one in choose([own], {key: 2.5, "shipped": 0.5}).folders] == [0.5, 2.5]


def test_digest(own, small_labels, tmp_path):
    """The digest changes with folders, names, weights and content, and not with where a folder lies."""
    elsewhere = Path(shutil.copytree(own, tmp_path / "elsewhere" / "own"))
    renamed = Path(shutil.copytree(own, tmp_path / "renamed"))
    digests = [
        choose(folders, weights, shipped=False).digest()
        for folders, weights in (
            ([small_labels], {}),
            ([small_labels], {"labels": 2}),
            ([small_labels, own], {}),
            ([small_labels, own], {"own": 2}),
            ([small_labels, renamed], {}),
        )
    ]
    assert len(set(digests)) == len(digests)
    assert choose([small_labels, elsewhere], shipped=False).digest() == digests[2]
    path, _ = rows(elsewhere)
    path.write_bytes(path.read_bytes() + b"\n")
    assert choose([small_labels, elsewhere], shipped=False).digest() not in digests


def test_read(own, small_labels, codes):
    """Sentences come in order of folder, with its name and weight."""
    sentences, replaced = read(choose([small_labels, own], {"own": 3}, shipped=False), codes)
    first, second = (corpus.read(folder, codes) for folder in (small_labels, own))
    assert [one.text for one in sentences] == [one.text for one in (*first, *second)]
    assert {(one.folder, one.weight) for one in sentences} == {("labels", 1.0), ("own", 3)}
    assert replaced == 0


def test_later_folder_wins(own, small_labels, codes):
    """A sentence that stands in two folders is read once, with the labels of the later one, and counted."""
    path, mine = rows(own)
    _, theirs = rows(small_labels)
    changed = theirs[0] | {"id": "changed"}
    changed["relations"] = [one | {"label": "opposition", "event": "ACCUSE"} for one in changed["relations"]]
    path.write_text("".join(json.dumps(row) + "\n" for row in (*mine, changed)), encoding="utf-8")
    sentences, replaced = read(choose([small_labels, own], shipped=False), codes)
    (found,) = (one for one in sentences if one.text == changed["text"])
    assert (replaced, found.folder, found.id) == (1, "own", "changed")
    assert {one.label for one in found.pairs} == {"opposition"}


def test_every_bad_row(own, labels, codes, tmp_path):
    """Bad rows of all folders are told together, and so is a folder without a sentence."""
    for folder in (own, labels):
        path, _ = rows(folder)
        path.write_bytes(path.read_bytes() + b"{\n")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError) as caught:
        read(choose([labels, own, tmp_path / "empty"], shipped=False), codes)
    assert len(caught.value.problems) == 3
    assert "no labelled sentence" in caught.value.problems[2]


def test_of(small_labels):
    """A single folder stands for itself, and what is chosen already stays as it is."""
    chosen = sources.of(small_labels)
    assert [one.path for one in chosen.folders] == [small_labels]
    assert sources.of(chosen) is chosen
