"""``country-relations corrections``: look at what readers say is wrong, accept or reject it."""

import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from service.correction_store import Correction, Store

_STATUSES = ("new", "accepted", "rejected", "all")
_IDS = click.argument("ids", nargs=-1, required=True, metavar="ID...")
DATABASE = click.option(
    "--url",
    envvar="COUNTRY_RELATIONS_CORRECTIONS_URL",
    show_envvar=True,
    required=True,
    help="Database of the corrections, such as sqlite:////data/corrections.db.",
)


@contextmanager
def opened(url: str) -> Iterator["Store"]:
    """Open the database of corrections; what is wrong with it is shown as a message."""
    from service.correction_store import Store, StoreError  # noqa: PLC0415

    try:
        yield Store(url)
    except (StoreError, ValueError) as error:
        raise click.ClickException(str(error)) from None


@click.group()
def corrections() -> None:
    """Look at the corrections that the service was sent."""


@corrections.command("list")
@click.option("--status", type=click.Choice(_STATUSES), default="new", show_default=True, help="Which to show.")
@DATABASE
def show(status: str, url: str) -> None:
    """List corrections, the oldest first: what is right, the sentence, the reader's note."""
    with opened(url) as store:
        found = store.find(None if status == "all" else status)
    for one in found:
        judged = f", not {one.judged}" if one.judged else ""
        event = f" {one.event}" if one.event else ""
        click.echo(
            f"{one.id}  {one.created_at:%Y-%m-%d %H:%M}  {one.status:8}  {one.client or '-'}  "
            f"{_actor(one, 'source')} → {_actor(one, 'target')}  {one.label}{event}{judged}"
        )
        click.echo(f"    {_plain(one.text)}")
        if one.note:
            click.echo(f"    note: {_plain(one.note)}")
    click.echo(f"{len(found):,} corrections" + ("" if status == "all" else f" with status {status}"), err=True)


def _actor(one: "Correction", role: str) -> str:
    start, end = getattr(one, f"{role}_start"), getattr(one, f"{role}_end")
    return getattr(one, f"{role}_country") or f"'{_plain(one.text[start:end])}'"


def _plain(text: str) -> str:
    """Text of a stranger, without what would steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


@corrections.command()
@_IDS
@DATABASE
def accept(ids: tuple[str, ...], url: str) -> None:
    """Accept the corrections ID...; `labels pull-corrections` makes training data of them."""
    _review(url, ids, "accepted")


@corrections.command()
@_IDS
@DATABASE
def reject(ids: tuple[str, ...], url: str) -> None:
    """Reject the corrections ID...; they are kept, and used for nothing."""
    _review(url, ids, "rejected")


def _review(url: str, ids: tuple[str, ...], status: str) -> None:
    with opened(url) as store:
        store.review(ids, status, getpass.getuser())
    click.echo(f"{len(ids):,} {status}")


@corrections.command()
@click.option("--status", type=click.Choice(_STATUSES), default="all", show_default=True, help="Which to export.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write. Default: standard output.")
@DATABASE
def export(status: str, out: Path | None, url: str) -> None:
    """Write corrections as JSON lines with all that is known of them."""
    from relations.artifact import write  # noqa: PLC0415

    with opened(url) as store:
        found = store.find(None if status == "all" else status)
    text = "".join(json.dumps(asdict(one), ensure_ascii=False, default=str) + "\n" for one in found)
    if out is None:
        sys.stdout.write(text)
        return
    try:
        write(out, text.encode())
    except OSError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{len(found):,} corrections in {out}")
