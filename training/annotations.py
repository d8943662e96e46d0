"""From annotated documents to rows of the corpus, and back."""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, groupby, permutations
from pathlib import Path
from typing import Any, Literal, NamedTuple

from relations.artifact import write
from relations.domain import EVENTS, EVENTS_OF, LABELS, Mention, Sentence
from relations.mentions import MentionFinder
from relations.reading import read_mentions
from training.corpus import LabelledSentence, lines, row_problem
from training.formats import brat, doccano, label_studio, prodigy, table
from training.formats.model import Document, Kind, Link, Note, Region, dump_lines

_ACTOR = "actor-"
"""What a hint begins with that names an actor other than a country."""
BREAKS = str.maketrans(dict.fromkeys("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029", " "))
"""For `str.translate`: puts a space where a line ends, since a row of the corpus is one line."""
_LABEL_OF_EVENT = {"CONSULT": "neutrality"} | {event: label for label, some in EVENTS_OF.items() for event in some}


class Format(NamedTuple):
    """How one tool's files are read and written; ``every_pair`` where a neutral pair has a row of its own."""

    read: Callable[[Path], Iterator[Document | Note]]
    render: Callable[[Sequence[Document], Path], dict[Path, bytes]]
    every_pair: bool = False


FORMATS = {
    "label-studio": Format(label_studio.read, label_studio.render),
    "doccano": Format(doccano.read, doccano.render),
    "prodigy": Format(prodigy.read, prodigy.render),
    "brat": Format(brat.read, brat.render),
    "table": Format(table.read, table.render, every_pair=True),
}


@dataclass(frozen=True)
class Rules:
    """How documents become rows.

    Attributes
    ----------
    countries : frozenset of str
        Codes that a mention may carry.
    finder : MentionFinder
        Finds the country of a region that does not say which it is.
    as_of : datetime.date
        Day of the texts.
    names : mapping of str to str
        What a label means, for labels by other names.
    missing : {"neutrality", "refuse"}
        What a pair without a relation is.
    split : bool
        Whether a text is split into sentences, or is one.
    annotator : str or None
        Whose annotations are taken; without it a text must have one, or one that is settled.
    """

    countries: frozenset[str]
    finder: MentionFinder
    as_of: dt.date
    names: Mapping[str, str]
    missing: Literal["neutrality", "refuse"] = "neutrality"
    split: bool = True
    annotator: str | None = None


@dataclass(frozen=True)
class Imported:
    """Result of `convert`.

    Attributes
    ----------
    rows : list of dict
        Rows of the corpus, each checked.
    notes : list of Note
        What was changed, left out and refused.
    filled : int
        Pairs that are neutral because they have no relation.
    """

    rows: list[dict[str, Any]]
    notes: list[Note]
    filled: int

    def of(self, kind: Kind) -> list[Note]:
        """Notes of one kind."""
        return [note for note in self.notes if note.kind == kind]

    def counts(self) -> dict[str, int]:
        """Pairs by label."""
        labels = [relation["label"] for row in self.rows for relation in row["relations"]]
        return {label: labels.count(label) for label in LABELS}

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "taken": {
                "sentences": len(self.rows),
                "pairs": sum(self.counts().values()),
                "labels": self.counts(),
                "neutral_without_a_relation": self.filled,
            },
            **{
                kind.replace(" ", "_"): [{"place": note.place, "reason": note.reason} for note in self.of(kind)]
                for kind in ("changed", "left out", "refused")
            },
        }


class _Marked(NamedTuple):
    """A mention: where it stands in its document, and for whom."""

    start: int
    end: int
    actor: str
    key: str


def convert(found: Iterable[Document | Note], rules: Rules, known: Mapping[str, str], name: str) -> Imported:
    """Make rows of the corpus from what a reader yields.

    Parameters
    ----------
    found : iterable of Document or Note
        From the readers.
    rules : Rules
        What to do where the tool leaves a choice.
    known : mapping of str to str
        Ids and texts that the corpus has, with their place.
    name : str
        Stem of the ids of documents that have only a number.

    Returns
    -------
    Imported
    """
    documents: list[Document] = []
    notes: list[Note] = []
    for one in found:
        (notes if isinstance(one, Note) else documents).append(one)  # type: ignore[arg-type]
    taken = dict(known)
    rows: list[dict[str, Any]] = []
    filled = 0
    chosen = list(_chosen(documents, rules.annotator, notes))
    for number, document in enumerate(chosen, 1):
        stem = document.id
        if not stem or stem.isdigit():
            free = (f"{name}-{trial}" for trial in count(int(stem or number)))
            stem = next(trial for trial in free if trial not in taken and f"{trial}-1" not in taken)
        reader = _Document(document, rules, notes)
        for index, (row, unsaid) in enumerate(reader.rows()):
            row["id"] = stem if reader.single else f"{stem}-{index + 1}"
            problem = row_problem(row, rules.countries)
            for key in ("text", "id"):
                if not problem and row[key] in taken:
                    what = "the same sentence" if key == "text" else f"id {row['id']}"
                    problem = f"{what} stands already in {taken[row[key]]}"
            if problem:
                notes.append(Note(document.place, problem, "refused"))
                continue
            taken[row["text"]] = taken[row["id"]] = document.place
            rows.append(row)
            filled += unsaid
    return Imported(rows, notes, filled)


def _chosen(documents: Sequence[Document], annotator: str | None, notes: list[Note]) -> Iterator[Document]:
    """One annotation of each text: the named annotator's, the settled one, or the one that there is."""
    groups: dict[str, list[Document]] = {}
    for document in documents:
        groups.setdefault(document.task, []).append(document)
    for group in groups.values():
        mine = [one for one in group if annotator is None or one.annotator == annotator]
        others = {one.annotator for one in group} - {annotator}
        if annotator is not None and others:
            notes.append(Note(group[0].place, f"annotations by {', '.join(sorted(others))}", "left out"))
        settled = [one for one in mine if one.settled]
        same = {(frozenset(one.regions), frozenset(one.links)) for one in mine}
        if len(settled) == 1 or len(same) == 1:
            yield (settled or mine)[0]
            if len(mine) > 1:
                notes.append(Note(group[0].place, f"all but one of {len(mine)} annotations", "left out"))
        elif mine:
            why = f"{len(mine)} annotations that differ: mark one as ground truth, or name an annotator"
            notes.append(Note(group[0].place, why, "refused"))


class _Document:
    """One document on its way to rows."""

    def __init__(self, document: Document, rules: Rules, notes: list[Note]) -> None:
        self.document = document
        self.rules = rules
        self.notes = notes
        text = document.text
        sentences, mentions = read_mentions(rules.finder, text, rules.as_of)
        self.mentions: list[Mention] = [mention for group in mentions for mention in group]
        if not rules.split and sentences:
            begin, end = sentences[0].start, sentences[-1].end
            sentences = [Sentence(0, begin, end, text[begin:end])]
        self.sentences = sentences
        self.single = len(sentences) == 1
        self.unclear: dict[str, str] = {}
        """Regions without an actor, and why."""
        self.marked: dict[int, list[_Marked]] = {sentence.index: [] for sentence in sentences}

    def note(self, reason: str, kind: Kind) -> None:
        """Say something about this document."""
        self.notes.append(Note(self.document.place, reason, kind))

    def rows(self) -> Iterator[tuple[dict[str, Any], int]]:
        """Rows without an id, each with the number of pairs that are neutral for want of a relation."""
        if not self.sentences:
            self.note("no text", "refused")
        for region in self.document.regions:
            self._mark(region)
        linked = {key for link in self.document.links for key in (link.source, link.target)}
        for key, why in self.unclear.items():
            self.note(why, "refused" if key in linked else "left out")
        judged, spoilt = self._judge()
        for sentence in self.sentences:
            marked = sorted(set(self.marked[sentence.index]))
            if sentence.index in spoilt:
                self.note(f"{spoilt[sentence.index]}: {_short(sentence.text)}", "refused")
            elif len({one.actor for one in marked}) < 2:
                self.note(f"fewer than two countries are marked: {_short(sentence.text)}", "left out")
            else:
                row = self._row(sentence, marked, judged)
                if row is not None:
                    yield row

    def _mark(self, region: Region) -> None:
        actor, why = ("", region.problem) if region.problem else self._actor(region)
        places = region.places
        if actor and not places:
            places = tuple((one.start, one.end) for one in self.mentions if one.country == actor)
            why = "" if places else f"{actor} is not named in the text: give its offsets"
        for start, end in places if actor else ():
            why = self._place(start, end, actor, region.key) or why
        if why:
            self.unclear[region.key] = why

    def _place(self, start: int, end: int, actor: str, key: str) -> str:
        """Put a mention into its sentence; the reason where it has none."""
        text = self.document.text
        surface = text[start:end]
        if not 0 <= start < end <= len(text) or not surface.strip():
            return f"region {start}–{end} lies outside the text"
        begin, stop = start + len(surface) - len(surface.lstrip()), start + len(surface.rstrip())
        if (begin, stop) != (start, end):
            self.note(f"region {start}–{end} without the white space at its ends", "changed")
        for sentence in self.sentences:
            if sentence.start <= begin and stop <= sentence.end:
                self.marked[sentence.index].append(_Marked(begin, stop, actor, key))
                return ""
        return f"'{surface}' crosses the border of two sentences"

    def _actor(self, region: Region) -> tuple[str, str]:
        """Whom a region stands for, or why that is not clear."""
        hints = [self.rules.names.get(hint, hint).strip() for hint in region.hints]
        for hint in hints:
            if hint in self.rules.countries:
                return hint, ""
            if hint.startswith(_ACTOR):
                return hint.removeprefix(_ACTOR), ""
        for hint in hints:
            named = {one.country for one in self.rules.finder.find(hint, self.rules.as_of)}
            if len(named) == 1:
                return named.pop(), ""
        surfaces = ", ".join(f"'{self.document.text[max(0, start) : end]}'" for start, end in region.places)
        found = {
            mention.country
            for start, end in region.places
            for mention in self.mentions
            if mention.start < end and start < mention.end
        }
        if len(found) == 1:
            return found.pop(), ""
        told = f"{surfaces or 'a region'} ({', '.join(region.hints) or 'without a label'})"
        if found:
            return "", f"{told} stands for {' and '.join(sorted(found))}: label it with one code"
        return "", f"{told} is no country that the gazetteer knows: label it with a code"

    def _judge(self) -> tuple[dict[tuple[int, str, str], tuple[str, str | None]], dict[int, str]]:
        """Labels by sentence and pair, and the sentences whose labels cannot be told, with the reason."""
        judged: dict[tuple[int, str, str], tuple[str, str | None]] = {}
        spoilt: dict[int, str] = {}
        where: dict[str, dict[int, str]] = {}
        for index, some in self.marked.items():
            for one in some:
                where.setdefault(one.key, {})[index] = one.actor
        for link in self.document.links:
            sources, targets = where.get(link.source, {}), where.get(link.target, {})
            label, event, why = self._meaning(link)
            if not sources or not targets:
                why = why or "a relation with a region that is no country"
            if not {link.source, link.target} <= {region.key for region in self.document.regions}:
                spoilt.update(dict.fromkeys(self.marked, "a relation with a region that is not there"))
            elif why:
                spoilt.update(dict.fromkeys({*sources, *targets}, why))
                if not sources and not targets:
                    self.note(why, "refused")
            if why:
                continue
            shared = [index for index in sources if index in targets]
            if not shared:
                ends = f"{next(iter(sources.values()))}→{next(iter(targets.values()))}"
                self.note(f"relation {ends} ({label}) joins two sentences", "refused")
            for index in shared:
                source, target = sources[index], targets[index]
                if source == target:
                    self.note(f"a relation of {source} with itself", "refused")
                    continue
                before, told = judged.setdefault((index, source, target), (label, event))
                if before != label:
                    spoilt[index] = f"{source}→{target} is {before} and {label}"
                elif told != event:
                    judged[index, source, target] = (label, told or event)
                    if told and event:
                        self.note(f"{source}→{target} without the second event {event}", "changed")
        return judged, spoilt

    def _meaning(self, link: Link) -> tuple[str, str | None, str]:
        """Label and event that a link's names mean, or why they mean nothing."""
        said = " ".join(link.names)
        labels: list[str] = []
        events: list[str] = []
        for part in (part for name in link.names for part in self.rules.names.get(name, name).split("-")):
            # "support" is a label, and SUPPORT an event too where a label stands beside it.
            if part.lower() in LABELS and not (labels and part.upper() in EVENTS):
                labels.append(part.lower())
            elif part.upper() in EVENTS:
                events.append(part.upper())
            else:
                return "", None, f"label '{said}' is none of {', '.join(LABELS)}: say what it means (--map)"
        if not labels:
            labels = [_LABEL_OF_EVENT[event] for event in events]
        if len(set(labels)) != 1 or len(events) > 1:
            return "", None, f"'{said}' is no single label" if said else "a relation without a label"
        return labels[0], events[0] if events else None, ""

    def _row(
        self,
        sentence: Sentence,
        marked: Sequence[_Marked],
        judged: Mapping[tuple[int, str, str], tuple[str, str | None]],
    ) -> tuple[dict[str, Any], int] | None:
        relations = []
        unsaid = []
        for source, target in permutations(dict.fromkeys(one.actor for one in marked), 2):
            if (sentence.index, source, target) not in judged:
                unsaid.append(f"{source}→{target}")
            label, event = judged.get((sentence.index, source, target), ("neutrality", None))
            relations.append({"source": source, "target": target, "label": label, "event": event})
        if unsaid and self.rules.missing == "refuse":
            self.note(f"no relation for {', '.join(unsaid)}: {_short(sentence.text)}", "refused")
            return None
        text = sentence.text.translate(BREAKS)
        if text != sentence.text:
            self.note("line breaks are spaces now", "changed")
        mentions = [
            {
                "start": start - sentence.start,
                "end": end - sentence.start,
                **({"country": actor} if actor in self.rules.countries else {"actor": actor}),
            }
            for (start, end, actor), _ in groupby(marked, lambda one: one[:3])
        ]
        return {"id": "", "text": text, "mentions": mentions, "relations": relations}, len(unsaid)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def known_rows(paths: Iterable[Path]) -> dict[str, str]:
    """Ids and texts of corpus files, with their place; rows that are no rows are passed over."""
    known: dict[str, str] = {}
    for path in paths:
        for number, line in lines(path):
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                known |= dict.fromkeys((str(row.get("id")), str(row.get("text"))), f"{path}:{number}")
    return known


def save(path: Path, rows: Sequence[Mapping[str, Any]], *, append: bool) -> None:
    """Write rows, after those that are there where ``append`` says so; never half a file."""
    before = path.read_bytes() if append and path.exists() else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    write(path, before + dump_lines(rows))


def documents_of(sentences: Iterable[LabelledSentence], *, every_pair: bool) -> list[Document]:
    """Rows of the corpus as documents.

    Parameters
    ----------
    sentences : iterable of LabelledSentence
        From the corpus.
    every_pair : bool
        Whether neutral pairs without an event have a link, too.

    Returns
    -------
    list of Document
        Links join the first mentions of their actors.
    """
    found = []
    for sentence in sentences:
        actors = sentence.pairs[0].pair.actors
        keys = keys_of(actors)
        links = tuple(
            Link(keys[one.pair.source], keys[one.pair.target], (one.label, *((one.event,) if one.event else ())))
            for one in sentence.pairs
            if every_pair or one.event or one.label != "neutrality"
        )
        found.append(Document(sentence.id, sentence.slice, sentence.text, regions_of(actors), links, sentence.id))
    return found


def regions_of(actors: Sequence[tuple[int, int, str]]) -> tuple[Region, ...]:
    """Actor mentions, as ``(start, end, actor)``, as regions."""
    return tuple(
        Region(f"m{number}", ((start, end),), (f"{_ACTOR}{actor}" if actor.islower() else actor,))
        for number, (start, end, actor) in enumerate(actors)
    )


def keys_of(actors: Sequence[tuple[int, int, str]]) -> dict[str, str]:
    """The region, of those of `regions_of`, where each actor is first mentioned."""
    keys: dict[str, str] = {}
    for number, (_, _, actor) in enumerate(actors):
        keys.setdefault(actor, f"m{number}")
    return keys
