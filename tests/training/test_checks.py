"""What may be wrong with labels is found, and nothing else."""

import datetime as dt
import json
import shutil

import pytest

from training import checks, corpus
from training.checks import check, near_duplicates

DAY = dt.date(2026, 1, 1)


def straight(sequence, _):
    """Go over a sequence and show nothing."""
    return sequence


@pytest.fixture
def report(labels):
    """Check the small labels with other sentences."""
    (labels / "behaviour.txt").unlink()

    def run(*rows, against=()):
        path = labels / "corpus" / "part.jsonl"
        path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows), encoding="utf-8")
        return check(labels, against, DAY, straight)

    return run


def row(name, text, *mentions, label="opposition"):
    """Give a row; a mention is a surface with its country, and every pair has the one label."""
    codes = [code for _, code in mentions]
    return {
        "id": name,
        "text": text,
        "mentions": [
            {"start": text.index(surface), "end": text.index(surface) + len(surface), "country": code}
            for surface, code in mentions
        ],
        "relations": [
            {"source": source, "target": target, "label": label, "event": None}
            for source in codes
            for target in codes
            if source != target
        ],
    }


def of(report, name):
    """Findings of one check."""
    return [finding for finding in report.findings if finding.check == name]


LONG = "Malta said on Tuesday that the harbour works which Italy had promised to pay for were two years late{}"
MALTA, ITALY = ("Malta", "MLT"), ("Italy", "ITA")


def test_shipped_labels():
    """The labels that ship have no error, no copy and no contradiction; every file is counted.

    Two sentences hold the leftovers of HTML that real feeds have.
    """
    report = check(corpus.DEFAULT_FOLDER, [], DAY, straight)
    assert report.of("error") == []
    assert {one.check for one in report.of("warning")} <= {"mentions", "encoding"}
    assert set(report.balance) == {path.stem for path in corpus.files(corpus.DEFAULT_FOLDER)}


def test_bad_rows(report):
    """Every bad row is an error, and then there is nothing else."""
    good = row("a", "Malta sued Italy.", MALTA, ITALY)
    found = report({**good, "id": ""}, good, {**good, "text": 5})
    assert [one.severity for one in found.findings] == ["error", "error"]
    assert ":1: id" in found.findings[0].detail
    assert found.as_dict()["errors"] == 2


@pytest.mark.parametrize("file", ["lexicon.tsv", "gazetteer/names.tsv", "behaviour.txt"])
def test_bad_files(labels, file):
    """A bad row of the lexicon, the gazetteer or the behaviour tests is an error that names it."""
    path = labels / file
    path.write_text(path.read_text(encoding="utf-8") + "strange\tx\n", encoding="utf-8")
    (finding,) = check(labels, [], DAY, straight).findings
    assert finding.severity == "error"
    assert path.name in finding.detail


def test_no_labels(labels, tmp_path):
    """A folder without sentences, or no folder at all, is an error."""
    shutil.rmtree(labels / "corpus")
    assert "no labelled sentence" in check(labels, [], DAY, straight).findings[0].detail
    assert "nowhere" in check(tmp_path / "nowhere", [], DAY, straight).findings[0].detail


def test_copies(report):
    """A sentence that differs in little from another is told with it, on the same side of the split or across."""
    rows = [
        row(f"a{end}", LONG.format(end), MALTA, ITALY) for end in (".", "!", " again.", "?", " now.", " still.")
    ]
    found = report(*rows)
    copies = of(found, "near-duplicates") + of(found, "leaks")
    assert {place for one in copies for place in one.places} == {f"part.jsonl {one['id']}" for one in rows}
    assert {one.severity for one in copies} == {"warning"}


def test_leaks_within(report):
    """A copy on the other side of the split is a leak."""
    texts = [LONG.format(f" {number}.") for number in range(60)]
    rows = [row(f"a{number}", text, MALTA, ITALY) for number, text in enumerate(texts)]
    found = report(*rows)
    assert of(found, "leaks")
    assert all("held out" in one.detail for one in of(found, "leaks"))
    assert of(found, "near-duplicates")


def test_leaks_from_tests(report, tmp_path):
    """A sentence like one of a test set or of the behaviour tests is a leak, told with the test's place."""
    path = tmp_path / "held.jsonl"
    path.write_text(json.dumps({"text": LONG.format(", it added.")}) + "\n")
    found = report(row("a", LONG.format("."), MALTA, ITALY), against=[path])
    (leak,) = of(found, "leaks")
    assert leak.places == ("part.jsonl a", f"{path}:1")
    path.write_text('{"words": 5}\n')
    assert f"{path}:1" in report(row("a", LONG.format("."), MALTA, ITALY), against=[path]).findings[0].detail


def test_contradictions(report):
    """The same words about other countries with another label contradict; with the same label they do not."""
    spain, greece = ("Spain", "ESP"), ("Greece", "GRC")
    rows = [
        row("a", "Malta sued Italy.", MALTA, ITALY),
        row("b", "Spain sued Greece.", spain, greece, label="support"),
        row("c", "Italy  sued SPAIN.", ITALY, ("SPAIN", "ESP")),
    ]
    (found,) = of(report(*rows), "contradictions")
    assert found.places == ("part.jsonl a", "part.jsonl b")
    assert "opposition and support" in found.detail


def test_mentions(report):
    """A mention of another country than the gazetteer's is a warning, one that it does not know a note."""
    found = report(
        row("a", "Malta sued Italy.", ("Malta", "GRC"), ITALY),
        row(
            "b",
            "The islanders helped Italy in Rome and Spain.",
            ("islanders", "MLT"),
            ("Rome", "ITA"),
            ("Spain", "ESP"),
        ),
    )
    first, second = of(found, "mentions")
    assert (first.severity, "MLT" in first.detail) == ("warning", True)
    assert (second.severity, "'islanders' (MLT)" in second.detail) == ("note", True)


def test_balance(report):
    """A label that hardly occurs is told."""
    details = [one.detail for one in of(report(row("a", "Malta sued Italy.", MALTA, ITALY)), "balance")]
    assert any(detail.startswith("support is the label of 0 of 2") for detail in details)
    assert "no pair is neutrality or support" in details


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Malta sued Italy\ufffds firm.", "replacement"),
        ("Malta sued Italyâ€™s firm.", "Windows-1252"),
        ("Malta sued Italy over a cafÃ©.", "Windows-1252"),
        ("Malta sued\u200b Italy.", "invisible"),
        ("Malta sued\x07 Italy.", "control"),
        ("Malta sued Italy &amp; won.", "HTML"),
        ("Malta sued Italy over a cafe\u0301.", "normal form"),
    ],
)
def test_encoding(report, text, what):
    """Text that was damaged on its way is told with what is wrong."""
    (found,) = of(report(row("a", text, MALTA, ITALY)), "encoding")
    assert what in found.detail


def test_sound_text(report):
    """Accents, quotation marks, dashes and emoji are no damage."""
    text = "“Malta”—€5 café, naïve Ångström 😀 — sued Italy’s firm."
    assert of(report(row("a", text, MALTA, ITALY)), "encoding") == []


def test_table(report):
    """The table counts, gives examples, and says how many more there are."""
    rows = [row(f"a{number}", LONG.format(f" {'x' * number}."), MALTA, ITALY) for number in range(1, 12)]
    told = report(*rows).table()
    assert told.startswith("11 sentences with 22 pairs")
    assert "opposition         22  100.0%" in told
    assert "more (--json lists all)" in told
    assert "  part.jsonl a1 ~ part.jsonl a2: " in told


def test_near_duplicates():
    """Case, accents and punctuation do not count; texts with little in common are no pair, nor is no text."""
    texts = [
        "Élysée aides met the “press” today",
        "elysee AIDES met the press, today!",
        "It rained in Rome",
    ]
    assert near_duplicates(texts) == [(0, 1, 1.0)]
    assert near_duplicates([]) == []
    assert near_duplicates(["", "Malta", "malta"]) == [(1, 2, 1.0)]


def test_near_duplicates_of_many_copies():
    """Of many copies each is told with the one before it, not with all: pairs grow as the number of texts."""
    found = near_duplicates(["Malta said that Italy was late"] * 20_000)
    assert found == [(number, number + 1, 1.0) for number in range(19_999)]


def test_every_close_pair_is_found():
    """Sentences of twenty words that differ in their last are all found."""
    stem = " ".join(f"word{number}" for number in range(19))
    pairs = [[f"{number} {stem} {number} one", f"{number} {stem} {number} two"] for number in range(50)]
    found = {(one, other) for one, other, _ in near_duplicates([text for pair in pairs for text in pair])}
    assert {(2 * number, 2 * number + 1) for number in range(50)} <= found


def test_progress_is_shown(labels):
    """Whoever watches is told what is done and goes over every sentence."""
    told = {}

    def watch(sequence, what):
        told[what] = len(sequence)
        return sequence

    check(labels, [], DAY, watch)
    assert set(told) == {"comparing sentences", "finding mentions"}
    assert min(told.values()) >= 150
    assert checks.ALIKE < 1
