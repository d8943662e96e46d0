r"""Reads the hand-made snippets and gives each test its own.

A file holds blocks of lines, separated by empty lines; ``#`` begins a comment line. A block is one text, in
which ``[surface|CODE]``, ``[surface|CODE|kind]`` or ``[surface|CODE|?]`` marks every expected mention, and
``[both nations|CHN+RUS|anaphor]`` an anaphor for two countries. A first line ``as_of: 2004-05-16`` dates the
text. ``\n``, ``\t`` and ``\uXXXX`` are escapes.
"""

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from relations import anaphora, gazetteer, sentences
from relations.domain import Mention
from relations.gazetteer import Gazetteer
from relations.mentions import MentionFinder

FOLDER = Path(__file__).parent
FILES = ("names.txt", "ambiguity.txt", "anaphora.txt")
AS_OF = dt.date(2024, 6, 1)
KINDS = frozenset({"name", "demonym", "capital", "government", "leader", "anaphor"})

_MARK = re.compile(r"\[([^\[\]|]+)\|([A-Z+]+)((?:\|[a-z?]+)*)\]")
_ESCAPE = re.compile(r"\\(n|t|u[0-9a-fA-F]{4})")


class SnippetError(ValueError):
    """A snippet is badly written; the text names file and line."""


@dataclass(frozen=True)
class Expected:
    """A mention that must be found; ``kind`` is None where the snippet leaves it open.

    ``ambiguous`` is True where the snippet asks for the mark and None where it leaves that open.
    """

    start: int
    end: int
    country: str
    kind: str | None
    ambiguous: bool | None


@dataclass(frozen=True)
class Snippet:
    """One text with all its mentions; ``place`` is file and line."""

    place: str
    text: str
    as_of: dt.date
    expected: tuple[Expected, ...]

    @property
    def with_anaphors(self) -> bool:
        """Whether anaphors are to be resolved, too."""
        return self.place.startswith("anaphora")


def _unescape(match: re.Match[str]) -> str:
    what = match.group(1)
    return {"n": "\n", "t": "\t"}.get(what) or chr(int(what[1:], 16))


def _mark(match: re.Match[str], start: int, place: str) -> list[Expected]:
    """One markup as expected mentions, one for each of its countries."""
    surface, codes, options = match.groups()
    words = [option for option in options.split("|") if option]
    kinds = [word for word in words if word != "?"]
    if len(kinds) > 1 or not KINDS.issuperset(kinds):
        raise SnippetError(f"{place}: bad kind in {match.group(0)!r}")
    countries = codes.split("+")
    if any(len(code) != 3 for code in countries) or (len(countries) > 1 and kinds != ["anaphor"]):
        raise SnippetError(f"{place}: bad country in {match.group(0)!r}")
    kind = kinds[0] if kinds else None
    doubtful = True if "?" in words else None
    return [Expected(start, start + len(surface), code, kind, doubtful) for code in countries]


def parse(block: str, place: str) -> Snippet:
    """Read one block.

    Raises
    ------
    SnippetError
        If a markup is bad; the text names ``place``.
    """
    as_of = AS_OF
    head, _, rest = block.partition("\n")
    if head.startswith("as_of:"):
        as_of, block = dt.date.fromisoformat(head.removeprefix("as_of:").strip()), rest
    marked = _ESCAPE.sub(_unescape, block)
    text, expected, last = "", [], 0
    for match in _MARK.finditer(marked):
        text += marked[last : match.start()]
        expected += _mark(match, len(text), place)
        text += match.group(1)
        last = match.end()
    text += marked[last:]
    if any(sign in text for sign in "[]|\\"):
        raise SnippetError(f"{place}: markup left over in {text!r}")
    return Snippet(place, text, as_of, tuple(expected))


def read(name: str) -> list[Snippet]:
    """All snippets of one file, in order."""
    snippets: list[Snippet] = []
    block: list[str] = []
    first = 0
    lines = (FOLDER / name).read_text(encoding="utf-8").split("\n")
    for number, line in enumerate([*lines, ""], start=1):
        if line.startswith("#"):
            continue
        if line.strip():
            first = first if block else number
            block.append(line)
        elif block:
            snippets.append(parse("\n".join(block), f"{name}:{first}"))
            block = []
    return snippets


ALL = [snippet for name in FILES for snippet in read(name)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for ``snippet`` once for each."""
    if "snippet" in metafunc.fixturenames:
        metafunc.parametrize("snippet", ALL, ids=[snippet.place for snippet in ALL])


@pytest.fixture(scope="session")
def snippets() -> list[Snippet]:
    """All snippets of all files."""
    return ALL


@pytest.fixture(scope="session")
def names() -> Gazetteer:
    """Load the gazetteer of the service."""
    return gazetteer.load()


@pytest.fixture(scope="session")
def finder(names: Gazetteer) -> MentionFinder:
    """Build the finder, which takes a while."""
    return MentionFinder(names)


@pytest.fixture(scope="session")
def find_all(finder: MentionFinder):
    """Mentions and anaphors of a text together, as the service finds them."""

    def find(text: str, as_of: dt.date = AS_OF) -> list[Mention]:
        mentions = finder.find(text, as_of)
        return anaphora.merge(mentions, anaphora.resolve(text, sentences.split(text), mentions))

    return find
