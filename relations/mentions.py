"""Who is named where: country mentions in a text."""

import datetime as dt
import re
from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field

from ahocorasick_rs import AhoCorasick, MatchKind

from relations.domain import Mention, MentionKind
from relations.folding import fold
from relations.gazetteer import NO_COUNTRY, Gazetteer, Leader, Name, Sense

_NEAR = 120
"""Code points on either side in which a ``near`` cue is looked for: about one sentence."""
_PARAGRAPHS = 400
"""Code points on either side in which a country's plain name vouches for a weak one."""
_DOUBTFUL = frozenset({"weak", "person", "city"})
_WEIGHTS = {"before": 4, "after": 4, "near": 2, "text": 1}

_TITLE_WORDS = (
    "President Premier Chancellor King Queen Emperor Emir Sultan Prince Princess Pope General Marshal Colonel "
    "Chairman Ayatollah Taoiseach Dictator Secretary Minister Sheikh Sheik Leader leader strongman dictator "
    "ruler president premier chancellor king queen minister secretary Gen. Col. Sen. Sir Lord Dr. Dr "
    "President-elect president-elect Generalissimo Captain Capt. Lt. Maj. Admiral Adm. chief Chief junta"
).split()
_COURTESY = ("Mr", "Mr.", "Mrs", "Mrs.", "Ms", "Ms.")
_TITLE = re.compile(rf"(?:{'|'.join(re.escape(word) for word in _TITLE_WORDS)}) $")
_OFFICE_OF = {
    "foreign minister": re.compile(r"(?:[Ff]oreign (?:[Mm]inister|[Ss]ecretary)|Secretary of State) $"),
    "defence minister": re.compile(r"(?:[Dd]efen[cs]e (?:[Mm]inister|[Ss]ecretary)|Secretary of Defense) $"),
    "head of government": re.compile(r"(?:[Mm]inister|[Pp]remier|[Cc]hancellor|Taoiseach) $"),
    "head of state": re.compile(r"(?:[Pp]resident|[Kk]ing|[Qq]ueen|Emperor|Emir|Sultan|Pope) $"),
}
_PREVIOUS_WORD = re.compile(r"([^\W\d_][\w.'-]*)[ ]$")
_NEXT_WORD = re.compile(r"[ ]([^\W\d_][\w'-]*)")
_SENTENCE_START = re.compile(r"(?:^|[.!?:\"(\n-])\s*$")
_LANGUAGE_BEFORE = re.compile(
    r"(?<!\w)(?:in|into|from|[Ss]peaks?|[Ss]poke|[Ss]peaking|spoken|fluent|broken|halting|perfect|some|[Ll]earn(?:s|ed|ing|t)?"
    r"|[Tt]aught|[Tt]each(?:es|ing)?|[Tt]ranslated|stud(?:y|ies|ied)|both|simple|plain|little) $"
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
    senses: list[tuple[Sense, re.Pattern[str] | None]] = field(default_factory=list)
    other: bool = False
    """A phrase that means no country."""
    silent: bool = False
    """Means no country and nobody."""
    namesake: str = ""
    """Of a phrase such as "Michael Jordan" the part that is also a country's name."""
    shorter: list["_Surface"] = field(default_factory=list)
    """Surfaces that this one begins with, the longest first."""


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    country: str
    kind: MentionKind
    ambiguous: bool = False


def _start(found: _Found) -> int:
    return found.start


def _alternatives(cues: Iterable[str]) -> str:
    return "|".join(
        (r"(?<!\w)" if cue[0].isalnum() else "") + re.escape(cue) + (r"(?!\w)" if cue[-1].isalnum() else "")
        for cue in (fold(cue)[0] for cue in cues)
    )


def _pattern(sense: Sense) -> re.Pattern[str] | None:
    if sense.place == "default":
        return None
    alternatives = _alternatives(sense.cues)
    if sense.place == "before":
        return re.compile(rf"(?:{alternatives})[\s,]*$")
    if sense.place == "after":
        return re.compile(rf"(?:[\s,]|'s\b)*(?:{alternatives})")
    return re.compile(alternatives)


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
            self._surface(sense.surface).senses.append((sense, _pattern(sense)))
        patterns = self._patterns()
        for text, surface in patterns.items():
            surface.shorter = [
                patterns[text[:length]] for length in range(len(text) - 1, 1, -1) if text[:length] in patterns
            ]
        self._entries = list(patterns.values())
        for surface in self._entries:
            surface.plain = self._plain(surface)
            surface.namesake = self._namesake(surface)
            surface.silent = surface.other and not surface.names and not surface.namesake
        self._automaton = AhoCorasick(list(patterns), matchkind=MatchKind.LeftmostLongest)

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
        return [_mention(text, found, offsets) for found in certain]


def _mention(text: str, found: _Found, offsets: "array[int] | None") -> Mention:
    start, end = found.start, found.end
    if offsets is not None:
        start, end = offsets[start], offsets[end - 1] + 1
        while end < len(text) and not fold(text[end])[0] and not text[end].isspace():
            if text[end] in "\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069":
                break
            end += 1
    return Mention(start, end, text[start:end], found.country, found.kind, found.ambiguous)


class _Context:
    """Settles the open cases of one text."""

    def __init__(self, folded: str, as_of: dt.date, given_names: frozenset[str], certain: list[_Found]) -> None:
        self.folded = folded
        self.as_of = as_of
        self.given_names = given_names
        self.certain = certain
        """In order of ``start``."""
        self.ends = {found.end for found in certain}
        self.established: dict[str, Leader] = {}
        """Surname to the leader whom this text has introduced by full name or title."""
        self.persons: dict[str, int] = {}
        """Surfaces that this text uses as part of a person's name, with the first place."""
        self.language_end = -1
        """Where the last demonym that names a language ends."""

    def settle(self, cases: list[tuple[int, int, _Surface]]) -> list[_Found]:
        named: list[tuple[int, int, _Surface]] = []
        for start, end, surface in cases:
            if surface.namesake:
                self.persons.setdefault(surface.namesake, start)
            elif surface.people:
                leader = self._holder(surface.people, start)
                self._establish(leader)
                self._add(_Found(start, end, leader.country, "leader"))
            else:
                named.append((start, end, surface))
        surnames = [case for case in named if case[2].surname_of]
        for start, _, surface in surnames:
            if self._titled(start):
                holder = self._holder(surface.surname_of, start)
                self.established.setdefault(surface.text, holder)
        for start, end, surface in named:
            settled = self._leader(start, end, surface) if surface.surname_of else None
            if settled is None and surface.names:
                settled = self._name(start, end, surface)
            if settled is not None:
                self._add(settled)
        return self.certain

    def _add(self, found: _Found) -> None:
        insort(self.certain, found, key=_start)
        self.ends.add(found.end)

    def _countries(self, start: int, end: int) -> set[str]:
        """Countries that are certain to be mentioned between two offsets."""
        first = bisect_left(self.certain, start, key=_start)
        last = bisect_left(self.certain, end, key=_start)
        return {found.country for found in self.certain[first:last]}

    def _before(self, start: int) -> str:
        return self.folded[max(0, start - 60) : start]

    # Leaders

    def _establish(self, leader: Leader) -> None:
        for alone in (leader.surname, *leader.aliases):
            if " " not in alone:
                self.established[fold(alone)[0]] = leader

    def _titled(self, start: int) -> bool:
        return _TITLE.search(self._before(start)) is not None

    def _holder(self, leaders: list[Leader], start: int) -> Leader:
        """The likeliest of several people of one name: by the country named before, the office, the date."""
        before = self._before(start)
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
        before = self._before(start)
        if surface.text in _MONTHS and (_MONTH_BEFORE.search(before) or _MONTH_AFTER.match(self.folded, end)):
            return None
        titled = self._titled(start)
        if not titled and self._other_person(start, before):
            return None
        leader = self.established.get(surface.text)
        if leader is not None:
            return _Found(start, end, leader.country, "leader")
        sure = [person for person in surface.surname_of if person.unmistakable]
        if sure:
            leader = self._holder(sure, start)
            return _Found(start, end, leader.country, "leader")
        return None

    def _other_person(self, start: int, before: str) -> bool:
        """Whether a given name stands before, so that the surname is somebody else's."""
        previous = _PREVIOUS_WORD.search(before)
        if previous is None or start - len(before) + previous.end(1) in self.ends:
            return False
        word = previous[1]
        if word.endswith(".") and len(word) > 3:
            return False
        if not word[0].isupper() or word in _TITLE_WORDS or word in _COURTESY or word.isupper():
            return False
        if word in self.given_names:
            return True
        return _SENTENCE_START.search(before[: previous.start(1)]) is None and not self._headline(start)

    def _headline(self, start: int) -> bool:
        """Whether most words around are capitalised, so that a capital says nothing."""
        words: list[str] = re.findall(r"[^\W\d_]{4,}", self.folded[max(0, start - 60) : start + 60])
        return sum(word[0].isupper() for word in words) > 0.7 * len(words)

    # Names

    def _name(self, start: int, end: int, surface: _Surface) -> _Found | None:
        names = self._in_force(surface.names)
        if not names:
            return None
        if self._person(start, end, surface, names):
            self.persons.setdefault(surface.text, start)
            return None
        if self._language(start, end, names):
            self.language_end = end
            return None
        if any("prefix" in name.flags for name in names):
            following = self.folded[end : end + 2]
            if following[:1] == "-" and following[1:].isupper():
                return _Found(start, end, names[0].country, names[0].kind)
            return None
        if any("media" in name.flags for name in names) and _DATELINE_AFTER.match(self.folded, end):
            return None
        kinds = {name.country: name.kind for name in reversed(names)}
        scores: dict[str, int] = {}
        for reading, score in self._scores(start, end, surface).items():
            if reading in kinds:
                scores[reading] = scores.get(reading, 0) + score
            elif all(name.country != reading for name in surface.names):
                # Another place of the name, such as Lebanon's Tripoli.
                scores[NO_COUNTRY] = scores.get(NO_COUNTRY, 0) + score
        best = max(scores.values(), default=0)
        winners = [reading for reading, score in scores.items() if score == best]
        if best and len(winners) == 1:
            return self._reading(start, end, winners[0], kinds, ambiguous=False)
        vouching = self._countries(start - _PARAGRAPHS, end + _PARAGRAPHS)
        vouched = [name.country for name in names if name.country in vouching]
        if vouched and not best:
            return self._reading(start, end, vouched[0], kinds, ambiguous="weak" in names[0].flags)
        default = next((sense.reading for sense, _ in surface.senses if sense.place == "default"), None)
        if default not in kinds and default != NO_COUNTRY:
            default = None
        if default is None:
            strong = [name for name in names if "weak" not in name.flags]
            default = strong[0].country if strong else NO_COUNTRY
        if self.persons.get(surface.text, start) < start:
            return None
        doubtful = len({*kinds, *scores}) > 1 or any(name.flags & _DOUBTFUL for name in names)
        alone = not self._countries(start - _NEAR, end + _NEAR) - {default}
        return self._reading(start, end, default, kinds, ambiguous=doubtful and (bool(best) or alone))

    @staticmethod
    def _reading(
        start: int, end: int, reading: str, kinds: dict[str, MentionKind], *, ambiguous: bool
    ) -> _Found | None:
        if reading == NO_COUNTRY:
            return None
        return _Found(start, end, reading, kinds.get(reading, "name"), ambiguous)

    def _in_force(self, names: list[Name]) -> list[Name]:
        valid = [name for name in names if name.since <= self.as_of <= name.until]
        if valid or any(name.kind in {"government", "capital"} for name in names):
            return valid
        return [max(names, key=lambda name: name.until)]

    def _person(self, start: int, end: int, surface: _Surface, names: list[Name]) -> bool:
        if not any("person" in name.flags for name in names):
            return False
        before = self._before(start)
        previous = _PREVIOUS_WORD.search(before)
        if previous and previous[1] in self.given_names and start - len(before) + previous.end(1) not in self.ends:
            return True
        following = _NEXT_WORD.match(self.folded, end)
        return bool(
            surface.text in self.given_names
            and following is not None
            and following[1][0].isupper()
            and not following[1].isupper()
            and following[1] not in _TITLE_WORDS
            and not self._headline(start)
            and not self._countries(following.start(1), following.start(1) + 1)
        )

    def _language(self, start: int, end: int, names: list[Name]) -> bool:
        """Whether a demonym names a language: "in French and Italian", not "in French and Italian waters"."""
        if "language" not in names[0].flags:
            return False
        chained = self.language_end >= 0 and _LANGUAGE_CHAIN.fullmatch(self.folded, self.language_end, start)
        if not chained and not _LANGUAGE_BEFORE.search(self._before(start)):
            return False
        return bool(_LANGUAGE_AFTER.match(self.folded, end))

    def _scores(self, start: int, end: int, surface: _Surface) -> dict[str, int]:
        scores: dict[str, int] = {}
        for sense, pattern in surface.senses:
            if pattern is None:
                continue
            if sense.place == "before":
                hit = pattern.search(self._before(start)) is not None
            elif sense.place == "after":
                hit = pattern.match(self.folded, end) is not None
            elif sense.place == "near":
                hit = (
                    pattern.search(self.folded, max(0, start - _NEAR), start) is not None
                    or pattern.search(self.folded, end, end + _NEAR) is not None
                )
            else:
                hit = pattern.search(self.folded) is not None
            if hit:
                scores[sense.reading] = scores.get(sense.reading, 0) + _WEIGHTS[sense.place]
        return scores
