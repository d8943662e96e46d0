"""The model judges pairs and says why."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relations.domain import LABELS, Pair
from relations.pairs import pairs_of

SENTENCES = [
    "[France|FRA] condemned [Iran|IRN] on Monday.",
    "[Iran|IRN]'s army was attacked by [Israel|ISR], which [the United States|USA] praised; [Iran|IRN] did not.",
    "😀 “[Japan|JPN] helped,” said [China|CHN]’s envoy – he didn’t smile.",
    "[US|USA]-led, pro-[Russian|RUS] and [Ukrainian|UKR] forces traded fire, the [Turkish|TUR] army said.",
    "[Poland|POL]-[Belarus|BLR] ties",
    "[Chad|TCD] zyxwuted [Mali|MLI] qwertily.",
    "[Japan|JPN] [China|CHN]",
]
WORDS = (
    "the and , of army attacked condemned by not imposed tough sanctions on sent aid to which ; was met talks "
    "with 's praised ally enemy said would never accept a deal \u201c \u201d ( ) 3.5 qwertily"
).split()


@pytest.fixture(scope="module", params=["small_model", "shipped_model"])
def model(request):
    """Take the small model and the one that ships."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def all_pairs(mark) -> list[Pair]:
    """Give every pair of the sentences, and one of an anaphor for two countries."""
    found = [pair for marked in SENTENCES for pair in pairs_of(*mark(marked))]
    text = "Both nations attacked Iran."
    return found + pairs_of(text, ((0, 12, "CHN"), (0, 12, "RUS"), (22, 26, "IRN")))


def check_explanation(model, pair):
    """Hold what the contract says of an explanation."""
    explanation = model.explain(pair)
    total = sum(word.weight for word in explanation.words) + explanation.structure
    assert total == pytest.approx(explanation.decision, abs=1e-6)
    assert explanation.decision >= 0
    assert explanation.label != explanation.runner_up
    relation = model.judge([pair])[0]
    ranked = sorted(relation.probabilities, key=relation.probabilities.__getitem__, reverse=True)
    if relation.probabilities[ranked[0]] - relation.probabilities[ranked[1]] > 1e-9:
        assert explanation.label == relation.label
    for word in explanation.words:
        assert pair.text[word.start : word.end] == word.text
        assert word.text.strip()
        assert word.label == (explanation.label if word.weight > 0 else explanation.runner_up)
        assert all(word.end <= start or end <= word.start for start, end, _ in pair.actors)
    spans = [(word.start, word.end) for word in explanation.words]
    assert len(spans) == len(set(spans))


def test_classes(model):
    """The classes are the labels of the codebook, in the order of the columns."""
    assert tuple(model.classes) == LABELS


def test_probabilities_sum_to_one(model, all_pairs):
    """Each pair has a row of probabilities between 0 and 1 that sum to 1."""
    found = model.probabilities(all_pairs)
    assert found.shape == (len(all_pairs), len(model.classes))
    assert np.all((found >= 0) & (found <= 1))
    assert np.allclose(found.sum(axis=1), 1)


def test_no_pairs(model):
    """Of no pairs come no rows and no relations."""
    assert model.probabilities([]).shape == (0, len(model.classes))
    assert model.judge([]) == []


def test_label_is_the_likeliest(model, all_pairs):
    """A relation has the pair's countries, the likeliest label, its probability and that of every label."""
    rows = model.probabilities(all_pairs)
    for pair, row, relation in zip(all_pairs, rows, model.judge(all_pairs), strict=True):
        assert (relation.source, relation.target) == (pair.source, pair.target)
        assert relation.probabilities == dict(zip(model.classes, row.tolist(), strict=True))
        assert relation.label == max(relation.probabilities, key=relation.probabilities.__getitem__)
        assert relation.probability == max(relation.probabilities.values())
        assert relation.evidence == ()


def test_company_does_not_matter(model, all_pairs):
    """A pair is judged alike alone and among others."""
    together = model.judge(all_pairs)
    for pair, relation in zip(all_pairs, together, strict=True):
        alone = model.judge([pair])[0]
        assert alone.probabilities == pytest.approx(relation.probabilities, abs=1e-12)


def test_explanations_add_up(model, all_pairs):
    """The words' shares and the structure sum to the decision, and no share lies on an actor mention."""
    for pair in all_pairs:
        check_explanation(model, pair)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_explanation_adds_up(shipped_model, data):
    """The same holds for any row of words."""
    words = data.draw(st.lists(st.sampled_from(WORDS), max_size=25))
    first = data.draw(st.integers(0, len(words)))
    text = " ".join(["Iran", *words[:first], "France", *words[first:]])
    start = len(" ".join(["Iran", *words[:first], ""]))
    check_explanation(shipped_model, Pair(text, ((0, 4, "x"), (start, start + 6, "y")), "y", "x"))


def test_decision_is_exact(small_model, pair):
    """The decision is by how much the pipeline's linear model prefers the label to the runner-up."""
    asked = pair("[France|FRA] condemned [Iran|IRN] on Monday.")
    explanation = small_model.explain(asked)
    steps = small_model.pipeline.named_steps
    linear = steps["classifier"].calibrated_classifiers_[0].estimator
    logits = sorted(linear.decision_function(steps["features"].transform([asked]))[0])
    assert explanation.decision == pytest.approx(logits[-1] - logits[-2])


def test_words_that_matter_are_named(small_model, pair):
    """The word that makes the difference between the classes has the largest share."""
    for marked in ("[Chad|TCD] condemned [Mali|MLI] on Monday.", "[Chad|TCD] praised [Mali|MLI] on Monday."):
        explanation = small_model.explain(pair(marked))
        assert max(explanation.words, key=lambda word: abs(word.weight)).text in {"condemned", "praised"}


def test_evidence(model, all_pairs):
    """Evidence are words of the explanation, the largest weights first, and asking for it changes no judgement."""
    for pair, plain, explained in zip(
        all_pairs, model.judge(all_pairs), model.judge(all_pairs, explain=True), strict=True
    ):
        assert (plain.label, plain.probabilities) == (explained.label, explained.probabilities)
        weights = [abs(word.weight) for word in explained.evidence]
        assert weights == sorted(weights, reverse=True)
        words = model.explain(pair).words
        assert set(explained.evidence) <= set(words)
        left = [abs(word.weight) for word in words if word not in explained.evidence]
        assert not left or max(left) <= min(weights)


def test_names_do_not_matter(model, mark):
    """Other countries with other names in the same sentence get the same probabilities."""
    one = pairs_of(*mark("[Russia|RUS] attacked [Ukraine|UKR] and [Belarus|BLR] helped."))
    other = pairs_of(*mark("[Iceland|ISL] attacked [the Vatican|VAT] and [Fiji|FJI] helped."))
    assert np.array_equal(model.probabilities(one), model.probabilities(other))


def test_learned(small_model, pair):
    """A model learns what its training sentences say, direction included."""
    sentences = {
        "[Chad|TCD] condemned [Mali|MLI] on Tuesday.": "opposition",
        "[Chad|TCD] praised [Mali|MLI] on Tuesday.": "support",
        "[Chad|TCD] and [Mali|MLI] met on Tuesday.": "neutrality",
    }
    assert [relation.label for relation in small_model.judge([pair(marked) for marked in sentences])] == list(
        sentences.values()
    )
