"""The cases of labels/behaviour.txt: well written, and passed as often as is asked for."""

from collections import Counter

import pytest

from training import behaviour
from training.behaviour import BehaviourError

FLOORS = {
    "direction": 0.87,
    "passive": 0.79,
    "negation": 0.46,
    "reversal": 0.82,
    "refusal": 0.66,
    "third_party": 0.49,
    "reported_speech": 0.66,
    "hard_neutral": 0.82,
}
"""Least pass rate of each kind; set after measuring, so that a later model does not fall behind."""


@pytest.mark.parametrize("kind", FLOORS)
def test_pass_rate(kind, results):
    """Of every kind at least the agreed share of cases passes."""
    result = next(one for one in results if one.kind == kind)
    failed = "\n".join(map(str, result.failures))
    assert result.rate >= FLOORS[kind], f"\n{behaviour.table(results)}\n\nfailed {kind}:\n{failed}"


def test_every_kind_has_a_floor_and_enough_cases(cases):
    """The floors cover exactly the kinds of the file, each of which has at least 28 cases."""
    counts = Counter(case.kind for case in cases)
    assert set(counts) == set(FLOORS)
    assert min(counts.values()) >= 28, counts


def test_every_sentence_is_written_once(cases, swaps):
    """No sentence stands twice, in one file or in both."""
    counts = Counter(one.text for one in [*(case.sentence for case in cases), *swaps])
    assert [text for text, count in counts.items() if count > 1] == []


def test_sentences_have_the_length_of_news(cases, swaps):
    """A sentence has 8 to 30 words."""
    sentences = [*(case.sentence for case in cases), *swaps]
    assert [f"{one.place} {one.text}" for one in sentences if not 8 <= len(one.text.split()) <= 30] == []


def test_marks_are_names_of_their_countries(cases, swaps, names):
    """Every marked surface is a name that the gazetteer knows for the marked country."""
    surfaces = {(name.surface, name.country) for name in names.names}
    assert [
        f"{one.place} {one.text[start:end]} {country}"
        for one in [*(case.sentence for case in cases), *swaps]
        for start, end, country in one.actors
        if (one.text[start:end], country) not in surfaces
    ] == []


def test_direction_cases_are_minimal_pairs(cases):
    """Direction cases come in twos that mention the same countries and expect the exchanged labels."""
    direction = [case for case in cases if case.kind == "direction"]
    for one, other in zip(direction[::2], direction[1::2], strict=True):
        exchanged = {(target, source): label for (source, target), label in one.expected.items()}
        assert other.expected == exchanged, other.sentence.place


def test_table_shows_every_kind_and_all(results):
    """The table has a line for each kind and one for all cases, whose counts are the sum."""
    _, *rows = (line.split() for line in behaviour.table(results).splitlines())
    assert [row[0] for row in rows] == [*FLOORS, "all"]
    for column in (1, 2):
        assert sum(int(row[column]) for row in rows[:-1]) == int(rows[-1][column])


def test_failures_say_what_was_expected_and_judged(tmp_path, model):
    """A case fails as a whole when one listed pair is wrong; the failure names place, pair and both labels."""
    sentence = "[Norway|NOR] condemned [Peru|PER] in the strongest terms."
    path = tmp_path / behaviour.FILE
    path.write_text(f"# kind: made_up\n{sentence}\nNOR>PER support\n{sentence}\nNOR>PER opposition\n", "utf-8")
    (result,) = behaviour.run(model, behaviour.read(path))
    assert (result.kind, result.cases, result.passed, result.rate) == ("made_up", 2, 1, 0.5)
    shown = str(result.failures[0])
    assert f"{behaviour.FILE}:2 Norway condemned Peru" in shown
    assert "NOR>PER support, but judged opposition" in shown


SENTENCE = "[Norway|NOR] met [Peru|PER]."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "no case"),
        (SENTENCE, ":1: a case stands before the first"),
        (f"# kind: a\n{SENTENCE}", ":2: nothing is expected"),
        (f"# kind: a\n{SENTENCE}\nNOR-PER support", ":3: an expectation is"),
        (f"# kind: a\n{SENTENCE}\nNOR>PER warmth", ":3: label 'warmth' is none of"),
        (f"# kind: a\n{SENTENCE}\nNOR>USA support", ":3: NOR>USA is no pair"),
        (f"# kind: a\n{SENTENCE}\nNOR>NOR support", ":3: NOR>NOR is no pair"),
        (f"# kind: a\n{SENTENCE}\nNOR>PER support; NOR>PER neutrality", ":3: NOR>PER stands twice"),
        ("# kind: a\n[Norway|NOR] met [Peru|Per].", ":2: a mark is"),
        ("# kind: a\n[Norway|NOR] met [Norwegian|NOR] fishermen.", ":2: fewer than two countries"),
    ],
)
def test_bad_file_is_refused(tmp_path, content, reason):
    """A badly written file is refused with its place and the reason."""
    path = tmp_path / behaviour.FILE
    path.write_text(content, "utf-8")
    with pytest.raises(BehaviourError) as refused:
        behaviour.read(path)
    assert behaviour.FILE in str(refused.value)
    assert reason in str(refused.value)
