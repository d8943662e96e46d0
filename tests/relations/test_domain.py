"""The values that travel between the steps."""

import dataclasses

import pytest

from relations.domain import LABELS, Dyad, Label, Pair, Sentence


def test_labels():
    """There are the three labels of the codebook, in the order of a classifier's columns."""
    assert LABELS == ("neutrality", "opposition", "support")
    assert set(LABELS) == set(Label)


@pytest.mark.parametrize(
    ("support", "opposition", "neutrality", "balance"),
    [(1, 0, 0, 1.0), (0, 1, 0, -1.0), (0, 0, 5, 0.0), (2, 2, 0, 0.0), (3, 1, 4, 0.25), (0, 1, 3, -0.25)],
)
def test_balance(support, opposition, neutrality, balance):
    """Balance is (support - opposition) / all."""
    assert Dyad("FRA", "IRN", support, opposition, neutrality).balance == balance


@pytest.mark.parametrize("value", [Sentence(0, 0, 1, "x"), Pair("x", (), "a", "b"), Dyad("a", "b", 1, 0, 0)])
def test_values_are_frozen(value):
    """A value cannot be changed, and equal ones are equal."""
    field = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, None)
    assert value == dataclasses.replace(value)
