"""brat's standoff files: a text, and beside it a line for each region, relation and attribute."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from training.formats.model import Document, FormatError, Link, Note, Region, joined, read_text

_REGION = re.compile(r"(T\S+)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)\t(.*)")
_RELATION = re.compile(r"R\S+\t(\S+) \S+?:(T\S+) \S+?:(T\S+)\s*")
_ATTRIBUTE = re.compile(r"[AM]\S+\t\S+ (T\S+) (\S+)\s*")
_UNSAFE = re.compile(r"[^\w.-]")


def read(path: Path) -> Iterator[Document | Note]:
    """Read a folder of .txt and .ann files, or one of either; offsets are code points.

    Raises
    ------
    FormatError
        If there is no .ann file, or one without its text.
    """
    files = sorted(path.rglob("*.ann")) if path.is_dir() else [path.with_suffix(".ann")]
    if not files:
        raise FormatError(f"{path}: no .ann file")
    for file in files:
        for needed in (file, file.with_suffix(".txt")):
            if not needed.is_file():
                raise FormatError(f"{needed} is missing: a .txt and a .ann file belong together")
        yield from _document(file)


def _document(file: Path) -> Iterator[Document | Note]:
    text = read_text(file.with_suffix(".txt"))
    regions: list[Region] = []
    links: list[Link] = []
    hints: dict[str, list[str]] = {}
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if region := _REGION.fullmatch(line):
            regions.append(_region(text, *region.groups()))
        elif relation := _RELATION.fullmatch(line):
            label, source, target = relation.groups()
            links.append(Link(source, target, (label,)))
        elif attribute := _ATTRIBUTE.fullmatch(line):
            hints.setdefault(attribute[1], []).append(attribute[2])
        elif line[:1] in {"T", "R"}:
            yield Note(f"{file}:{number}", f"no line of brat's, so the file is not taken: {line}", "refused")
            return
        elif line.strip():
            yield Note(f"{file}:{number}", f"not a region, relation or attribute: {line}", "left out")
    yield Document(
        file.stem,
        str(file),
        text,
        tuple(Region(one.key, one.places, (*hints.get(one.key, ()), *one.hints), one.problem) for one in regions),
        tuple(links),
        str(file),
    )


def _region(text: str, key: str, label: str, offsets: str, said: str) -> Region:
    start, end = (int(offset) for offset in offsets.partition(";")[0].split())
    if ";" in offsets:
        return Region(key, (), (label,), f"'{said}' is in several pieces")
    if text[start:end].split() != said.split():
        return Region(key, (), (label,), f"the text at {start}–{end} is not '{said}'")
    return Region(key, ((start, end),), (label,))


def render(documents: Sequence[Document], out: Path) -> dict[Path, bytes]:
    """Documents as a folder of .txt and .ann files with the configuration that they need."""
    files: dict[Path, bytes] = {}
    for document in documents:
        stem = _UNSAFE.sub("_", document.id)
        if out / f"{stem}.txt" in files:
            raise FormatError(f"two sentences would be written to {out / stem}.txt: give them other ids")
        spaced = next((region.hints[0] for region in document.regions if " " in region.hints[0]), None)
        if spaced is not None:
            raise FormatError(
                f"brat's labels hold no space: rename '{spaced}' of {document.id}, or use another format"
            )
        keys = {region.key: f"T{number}" for number, region in enumerate(document.regions, 1)}
        lines = [
            f"{keys[region.key]}\t{region.hints[0]} {start} {end}\t{document.text[start:end]}\n"
            for region in document.regions
            for start, end in region.places
        ]
        lines += [
            f"R{number}\t{joined(link.names)} Arg1:{keys[link.source]} Arg2:{keys[link.target]}\n"
            for number, link in enumerate(document.links, 1)
        ]
        files[out / f"{stem}.txt"] = document.text.encode()
        files[out / f"{stem}.ann"] = "".join(lines).encode()
    regions = sorted({region.hints[0] for document in documents for region in document.regions})
    relations = sorted({joined(link.names) for document in documents for link in document.links})
    sections = {
        "entities": regions,
        "relations": [f"{name}\tArg1:<ENTITY>, Arg2:<ENTITY>" for name in relations],
        "events": [],
        "attributes": [],
    }
    files[out / "annotation.conf"] = "\n".join(
        line for name, rows in sections.items() for line in (f"[{name}]", *rows, "")
    ).encode()
    return files
