"""Tables, CSV or a workbook: one row a pair."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.formats.model import Document, FormatError, Link, Note, Region, read_text

_REQUIRED = ("text", "source", "target", "label")
_OFFSETS = ("source_start", "source_end", "target_start", "target_end")
COLUMNS = ("id", *_REQUIRED, "event", *_OFFSETS)
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_WORKBOOKS = frozenset({".xlsx", ".xlsm"})

_Rows = Iterator[tuple[int, Sequence[str]]]


def read(path: Path) -> Iterator[Document | Note]:
    """Read a table with the columns text, source, target and label, in any order.

    ``source`` and ``target`` are codes or names. Columns ``id``, ``event`` and the offsets ``source_start``,
    ``source_end``, ``target_start`` and ``target_end`` are optional; several offsets are joined by semicolons.

    Yields
    ------
    Document or Note
        A document for each text, at its first row.

    Raises
    ------
    FormatError
        If encoding, separator or header are not what they should be, or openpyxl is missing.
    """
    if path.suffix.lower() in _WORKBOOKS:
        yield from _documents(path, _workbook(path))
    else:
        yield from _documents(path, _csv(path))


def _csv(path: Path) -> _Rows:
    text = read_text(path)
    header = text.partition("\n")[0]
    for separator in _SEPARATORS:
        names = {name.strip().lower() for name in next(csv.reader([header], delimiter=separator), [])}
        if names.issuperset(_REQUIRED):
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
            try:
                for row in reader:
                    yield reader.line_num, row
            except csv.Error as error:
                raise FormatError(f"{path}:{reader.line_num}: {error}: check the quotation marks") from None
            return
    raise FormatError(
        f"{path}:1: the header must name {', '.join(_REQUIRED)}, separated by "
        f"{', '.join(_SEPARATORS.values())}; it is '{header.strip()}'"
    )


def _openpyxl(path: Path) -> Any:
    try:
        import openpyxl  # noqa: PLC0415 - an extra, which only workbooks need
    except ModuleNotFoundError:
        raise FormatError(f"{path}: workbooks need openpyxl: install the xlsx extra, or save it as CSV") from None
    return openpyxl


def _workbook(path: Path) -> _Rows:
    openpyxl = _openpyxl(path)
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # noqa: BLE001 - a damaged workbook raises what zip and XML raise
        raise FormatError(f"{path}: no workbook that can be read ({error}): save it anew as .xlsx") from None
    try:
        for number, row in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            yield number, ["" if cell is None else str(cell) for cell in row]
    finally:
        book.close()


def _documents(path: Path, rows: _Rows) -> Iterator[Document | Note]:
    _, header = next(rows, (0, ()))
    names = [name.strip().lower() for name in header]
    lacking = [name for name in _REQUIRED if name not in names]
    if lacking:
        raise FormatError(f"{path}:1: no column {', '.join(lacking)} in the header '{', '.join(header)}'")
    for name in names:
        if name and name not in COLUMNS:
            yield Note(f"{path}:1", f"column '{name}'", "left out")
    texts: dict[str, list[tuple[str, dict[str, str]]]] = {}
    damaged: dict[str, str] = {}
    for number, cells in rows:
        place = f"{path}:{number}"
        if not any(cell.strip() for cell in cells):
            continue
        row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        missing = [name for name in _REQUIRED if not row.get(name)]
        why = f"no {' and no '.join(missing)}" if missing else ""
        if len(cells) != len(names):
            why = f"{len(cells)} cells where the header has {len(names)}: quote a cell that holds the separator"
        if why:
            yield Note(place, why, "refused")
            damaged[row.get("text", "")] = place
        else:
            texts.setdefault(row["text"], []).append((place, row))
    for text, found in texts.items():
        if text in damaged:
            yield Note(found[0][0], f"the row of another pair is refused: {damaged[text]}", "refused")
        else:
            yield _document(text, found)


def _document(text: str, rows: Sequence[tuple[str, Mapping[str, str]]]) -> Document:
    regions: dict[str, Region] = {}
    links = []
    for _, row in rows:
        for role in ("source", "target"):
            region = _region(row, role)
            known = regions.get(region.key)
            if known is None or (not known.places and not known.problem):
                regions[region.key] = region
        names = tuple(name for name in (row["label"], row.get("event", "")) if name)
        links.append(Link(row["source"], row["target"], names))
    place, first = rows[0]
    return Document(first.get("id", ""), place, text, tuple(regions.values()), tuple(links), place)


def _region(row: Mapping[str, str], role: str) -> Region:
    actor = row[role]
    starts, ends = (row.get(f"{role}_{end}", "") for end in ("start", "end"))
    if not starts and not ends:
        return Region(actor, (), (actor,))
    try:
        places = zip(map(_offset, starts.split(";")), map(_offset, ends.split(";")), strict=True)
        return Region(actor, tuple(places), (actor,))
    except ValueError:
        return Region(actor, (), (actor,), f"{role} {actor}: '{starts}' and '{ends}' are no offsets")


def _offset(cell: str) -> int:
    """An offset, also where a spreadsheet has made "12" a "12.0"."""
    return int(cell.strip().removesuffix(".0"))


def render(documents: Sequence[Document], out: Path) -> dict[Path, bytes]:
    """Documents as CSV, or as a workbook where the name ends so; one row a link."""
    if out.suffix.lower() in _WORKBOOKS:
        return {out: _book(out, _rows(documents))}
    text = io.StringIO(newline="")
    csv.writer(text).writerows(_rows(documents))
    return {out: text.getvalue().encode("utf-8-sig")}  # without the mark Excel takes it for Windows-1252


def _rows(documents: Sequence[Document]) -> Iterator[tuple[str, ...]]:
    yield COLUMNS
    for document in documents:
        actors = {region.key: region.hints[0] for region in document.regions}
        places: dict[str, list[tuple[int, int]]] = {}
        for region in document.regions:
            places.setdefault(region.hints[0], []).extend(region.places)
        offsets = {
            actor: tuple(";".join(map(str, column)) for column in zip(*found, strict=True))
            for actor, found in places.items()
        }
        for link in document.links:
            source, target = actors[link.source], actors[link.target]
            label, *event = link.names
            pair = (document.id, document.text, source, target, label, *(event or ("",)))
            yield (*pair, *offsets[source], *offsets[target])


def _book(out: Path, rows: Iterable[tuple[str, ...]]) -> bytes:
    openpyxl = _openpyxl(out)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("pairs")
    for row in rows:
        cells = []
        for value in row:
            cell = openpyxl.cell.WriteOnlyCell(sheet, value)
            cell.data_type = "s"  # or a text that begins with "=" would be a formula
            cells.append(cell)
        sheet.append(cells)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
