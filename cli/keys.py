"""``country-relations keys``: who may call the service."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

_FILE = click.option(
    "--file",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="COUNTRY_RELATIONS_API_KEYS_FILE",
    show_envvar=True,
    required=True,
    help="File of the keys.",
)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise click.ClickException(str(error)) from None


@click.group()
def keys() -> None:
    """Look after API keys; a running service sees every change at once."""


@keys.command()
@click.argument("name")
@click.option("--role", type=click.Choice(["client", "admin"]), default="client", show_default=True,
              help="An admin may reload the model, too.")  # fmt: skip
@click.option("--rate", default=None, help='The client\'s own rate limit, such as "60/minute".')
@_FILE
def add(name: str, role: str, rate: str | None, file: Path) -> None:
    """Make a key for the client NAME and print it, this once; the file keeps its hash alone."""
    from service import keyfile  # noqa: PLC0415

    with _readable():
        click.echo(keyfile.add(file, name, keyfile.role(role), rate))


@keys.command("list")
@_FILE
def show(file: Path) -> None:
    """List who has a key."""
    from service import keyfile  # noqa: PLC0415

    with _readable():
        found = keyfile.read(file)
    click.echo(f"{'name':20} {'role':6} {'rate':12} added")
    for key in found:
        click.echo(f"{key.name:20} {key.role:6} {key.rate or '-':12} {key.added}")


@keys.command()
@click.argument("name")
@_FILE
def revoke(name: str, file: Path) -> None:
    """Take the key of the client NAME away."""
    from service import keyfile  # noqa: PLC0415

    with _readable():
        keyfile.revoke(file, name)
    click.echo(f"the key of {name} opens nothing any more")
