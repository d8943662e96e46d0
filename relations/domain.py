"""The values that travel between the steps, in the words of the field."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Label(StrEnum):
    """Stance of a source towards a target, after the codebook in ``labels/codebook.md``."""

    SUPPORT = "support"
    OPPOSITION = "opposition"
    NEUTRALITY = "neutrality"


LABELS: tuple[str, ...] = tuple(sorted(Label))
"""Every label, in the order of the classifier's columns."""

EVENTS_OF = {
    "support": frozenset({"AGREE", "SUPPORT", "COOPERATE", "AID", "YIELD"}),
    "opposition": frozenset(
        {"REQUEST", "ACCUSE", "REJECT", "THREATEN", "PROTEST", "MOBILIZE", "SANCTION", "COERCE", "ASSAULT"}
    ),
}
"""PLOVER event types that show an attitude."""
EVENTS = frozenset({"CONSULT"}).union(*EVENTS_OF.values())
"""Every PLOVER event type; a meeting can show any attitude (codebook, rule 11)."""

MentionKind = Literal["name", "demonym", "capital", "government", "leader", "anaphor"]
Skipped = Literal["no_country", "one_country"]
Method = Literal["exact", "occlusion"]


def fits(event: str | None, label: str) -> bool:
    """Whether an event goes with a label; an ally or rival needs none."""
    return event in {None, "CONSULT"} or label not in EVENTS_OF or event in EVENTS_OF[label]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a text; ``start`` and ``end`` are code points into the text, end exclusive."""

    index: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in a text that stands for a country; offsets are code points into the text, end exclusive.

    An anaphor that stands for two countries ("both nations") is two mentions with the same span;
    ``refers_to`` then holds the surface of the antecedent.
    """

    start: int
    end: int
    text: str
    country: str
    kind: MentionKind
    ambiguous: bool = False
    refers_to: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text, in code points, end exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Pair:
    """An ordered pair of actors of one sentence.

    ``actors`` lists every actor mention of the sentence as ``(start, end, actor)`` in code points into
    ``text``; ``source`` and ``target`` name two of these actors. The tuple is shared by all pairs of a
    sentence, so that what depends on the sentence alone is computed once.
    """

    text: str
    actors: tuple[tuple[int, int, str], ...]
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Words of the sentence that moved the answer; ``weight`` is signed, in units of the decision value."""

    start: int
    end: int
    text: str
    label: str
    weight: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What the evidence explains.

    Attributes
    ----------
    method : str
        "exact": the weights are the words' own shares in a linear model. "occlusion": each says how far the
        value falls when the word is taken out.
    runner_up : str
        The label that came second.
    value : float
        How far the first is ahead of the second, in logits.
    rest : float
        What the evidence leaves unexplained: ``value`` less the sum of its weights.
    """

    method: Method
    runner_up: str
    value: float
    rest: float


@dataclass(frozen=True, slots=True)
class Relation:
    """The judgement on one ordered pair; ``label`` is None where the service abstains."""

    source: str
    target: str
    label: str | None
    probability: float
    probabilities: dict[str, float]
    evidence: tuple[Evidence, ...] = ()
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Dyad:
    """How often a source showed each stance towards a target in a text."""

    source: str
    target: str
    support: int
    opposition: int
    neutrality: int

    @property
    def balance(self) -> float:
        """(support - opposition) / all, between -1 and 1."""
        return (self.support - self.opposition) / (self.support + self.opposition + self.neutrality)


@dataclass(frozen=True, slots=True)
class AnalysedSentence:
    """A sentence with its mentions and relations, or the reason why it has none."""

    sentence: Sentence
    mentions: tuple[Mention, ...]
    relations: tuple[Relation, ...]
    skipped: Skipped | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that one text says."""

    sentences: tuple[AnalysedSentence, ...]
    dyads: tuple[Dyad, ...] = field(default=())
