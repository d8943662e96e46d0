"""Behaviour cases: hand-made tests of one ability each, which every training run reports.

The cases lie in ``labels/behaviour.txt``, whose head comment says how they are written. They are tests and never
training data. After: Ribeiro et al. (2020), "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from relations.classifier import Model
from relations.domain import LABELS, Relation
from relations.pairs import pairs_of

FILE = "behaviour.txt"
"""Name of the cases file in a labels folder."""

_MARK = re.compile(r"\[([^\[\]|]+)\|([A-Z]{3})\]")
_KIND = re.compile(r"# kind: ([a-z_]+)")
_EXPECTATION = re.compile(r"([A-Z]{3})>([A-Z]{3}) ([a-z]+)")


class BehaviourError(ValueError):
    """A file of marked sentences is badly written; the text names file, line and reason."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A sentence whose countries are marked.

    Attributes
    ----------
    place : str
        Name of the file and number of the line, from 1.
    text : str
        The sentence without its marks.
    actors : tuple of (int, int, str)
        Start, end and country of every mention, in code points into ``text``, end exclusive.
    """

    place: str
    text: str
    actors: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence and what is expected of some of its ordered pairs.

    Attributes
    ----------
    kind : str
        The ability that the case tests.
    sentence : Marked
        The sentence.
    expected : dict of (str, str) to str
        Source and target to label.
    """

    kind: str
    sentence: Marked
    expected: dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Failure:
    """A case of which at least one pair was judged wrong.

    Attributes
    ----------
    case : Case
        The case.
    wrong : tuple of Relation
        Its wrong judgements.
    """

    case: Case
    wrong: tuple[Relation, ...]

    def __str__(self) -> str:
        expected = self.case.expected
        return f"{self.case.sentence.place} {self.case.sentence.text}\n" + "\n".join(
            f"    {one.source}>{one.target} {expected[one.source, one.target]}, "
            f"but judged {one.label} ({one.probability:.2f})"
            for one in self.wrong
        )


@dataclass(frozen=True, slots=True)
class KindResult:
    """How a model did on the cases of one kind.

    Attributes
    ----------
    kind : str
        The ability.
    cases : int
        How many cases there are, at least one.
    failures : tuple of Failure
        Those that failed, in order of the file.
    """

    kind: str
    cases: int
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> int:
        """How many cases passed: all of their listed pairs were right."""
        return self.cases - len(self.failures)

    @property
    def rate(self) -> float:
        """Share of the cases that passed, between 0 and 1."""
        return self.passed / self.cases


def parse(line: str, place: str) -> Marked:
    """Take the marks out of a sentence.

    Parameters
    ----------
    line : str
        A sentence with ``[surface|CODE]`` marks.
    place : str
        Where it stands.

    Returns
    -------
    Marked

    Raises
    ------
    BehaviourError
        If a mark is bad or fewer than two countries are marked.
    """
    text, last = "", 0
    actors: list[tuple[int, int, str]] = []
    for match in _MARK.finditer(line):
        text += line[last : match.start()]
        actors.append((len(text), len(text) + len(match.group(1)), match.group(2)))
        text += match.group(1)
        last = match.end()
    text += line[last:]
    if any(sign in text for sign in "[]|"):
        raise BehaviourError(f"{place}: a mark is [surface|CODE], but {text!r} is left")
    if len({actor for _, _, actor in actors}) < 2:
        raise BehaviourError(f"{place}: fewer than two countries are marked")
    return Marked(place, text, tuple(actors))


def read_marked(path: Path) -> list[Marked]:
    """Read a file of marked sentences, one a line, without expectations.

    Raises
    ------
    BehaviourError
        If a sentence is badly marked.
    OSError
        If the file cannot be read.
    """
    return [parse(line, place) for place, line in _lines(path) if not line.startswith("#")]


def read(path: Path) -> list[Case]:
    """Read a cases file.

    Parameters
    ----------
    path : Path
        The file; its head comment says how it is written.

    Returns
    -------
    list of Case
        In order of the file.

    Raises
    ------
    BehaviourError
        If there is no case, or one is badly written.
    OSError
        If the file cannot be read.
    """
    cases: list[Case] = []
    kind = ""
    sentence: Marked | None = None
    for place, line in _lines(path):
        if heading := _KIND.fullmatch(line):
            kind = heading.group(1)
        if line.startswith("#"):
            continue
        if not kind:
            raise BehaviourError(f"{place}: a case stands before the first '# kind: NAME'")
        if sentence is None:
            sentence = parse(line, place)
        else:
            cases.append(Case(kind, sentence, _expected(line, place, sentence)))
            sentence = None
    if sentence is not None:
        raise BehaviourError(f"{sentence.place}: nothing is expected of the last sentence")
    if not cases:
        raise BehaviourError(f"{path}: no case")
    return cases


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Place and text of every line that is not empty."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            yield f"{path.name}:{number}", line.strip()


def _expected(line: str, place: str, sentence: Marked) -> dict[tuple[str, str], str]:
    countries = {actor for _, _, actor in sentence.actors}
    expected: dict[tuple[str, str], str] = {}
    for part in line.split("; "):
        match = _EXPECTATION.fullmatch(part)
        if match is None:
            raise BehaviourError(f"{place}: an expectation is 'A>B label', but here stands {part!r}")
        source, target, label = match.groups()
        if label not in LABELS:
            raise BehaviourError(f"{place}: label '{label}' is none of {', '.join(LABELS)}")
        if source == target or not {source, target} <= countries:
            raise BehaviourError(f"{place}: {source}>{target} is no pair of this sentence's mentions")
        if (source, target) in expected:
            raise BehaviourError(f"{place}: {source}>{target} stands twice")
        expected[source, target] = label
    return expected


def run(model: Model, cases: Sequence[Case]) -> list[KindResult]:
    """Put cases to a model.

    Parameters
    ----------
    model : Model
        The model; the marked mentions are given to it, so that it alone is tested.
    cases : sequence of Case
        As `read` gives them.

    Returns
    -------
    list of KindResult
        In order of each kind's first case.
    """
    pairs = [pairs_of(case.sentence.text, case.sentence.actors) for case in cases]
    judged = iter(model.judge([pair for group in pairs for pair in group]))
    counts: dict[str, int] = {}
    failures: dict[str, list[Failure]] = {}
    for case, group in zip(cases, pairs, strict=True):
        relations = [next(judged) for _ in group]
        wrong = tuple(
            one for one in relations if one.label != case.expected.get((one.source, one.target), one.label)
        )
        counts[case.kind] = counts.get(case.kind, 0) + 1
        if wrong:
            failures.setdefault(case.kind, []).append(Failure(case, wrong))
    return [KindResult(kind, count, tuple(failures.get(kind, ()))) for kind, count in counts.items()]


def table(results: Sequence[KindResult]) -> str:
    """Pass rates for a reader: a line for each kind, and one for all cases.

    Parameters
    ----------
    results : sequence of KindResult
        What `run` returned, at least one.

    Returns
    -------
    str
        Lines without a final line end.
    """
    whole = KindResult("all", sum(one.cases for one in results), tuple(f for one in results for f in one.failures))
    return "\n".join(
        [
            f"{'behaviour':16}{'passed':>8}{'cases':>8}{'rate':>8}",
            *(f"{one.kind:16}{one.passed:8d}{one.cases:8d}{one.rate:8.3f}" for one in (*results, whole)),
        ]
    )
