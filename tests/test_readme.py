"""What the README says of the settings."""

from pathlib import Path

from service.config import Settings

ROOT = Path(__file__).parents[1]


def row(told):
    """Return the row of a setting in the README's table."""
    value = f"`{Path(told.value).relative_to(ROOT)}/`" if told.value.startswith("/") else told.value
    return f"| `{told.variable}` | {value} | {told.meaning} |"


def test_configuration_table():
    """The README lists every setting with its default and meaning, and no other."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## Configuration\n")[2].partition("\n## ")[0]
    listed = [line for line in section.splitlines() if line.startswith("| `COUNTRY_RELATIONS_")]
    expected = [row(told) for told in Settings().told({})]
    assert sorted(listed) == sorted(expected), "\n".join(["The rows should be:", *expected])
