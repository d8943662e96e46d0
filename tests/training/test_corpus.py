"""Labelled sentences are read, checked and split."""

import copy
import itertools
import json
import re

import pytest

from relations.domain import LABELS
from training import corpus
from training.corpus import CorpusError, digest, held_out, part_of, read

CODES = frozenset({"FRA", "IRN", "CHN"})
ROW = {
    "id": "a-1",
    "text": "France condemned Iran.",
    "mentions": [{"start": 0, "end": 6, "country": "FRA"}, {"start": 17, "end": 21, "country": "IRN"}],
    "relations": [
        {"source": "FRA", "target": "IRN", "label": "opposition", "event": "ACCUSE"},
        {"source": "IRN", "target": "FRA", "label": "neutrality", "event": None},
    ],
}


def changed(*path, value):
    """Give the good row with one value changed, found by keys and indexes."""
    row = copy.deepcopy(ROW)
    place = row
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return row


def without(*path):
    """Give the good row with one value taken out."""
    row = copy.deepcopy(ROW)
    place = row
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return row


def write(folder, *files):
    """Write a corpus; each file is a list of rows, a row that is text or bytes as it is."""
    (folder / "corpus").mkdir(parents=True)
    (folder / "lexicon.tsv").write_text("phrase\tpos\ttype\tpolarity\n")
    for number, rows in enumerate(files):
        raw = [
            row if isinstance(row, bytes) else row.encode() if isinstance(row, str) else json.dumps(row).encode()
            for row in rows
        ]
        (folder / "corpus" / f"{number}.jsonl").write_bytes(b"\n".join(raw) + b"\n")
    return folder


def numbered(number, text=None):
    """Give a good row with an id and a text of its own."""
    row = copy.deepcopy(ROW)
    row["id"] = f"a-{number}"
    row["text"] += text or f" Case no. {number}."
    return row


def problems_of(folder, codes=CODES):
    """Problems of a corpus that must be refused."""
    with pytest.raises(CorpusError) as caught:
        read(folder, codes)
    return caught.value.problems


def test_good_row(tmp_path):
    """A good row becomes a sentence with its labelled pairs, named after its file."""
    (sentence,) = read(write(tmp_path, [ROW]), CODES)
    assert (sentence.id, sentence.slice, sentence.text) == ("a-1", "0", ROW["text"])
    assert [(one.pair.source, one.pair.target, one.label, one.event) for one in sentence.pairs] == [
        ("FRA", "IRN", "opposition", "ACCUSE"),
        ("IRN", "FRA", "neutrality", None),
    ]
    assert all(one.pair.actors == ((0, 6, "FRA"), (17, 21, "IRN")) for one in sentence.pairs)


def test_order_of_files_and_lines(tmp_path):
    """Sentences come in order of file and line, and blank lines are no rows."""
    folder = write(tmp_path, [numbered(3), "", numbered(2), "  "], [numbered(1)])
    assert [sentence.id for sentence in read(folder, CODES)] == ["a-3", "a-2", "a-1"]


def test_actors_of_any_name(tmp_path):
    """Actors that are no countries carry a lower-case name."""
    row = changed("mentions", 0, value={"start": 0, "end": 6, "actor": "the bank"})
    row["relations"] = [
        {"source": "the bank", "target": "IRN", "label": "support", "event": None},
        {"source": "IRN", "target": "the bank", "label": "neutrality", "event": "CONSULT"},
    ]
    (sentence,) = read(write(tmp_path, [row]), CODES)
    assert sentence.pairs[0].pair.actors[0] == (0, 6, "the bank")


def test_mentions_are_sorted(tmp_path):
    """The actors of a pair stand in order of ``start``, however the row lists them."""
    (sentence,) = read(write(tmp_path, [changed("mentions", value=ROW["mentions"][::-1])]), CODES)
    assert sentence.pairs[0].pair.actors == ((0, 6, "FRA"), (17, 21, "IRN"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "JSON"),
        ("no JSON", "JSON"),
        ("[]", "object"),
        ("5", "object"),
        ("null", "object"),
        ("{}", "keys"),
        (without("id"), "id"),
        (without("relations"), "relations"),
        ({**ROW, "note": "x"}, "keys"),
        (changed("id", value=5), "id"),
        (changed("id", value=" "), "id"),
        (changed("text", value=None), "text"),
        (changed("text", value=" "), "text"),
        (changed("text", value="France condemned Iran\n."), "line"),
        (changed("text", value="France condemned Iran\0."), "NUL"),
        (changed("text", value="France condemned Iran\ud800."), "UTF-8|Unicode|character"),
        (json.dumps(changed("text", value="France condemned Iran%")).encode().replace(b"%", b"\xe9"), "UTF-8"),
        (changed("mentions", value={}), "list"),
        (changed("relations", value=None), "list"),
        (changed("mentions", 0, value=[0, 6, "FRA"]), "mention"),
        (without("mentions", 0, "end"), "mention"),
        (changed("mentions", 0, "kind", value="name"), "mention"),
        (changed("mentions", 0, "start", value=-1), "outside"),
        (changed("mentions", 1, "end", value=23), "outside"),
        (changed("mentions", 0, "end", value=0), "outside"),
        (changed("mentions", 0, "start", value=True), "outside"),
        (changed("mentions", 0, "start", value="0"), "outside"),
        (changed("mentions", 0, "end", value=6.0), "outside"),
        (changed("mentions", 0, "end", value=7), "white space"),
        (changed("mentions", 1, "start", value=16), "white space"),
        (changed("mentions", 0, "country", value="FRX"), "FRX"),
        (changed("mentions", 0, "country", value=["FRA"]), "country|gazetteer"),
        (changed("mentions", 0, "country", value=None), "gazetteer"),
        (changed("mentions", 0, value={"start": 0, "end": 6, "actor": "FRA"}), "actor"),
        (changed("mentions", 0, value={"start": 0, "end": 6, "actor": 5}), "actor"),
        (changed("mentions", 1, value={"start": 3, "end": 12, "country": "IRN"}), "overlap"),
        (changed("mentions", value=[]), "two"),
        (changed("mentions", value=ROW["mentions"][:1]), "two"),
        (changed("mentions", 1, "country", value="FRA"), "two"),
        (changed("relations", 0, value="FRA>IRN"), "relation"),
        (without("relations", 0, "event"), "relation"),
        (changed("relations", 0, "note", value=""), "relation"),
        (changed("relations", 0, "source", value="CHN"), "CHN"),
        (changed("relations", 0, "target", value="FRA"), "FRA→FRA"),
        (changed("relations", 0, "source", value=["FRA"]), "pair|source"),
        (changed("relations", 1, value=ROW["relations"][0]), "twice"),
        (changed("relations", value=ROW["relations"][:1]), "IRN→FRA"),
        (changed("relations", 0, "label", value="hostile"), "hostile"),
        (changed("relations", 0, "label", value="Opposition"), "Opposition"),
        (changed("relations", 0, "label", value=None), "label"),
        (changed("relations", 0, "label", value=["support"]), "label"),
        (changed("relations", 0, "event", value="FIGHT"), "FIGHT"),
        (changed("relations", 0, "event", value="accuse"), "accuse"),
        (changed("relations", 0, "event", value=["ACCUSE"]), "event"),
        (changed("relations", 0, "event", value="AID"), "AID"),
        (changed("relations", 0, "label", value="support"), "ACCUSE"),
    ],
)  # fmt: skip
def test_bad_row(tmp_path, row, reason):
    """A row that cannot be is refused, and the text names file, line and reason."""
    folder = write(tmp_path, [numbered(7), "", row, numbered(8)])
    (problem,) = problems_of(folder)
    place, _, why = problem.partition(": ")
    assert place == f"{folder / 'corpus' / '0.jsonl'}:3"
    assert re.search(reason, why), why


def test_id_twice(tmp_path):
    """An id that another file has too is refused, and the text names both places."""
    again = numbered(2)
    again["id"] = "a-1"
    (problem,) = problems_of(write(tmp_path, [numbered(1)], [numbered(3), again]))
    assert problem.startswith(f"{tmp_path / 'corpus' / '1.jsonl'}:2: ")
    assert f"{tmp_path / 'corpus' / '0.jsonl'}:1" in problem.partition(": ")[2]


def test_sentence_twice(tmp_path):
    """A sentence that stands already is refused, and the text names both places."""
    again = numbered(1)
    again["id"] = "a-2"
    (problem,) = problems_of(write(tmp_path, [numbered(1)], [again]))
    assert problem.startswith(f"{tmp_path / 'corpus' / '1.jsonl'}:1: ")
    assert f"{tmp_path / 'corpus' / '0.jsonl'}:1" in problem.partition(": ")[2]


def test_every_bad_row_is_listed(tmp_path):
    """All bad rows of all files are listed, a line each, in order; the text shows the first, counts the rest."""
    good = (numbered(number) for number in itertools.count(1000))
    bad = [changed("relations", 0, "label", value=f"bad{number}") for number in range(30)]
    mixed = [row for pair in zip(good, bad, strict=False) for row in pair]
    folder = write(tmp_path, mixed[:20], mixed[20:])
    with pytest.raises(CorpusError) as caught:
        read(folder, CODES)
    problems = caught.value.problems
    assert [re.search(r"bad\d+", problem)[0] for problem in problems] == [f"bad{number}" for number in range(30)]
    assert [problem.partition(": ")[0].rpartition(":")[2] for problem in problems[:10]] == [
        str(2 * number) for number in range(1, 11)
    ]
    text = str(caught.value)
    assert "30 bad rows" in text
    shown = [problem for problem in problems if problem in text]
    assert shown == list(problems[: len(shown)])
    assert str(30 - len(shown)) in text.splitlines()[-1]


def test_reading_changes_nothing(labels, codes):
    """Reading, with success or without, leaves every file as it was, and reads the same again."""

    def contents():
        return {path: path.read_bytes() for path in labels.rglob("*") if path.is_file()}

    before = contents()
    assert read(labels, codes) == read(labels, codes)
    assert contents() == before
    with pytest.raises(CorpusError):
        read(labels, frozenset({"FRA"}))
    assert contents() == before


@pytest.mark.parametrize("files", [[], [[]], [["", " "], [""]]])
def test_no_sentence(tmp_path, files):
    """A corpus without a sentence is refused, and the text names its folder."""
    (problem,) = problems_of(write(tmp_path, *files))
    assert str(tmp_path / "corpus") in problem


def test_shipped_labels(codes):
    """The corpus that ships has no bad row, and every pair a label of the codebook; each label occurs."""
    sentences = read(corpus.DEFAULT_FOLDER, codes)
    assert {labelled.label for sentence in sentences for labelled in sentence.pairs} == set(LABELS)


def test_digest_changes_with_any_label(labels):
    """One changed label, row, file name or lexicon entry changes the digest, and changing it back too."""
    seen = {digest(labels)}
    path = labels / "corpus" / "part.jsonl"
    original = path.read_text(encoding="utf-8")
    lines = original.splitlines(keepends=True)
    for number, line in enumerate(lines[:20]):
        row = json.loads(line)
        row["relations"][0]["label"] = "support" if row["relations"][0]["label"] != "support" else "opposition"
        changed_line = json.dumps(row, ensure_ascii=False) + "\n"
        path.write_text("".join([*lines[:number], changed_line, *lines[number + 1 :]]), encoding="utf-8")
        seen.add(digest(labels))
    path.write_text("".join(lines[1:]), encoding="utf-8")
    seen.add(digest(labels))
    path.write_text(original, encoding="utf-8")
    first = digest(labels)
    path.rename(path.with_name("other.jsonl"))
    seen.add(digest(labels))
    path.with_name("other.jsonl").rename(path)
    lexicon = labels / "lexicon.tsv"
    entries = lexicon.read_text(encoding="utf-8")
    lexicon.write_text(entries.rstrip("\n").rpartition("\n")[0] + "\n", encoding="utf-8")
    seen.add(digest(labels))
    lexicon.write_text(entries, encoding="utf-8")
    assert first in seen
    assert digest(labels) == first
    assert len(seen) == 24


def test_digest_knows_where_files_end(labels):
    """A row that moves from one file to the next changes the digest."""
    path = labels / "corpus" / "part.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    digests = []
    for cut in (10, 11):
        path.write_bytes(b"".join(lines[:cut]))
        path.with_name("part2.jsonl").write_bytes(b"".join(lines[cut:]))
        digests.append(digest(labels))
    assert digests[0] != digests[1]


def test_held_out_is_stable_under_growth(labels, codes):
    """A sentence keeps its side of the split when the corpus grows, shrinks, is sorted anew or gets other ids."""
    path = labels / "corpus" / "part.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()

    def sides(rows):
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return {sentence.text: held_out(sentence) for sentence in read(labels, codes)}

    whole, half = sides(lines), sides(lines[::2])
    assert len(half) < len(whole)
    assert half.items() <= whole.items()
    assert sides(lines[::-1]) == whole
    renamed = [json.dumps({**json.loads(line), "id": f"new-{number}"}) for number, line in enumerate(lines)]
    assert sides(renamed) == whole


def test_held_out_share(codes):
    """About one sentence in ten is held out, and the parts of any split are about equal."""
    sentences = read(corpus.DEFAULT_FOLDER, codes)
    assert sum(map(held_out, sentences)) / len(sentences) == pytest.approx(0.1, abs=0.01)
    assert sum(held_out(sentence, 5) for sentence in sentences) / len(sentences) == pytest.approx(0.2, abs=0.02)
    parts = [part_of(sentence, 4) for sentence in sentences]
    assert set(parts) == {0, 1, 2, 3}
    assert all(parts.count(part) / len(parts) == pytest.approx(0.25, abs=0.02) for part in range(4))
