"""Runs every block of code in docs/clients.md against the real server."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENT = (Path(__file__).parents[2] / "docs" / "clients.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"
INTERPRETERS = {"sh": ["sh", "-eu"], "python": [sys.executable, "-W", "error"], "r": ["Rscript"]}
NEEDED = {
    "sh": ("curl --version", "curl"),
    "python": ("true", ""),
    "r": ('Rscript -e "library(httr2); library(jsonlite)"', "r-base-core, r-cran-httr2 and r-cran-jsonlite"),
}
"""A command that succeeds where a language can be run, and Debian's packages for it."""
ARTICLES = {
    "a.txt": "France condemned Iran. It rained.\nGermany praised “brave” France.\n",
    "b.txt": "It rained.",
    "c.txt": "Türkiye and Japan signed a treaty.",
}
CORPUS = [
    {"id": "2003-05-14-001", "text": "France condemned Iran.", "as_of": "2003-05-14"},
    {"id": "2003-05-15-001", "text": "", "as_of": "2003-05-15"},
    {"id": "2003-07-01-001", "text": "France condemned Iran. France praised Iran.", "as_of": "2003-07-01"},
    {"id": "2004-01-31-001", "text": "Japan praised Türkiye. France condemned Iran.", "as_of": "2004-01-31"},
]
DYADS = """id,source,target,support,opposition,neutrality
2003-05-14-001,FRA,IRN,0,1,0
2003-07-01-001,FRA,IRN,1,2,1
2003-07-01-001,IRN,FRA,0,0,3
2004-01-31-001,FRA,IRN,0,0,2
"""
YEARS = {
    ("FRA", "IRN", "2003"): ("1", "3", "1", -0.4),
    ("IRN", "FRA", "2003"): ("0", "0", "3", 0),
    ("FRA", "IRN", "2004"): ("0", "0", "2", 0),
}


def blocks(title):
    """Return the blocks of a section of the document, as languages and codes."""
    section = DOCUMENT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found
    return [pytest.param(*one, id=one[0]) for one in found]


def test_no_section_is_forgotten():
    """Each section that has code is run."""
    assert re.findall(r"^## (.*)$", DOCUMENT, re.MULTILINE) == [
        "One text",
        "A folder of articles to a CSV of relations",
        "A corpus of 100,000 documents",
        "A table of dyads by year",
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory, running):
    """Start a server for all blocks."""
    with running(tmp_path_factory.mktemp("server"), THREADS="2") as started:
        yield started


@pytest.fixture
def execute(tmp_path, request, monkeypatch):
    """Give what runs a block in a folder that has what it reads, and returns what it prints."""
    (tmp_path / "articles").mkdir()
    for name, text in ARTICLES.items():
        (tmp_path / "articles" / name).write_text(text, encoding="utf-8")
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in CORPUS)
    (tmp_path / "corpus.jsonl").write_text(lines, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    def run(language, code):
        command, packages = NEEDED[language]
        if subprocess.run(command, shell=True, capture_output=True, check=False).returncode:
            pytest.skip(f"apt-get install {packages}")
        script = tmp_path / f"script.{language}"
        if ADDRESS in code:
            server = request.getfixturevalue("server")
            code = code.replace(ADDRESS, f"http://{server.host}:{server.port}")
        script.write_text(code, encoding="utf-8")
        done = subprocess.run(
            [*INTERPRETERS[language], script], capture_output=True, text=True, check=False, encoding="utf-8"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def answer(server, **request):
    """Return the relations of a text."""
    body = json.dumps(request)
    return json.loads(server.request("POST", "/v1/relations", body, {"Content-Type": "application/json"})[2])


def rows(name):
    """Return the rows of a CSV file."""
    with Path(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("language", "code"), blocks("One text"))
def test_one_text(execute, language, code):
    """The relations of the text are printed."""
    assert re.search(r"FRA[ ,]IRN[ ,]opposition[ ,]0\.\d+", execute(language, code))


@pytest.mark.parametrize(("language", "code"), blocks("A folder of articles to a CSV of relations"))
def test_folder(execute, server, language, code):
    """The table has every relation of every article."""
    execute(language, code)
    expected = [
        (name, str(sentence["index"]), one["source"], one["target"], one["label"], one["probability"])
        for name, text in ARTICLES.items()
        for sentence in answer(server, text=text.rstrip("\n"))["sentences"]
        for one in sentence["relations"]
    ]
    assert len(expected) == 6
    assert [
        (row["id"], row["sentence"], row["source"], row["target"], row["label"], float(row["probability"]))
        for row in rows("relations.csv")
    ] == expected


@pytest.mark.parametrize(("language", "code"), blocks("A corpus of 100,000 documents"))
def test_corpus(execute, server, language, code):
    """The dyads of every document that can be read are there, and the bad document is told of."""
    printed = execute(language, code)
    expected = [
        {"id": document["id"]} | {name: str(one[name]) for name in DYADS.partition("\n")[0].split(",")[1:]}
        for document in CORPUS
        if document["text"]
        for one in answer(server, **document)["dyads"]
    ]
    assert len(expected) == 8
    if language == "sh":
        found = [json.loads(line) for line in Path("answers.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [one["id"] for one in found] == [one["id"] for one in CORPUS]
        assert [one["status"] for one in found] == ["ok", "error", "ok", "ok"]
        assert [one["dyads"] for one in found if one["status"] == "ok"] == [
            answer(server, **document)["dyads"] for document in CORPUS if document["text"]
        ]
    else:
        assert rows("dyads.csv") == expected
    if language == "python":
        assert printed.startswith("2003-05-15-001 ")


@pytest.mark.parametrize(("language", "code"), blocks("A table of dyads by year"))
def test_years(execute, language, code):
    """Counts are summed by source, target and year, and balanced."""
    Path("dyads.csv").write_text(DYADS)
    execute(language, code)
    found = rows("dyad_years.csv")
    assert {
        (row["source"], row["target"], row["year"]): (
            *(row[name] for name in ("support", "opposition", "neutrality")),
            float(row["balance"]),
        )
        for row in found
    } == YEARS
    assert len(found) == len(YEARS)
