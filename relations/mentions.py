"""Who is named where: country mentions in a text."""

import datetime as dt
import re
import unicodedata
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from relations.cues import Cues, Surroundings, compile_cues
from relations.domain import Mention, MentionKind
from relations.folding import fold
from relations.gazetteer import NO_COUNTRY, Gazetteer, Leader, Name, Sense

_NEAR = 120
"""Code points on either side in which another country makes a doubtful name sure."""
_PARAGRAPHS = 400
"""Code points on either side in which a country's plain name vouches for a weak one."""
_DOUBTFUL = frozenset({"weak", "person", "city"})

_TITLES = frozenset(
    "President Premier Chancellor King Queen Emperor Emir Sultan Prince Princess Pope General Marshal Colonel "
    "Chairman Ayatollah Taoiseach Dictator Secretary Minister Sheikh Sheik Leader leader strongman dictator "
    "ruler president premier chancellor king queen minister secretary Gen. Col. Sen. Sir Lord "
    "President-elect president-elect Generalissimo Captain Capt. Lt. Maj. Admiral Adm. chief Chief junta".split()
)
_STRANGERS = frozenset({"Dr", "Dr.", "Prof.", "Professor", "Judge", "Rep.", "Officer", "Father", "Rev.", "Bishop"})
"""Titles that leaders are not called by."""
_COURTESY = frozenset({"Mr", "Mr.", "Mrs", "Mrs.", "Ms", "Ms."})
_OFFICE_OF = {
    "foreign minister": re.compile(r"(?:[Ff]oreign (?:[Mm]inister|[Ss]ecretary)|Secretary of State) $"),
    "defence minister": re.compile(r"(?:[Dd]efen[cs]e (?:[Mm]inister|[Ss]ecretary)|Secretary of Defense) $"),
    "head of government": re.compile(r"(?:[Mm]inister|[Pp]remier|[Cc]hancellor|Taoiseach) $"),
    "head of state": re.compile(r"(?:[Pp]resident|[Kk]ing|[Qq]ueen|Emperor|Emir|Sultan|Pope) $"),
}
_NEXT_WORD = re.compile(r"[ ]([^\W\d_][\w'-]*)")
_SENTENCE_START = re.compile(r"(?:^|[.!?:\"(\n-])\s*$")
_LANGUAGE_WORDS = frozenset(
    "in into from speak speaks Speak Speaks spoke Spoke speaking Speaking spoken fluent broken halting perfect "
    "some learn learns learned learning learnt Learn Learning taught Taught teach teaches teaching Teaching "
    "translated study studies studied both simple plain little".split()
)
_LANGUAGE_CHAIN = re.compile(r",? (?:and|or|but|to)?(?: (?:in|a|little|into|not))* ?|, ")
_LANGUAGE_END = (
    r"[.,;:!?)\"]|$| (?:are|is|was|were|with|by|as|on|at|that|when|but|before|after|because|for|to|since|while|so"
    r"|from|fluently|rather|than|if|he|she|they|we|only)(?!\w)"
)
_LANGUAGE_AFTER = re.compile(
    rf"(?:{_LANGUAGE_END}| (?:and|or)(?: in| into| a little)? [A-Z][a-z]+(?:{_LANGUAGE_END}| and(?!\w)))"
)
_MONTHS = frozenset({"May", "March", "August", "June"})
_MONTH_BEFORE = re.compile(
    r"(?:\d|\b(?:in|last|next|of|since|until|by|this|early|late|mid|through)) $", re.IGNORECASE
)
_MONTH_AFTER = re.compile(r" \d")
_DATELINE_AFTER = re.compile(r"(?: news agency)?\s*\)")
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the names of a surface say on one day."""

    names: tuple[Name, ...]
    kinds: dict[str, MentionKind]
    flags: frozenset[str]
    default: str
    """Country code, or `NO_COUNTRY`, where no cue decides."""
    certain: bool
    """Whether the default needs no cue to be sure."""


@dataclass(slots=True)
class _Surface:
    """What one folded surface can mean."""

    text: str
    plain: tuple[str, MentionKind] | None = None
    """Country and kind where nothing needs to be weighed: the fast path."""
    names: list[Name] = field(default_factory=list)
    people: list[Leader] = field(default_factory=list)
    """Leaders whose full name this is."""
    surname_of: list[Leader] = field(default_factory=list)
    senses: list[Sense] = field(default_factory=list)
    cues: tuple[Cues, ...] = ()
    reading: _Reading | None = None
    """What the names say where no date matters."""
    other: bool = False
    """A phrase that means no country."""
    silent: bool = False
    """Means no country and nobody."""
    namesake: str = ""
    """Of a phrase such as "Michael Jordan" the part that is also a country's name."""
    shorter: list["_Surface"] = field(default_factory=list)
    """Surfaces that this one begins with, the longest first."""

    def on(self, day: dt.date) -> _Reading | None:
        """What the names say on a day; None if they say nothing."""
        names = [name for name in self.names if name.since <= day <= name.until]
        if not names:
            if not self.names or any(name.kind in {"government", "capital"} for name in self.names):
                return None
            names = [max(self.names, key=lambda name: name.until)]
        kinds: dict[str, MentionKind] = {name.country: name.kind for name in reversed(names)}
        default = next((sense.reading for sense in self.senses if sense.place == "default"), None)
        if default is None or (default not in kinds and default != NO_COUNTRY):
            default = next((name.country for name in names if "weak" not in name.flags), NO_COUNTRY)
        flags = frozenset().union(*(name.flags for name in names))
        return _Reading(tuple(names), kinds, flags, default, len(kinds) == 1 and not flags & _DOUBTFUL)


class _Found(NamedTuple):
    start: int
    end: int
    country: str
    kind: MentionKind
    ambiguous: bool = False


class MentionFinder:
    """Finds the country mentions of a text.

    Parameters
    ----------
    gazetteer : Gazetteer
        What is known of names.

    Notes
    -----
    All names are found in one pass of an Aho-Corasick automaton, leftmost and longest first; so "New Mexico"
    and "Bank of China" are taken as a whole before "Mexico" and "China" can be. Most surfaces mean one
    country and are done. The others (cities that are first names, offices that many countries have, surnames
    of leaders) are decided in a second step by the cues around them.
    """

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.gazetteer = gazetteer
        self._surfaces: dict[str, _Surface] = {}
        self._read_names()
        self._read_leaders()
        for phrase in gazetteer.others:
            self._surface(phrase).other = True
        for sense in gazetteer.senses:
            self._surface(sense.surface).senses.append(sense)
        patterns = self._patterns()
        for text, surface in patterns.items():
            surface.shorter = [
                patterns[text[:length]] for length in range(len(text) - 1, 1, -1) if text[:length] in patterns
            ]
        self._entries = list(patterns.values())
        for surface in self._entries:
            surface.plain = self._plain(surface)
            surface.cues = compile_cues(surface.senses)
            if not any(name.dated for name in surface.names):
                surface.reading = surface.on(dt.date.max)
            surface.namesake = self._namesake(surface)
            surface.silent = surface.other and not surface.names and not surface.namesake
        self._automaton = AhoCorasick(
            list(patterns), matchkind=MatchKind.LeftmostLongest, implementation=Implementation.ContiguousNFA
        )

    def _surface(self, text: str) -> _Surface:
        folded = fold(text)[0]
        return self._surfaces.setdefault(folded, _Surface(folded))

    def _read_names(self) -> None:
        for name in self.gazetteer.names:
            if self.gazetteer.countries[name.country].party:
                self._surface(name.surface).names.append(name)
            else:
                # A dependent territory is no actor, but its name must not be taken for another's.
                self._surface(name.surface).other = True

    def _read_leaders(self) -> None:
        for leader in self.gazetteer.leaders:
            for alias in dict.fromkeys((leader.name, *leader.aliases)):
                if " " in alias:
                    self._surface(alias).people.append(leader)
            for alone in dict.fromkeys((leader.surname, *(a for a in leader.aliases if " " not in a))):
                self._surface(alone).surname_of.append(leader)

    def _patterns(self) -> dict[str, _Surface]:
        """Every surface as written, and in capitals unless only one casing of it counts."""
        patterns = dict(self._surfaces)
        for text, surface in self._surfaces.items():
            cased = surface.names and all("cased" in name.flags for name in surface.names)
            if not cased and len(text) > 2:
                patterns.setdefault(text.upper(), surface)
        return patterns

    def _namesake(self, surface: _Surface) -> str:
        """The last word of a person's name where it is a country's name too."""
        given, _, last = surface.text.rpartition(" ")
        alone = self._surfaces.get(last)
        if surface.other and given in self.gazetteer.given_names and alone is not None:
            return last
        return ""

    @staticmethod
    def _plain(surface: _Surface) -> tuple[str, MentionKind] | None:
        weighed = {"weak", "person", "prefix", "media", "language"}
        countries = {name.country for name in surface.names}
        if (
            len(countries) != 1
            or surface.people
            or surface.surname_of
            or surface.senses
            or surface.other
            or any(name.flags & weighed or name.dated for name in surface.names)
        ):
            return None
        return surface.names[0].country, surface.names[0].kind

    def find(self, text: str, as_of: dt.date) -> list[Mention]:
        """Find the mentions.

        Parameters
        ----------
        text : str
            Any text; sentences need not be known.
        as_of : datetime.date
            Day on which the text was written: who held which office.

        Returns
        -------
        list of Mention
            In order of ``start``, without overlap; ``text[m.start:m.end] == m.text`` holds for each.
        """
        folded, offsets = fold(text)
        certain: list[_Found] = []
        open_cases: list[tuple[int, int, _Surface]] = []
        entries, last = self._entries, len(folded)
        for index, start, stop in self._automaton.find_matches_as_indexes(folded):
            end = stop
            if start and folded[start - 1].isalnum():
                continue
            surface = entries[index]
            if end < last and folded[end].isalnum():
                shorter = next((s for s in surface.shorter if not folded[start + len(s.text)].isalnum()), None)
                if shorter is None:
                    continue
                surface, end = shorter, start + len(shorter.text)
            if surface.silent:
                continue
            if surface.plain is not None:
                certain.append(_Found(start, end, *surface.plain))
            else:
                open_cases.append((start, end, surface))
        if open_cases:
            certain = _Context(folded, as_of, self.gazetteer.given_names, certain).settle(open_cases)
        if offsets is None:
            return [
                Mention(start, end, text[start:end], country, kind, ambiguous)
                for start, end, country, kind, ambiguous in certain
            ]
        return [_mention(text, found, offsets) for found in certain]


def _mention(text: str, found: _Found, offsets: "array[int]") -> Mention:
    start, end = offsets[found.start], offsets[found.end - 1] + 1
    # A combining mark belongs to the character before it; a direction mark after a name does not.
    while end < len(text) and unicodedata.combining(text[end]):
        end += 1
    return Mention(start, end, text[start:end], found.country, found.kind, found.ambiguous)


class _Context:
    """Settles the open cases of one text."""

    def __init__(self, folded: str, as_of: dt.date, given_names: frozenset[str], certain: list[_Found]) -> None:
        self.folded = folded
        self.as_of = as_of
        self.given_names = given_names
        self.rows = (certain, [], [])  # type: tuple[list[_Found], list[_Found], list[_Found]]
        """Plain names, full names of leaders, settled cases: each in order of ``start``."""
        self.starts = ([found.start for found in certain], [], [])  # type: tuple[list[int], list[int], list[int]]
        self.ends = {found.end for found in certain}
        self.surroundings = Surroundings(folded)
        self.readings: dict[str, _Reading | None] = {}
        self.established: dict[str, Leader] = {}
        """Surname to the leader whom this text has introduced by full name or title."""
        self.persons: dict[str, int] = {}
        """Surfaces that this text uses as part of a person's name, with the first place."""
        self.language_end = -1
        """Where the last demonym that names a language ends."""

    def settle(self, cases: list[tuple[int, int, _Surface]]) -> list[_Found]:
        """All mentions of the text, in order of ``start``."""
        named: list[tuple[int, int, _Surface]] = []
        for start, end, surface in cases:
            if surface.namesake:
                self.persons.setdefault(surface.namesake, start)
            elif surface.people:
                leader = self._holder(surface.people, start)
                self._establish(leader)
                if leader.country != NO_COUNTRY:
                    self._add(1, _Found(start, end, leader.country, "leader"))
            else:
                named.append((start, end, surface))
        for start, _, surface in named:
            if surface.surname_of and self._previous(start)[0] in _TITLES:
                self.established.setdefault(surface.text, self._holder(surface.surname_of, start))
        for start, end, surface in named:
            settled = self._leader(start, end, surface) if surface.surname_of else None
            if settled is None and surface.names:
                settled = self._name(start, end, surface)
            if settled is not None:
                self._add(2, settled)
        return sorted(found for row in self.rows for found in row)

    def _add(self, row: int, found: _Found) -> None:
        self.rows[row].append(found)
        self.starts[row].append(found.start)
        self.ends.add(found.end)

    def _countries(self, start: int, end: int) -> set[str]:
        """Countries that are certain to be mentioned between two offsets."""
        return {
            found.country
            for row, starts in zip(self.rows, self.starts, strict=True)
            for found in row[bisect_left(starts, start) : bisect_left(starts, end)]
        }

    def _previous(self, start: int) -> tuple[str, int]:
        """The word before an offset, one space away, and its own offset; empty if there is none."""
        if not start or self.folded[start - 1] != " ":
            return "", start
        begin = self.folded.rfind(" ", 0, start - 1) + 1
        while begin < start - 1 and not self.folded[begin].isalpha():
            begin += 1
        return self.folded[begin : start - 1], begin

    # Leaders

    def _establish(self, leader: Leader) -> None:
        for alone in (leader.surname, *leader.aliases):
            if " " not in alone:
                self.established[fold(alone)[0]] = leader

    def _holder(self, leaders: list[Leader], start: int) -> Leader:
        """The likeliest of several people of one name: by the country named before, the office, the date."""
        if len(leaders) == 1:
            return leaders[0]
        before = self.folded[max(0, start - 60) : start]
        near = self._countries(start - 60, start)

        def likelihood(leader: Leader) -> tuple[bool, bool, bool, dt.date]:
            office = _OFFICE_OF.get(leader.office)
            return (
                leader.country in near,
                office is not None and office.search(before) is not None,
                leader.since <= self.as_of <= leader.until,
                min(leader.until, self.as_of),
            )

        return max(leaders, key=likelihood)

    def _leader(self, start: int, end: int, surface: _Surface) -> _Found | None:
        leader = self.established.get(surface.text)
        sure = [] if leader else [person for person in surface.surname_of if person.unmistakable]
        if leader is None and not sure:
            return None
        if surface.text in _MONTHS and (
            _MONTH_BEFORE.search(self.folded[max(0, start - 10) : start]) or _MONTH_AFTER.match(self.folded, end)
        ):
            return None
        if self._other_person(start):
            return None
        leader = leader or self._holder(sure, start)
        return None if leader.country == NO_COUNTRY else _Found(start, end, leader.country, "leader")

    def _other_person(self, start: int) -> bool:
        """Whether a given name stands before, so that the surname is somebody else's."""
        word, begin = self._previous(start)
        if not word or not word[0].isupper() or word in _TITLES or word in _COURTESY or start - 1 in self.ends:
            return False
        if word in self.given_names or word in _STRANGERS:
            return True
        if word.isupper() or (word.endswith(".") and len(word) > 3):
            return False
        first = _SENTENCE_START.search(self.folded[max(0, begin - 4) : begin]) is not None
        return not first and not self._headline(start)

    def _headline(self, start: int) -> bool:
        """Whether most words around are capitalised, so that a capital says nothing."""
        words: list[str] = _LONG_WORD.findall(self.folded, max(0, start - 60), start + 60)
        return sum(word[0].isupper() for word in words) > 0.7 * len(words)

    # Names

    def _reading(self, surface: _Surface) -> _Reading | None:
        if surface.reading is not None:
            return surface.reading
        if surface.text not in self.readings:
            self.readings[surface.text] = surface.on(self.as_of)
        return self.readings[surface.text]

    def _name(self, start: int, end: int, surface: _Surface) -> _Found | None:
        reading = self._reading(surface)
        if reading is None:
            return None
        if reading.flags:
            if "person" in reading.flags and self._person(start, end, surface):
                self.persons.setdefault(surface.text, start)
                return None
            if "language" in reading.flags and self._language(start, end):
                self.language_end = end
                return None
            if "prefix" in reading.flags:
                joined = self.folded[end : end + 1] == "-" and self.folded[end + 1 : end + 2].isupper()
                return _Found(start, end, *next(iter(reading.kinds.items()))) if joined else None
            if "media" in reading.flags and _DATELINE_AFTER.match(self.folded, end):
                return None
        scores = self._scores(start, end, surface, reading)
        if scores:
            best = max(scores.values())
            winners = [country for country, score in scores.items() if score == best]
            if len(winners) == 1:
                return self._found(start, end, winners[0], reading)
        else:
            if reading.certain and reading.default != NO_COUNTRY and surface.text not in self.persons:
                return self._found(start, end, reading.default, reading)
            vouching = self._countries(start - _PARAGRAPHS, end + _PARAGRAPHS)
            vouched = next((name for name in reading.names if name.country in vouching), None)
            if vouched is not None:
                return self._found(start, end, vouched.country, reading, ambiguous="weak" in vouched.flags)
        if self.persons.get(surface.text, start) < start:
            return None
        alone = not self._countries(start - _NEAR, end + _NEAR) - {reading.default}
        return self._found(start, end, reading.default, reading, ambiguous=bool(scores) or alone)

    @staticmethod
    def _found(start: int, end: int, country: str, reading: _Reading, *, ambiguous: bool = False) -> _Found | None:
        if country == NO_COUNTRY:
            return None
        return _Found(start, end, country, reading.kinds.get(country, "name"), ambiguous)

    def _person(self, start: int, end: int, surface: _Surface) -> bool:
        previous = self._previous(start)[0]
        if previous in self.given_names and start - 1 not in self.ends:
            return True
        if surface.text not in self.given_names:
            return False
        following = _NEXT_WORD.match(self.folded, end)
        return bool(
            following is not None
            and following[1][0].isupper()
            and not following[1].isupper()
            and following[1] not in _TITLES
            and not self._headline(start)
            and not self._countries(following.start(1), following.start(1) + 1)
        )

    def _language(self, start: int, end: int) -> bool:
        """Whether a demonym names a language: "in French and Italian", not "in French and Italian waters"."""
        chained = self.language_end >= 0 and _LANGUAGE_CHAIN.fullmatch(self.folded, self.language_end, start)
        if not chained and self._previous(start)[0] not in _LANGUAGE_WORDS:
            return False
        return _LANGUAGE_AFTER.match(self.folded, end) is not None

    def _scores(self, start: int, end: int, surface: _Surface, reading: _Reading) -> dict[str, int]:
        """How much speaks for each reading; where words beside the name decide, farther ones are not asked."""
        scores: dict[str, int] = {}
        for cues in surface.cues:
            score = cues.beside(self.folded, start, end)
            if score:
                self._count(scores, cues.reading, score, surface, reading)
        if len(scores) == 1:
            return scores
        near = self.surroundings.near(start) if surface.cues else ()
        for cues in surface.cues:
            score = cues.around(self.surroundings, start, near)
            if score:
                self._count(scores, cues.reading, score, surface, reading)
        return scores

    @staticmethod
    def _count(scores: dict[str, int], country: str, score: int, surface: _Surface, reading: _Reading) -> None:
        if country not in reading.kinds and country != NO_COUNTRY:
            if any(name.country == country for name in surface.names):
                return
            # Another place of the name, such as Lebanon's Tripoli.
            country = NO_COUNTRY
        scores[country] = scores.get(country, 0) + score
