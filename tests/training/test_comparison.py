"""Two models on what both have judged."""

import gzip

import pytest
from scipy.stats import binom

from relations.artifact import ArtifactError
from training import behaviour, comparison
from training.comparison import compare


@pytest.fixture
def versions(publish, tmp_path):
    """Publish two versions; give their fast tiers."""

    def write(first, second):
        for name, options in (("a", first), ("b", second)):
            publish(tmp_path, name, **options)
        return tmp_path / "a" / "fast", tmp_path / "b" / "fast"

    return write


def test_counts(versions):
    """Scores, discordant pairs and cases are counted on what both have judged, and on nothing else."""
    compared = compare(*versions({"right": "..x.....", "passed": ".x."}, {"right": "x...x.", "passed": "x...x"}))
    assert [one.pairs for one in compared.scores] == [6, 6]
    assert [one.accuracy for one in compared.scores] == pytest.approx([5 / 6, 4 / 6])
    assert (compared.only_first, compared.only_second) == (2, 1)
    assert (compared.cases, compared.passed) == (3, (2, 2))
    assert [one.text for one in compared.lost] == ["Case 0."]
    assert [one.text for one in compared.gained] == ["Case 1."]


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 5), (3, 7), (12, 2)])
def test_mcnemar(versions, first, second):
    """The p-value is twice the smaller tail of the binomial distribution, at most one."""
    compared = compare(
        *versions({"right": "x" * second + "." * (first + 4)}, {"right": "." * second + "x" * first + "...."})
    )
    assert (compared.only_first, compared.only_second) == (first, second)
    tail = binom.cdf(min(first, second), first + second, 0.5)
    assert compared.p_value == pytest.approx(min(1, 2 * tail))


def test_corrected_labels(versions):
    """Where a label was corrected, the newer one counts for both models."""
    one, other = versions({"right": "xx.."}, {"right": "xx..", "trained_at": "2025-01-01T00:00:00+00:00"})
    rows = [row.replace('"label": "support"', '"label": "opposition"') for row in read(other)]
    (other / comparison.HELD_OUT_FILE).write_bytes(gzip.compress("\n".join(rows).encode()))
    for compared in (compare(one, other), compare(other, one)):
        assert [scores.per_class["opposition"]["support"] for scores in compared.scores] == [4, 4]


def read(folder):
    """Give the rows of held-out pairs."""
    return gzip.decompress((folder / comparison.HELD_OUT_FILE).read_bytes()).decode().splitlines()


def test_objections_to_a_worse_score(versions):
    """A lower macro-F1 is an objection that tells both scores; an equal or higher one is none."""
    one, other = versions({"right": "...x"}, {"right": "..xx"})
    (objection,) = compare(one, other).objections()
    assert objection.startswith("macro-F1 falls from ")
    assert compare(one, one).objections() == compare(other, one).objections() == []


@pytest.mark.parametrize(("lost", "gained", "objects"), [(2, 0, False), (3, 0, True), (7, 5, False), (8, 5, True)])
def test_objections_to_behaviour(versions, lost, gained, objects):
    """Passing fewer cases is an objection beyond one case in fifty; it names a case that was lost."""
    passed = "x" * gained + "." * (100 - gained), "." * (100 - lost) + "x" * lost
    objections = compare(*versions({"passed": passed[0]}, {"passed": passed[1]})).objections()
    assert len(objections) == objects
    assert all(f"Case {100 - lost}." in one for one in objections)


def test_table(versions):
    """The table shows both names, the number of common pairs and the p-value."""
    compared = compare(*versions({}, {"right": "...x"}))
    table = compared.table(("2024-01-01-aa", "b"))
    assert "4 held-out pairs and 2 behaviour cases" in table
    assert "2024-01-01-aa" in table.splitlines()[1]
    assert table.endswith("p 1")


def test_nothing_in_common(versions):
    """Two models without a common pair cannot be compared, and that is said."""
    with pytest.raises(ArtifactError, match="no held-out pair in common"):
        compare(*versions({}, {"right": ""}))


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"x",
        gzip.compress(b"{}", mtime=0),
        gzip.compress(b"[1]\n", mtime=0),
        gzip.compress(b"x" * 99, mtime=0)[:20],
    ],
)
@pytest.mark.parametrize("file", [comparison.HELD_OUT_FILE, comparison.BEHAVIOUR_FILE])
def test_damaged_rows(versions, file, content):
    """Files that are missing or damaged are refused with the folder and the remedy."""
    one, other = versions({}, {})
    (other / file).unlink()
    if content is not None:
        (other / file).write_bytes(content)
    with pytest.raises(ArtifactError, match="train it again") as refusal:
        compare(one, other)
    assert str(other) in str(refusal.value)


def test_outcomes(analyser, small_labels):
    """Of each case it is kept whether it was passed, with text and expectation."""
    cases = behaviour.read(small_labels / behaviour.FILE)
    results = behaviour.run(analyser.model, cases)
    kept = comparison.outcomes(cases, results)
    assert [(one.kind, one.text) for one in kept] == [(case.kind, case.sentence.text) for case in cases]
    assert sum(one.passed for one in kept) == sum(one.passed for one in results)
    assert len({(one.text, one.expected) for one in kept}) == len(kept)
