"""Relations as CSV, a row each: for the service and the command line alike."""

import csv
import io
from collections.abc import Mapping
from typing import IO, Any

MIMETYPE = "text/csv"
COLUMNS = (
    *("id", "sentence", "start", "end", "source", "target"),
    *("label", "probability", "support", "opposition", "neutrality"),
)
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""What a spreadsheet takes for the beginning of a formula, after OWASP's "CSV Injection"."""


def write(file: IO[str], told: Mapping[str, Any], *, text: bool = False) -> None:
    """Write a header and one row a relation.

    Parameters
    ----------
    file : text file
        Opened with ``newline=""``; lines end as RFC 4180 wants them.
    told : mapping
        As `service.relations.answer` shapes it. A label that is None becomes an empty cell.
    text : bool
        True adds the sentence as last column.
    """
    writer = csv.writer(file)
    writer.writerow((*COLUMNS, "text") if text else COLUMNS)
    for sentence in told["sentences"]:
        place = (_inert(told["id"]), sentence["index"], sentence["start"], sentence["end"])
        last = (_inert(sentence["text"]),) if text else ()
        for one in sentence["relations"]:
            judged = (one["source"], one["target"], one["label"], _chance(one["probability"]))
            chances = [_chance(one["probabilities"][name]) for name in COLUMNS[-3:]]
            writer.writerow((*place, *judged, *chances, *last))


def relations_csv(told: Mapping[str, Any]) -> str:
    """Give the CSV of an answer.

    Parameters
    ----------
    told : mapping
        As `write` takes it.

    Returns
    -------
    str
    """
    file = io.StringIO(newline="")
    write(file, told)
    return file.getvalue()


def _inert(value: str | int | None) -> str | int | None:
    """Put an apostrophe before what a spreadsheet would run; numbers are harmless."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _chance(value: float) -> str:
    return f"{value:.4f}"
