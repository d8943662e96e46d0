"""The gazetteer: which words stand for which country, read from ``labels/gazetteer/``."""

import csv
import datetime as dt
import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import get_args

from relations.domain import MentionKind
from relations.folding import fold

DEFAULT_FOLDER = Path(__file__).resolve().parents[1] / "labels" / "gazetteer"
FLAGS = frozenset({"cased", "weak", "person", "part", "prefix", "media", "city", "language"})
NO_COUNTRY = "-"
INTERNATIONAL = "international official"
"""Office of somebody who for a time speaks for an organisation and for no country; the code is then ``-``."""
OFFICES = frozenset(
    {"head of state", "head of government", "foreign minister", "defence minister", "leader", INTERNATIONAL}
)
PLACES = frozenset({"before", "after", "near", "text", "default"})

_DATE = re.compile(r"[0-9]{4}(?:-[0-9]{2}){0,2}")
_NO_UTF8 = re.compile("[\udc80-\udcff]")
"""What bytes that are no UTF-8 become under surrogateescape."""
_FAR_PAST, _FAR_FUTURE = dt.date.min, dt.date.max


class GazetteerError(ValueError):
    """A file of the gazetteer is bad; the text names file, line and reason."""


@dataclass(frozen=True, slots=True)
class Country:
    """A country or territory; dates of existence are years, None where they do not matter.

    ``party`` tells the countries and parties of the codebook from dependent territories, which are no actors.
    """

    code: str
    name: str
    official: str
    capitals: tuple[str, ...]
    region: str
    cow: str
    cow_code: str
    fips: str
    since: int | None
    until: int | None
    party: bool


@dataclass(frozen=True, slots=True)
class Name:
    """A surface that can stand for a country; ``since`` and ``until`` are days, both inclusive."""

    surface: str
    country: str
    kind: MentionKind
    since: dt.date
    until: dt.date
    flags: frozenset[str]

    @property
    def dated(self) -> bool:
        """Whether the name holds for a part of history only."""
        return self.since != _FAR_PAST or self.until != _FAR_FUTURE


@dataclass(frozen=True, slots=True)
class Leader:
    """A term of office; ``since`` and ``until`` are days, both inclusive."""

    country: str
    office: str
    name: str
    surname: str
    aliases: tuple[str, ...]
    since: dt.date
    until: dt.date
    unmistakable: bool


@dataclass(frozen=True, slots=True)
class Sense:
    """What a cue says of an ambiguous surface; ``reading`` is a country code or ``-``."""

    surface: str
    reading: str
    place: str
    cues: tuple[str, ...]


@dataclass(frozen=True)
class Gazetteer:
    """All that is known of names. `load` reads and checks it."""

    countries: dict[str, Country]
    names: tuple[Name, ...]
    leaders: tuple[Leader, ...]
    others: tuple[str, ...]
    """Phrases that contain a country's name and do not mean the country."""
    senses: tuple[Sense, ...]
    given_names: frozenset[str]

    @cached_property
    def names_of(self) -> dict[str, tuple[Name, ...]]:
        """The names of each country."""
        found: dict[str, list[Name]] = {code: [] for code in self.countries}
        for name in self.names:
            found[name.country].append(name)
        return {code: tuple(names) for code, names in found.items()}


def _day(text: str, *, last: bool) -> dt.date:
    """A date written as YYYY, YYYY-MM or YYYY-MM-DD; the first or last day that it can mean."""
    if not text:
        return _FAR_FUTURE if last else _FAR_PAST
    if not _DATE.fullmatch(text):
        raise ValueError(text)
    parts = [int(part) for part in text.split("-")]
    if len(parts) == 1:
        return dt.date(parts[0], 12, 31) if last else dt.date(parts[0], 1, 1)
    if len(parts) == 2:
        year, month = parts
        return dt.date(year, month, monthrange(year, month)[1] if last else 1)
    return dt.date(*parts)


def _rows(path: Path, header: str) -> Iterator[tuple[str, dict[str, str]]]:
    columns = header.split()
    if not path.stat().st_size:
        raise GazetteerError(f"{path}:1: the header must be: {header} (tab-separated)")
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), 1):
            place = f"{path}:{number}"
            if _NO_UTF8.search("".join(row)):
                raise GazetteerError(f"{place}: not UTF-8")
            if number == 1:
                if row != columns:
                    raise GazetteerError(f"{place}: the header must be: {header} (tab-separated)")
                continue
            if len(row) != len(columns):
                raise GazetteerError(f"{place}: {len(row)} columns where {len(columns)} belong")
            if any(cell != cell.strip() for cell in row):
                raise GazetteerError(f"{place}: a cell has white space at an end")
            yield place, dict(zip(columns, row, strict=True))


def _parts(cell: str, separator: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(separator) if part.strip())


def _require(place: str, condition: bool, reason: str) -> None:
    if not condition:
        raise GazetteerError(f"{place}: {reason}")


def _period(place: str, row: dict[str, str]) -> tuple[dt.date, dt.date]:
    try:
        since, until = _day(row["from"], last=False), _day(row["until"], last=True)
    except ValueError:
        raise GazetteerError(f"{place}: dates are YYYY, YYYY-MM or YYYY-MM-DD") from None
    _require(place, since <= until, "'from' lies after 'until'")
    return since, until


def _countries(path: Path) -> dict[str, Country]:
    found: dict[str, Country] = {}
    for place, row in _rows(path, "code name official capital region cow cow_code fips from until party"):
        code = row["code"]
        _require(
            place,
            len(code) == 3 and code.isascii() and code.isalpha() and code.isupper(),
            f"'{code}' is no alpha-3 code",
        )
        _require(place, code not in found, f"{code} stands twice")
        _require(place, bool(row["name"]) and bool(row["region"]), "a country needs a name and a region")
        _require(place, row["party"] in {"yes", "no"}, "party is yes or no")
        try:
            since, until = (int(row[key]) if row[key] else None for key in ("from", "until"))
        except ValueError:
            raise GazetteerError(f"{place}: from and until are years") from None
        _require(place, since is None or until is None or since <= until, "'from' lies after 'until'")
        found[code] = Country(
            code,
            row["name"],
            row["official"],
            _parts(row["capital"], "|"),
            row["region"],
            row["cow"],
            row["cow_code"],
            row["fips"],
            since,
            until,
            row["party"] == "yes",
        )
    return found


def _names(path: Path, countries: dict[str, Country]) -> Iterator[Name]:
    seen: set[tuple[str, ...]] = set()
    for place, row in _rows(path, "surface country kind from until flags"):
        flags = frozenset(_parts(row["flags"], ","))
        _require(place, bool(fold(row["surface"])[0]), "the surface is empty")
        _require(place, row["country"] in countries, f"country '{row['country']}' is not in countries.tsv")
        kind = row["kind"]
        _require(
            place,
            kind in get_args(MentionKind) and kind not in {"leader", "anaphor"},
            f"kind '{kind}' is none of name, demonym, capital, government",
        )
        _require(place, flags <= FLAGS, f"unknown flags {', '.join(sorted(flags - FLAGS))}")
        key = (row["surface"], row["country"], kind, row["from"])
        _require(place, key not in seen, f"'{row['surface']}' stands twice for {row['country']}")
        seen.add(key)
        yield Name(row["surface"], row["country"], kind, *_period(place, row), flags)  # type: ignore[arg-type]


def _leaders(path: Path, countries: dict[str, Country]) -> Iterator[Leader]:
    for place, row in _rows(path, "country office name surname aliases from until unmistakable"):
        known = row["country"] in countries or (row["country"] == NO_COUNTRY and row["office"] == INTERNATIONAL)
        _require(place, known, f"country '{row['country']}' is not in countries.tsv")
        _require(place, row["office"] in OFFICES, f"office is one of {', '.join(sorted(OFFICES))}")
        _require(place, bool(row["name"]) and bool(row["surname"]), "a leader needs a name and a surname")
        _require(place, row["unmistakable"] in {"yes", "no"}, "unmistakable is yes or no")
        yield Leader(
            row["country"],
            row["office"],
            row["name"],
            row["surname"],
            _parts(row["aliases"], "|"),
            *_period(place, row),
            row["unmistakable"] == "yes",
        )


def _senses(path: Path, countries: dict[str, Country], surfaces: set[str]) -> Iterator[Sense]:
    for place, row in _rows(path, "surface reading where cues"):
        _require(place, row["surface"] in surfaces, f"'{row['surface']}' is in neither names.tsv nor leaders.tsv")
        _require(place, row["reading"] == NO_COUNTRY or row["reading"] in countries, "reading is a code or -")
        _require(place, row["where"] in PLACES, f"where is one of {', '.join(sorted(PLACES))}")
        cues = _parts(row["cues"], "|")
        _require(place, bool(cues) != (row["where"] == "default"), "cues belong to every row but a default")
        yield Sense(row["surface"], row["reading"], row["where"], cues)


def _others(path: Path) -> Iterator[str]:
    for place, row in _rows(path, "phrase why"):
        _require(place, bool(fold(row["phrase"])[0]), "the phrase is empty")
        yield row["phrase"]


def _given_names(path: Path) -> frozenset[str]:
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
        _require(f"{path}:{number}", not _NO_UTF8.search(line), "not UTF-8")
    return frozenset(text.split())


def load(folder: Path = DEFAULT_FOLDER) -> Gazetteer:
    """Read and check the gazetteer.

    Parameters
    ----------
    folder : Path
        Holds countries.tsv, names.tsv, leaders.tsv, others.tsv, ambiguous.tsv and given_names.txt.

    Returns
    -------
    Gazetteer

    Raises
    ------
    GazetteerError
        If a row is bad; the text names file, line and reason.
    OSError
        If a file cannot be read.
    """
    countries = _countries(folder / "countries.tsv")
    names = tuple(_names(folder / "names.tsv", countries))
    leaders = tuple(_leaders(folder / "leaders.tsv", countries))
    surfaces = {name.surface for name in names} | {leader.surname for leader in leaders}
    return Gazetteer(
        countries,
        names,
        leaders,
        tuple(_others(folder / "others.tsv")),
        tuple(_senses(folder / "ambiguous.tsv", countries, surfaces)),
        _given_names(folder / "given_names.txt"),
    )
