"""Schemas, as far as the routes' tests do not see them."""

import datetime as dt

import pytest
from marshmallow import ValidationError

from service.schemas import (
    MAX_ITEMS,
    MAX_TEXT,
    JudgementAnswer,
    PairsRequest,
    RelationsAnswer,
    RelationsRequest,
)


def test_defaults():
    """A text alone is a request; the defaults are the contract's."""
    assert RelationsRequest().load({"text": "a"}) == {
        "text": "a",
        "min_probability": 0.0,
        "include_neutral": True,
        "explain": False,
    }


def test_all_fields():
    """Every field of the contract is read as what it means."""
    sent = {
        "text": "a",
        "id": "x",
        "as_of": "2024-02-29",
        "min_probability": 1,
        "include_neutral": False,
        "explain": True,
    }
    assert RelationsRequest().load(sent) == sent | {"as_of": dt.date(2024, 2, 29)}


@pytest.mark.parametrize("text", ["a", " ", "😀" * MAX_TEXT, "\ufffe", "\x01", "\U0010ffff"])
def test_texts(text):
    """Length counts code points, and only NUL and lone surrogates are no text."""
    assert RelationsRequest().load({"text": text})["text"] == text


def test_too_many_items():
    """A list that is too long is refused before its items are read, so that it costs nothing."""
    with pytest.raises(ValidationError) as refusal:
        PairsRequest().load({"items": [{}] * (MAX_ITEMS + 1)})
    assert list(refusal.value.messages) == ["items"]
    assert len(refusal.value.messages["items"]) == 1


@pytest.mark.parametrize("start", [0, 0.0, -0.0])
def test_whole_numbers(start):
    """A number without a fraction is whole however it is written, as JSON Schema has it."""
    source, target = {"start": start, "end": 6.0}, {"start": 17.0, "end": 21}
    (item,) = PairsRequest().load(
        {"items": [{"text": "France condemned Iran", "source": source, "target": target}]}
    )["items"]
    read = [item[role][name] for role in ("source", "target") for name in ("start", "end")]
    assert read == [0, 6, 17, 21]
    assert all(type(one) is int for one in read)


def test_whole_id():
    """An id that is a whole number is echoed as one."""
    loaded = RelationsRequest().load({"text": "a", "id": 7.0})["id"]
    assert (loaded, type(loaded)) == (7, int)


def test_rounding():
    """Probabilities have four decimals, and sum to 1 within rounding."""
    third = {"support": 1 / 3, "opposition": 1 / 3, "neutrality": 1 / 3}
    answer = JudgementAnswer().dump({"label": None, "probability": 1 / 3, "probabilities": third})
    assert answer == {
        "label": None,
        "probability": 0.3333,
        "probabilities": {"support": 0.3333, "opposition": 0.3333, "neutrality": 0.3333},
    }


def test_no_id():
    """A request without an id is answered with a null id."""
    assert RelationsAnswer(only=["id"]).dump({"id": None}) == {"id": None}
