"""``country-relations config``: which settings are in force."""

import os

import click


@click.command()
def config() -> None:
    """Print every setting of the service: its variable, value, origin and meaning."""
    from service.config import ConfigError, Settings  # noqa: PLC0415

    try:
        settings = Settings.from_environment(os.environ)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    rows = [(one.variable, one.value, one.origin, one.meaning) for one in settings.told(os.environ)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
