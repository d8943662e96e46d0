"""The document that all formats share, and what is said about what was read."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from marshmallow import EXCLUDE, Schema, ValidationError

Kind = Literal["changed", "left out", "refused"]


class FormatError(ValueError):
    """A whole file cannot be read; the text names file, reason and remedy."""


@dataclass(frozen=True, slots=True)
class Region:
    """A marked stretch of a text.

    Attributes
    ----------
    key : str
        By which links name it.
    places : tuple of (int, int)
        Code points into the text, end exclusive; empty where only the country is known.
    hints : tuple of str
        What the annotator says that it is: labels and attributes, the surest first.
    problem : str
        Why it cannot be used, if so.
    """

    key: str
    places: tuple[tuple[int, int], ...]
    hints: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A directed relation of two regions; ``names`` holds its labels: a stance, an event type or both."""

    source: str
    target: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One annotation of one text.

    Attributes
    ----------
    id : str
        What the tool calls it.
    place : str
        File and line, or file and task.
    text : str
        As the tool holds it.
    regions, links : tuple
        What is marked.
    task : str
        The same for all annotations of one text in one file.
    annotator : str
        Who made it, if the tool says so.
    settled : bool
        Whether it is marked as the one that counts.
    """

    id: str
    place: str
    text: str
    regions: tuple[Region, ...]
    links: tuple[Link, ...]
    task: str
    annotator: str = ""
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What was not taken as it stands: where, why, and what became of it."""

    place: str
    reason: str
    kind: Kind


class Lenient(Schema):
    """A schema for what others write: fields that are not asked for are passed over."""

    class Meta:
        """Options of marshmallow."""

        unknown = EXCLUDE


def read_text(path: Path) -> str:
    """Text of a file in UTF-8, or in UTF-16 with its mark; line ends stay as they are.

    Raises
    ------
    FormatError
        If it is neither.
    OSError
        If it cannot be read.
    """
    content = path.read_bytes()
    if content.startswith(b"PK\x03\x04"):
        raise FormatError(f"{path}: a zip archive: unpack it and name what is in it")
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: not UTF-8 ({error.reason} at byte {error.start}): save it as UTF-8 (in Excel: 'CSV UTF-8')"
        ) from None


def reasons(messages: Any, path: str = "") -> str:
    """What a schema found, as "annotations.0.result: Not a valid list."."""
    if isinstance(messages, Mapping):
        below = (reasons(part, f"{path}.{key}" if path else str(key)) for key, part in messages.items())
        return "; ".join(below)
    return f"{path}: {' '.join(map(str, messages))}"


def json_lines(path: Path, schema: Schema) -> Iterator[tuple[str, dict[str, Any]] | Note]:
    """Place and content of each line that the schema accepts, a note for each other one."""
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            place = f"{path}:{number}"
            try:
                yield place, schema.load(json.loads(line))
            except ValidationError as error:
                yield Note(place, reasons(error.messages), "refused")
            except ValueError as error:
                yield Note(place, f"no JSON: {error}", "refused")


def dump_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """JSON lines in UTF-8."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def joined(names: tuple[str, ...]) -> str:
    """Stance and event as one label, for tools that give a relation one label only: "opposition-ACCUSE"."""
    return "-".join(names)
