"""From what readers say is wrong to rows of the corpus.

A row needs a label for every ordered pair of its sentence, and a correction gives it for one. The model gives the
others where it is sure; else the sentence is for a person to annotate. Every correction has one outcome.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from relations.analyser import Analyser, Options
from relations.artifact import write
from relations.domain import LABELS, Mention, Relation, Sentence
from relations.pairs import actors_of, pairs_of
from training.annotations import BREAKS
from training.corpus import CorpusError, lines, row_problem
from training.formats.model import dump_lines
from training.suggest import Suggestion, apart, suggestion

Kind = Literal["taken", "there already", "to annotate", "to settle"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_PREFIX = "correction-"
"""What the id of a row begins with that corrections made; their ids follow."""
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Actor:
    """Where a party of a relation stands, in code points into the text, and its country where that was said."""

    start: int
    end: int
    country: str | None


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction that a person has accepted; ``id`` has 16 hexadecimal digits."""

    id: str
    text: str
    source: Actor
    target: Actor
    label: str
    event: str | None
    as_of: dt.date


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a correction, and why or where."""

    id: str
    kind: Kind
    reason: str


@dataclass(frozen=True)
class Pulled:
    """Result of `pull`.

    Attributes
    ----------
    outcomes : list of Outcome
        One for each correction.
    rows : list of dict
        New rows of the corpus.
    changed : dict
        Rows to put in the place of others, by the number of their line.
    tasks : list of Suggestion
        Sentences to annotate, with what is known of their pairs.
    """

    outcomes: list[Outcome]
    rows: list[dict[str, Any]]
    changed: dict[int, dict[str, Any]]
    tasks: list[Suggestion]

    def of(self, kind: Kind) -> list[Outcome]:
        """Outcomes of one kind."""
        return [one for one in self.outcomes if one.kind == kind]

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "rows": {"new": len(self.rows), "changed": len(self.changed)},
            "tasks": len(self.tasks),
            **{
                kind.replace(" ", "_"): [{"id": one.id, "reason": one.reason} for one in self.of(kind)]
                for kind in KINDS
            },
        }


@dataclass(frozen=True, slots=True)
class _Place:
    """A row of the corpus, and where it stands."""

    path: Path
    line: int
    row: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class _Read:
    """A correction whose sentence was found; ``problem`` says why its pair was not."""

    correction: Correction
    text: str
    actors: tuple[tuple[int, int, str], ...]
    pair: tuple[str, str]
    problem: str = ""


def pull(
    analyser: Analyser, corrections: Sequence[Correction], into: Path, least: float, countries: frozenset[str]
) -> Pulled:
    """Make rows of the corpus from corrections; what was pulled before is not pulled again.

    Parameters
    ----------
    analyser : Analyser
        Finds the countries, and judges the pairs that nobody has corrected.
    corrections : sequence of Correction
        Those that were accepted.
    into : Path
        File of the corpus for them. Its folder holds the rest of the corpus.
    least : float
        Probability from which on a judgement of the model is a label.
    countries : frozenset of str
        Codes that a mention may carry.

    Returns
    -------
    Pulled
        Nothing is written yet.

    Raises
    ------
    CorpusError
        If the corpus has a bad row: nobody can tell what it holds already.
    """
    return _Pull(analyser, into, least, countries).run(corrections)


def save(into: Path, pulled: Pulled) -> None:
    """Write the rows into their file; never half a file."""
    before = into.read_bytes().removesuffix(b"\n").split(b"\n") if into.exists() else []
    for number, row in pulled.changed.items():
        before[number - 1] = dump_lines([row]).removesuffix(b"\n")
    write(into, b"".join(line + b"\n" for line in before) + dump_lines(pulled.rows))


class _Pull:
    """One run of `pull`."""

    def __init__(self, analyser: Analyser, into: Path, least: float, countries: frozenset[str]) -> None:
        self.analyser = analyser
        self.into = into
        self.least = least
        self.countries = countries
        self.pulled = Pulled([], [], {}, [])
        self.known: dict[str, _Place] = {}
        """Rows of the corpus by their text."""
        self.done: dict[str, _Place] = {}
        """Rows of the corpus by the corrections that they come from."""
        for place in _rows(sorted(into.parent.glob("*.jsonl")), countries):
            self.known[place.row["text"]] = place
            self.done |= dict.fromkeys(_ids(place.row), place)

    def run(self, corrections: Sequence[Correction]) -> Pulled:
        """Take every correction."""
        groups: dict[str, list[_Read]] = {}
        for one in corrections:
            if one.id in self.done:
                self._tell([one], "there already", str(self.done[one.id]))
                continue
            found = self._read(one)
            if isinstance(found, str):
                self._tell([one], "to settle", found)
            else:
                groups.setdefault(found.text, []).append(found)
        for group in groups.values():
            self._group(group)
        return self.pulled

    def _tell(self, corrections: Iterable[Correction], kind: Kind, reason: str) -> None:
        self.pulled.outcomes.extend(Outcome(one.id, kind, reason) for one in corrections)

    def _read(self, correction: Correction) -> _Read | str:
        """Find the sentence and the pair of a correction, or say why it has none."""
        sentences, grouped = self.analyser.mentions(correction.text, correction.as_of)
        begin = min(correction.source.start, correction.target.start)
        end = max(correction.source.end, correction.target.end)
        for sentence, found in zip(sentences, grouped, strict=True):
            if sentence.start <= begin and end <= sentence.end:
                return _placed(correction, sentence, found)
        surfaces = (f"'{_cut(correction, actor)}'" for actor in (correction.source, correction.target))
        return f"{' and '.join(surfaces)} do not stand in one sentence"

    def _group(self, group: Sequence[_Read]) -> None:
        """Take the corrections of one sentence."""
        corrections = [one.correction for one in group]
        problem = _disagreement(group)
        place = self.known.get(group[0].text)
        if place is not None:
            for one in group:
                self._amend(one, place, problem)
            return
        wanted = {one.pair: one.correction for one in group}
        pairs = pairs_of(group[0].text, group[0].actors)
        judged = self.analyser.judge(pairs, Options(as_of=corrections[0].as_of))
        relations = tuple(_settled(one, wanted.get((one.source, one.target))) for one in judged)
        doubtful = [one for one in relations if one.probability < self.least]
        if doubtful and not problem:
            told = ", ".join(f"{one.source}→{one.target} ({one.label} {one.probability:.2f})" for one in doubtful)
            problem = f"the model is not sure of {told}"
        name = _PREFIX + "-".join(one.id for one in corrections)
        row = _row(name, group[0], relations, wanted)
        problem = problem or row_problem(row, self.countries)
        if problem:
            self.pulled.tasks.append(suggestion(name, group[0].text, group[0].actors, relations))
            self._tell(corrections, "to annotate", problem)
        else:
            self.pulled.rows.append(row)
            self._tell(corrections, "taken", f"{len(relations)} pairs: {_short(group[0].text)}")

    def _amend(self, one: _Read, place: _Place, problem: str) -> None:
        """Take a correction of a sentence that the corpus has."""
        place = replace(place, row=self.pulled.changed.get(place.line, place.row))
        source, target = one.pair
        relations = [dict(relation) for relation in place.row["relations"]]
        wanted = [r for r in relations if (r["source"], r["target"]) == one.pair]
        there = f"{source}→{target} is {wanted[0]['label']} in {place}" if wanted else f"no such pair in {place}"
        if problem or not wanted:
            self._tell([one.correction], "to settle", f"{problem or there}: look at {place}")
        elif wanted[0]["label"] == one.correction.label:
            self._tell([one.correction], "there already", there)
        elif place.path != self.into or not _ids(place.row):
            # People have labelled that sentence: it is not for a program to overrule them.
            self._tell([one.correction], "to settle", f"{there}: change it there if the reader is right")
        else:
            wanted[0].update(label=one.correction.label, event=one.correction.event)
            name = f"{place.row['id']}-{one.correction.id}"
            self.pulled.changed[place.line] = {**place.row, "id": name, "relations": relations}
            self._tell([one.correction], "taken", f"{there}, and is {one.correction.label} now")


def _rows(paths: Iterable[Path], countries: frozenset[str]) -> list[_Place]:
    found = []
    problems = []
    for path in paths:
        for number, line in lines(path):
            try:
                row = json.loads(line)
            except ValueError as error:
                problems.append(f"{path}:{number}: no JSON: {error}")
                continue
            problem = row_problem(row, countries)
            if problem:
                problems.append(f"{path}:{number}: {problem}")
            else:
                found.append(_Place(path, number, row))
    if problems:
        raise CorpusError(problems)
    return found


def _ids(row: Mapping[str, Any]) -> list[str]:
    """The corrections that a row comes from."""
    return _ID.findall(row["id"]) if row["id"].startswith(_PREFIX) else []


def _cut(correction: Correction, actor: Actor) -> str:
    return correction.text[actor.start : actor.end]


def _placed(correction: Correction, sentence: Sentence, mentions: Sequence[Mention]) -> _Read:
    """Find the countries of a correction among the mentions of its sentence."""
    actors = apart(actors_of(sentence, mentions))
    told = [
        _country(_cut(correction, actor), actor, mentions, {code for *_, code in actors})
        for actor in (correction.source, correction.target)
    ]
    (source, _), (target, _) = told
    problem = "; ".join(why for _, why in told if why)
    if not problem and source == target:
        problem = f"source and target are both {source}"
    return _Read(correction, sentence.text.translate(BREAKS), actors, (source, target), problem)


def _country(surface: str, actor: Actor, mentions: Sequence[Mention], parties: set[str]) -> tuple[str, str]:
    """Code of an actor's country, and why it has none in a row of the corpus."""
    here = sorted({one.country for one in mentions if one.start < actor.end and actor.start < one.end})
    code = actor.country or (here[0] if len(here) == 1 else "")
    if code not in here:
        wanted = f", not {code}" if code else ""
        return code, f"'{surface}' is {' and '.join(here) or 'no country'} to the gazetteer{wanted}"
    if code not in parties:
        return code, f"'{surface}' stands for several countries at once, and a mention of a row for one"
    return code, ""


def _disagreement(group: Sequence[_Read]) -> str:
    """Why the corrections of a sentence make no row, if so."""
    labels: dict[tuple[str, str], str] = {}
    for one in group:
        label = labels.setdefault(one.pair, one.correction.label)
        if one.problem:
            return one.problem
        if label != one.correction.label:
            return f"{'→'.join(one.pair)} is {label} to one reader and {one.correction.label} to another"
    if len({one.actors for one in group}) > 1:
        return "its countries differ with the texts around it"
    return ""


def _settled(judged: Relation, correction: Correction | None) -> Relation:
    if correction is None:
        return judged
    certain = {label: float(label == correction.label) for label in LABELS}
    return replace(judged, label=correction.label, probability=1.0, probabilities=certain)


def _row(
    name: str, read: _Read, relations: Sequence[Relation], wanted: Mapping[tuple[str, str], Correction]
) -> dict[str, Any]:
    return {
        "id": name,
        "text": read.text,
        "mentions": [{"start": start, "end": end, "country": code} for start, end, code in read.actors],
        "relations": [
            {
                "source": one.source,
                "target": one.target,
                "label": one.label,
                "event": wanted[one.source, one.target].event if (one.source, one.target) in wanted else None,
            }
            for one in relations
        ],
    }


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
