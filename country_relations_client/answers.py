"""What the service answers, as frozen values.

Fields have the names and meanings that the service's /openapi.json gives them; those that are not known here are
passed over, since later versions of the service may add some.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from types import NoneType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

Label = Literal["support", "opposition", "neutrality"]
Identity = str | int
"""A client's name for a document."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Model:
    """Which model gave an answer."""

    name: str
    version: str
    sha256: str
    tier: str


@dataclass(frozen=True, slots=True)
class Manifest(Model):
    """All that is recorded of a model."""

    labels_sha256: str
    classes: tuple[str, ...]
    metrics: Mapping[str, Any]
    versions: Mapping[str, str]
    trained_at: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in the text that stands for a country; offsets are code points, the end is exclusive."""

    start: int
    end: int
    text: str
    country: str
    name: str
    kind: str
    ambiguous: bool
    refers_to: str | None = None


@dataclass(frozen=True, slots=True)
class Probabilities:
    """Calibrated, and 1 together within rounding."""

    support: float
    opposition: float
    neutrality: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Words that moved the answer."""

    start: int
    end: int
    text: str
    label: Label
    weight: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """The stance of a source towards a target; the label is None where the service abstained."""

    label: Label | None
    probability: float
    probabilities: Probabilities


@dataclass(frozen=True, slots=True)
class Relation:
    """The stance of one country towards another in a sentence; evidence only where it was asked for."""

    source: str
    target: str
    label: Label | None
    probability: float
    probabilities: Probabilities
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence: which countries it names, and one relation for every ordered pair of them."""

    index: int
    start: int
    end: int
    text: str
    skipped: str | None
    mentions: tuple[Mention, ...]
    relations: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class Dyad:
    """In how many sentences a source showed which stance; balance is (support - opposition) / all."""

    source: str
    target: str
    support: int
    opposition: int
    neutrality: int
    balance: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that a document says."""

    id: Identity | None
    model: Model
    sentences: tuple[Sentence, ...]
    dyads: tuple[Dyad, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where a request or document breaks its schema."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, after RFC 9457."""

    title: str
    status: int
    detail: str
    errors: tuple[Fault, ...] = ()
    type: str = "about:blank"


@dataclass(frozen=True, slots=True)
class Failure:
    """What is wrong with one document of several."""

    id: Identity | None
    problem: Problem


@dataclass(frozen=True, slots=True)
class Judgements:
    """One judgement a pair, in order."""

    model: Model
    results: tuple[Judgement, ...]


@dataclass(frozen=True, slots=True)
class Country:
    """A country or territory, and the words that stand for it in a text."""

    code: str
    name: str
    official: str
    names: tuple[str, ...]
    demonyms: tuple[str, ...]
    capitals: tuple[str, ...]
    governments: tuple[str, ...]
    region: str
    cow: str | None
    cow_code: str | None
    fips: str | None
    since: int | None = field(metadata={"key": "from"})
    until: int | None
    party: bool


@dataclass(frozen=True, slots=True)
class Countries:
    """Countries and territories, in the order of their codes."""

    countries: tuple[Country, ...]


def read(kind: type[_T], value: object) -> _T:
    """Make a value of JSON one of a kind.

    Parameters
    ----------
    kind : type
        One of this module's dataclasses.
    value : object
        As `json` gives it.

    Returns
    -------
    object
        Of the kind.

    Raises
    ------
    TypeError
        If the JSON lacks a field or has another shape.
    """
    # mypy holds that the type of a dataclass cannot be hashed.
    found: _T = _reader(cast("Any", kind))(value)
    return found


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    if is_dataclass(kind):
        build = cast("Callable[..., Any]", kind)
        hints = get_type_hints(kind)
        told = [(one.name, one.metadata.get("key", one.name), _reader(hints[one.name])) for one in fields(kind)]
        return lambda value: build(**{name: make(value[key]) for name, key, make in told if key in value})
    if get_origin(kind) is tuple:
        each = _reader(get_args(kind)[0])
        return lambda value: tuple(map(each, value))
    if NoneType in get_args(kind):
        some = _reader(get_args(kind)[0])
        return lambda value: None if value is None else some(value)
    return lambda value: value
