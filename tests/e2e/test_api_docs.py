"""docs/api.md is held true: its commands run against the real server, its numbers are the service's."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from relations.analyser import MAX_PAIRS
from service import documents, errors, keyfile, schemas

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
URL = "http://127.0.0.1:8000"
COMMANDS = re.findall(r"^\$ ((?:.*\\\n)*.*)$", TEXT, re.MULTILINE)
PATIENCE = 60


def blocks(language):
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def test_every_route(app):
    """Every route of the OpenAPI document has its place in the table of routes."""
    paths = app.test_client().get("/openapi.json").get_json()["paths"]
    table = TEXT.partition("\n## Routes\n")[2].partition("\n## ")[0]
    expected = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert set(re.findall(r"`((?:GET|POST) [^`]+)`", table)) == expected


def test_every_problem(app):
    """Every status of an error in the OpenAPI document has its row in the table of errors, and no other has."""
    paths = app.test_client().get("/openapi.json").get_json()["paths"]
    told = {status for path in paths.values() for one in path.values() for status in one["responses"]}
    table = TEXT.partition("\n## Errors\n")[2].partition("\n## ")[0]
    # The server itself refuses methods.
    assert set(re.findall(r"^\| (\d+) \|", table, re.MULTILINE)) == {one for one in told if one >= "400"} | {"405"}


@pytest.mark.parametrize(
    "number",
    [
        schemas.MAX_TEXT,
        schemas.MAX_ITEMS,
        schemas.MAX_DOCUMENTS,
        schemas.MAX_ID,
        MAX_PAIRS,
        documents.MAX_BATCH_PAIRS,
        errors.MAX_ERRORS,
    ],
)
def test_numbers(number):
    """Every limit is told as the service has it."""
    assert re.search(rf"\b{number:,}\b", TEXT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a folder for the commands, where curl takes errors for failures."""
    made = tmp_path_factory.mktemp("docs")
    (made / ".curlrc").write_text("fail-with-body\n")
    return made


@pytest.fixture(scope="module")
def server(running, folder):
    """Start a server without keys."""
    (folder / "open").mkdir()
    with running(folder / "open") as started:
        yield started


@pytest.fixture(scope="module")
def keyed(running, folder):
    """Start a server with keys; give it and an administrator's key."""
    (folder / "keyed").mkdir()
    key = keyfile.add(folder / "keys", "boss", "admin")
    with running(folder / "keyed", API_KEYS_FILE=str(folder / "keys")) as started:
        yield started, key


def run(command, folder, server, **environment):
    """Run something as the page shows it, at a server's real address; return what it printed."""
    command = [word.replace(URL, f"http://{server.host}:{server.port}") for word in command]
    variables = os.environ | {"CURL_HOME": str(folder)} | environment
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: apt-get install curl")
def test_commands(folder, server, keyed):
    """Every command, pasted into a shell in the page's order, works."""
    assert len(COMMANDS) > 8
    printed = []
    for command in COMMANDS:
        if "$KEY" in command:
            printed.append(run(["bash", "-c", command], folder, keyed[0], KEY=keyed[1]))
        else:
            printed.append(run(["bash", "-c", command], folder, server))
    assert sum("FRA" in one for one in printed) >= 3
    assert (folder / "relations.ndjson").read_text().count('"ok"') == 3
    assert (folder / "countries.json").stat().st_size > 1000


def test_table(folder, server):
    """The table that is shown has the columns that are sent."""
    (command,) = (one for one in COMMANDS if "text/csv" in one)
    shown = TEXT.partition(command)[2].splitlines()[1]
    assert run(["bash", "-c", command], folder, server).splitlines()[0] == shown


def test_python(folder, server):
    """The Python program prints relations."""
    (program,) = blocks("python")
    assert run([sys.executable, "-c", program], folder, server).startswith("FRA IRN ")
