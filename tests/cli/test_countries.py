"""country-relations countries."""

import json

from click.testing import CliRunner

from cli.main import main


def test_gazetteer_is_listed():
    """Without a text each country stands in a line with its codes, and territories are told apart."""
    result = CliRunner().invoke(main, ["countries"])
    assert result.exit_code == 0
    lines = {line[:3]: line for line in result.output.splitlines()}
    assert lines["DEU"].split()[1:4] == ["GMY|GFR", "GM", "Germany"]
    assert "territory" in lines["BMU"]
    assert len(lines) >= 250


def test_mentions_as_json():
    """With a text and --json the mentions come with offsets that slice the text."""
    text = "Paris and Berlin met. Both governments agreed."
    result = CliRunner().invoke(main, ["countries", text, "--json", "--as-of", "2024-01-01"])
    mentions = json.loads(result.output)
    assert {one["country"] for one in mentions if one["kind"] == "anaphor"} == {"FRA", "DEU"}
    assert all(text[one["start"] : one["end"]] == one["text"] for one in mentions)


def test_gazetteer_as_json():
    """Without a text --json gives every country as an object."""
    rows = json.loads(CliRunner().invoke(main, ["countries", "--json"]).output)
    assert {row["code"]: row["name"] for row in rows}["CIV"] == "Ivory Coast"
