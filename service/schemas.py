"""What comes in and what goes out, as marshmallow schemas; the OpenAPI document is made from them."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, get_args

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate, validates_schema

from relations.domain import EVENTS, LABELS, MentionKind, Method, Skipped, fits

MAX_TEXT = 100_000
"""Code points."""
MAX_CORRECTED = 10_000
"""Code points of a text that a correction is about."""
MAX_NOTE = 2_000
MAX_ITEMS = 1_000
MAX_DOCUMENTS = 256
MAX_ID = 256
_PLACES = 4
"""Decimals of a probability: calibration is not good to more."""

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_NO_NUL = r"^[^\u0000]*$"
"""What the document says of that; the halves of pairs come from no sound client."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def plain(text: str) -> None:
    r"""Refuse what JSON can carry and no text contains.

    Raises
    ------
    ValidationError
        If there is a NUL character or half of a surrogate pair, as in ``"\ud83d"``; the latter cannot be
        written back as UTF-8.
    """
    found = _NO_TEXT.search(text)
    if found is not None:
        name = "NUL" if found.group() == "\x00" else "half of a surrogate pair"
        raise ValidationError(f"Character {found.start()} is {name}.")


# Fields that take JSON's own types only: marshmallow would read "yes" as true and "0.5" as a number.


class Flag(fields.Boolean):
    """True or false."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


def rounded(value: float) -> float:
    """Round what goes out to `_PLACES` decimals."""
    return round(float(value), _PLACES)


class Number(fields.Float):
    """A finite number, written with `_PLACES` decimals."""

    def _validated(self, value: Any) -> float:
        if not isinstance(value, int | float):
            raise self.make_error("invalid")
        return super()._validated(value)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> float:  # noqa: ARG002
        return rounded(value)


def _whole(value: Any) -> Any:
    """Take 6.0 for 6, as JSON Schema does; some clients have floats only."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Whole(fields.Integer):
    """A whole number."""

    def _validated(self, value: Any) -> int:
        return super()._validated(_whole(value))


class Day(fields.Date):
    """A day as YYYY-MM-DD, the only form that OpenAPI calls a date."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> dt.date:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise ValidationError("Not a valid date: write YYYY-MM-DD.")
        return super()._deserialize(value, attr, data, **kwargs)


class Identifier(fields.Raw):
    """A string or an integer that the client chose."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        value = _whole(value)
        if isinstance(value, str):
            plain(value)
            validate.Length(max=MAX_ID)(value)
        elif not isinstance(value, int) or isinstance(value, bool):
            raise ValidationError("Not a string or an integer.")
        return super()._deserialize(value, attr, data, **kwargs)


class Unread(fields.Nested):
    """An object that the view loads itself, since its faults must not be those of the whole request."""

    def deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        """Give the value as it was sent."""
        return value


class Short(fields.List[Any]):
    """A list whose length is checked before its items are read, so that a long one costs nothing."""

    def __init__(self, inner: fields.Field[Any], length: validate.Length, **kwargs: Any) -> None:
        super().__init__(inner, validate=length, **kwargs)
        self.length = length

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[Any]:
        if isinstance(value, list):
            self.length(value)
        return super()._deserialize(value, attr, data, **kwargs)


class Ready(fields.List[Any]):
    """A list that the view gives as it goes out: by its schema it took a tenth of the request's time."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        return value


def _text(most: int = MAX_TEXT) -> fields.String:
    return fields.String(
        required=True,
        validate=[validate.Length(min=1, max=most), plain],
        metadata={"pattern": _NO_NUL, "description": "English text. All offsets are Unicode code points into it."},
    )


def _start() -> fields.Integer:
    return Whole(
        required=True,
        strict=True,
        validate=validate.Range(min=0),
        metadata={"description": "First code point."},
    )


def _end() -> fields.Integer:
    return Whole(
        required=True,
        strict=True,
        validate=validate.Range(min=1),
        metadata={"description": "Code point after the last."},
    )


def _country(*, required: bool = True) -> fields.String:
    return fields.String(
        required=required,
        metadata={
            "description": "ISO 3166-1 alpha-3, XKX (Kosovo) or a former state (SUN, YUG, DDR, CSK).",
            "example": "FRA",
        },
    )


def _label(**more: Any) -> fields.String:
    return fields.String(required=True, validate=validate.OneOf(LABELS), **more)


# Requests


class DocumentRequest(Schema):
    """A text."""

    text = _text()
    id = Identifier(
        metadata={
            "type": ["string", "integer"],
            "maxLength": MAX_ID,
            "pattern": _NO_NUL,
            "description": "Echoed in the answer.",
        }
    )


class OptionsRequest(Schema):
    """What to tell of texts."""

    as_of = Day(metadata={"description": "When the text was written: who held which office. Default: today."})
    min_probability = Number(
        load_default=0.0,
        validate=validate.Range(min=0, max=1),
        metadata={"description": "Below it a relation's label is null: the service abstains."},
    )
    include_neutral = Flag(load_default=True, metadata={"description": "False leaves out neutral relations."})
    explain = Flag(load_default=False, metadata={"description": "True adds evidence to each relation."})


class RelationsRequest(DocumentRequest, OptionsRequest):
    """A text and what to tell of it."""


class BatchRequest(OptionsRequest):
    """Texts and what to tell of each."""

    documents = Short(Unread(DocumentRequest), validate.Length(min=1, max=MAX_DOCUMENTS), required=True)


class SpanRequest(Schema):
    """Where an actor stands in the text."""

    start = _start()
    end = _end()

    @validates_schema
    def ordered(self, data: dict[str, int], **_: Any) -> None:
        """Refuse an empty span."""
        if data["start"] >= data["end"]:
            raise ValidationError({"end": ["Must be greater than start."]})


class ItemRequest(Schema):
    """A sentence and two actors in it."""

    text = _text()
    source = fields.Nested(SpanRequest, required=True)
    target = fields.Nested(SpanRequest, required=True)

    @validates_schema
    def inside(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse spans that reach beyond the text or overlap."""
        source, target = data["source"], data["target"]
        length = len(data["text"])
        beyond = {
            role: {"end": [f"Beyond the end of the text, which has {length} code points."]}
            for role, span in (("source", source), ("target", target))
            if span["end"] > length
        }
        if beyond:
            raise ValidationError(beyond)
        if self.overlap(source, target):
            raise ValidationError({"target": ["Overlaps source."]})

    def overlap(self, source: dict[str, Any], target: dict[str, Any]) -> bool:
        """Say whether two spans have a code point in common, and may not."""
        return bool(source["start"] < target["end"] and target["start"] < source["end"])


class ActorRequest(SpanRequest):
    """Where an actor stands in the text, and which country it is."""

    country = _country(required=False)


class CorrectionRequest(ItemRequest):
    """A relation that is wrong, and what is right."""

    text = _text(MAX_CORRECTED)
    source = fields.Nested(ActorRequest, required=True)
    target = fields.Nested(ActorRequest, required=True)
    label = _label(metadata={"description": "The right one."})
    judged = fields.String(
        validate=validate.OneOf(LABELS), metadata={"description": "The label that the service gave."}
    )
    event = fields.String(
        validate=validate.OneOf(sorted(EVENTS)), metadata={"description": "PLOVER type that shows the label."}
    )
    note = fields.String(
        validate=[validate.Length(min=1, max=MAX_NOTE), plain],
        metadata={"pattern": _NO_NUL, "description": "For the reviewer."},
    )
    as_of = Day(metadata={"description": "When the text was written. Default: today."})

    def overlap(self, source: dict[str, Any], target: dict[str, Any]) -> bool:
        """Bear "the two countries", which stands for both."""
        same = (source["start"], source["end"]) == (target["start"], target["end"])
        both = "country" in source and "country" in target
        return super().overlap(source, target) and not (same and both)

    @validates_schema
    def consistent(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse a country's relation with itself, and an event that shows another label."""
        country = data["source"].get("country")
        if country and country == data["target"].get("country"):
            raise ValidationError({"target": {"country": ["Is that of the source."]}})
        if not fits(data.get("event"), data["label"]):
            raise ValidationError({"event": [f"Does not go with {data['label']}."]})


class PairsRequest(Schema):
    """Pairs of actors that the client found itself."""

    items = Short(fields.Nested(ItemRequest), validate.Length(min=1, max=MAX_ITEMS), required=True)


class CountriesRequest(Schema):
    """Which countries to tell of; this one is read from the query string."""

    code = fields.List(
        fields.String(metadata={"pattern": "^[A-Z]{3}$", "example": "FRA"}),
        metadata={"description": "Tell of this country alone; repeat it for several. Default: all."},
    )


# Answers


class Answer(Schema):
    """Base of all that goes out."""

    class Meta:
        """A client must bear fields that later versions add, so the document may not forbid them."""

        unknown = INCLUDE


class ModelAnswer(Answer):
    """Which model gave the answer."""

    name = fields.String(required=True)
    version = fields.String(required=True)
    sha256 = fields.String(required=True, metadata={"description": "Digest of the model's file."})
    tier = fields.String(required=True)


class ManifestAnswer(ModelAnswer):
    """All that is recorded of the model."""

    labels_sha256 = fields.String(required=True, metadata={"description": "Digest of the labelled data."})
    classes = fields.List(fields.String(), required=True)
    metrics = fields.Dict(keys=fields.String(), required=True)
    versions = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    trained_at = fields.String(required=True, metadata={"description": "ISO 8601."})


class MentionAnswer(Answer):
    """A place in the text that stands for a country."""

    start = _start()
    end = _end()
    text = fields.String(required=True)
    country = _country()
    name = fields.String(required=True, metadata={"description": "The country's name."})
    kind = fields.String(required=True, validate=validate.OneOf(get_args(MentionKind)))
    ambiguous = fields.Boolean(
        required=True,
        metadata={"description": "The words can mean something else and the context decided little."},
    )
    refers_to = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": 'Of an anaphor such as "both nations": the words that it stands for.'},
    )


class ProbabilitiesAnswer(Answer):
    """Calibrated probabilities, which sum to 1 within rounding."""

    support = Number(required=True)
    opposition = Number(required=True)
    neutrality = Number(required=True)


class EvidenceAnswer(Answer):
    """Words that moved the answer."""

    start = _start()
    end = _end()
    text = fields.String(required=True)
    label = _label()
    weight = Number(required=True, metadata={"description": "Signed, in units of the decision value."})


class DecisionAnswer(Answer):
    """What the evidence explains: the first label's lead over the second."""

    method = fields.String(
        required=True,
        validate=validate.OneOf(get_args(Method)),
        metadata={
            "description": "exact: weights are the words' own shares in a linear model. occlusion: each says how "
            "far the value falls without the word."
        },
    )
    runner_up = _label(metadata={"description": "The label that came second."})
    value = Number(required=True, metadata={"description": "The lead in logits: all weights and rest together."})
    rest = Number(required=True, metadata={"description": "What belongs to no word that is listed."})


def _likelier() -> fields.String:
    return _label(
        allow_none=True, metadata={"description": "Null where the probability is under min_probability."}
    )


def _probability() -> Number:
    return Number(required=True, metadata={"description": "Of the likeliest label."})


class JudgementAnswer(Answer):
    """The stance of a source towards a target."""

    label = _likelier()
    probability = _probability()
    probabilities = fields.Nested(ProbabilitiesAnswer, required=True)


class RelationAnswer(Answer):
    """The stance of one country towards another in a sentence."""

    source = _country()
    target = _country()
    label = _likelier()
    probability = _probability()
    probabilities = fields.Nested(ProbabilitiesAnswer, required=True)
    evidence = fields.List(
        fields.Nested(EvidenceAnswer), metadata={"description": "Present where explain was true."}
    )
    decision = fields.Nested(DecisionAnswer, metadata={"description": "Present where explain was true."})


class SentenceAnswer(Answer):
    """A sentence: which countries it names, and one relation for every ordered pair of them."""

    index = fields.Integer(required=True)
    start = _start()
    end = _end()
    text = fields.String(required=True)
    skipped = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(get_args(Skipped)),
        metadata={"description": "Why it has no relations; null where it has."},
    )
    mentions = fields.List(fields.Nested(MentionAnswer), required=True)
    relations = fields.List(fields.Nested(RelationAnswer), required=True)


class DyadAnswer(Answer):
    """In how many sentences a source showed which stance towards a target."""

    source = _country()
    target = _country()
    support = fields.Integer(required=True)
    opposition = fields.Integer(required=True)
    neutrality = fields.Integer(required=True)
    balance = Number(required=True, metadata={"description": "(support - opposition) / all, from -1 to 1."})


def _echoed() -> fields.Raw:
    return fields.Raw(
        required=True,
        allow_none=True,
        metadata={"type": ["string", "integer"], "description": "As in the request; null where it had none."},
    )


class RelationsAnswer(Answer):
    """All that a text says."""

    id = _echoed()
    model = fields.Nested(ModelAnswer, required=True)
    sentences = Ready(fields.Nested(SentenceAnswer), required=True)
    dyads = Ready(fields.Nested(DyadAnswer), required=True)


class ResultAnswer(Answer):
    """All that one of several texts says, or what is wrong with it."""

    id = _echoed()
    status = fields.String(required=True, validate=validate.OneOf(("ok", "error")))
    sentences = Ready(fields.Nested(SentenceAnswer), metadata={"description": "With status ok."})
    dyads = Ready(fields.Nested(DyadAnswer), metadata={"description": "With status ok."})
    problem = fields.Nested(
        lambda: Problem(),  # noqa: PLW0108 - it comes later
        metadata={"description": "With status error. Its pointers lead into the document."},
    )


class BatchAnswer(Answer):
    """One result a document, in order."""

    model = fields.Nested(ModelAnswer, required=True)
    results = fields.List(fields.Nested(ResultAnswer), required=True)


class LineAnswer(ResultAnswer):
    """A line of the answer to a stream."""

    model = fields.Nested(ModelAnswer, metadata={"description": "With status ok."})


class PairsAnswer(Answer):
    """One judgement an item, in order."""

    model = fields.Nested(ModelAnswer, required=True)
    results = fields.List(fields.Nested(JudgementAnswer), required=True)


class CorrectionAnswer(Answer):
    """A correction that is kept."""

    id = fields.String(required=True, metadata={"description": "By which the reviewer knows it."})


def _surfaces(description: str) -> fields.List[Any]:
    return fields.List(fields.String(), required=True, metadata={"description": description})


def _foreign_code(description: str) -> fields.String:
    return fields.String(required=True, allow_none=True, metadata={"description": description})


def _year(description: str, key: str) -> fields.Integer:
    return fields.Integer(required=True, allow_none=True, data_key=key, metadata={"description": description})


class CountryAnswer(Answer):
    """A country or territory, and the words that stand for it in a text."""

    code = _country()
    name = fields.String(required=True)
    official = fields.String(required=True, metadata={"description": "The official name."})
    names = _surfaces("Names that stand for it, sorted; some only in a part of history or a context.")
    demonyms = _surfaces("Words for its people and for what is its own, sorted.")
    capitals = _surfaces("Its capitals, the first one first; none for some territories.")
    governments = _surfaces("Seats of power and institutions that stand for it, sorted.")
    region = fields.String(required=True)
    cow = _foreign_code("Letters of the Correlates of War; | parts those of several states, null: none.")
    cow_code = _foreign_code("Numbers of the Correlates of War, in the order of the letters.")
    fips = _foreign_code("FIPS 10-4; | parts several, null: none.")
    since = _year("First year of its existence; null where that does not matter.", "from")
    until = _year("Last year of its existence; null where it still exists.", "until")
    party = fields.Boolean(
        required=True,
        metadata={"description": "False for dependent territories, which are never a party to a relation."},
    )


class CountriesAnswer(Answer):
    """Countries and territories, in the order of their codes."""

    countries = fields.List(fields.Nested(CountryAnswer), required=True)


class HealthAnswer(Answer):
    """A sign of life."""

    status = fields.String(required=True)


class ErrorAnswer(Answer):
    """One fault of a request."""

    pointer = fields.String(required=True, metadata={"description": "JSON pointer (RFC 6901) to the value."})
    detail = fields.String(required=True)


class Problem(Answer):
    """An error, after RFC 9457; documented here and written by ``service.errors``."""

    type = fields.String(required=True, metadata={"format": "uri-reference"})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    errors = fields.List(fields.Nested(ErrorAnswer), metadata={"description": "With status 422."})
