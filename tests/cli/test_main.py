"""Every command and option, and what happens where something is wrong."""

import csv
import http.server
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from cli.main import main
from relations import artifact, gazetteer, registry
from relations.domain import LABELS

TEXT = """\
Paris scolds Tehran

😀 France’s minister, "tired of it", condemned Iran on Monday. Iran rejected the charge; Chad helped Mali.
Both countries sent envoys. It rained in Italy. It rained all day.
"""
RELATION = re.compile(
    r"^ +([A-Z]{3}) → ([A-Z]{3}) +(support|opposition|neutrality|abstained) +([01]\.\d\d)(?:  (.*))?$",
    re.MULTILINE,
)
WITHOUT_EXTRA = "import sys; sys.modules['lemminflect'] = None"
"""Makes the extra's packages fail to import."""
DYAD = re.compile(r"^ +([A-Z]{3}) → ([A-Z]{3}) +(\d+) +(\d+) +(\d+) +([+-]\d\.\d\d)$", re.MULTILINE)
PAIR = {
    "text": "France condemned Iran.",
    "source": {"start": 0, "end": 6},
    "target": {"start": 17, "end": 21},
    "label": "opposition",
}
DOCUMENT = {
    "text": "France condemned Iran while Chad rested.",
    "relations": [
        {"source": "FRA", "target": "IRN", "label": "opposition"},
        {"source": "FRA", "target": "CHN", "label": "support"},
    ],
}
GOLD = {
    "sentence": 0,
    "countries": ["FRA", "IRN"],
    "relations": [
        {"source": "FRA", "target": "IRN", "label": "opposition", "required": True},
        {"source": "IRN", "target": "FRA", "label": "neutrality", "required": True},
    ],
}


def commands(group=main, path=()):
    """Give every command with its words, groups included."""
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


COMMANDS = dict(commands())


def write(path, content):
    """Write text, bytes, or values as JSON lines."""
    if isinstance(content, list):
        content = "".join(json.dumps(row) + "\n" for row in content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def run(*arguments, first="", **options):
    """Run the program in a process of its own, after a first statement."""
    command = [sys.executable, "-c", f"{first}\nfrom cli.main import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, **options)


@pytest.fixture(scope="session")
def file(tmp_path_factory) -> Path:
    """Write the text to a file."""
    return write(tmp_path_factory.mktemp("text") / "news.txt", TEXT)


@pytest.fixture(scope="session")
def answer(succeed, file, model):
    """Give the answer as JSON, with evidence."""
    return json.loads(succeed("label", file, "--json", "--explain", "--model", model, "--as-of", "2024-05-16"))


def relations_of(answer):
    """All relations of an answer as (source, target, label)."""
    return [(one["source"], one["target"], one["label"]) for s in answer["sentences"] for one in s["relations"]]


# Help


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help(call, path):
    """Every command says what it does, and every option and argument of it is explained."""
    result = call(*path, "--help")
    assert result.exit_code == 0
    assert result.stdout == call(*path, "-h").stdout
    command = COMMANDS[path]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert all(option in result.stdout for option in parameter.opts)
        else:
            assert parameter.make_metavar(click.Context(command)).strip("[]") in command.help, parameter.name
    for name, below in getattr(command, "commands", {}).items():
        assert re.search(rf"^ +{name} +\S", result.stdout, re.MULTILINE)
        assert below.help


def test_commands():
    """There are the commands that a user needs, from labelling a text to looking after labels."""
    assert {" ".join(path) for path in COMMANDS} >= {
        "label", "serve", "health", "train", "evaluate", "countries", "labels check",
    }  # fmt: skip


def test_version(succeed):
    """The version is that of the package."""
    from importlib.metadata import version  # noqa: PLC0415

    assert version("country-relations") in succeed("--version")


def test_unknown_command(fail):
    """An unknown command or option is refused by its name."""
    assert "lable" in fail("lable")
    assert "--jsn" in fail("label", "-", "--jsn", text="x")


# label


def test_label_json(answer):
    """The JSON has every sentence with offsets into the text, mentions, relations and evidence, and the dyads."""
    assert [TEXT[one["start"] : one["end"]] for one in answer["sentences"]] == [
        one["text"] for one in answer["sentences"]
    ]
    for sentence in answer["sentences"]:
        for one in sentence["mentions"]:
            assert TEXT[one["start"] : one["end"]] == one["text"]
        for relation in sentence["relations"]:
            assert set(relation["probabilities"]) == set(LABELS)
            for word in relation["evidence"]:
                assert TEXT[word["start"] : word["end"]] == word["text"]
    assert any(relation["evidence"] for one in answer["sentences"] for relation in one["relations"])
    assert [one["skipped"] for one in answer["sentences"]].count("one_country") == 1
    assert answer["sentences"][-1]["skipped"] == "no_country"
    for dyad in answer["dyads"]:
        counts = [dyad[label] for label in ("support", "opposition", "neutrality")]
        assert dyad["balance"] == pytest.approx((counts[0] - counts[1]) / sum(counts), abs=1e-4)


def test_json_is_the_services_answer(succeed, client, file):
    """The JSON is what the service answers to the same text: the same fields with the same values."""
    options = {"as_of": "2024-05-16", "explain": True}
    served = client.post("/v1/relations", json={"text": TEXT, **options}).get_json()
    printed = json.loads(
        succeed("label", file, "--json", "--explain", "--tier", "context", "--as-of", "2024-05-16")
    )
    assert printed["sentences"] == served["sentences"]
    assert printed["dyads"] == served["dyads"]
    assert set(printed) >= {"sentences", "dyads", "model"}


def test_label_table(succeed, file, model, answer):
    """The table shows every sentence, its relations or why it has none, and the dyads."""
    table = succeed("label", file, "--model", model, "--as-of", "2024-05-16")
    assert [match[:3] for match in RELATION.findall(table)] == relations_of(answer)
    assert all(match[4] == "" for match in RELATION.findall(table))
    for one in answer["sentences"]:
        assert one["text"] in table
    assert "(one country)" in table
    assert "(no country)" in table
    shown = [(source, target, int(s), int(o), int(n)) for source, target, s, o, n, _ in DYAD.findall(table)]
    assert shown == [
        (*(dyad[key] for key in ("source", "target", *("support", "opposition", "neutrality"))),)
        for dyad in answer["dyads"]
    ]
    assert "\x1b" not in table


def test_label_explain(succeed, file, model, answer):
    """With --explain the table shows words of the evidence beside each relation."""
    table = succeed("label", file, "--explain", "--model", model, "--as-of", "2024-05-16")
    evidence = [one["evidence"] for sentence in answer["sentences"] for one in sentence["relations"]]
    shown = [match[4] for match in RELATION.findall(table)]
    assert len(shown) == len(evidence)
    for line, words in zip(shown, evidence, strict=True):
        assert re.findall(r"[+-]\d+\.\d\d", line) or not words
        assert any(word["text"] in line for word in words) or not words


def test_label_csv(succeed, file, model, answer):
    """The CSV has a row a relation, with place, label, probabilities, and text with commas and quotes."""
    rows = list(
        csv.DictReader(io.StringIO(succeed("label", file, "--csv", "--model", model, "--as-of", "2024-05-16")))
    )
    assert [(row["source"], row["target"], row["label"]) for row in rows] == relations_of(answer)
    for row in rows:
        sentence = answer["sentences"][int(row["sentence"])]
        assert row["id"] == str(file)
        assert row["text"] == sentence["text"] == TEXT[int(row["start"]) : int(row["end"])]
        chances = [float(row[label]) for label in LABELS]
        assert sum(chances) == pytest.approx(1, abs=0.001)
        assert float(row["probability"]) == max(chances)


def test_label_from_standard_input(succeed, file, model):
    """Where FILE is - the text is read from standard input."""
    arguments = ("--json", "--model", model, "--as-of", "2024-05-16")
    assert succeed("label", "-", *arguments, text=TEXT) == succeed("label", file, *arguments)


def test_no_neutral(succeed, file, model, answer):
    """With --no-neutral no neutral relation is shown, and all others are."""
    table = succeed("label", file, "--no-neutral", "--model", model, "--as-of", "2024-05-16")
    shown = [match[:3] for match in RELATION.findall(table)]
    assert shown == [one for one in relations_of(answer) if one[2] != "neutrality"]


def test_min_probability(succeed, file, model, answer):
    """Below --min-probability the label is "abstained", in CSV an empty cell."""
    chances = sorted(one["probability"] for sentence in answer["sentences"] for one in sentence["relations"])
    middle = len(chances) // 2
    # Between two of them: the shown probabilities are rounded, the compared ones are not.
    limit = (chances[middle - 1] + chances[middle]) / 2
    arguments = ("label", file, "--min-probability", limit, "--model", model, "--as-of", "2024-05-16")
    expected = [
        one["label"] if one["probability"] >= limit else None
        for sentence in answer["sentences"]
        for one in sentence["relations"]
    ]
    assert None in expected
    rows = csv.DictReader(io.StringIO(succeed(*arguments, "--csv")))
    assert [row["label"] or None for row in rows] == expected
    assert [match[2] for match in RELATION.findall(succeed(*arguments))] == [
        one or "abstained" for one in expected
    ]


def test_as_of(succeed, model):
    """With --as-of a name stands for the country that it stood for on that day."""
    table = succeed("label", "-", "--model", model, "--as-of", "1985-06-01", text="The Kremlin warned Japan.")
    assert {match[:2] for match in RELATION.findall(table)} == {("SUN", "JPN"), ("JPN", "SUN")}


def test_label_as_a_program(model):
    """The program reads UTF-8 from a pipe and writes UTF-8, whatever the locale, and needs no training extra."""
    environment = {**os.environ, "LC_ALL": "C"}
    result = run("label", "-", "--model", model, first=WITHOUT_EXTRA, input=TEXT.encode(), env=environment)
    assert (result.returncode, result.stderr) == (0, b"")
    assert "😀 France’s minister" in result.stdout.decode()
    assert "FRA → IRN" in result.stdout.decode()


# label, where something is wrong


def test_label_missing_file(fail, tmp_path):
    """A file that is not there, or is a folder, is refused with its name."""
    assert "nowhere.txt" in fail("label", tmp_path / "nowhere.txt")
    assert str(tmp_path) in fail("label", tmp_path)


def test_label_no_utf8(fail, tmp_path, model):
    """A text that is not UTF-8 is refused with its name, the place and the remedy, from a file or a pipe."""
    raw = "Le Caf\xe9 of France.".encode("latin-1")
    message = fail("label", write(tmp_path / "latin.txt", raw), "--model", model)
    assert "latin.txt" in message
    assert re.search(r"not UTF-8.*6.*convert", message)
    assert re.search(r"not UTF-8.*6.*convert", fail("label", "-", "--model", model, text=raw))


@pytest.mark.parametrize("text", ["", " \r\n\t\u00a0"])
def test_label_empty(fail, tmp_path, model, text):
    """A text of white space alone is refused as empty, from a file or a pipe."""
    message = fail("label", write(tmp_path / "blank.txt", text), "--model", model)
    assert "blank.txt is empty" in message
    assert "empty" in fail("label", "-", "--model", model, text=text)


def test_label_without_model(fail, file, tmp_path):
    """A folder without a model is refused with its name and the remedy."""
    message = fail("label", file, "--model", tmp_path / "nowhere")
    assert "nowhere" in message
    assert "train a model or name another folder" in message


def test_label_with_a_damaged_model(fail, file, tmp_path, model):
    """A model that was changed is refused with cause and remedy."""
    folder = Path(shutil.copytree(registry.resolve(model, "fast"), tmp_path / "model"))
    with (folder / artifact.MODEL_FILE).open("ab") as changed:
        changed.write(b"x")
    assert re.search(r"digest.*train again", fail("label", file, "--model", folder), re.DOTALL)


def test_label_too_many_countries(fail, model):
    """A list of all countries is refused with cause and remedy."""
    names = [country.name for country in gazetteer.load().countries.values() if country.party]
    message = fail("label", "-", "--model", model, text="The list: " + ", ".join(names) + ".")
    assert re.search(r"pairs.*send it in parts|pairs.*parts", message, re.DOTALL)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--min-probability", "1.5"], "--min-probability"),
        (["--min-probability", "much"], "--min-probability"),
        (["--as-of", "16.5.2024"], "--as-of"),
        (["--as-of", "2024-02-30"], "--as-of"),
        ([], "FILE"),
    ],
)
def test_label_bad_option(fail, file, arguments, named):
    """A value that an option cannot take is refused with the option's name."""
    assert named in fail("label", *([file] if arguments else []), *arguments)


# train


def test_train(training):
    """Training writes a model that opens, says what it does, and prints the scores on held-out sentences."""
    folder, result = training
    assert (result.exit_code, result.stderr) == (0, "")
    _, manifest = artifact.load(registry.resolve(folder, "fast"))
    assert manifest.sha256 in result.stdout
    held_out = manifest.metrics["held_out"]
    assert f"{held_out['pairs']} pairs" in result.stdout
    assert f"{held_out['accuracy']:.3f}" in result.stdout
    assert "held-out" in result.stdout


def test_train_penalty(succeed, small_labels, training, tmp_path):
    """With another penalty another model comes out, by the long and the short name of the option."""
    for option in ("-C", "--inverse-penalty"):
        options = ("--tier", "fast", "--without-shipped", "--labels", small_labels, option, "0.5")
        succeed("train", *options, "--output", tmp_path / option)
    digests = {
        artifact.read_manifest(registry.resolve(tmp_path / option, "fast")).sha256
        for option in ("-C", "--inverse-penalty")
    }
    assert len(digests) == 1
    assert artifact.read_manifest(registry.resolve(training[0], "fast")).sha256 not in digests


def test_train_without_labels(call, tmp_path):
    """A labels folder that is not there is refused with its name, and nothing is written."""
    result = call("train", "--tier", "fast", "--labels", tmp_path / "nowhere", "--output", tmp_path / "out")
    assert result.exit_code == 1
    assert "nowhere" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("file", "row"),
    [
        ("corpus/part.jsonl", b"{"),
        ("corpus/part.jsonl", b'{"id": "\xe9"}'),
        ("lexicon.tsv", b"word\tx\tACCUSE\topposition"),
        ("lexicon.tsv", b"w\xf6rd\tv\tACCUSE\topposition"),
        ("gazetteer/names.tsv", b"Zyxwut\tQQQ\tname\t\t\t"),
        ("gazetteer/names.tsv", b"Zyxw\xfct\tFRA\tname\t\t\t"),
    ],
)
def test_bad_labels(call, labels, tmp_path, file, row):
    """``train`` and ``labels check`` name file, line and reason of a bad row; then nothing is written."""
    path = labels / file
    before = path.read_bytes()
    path.write_bytes(before + row + b"\n")
    place = f"{path}:{len(before.splitlines()) + 1}: "
    train = ("train", "--tier", "fast", "--without-shipped", "--labels", labels, "--output", tmp_path / "out")
    for arguments in (train, ("labels", "check", labels)):
        result = call(*arguments)
        assert result.exit_code == 1
        assert place in result.stderr
        assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_train_bad_penalty(fail, tmp_path):
    """A penalty of zero or less is refused with the option's name."""
    for value in ("0", "-1", "much"):
        assert "-C" in fail("train", "--tier", "fast", "--output", tmp_path / "out", "-C", value)


def test_train_into_a_file(fail, small_labels, tmp_path):
    """A file where the model's folder should be is refused with its name, and stays."""
    path = write(tmp_path / "taken", "mine")
    options = ("--tier", "fast", "--without-shipped", "--labels", small_labels)
    assert "taken" in fail("train", *options, "--output", path)
    assert path.read_text() == "mine"


# labels check


def test_labels_check(succeed, small_labels):
    """Good labels are counted: sentences, pairs, entries of the lexicon, names."""
    output = succeed("labels", "check", small_labels)
    sentences = len((small_labels / "corpus" / "part.jsonl").read_text(encoding="utf-8").splitlines())
    entries = len((small_labels / "lexicon.tsv").read_text(encoding="utf-8").splitlines()) - 1
    assert f"{sentences} sentences" in output
    assert f"{entries} lexicon entries" in output
    assert "no bad row" in output


def test_labels_check_shipped(succeed):
    """Without a folder the labels that ship are checked, and they have no bad row."""
    assert "no bad row" in succeed("labels", "check")


def test_labels_check_lists_every_bad_row(fail, labels):
    """All bad rows of the corpus are named at once."""
    path = labels / "corpus" / "part.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    for number in (2, 5, 9):
        lines[number] = lines[number].replace('"label": "', '"label": "x', 1)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    message = fail("labels", "check", labels)
    assert re.findall(rf"{path}:(\d+): label", message) == ["3", "6", "10"]


def test_labels_check_missing_folder(fail, tmp_path):
    """A folder that is not there is refused with its name."""
    assert "nowhere" in fail("labels", "check", tmp_path / "nowhere")


# evaluate


def test_evaluate_pairs(succeed, model, tmp_path):
    """Given pairs are scored."""
    path = write(tmp_path / "pairs.jsonl", [PAIR, {**PAIR, "label": "support"}])
    output = succeed("evaluate", "--pairs", path, "--model", model)
    assert "2 pairs" in output
    assert str(path) in output
    assert re.search(r"support against opposition +0\.500", output)


def test_evaluate_documents(succeed, model, tmp_path):
    """Documents are scored, with countries that were not found, and those beyond the gold on demand."""
    path = write(tmp_path / "documents.jsonl", [DOCUMENT])
    arguments = ("evaluate", "--documents", path, "--model", model, "--as-of", "2024-05-16")
    output = succeed(*arguments)
    assert "2 pairs" in output
    assert re.search(rf"not found: 1\n +CHN +{DOCUMENT['text']}", output)
    assert re.search(r"beyond the gold relations: 1$", output, re.MULTILINE)
    assert "TCD" not in output
    assert re.search(rf"TCD \(Chad\) +{DOCUMENT['text']}", succeed(*arguments, "--list-extra"))


def test_evaluate_article(succeed, model, tmp_path):
    """An article is compared with its gold relations, line for line."""
    text = write(tmp_path / "article.txt", "France condemned Iran.")
    gold = write(tmp_path / "gold.jsonl", [{**GOLD, "countries": ["FRA", "IRN", "CHN"]}])
    output = succeed("evaluate", "--article", text, "--gold", gold, "--model", model)
    assert re.search(r"FRA→IRN +opposition", output)
    assert re.search(r"IRN→FRA +neutrality", output)
    assert re.search(r"[012] of 2 required", output)
    assert re.search(r"not found: .*CHN", output)


def test_evaluate_all_at_once(succeed, model, tmp_path):
    """Pairs, documents and an article can be measured in one call."""
    files = [
        write(tmp_path / "pairs.jsonl", [PAIR]),
        write(tmp_path / "documents.jsonl", [DOCUMENT]),
        write(tmp_path / "article.txt", "France condemned Iran."),
        write(tmp_path / "gold.jsonl", [GOLD]),
    ]
    options = ("--pairs", "--documents", "--article", "--gold")
    arguments = [part for pair in zip(options, files, strict=True) for part in pair]
    output = succeed("evaluate", *arguments, "--model", model)
    assert "1 pairs" in output
    assert "countries with a relation that were not found" in output
    assert "required relations are right" in output


def test_evaluate_nothing(fail, tmp_path):
    """Without anything to measure, or an article without gold, the message names the options."""
    message = fail("evaluate")
    assert all(option in message for option in ("--pairs", "--documents", "--article", "--gold"))
    text = write(tmp_path / "article.txt", "France condemned Iran.")
    for option in ("--article", "--gold"):
        assert re.search("--article .*--gold", fail("evaluate", option, text))


@pytest.mark.parametrize(
    ("option", "content", "reason"),
    [
        ("--pairs", b'{"text": "caf\xe9"}\n', "UTF-8"),
        ("--pairs", [{**PAIR, "label": "hostile"}], "hostile"),
        ("--documents", [{"text": "France met Iran.", "relations": []}], "gold|relation"),
        ("--gold", [{"sentence": 0}], "countries"),
        ("--article", b"caf\xe9", "UTF-8"),
    ],
)
def test_evaluate_bad_file(fail, model, tmp_path, option, content, reason):
    """A file that cannot be read as it should is refused with its name and the reason."""
    files = {option: write(tmp_path / "measured", content)}
    if option == "--gold":
        files["--article"] = write(tmp_path / "article.txt", "France condemned Iran.")
    if option == "--article":
        files["--gold"] = write(tmp_path / "gold.jsonl", [GOLD])
    message = fail("evaluate", "--model", model, *(part for pair in files.items() for part in pair))
    assert "measured" in message
    assert re.search(reason, message)


def test_evaluate_missing_file(fail, tmp_path):
    """A file that is not there is refused with its name and the option's."""
    for option in ("--pairs", "--documents", "--article", "--gold"):
        message = fail("evaluate", option, tmp_path / "nowhere")
        assert option in message
        assert "nowhere" in message


def test_evaluate_without_model(fail, tmp_path):
    """A folder without a model is refused with its name and the remedy."""
    path = write(tmp_path / "pairs.jsonl", [PAIR])
    assert "train a model or name another folder" in fail("evaluate", "--pairs", path, "--model", tmp_path / "no")


# countries


def test_countries(succeed):
    """Each mention is shown with offsets, code, kind, surface, country's name, anaphors with what they mean."""
    text = "😀 Paris met the Iranians. Both countries agreed."
    rows = [
        re.match(r" *(\d+)–(\d+) +([A-Z]{3}) +(\w+) +(.*?)  = (.*)$", line)
        for line in succeed("countries", text, "--as-of", "2024-05-16").splitlines()
    ]
    assert all(rows)
    assert [(row[3], row[4], text[int(row[1]) : int(row[2])]) for row in rows] == [
        ("FRA", "capital", "Paris"),
        ("IRN", "demonym", "Iranians"),
        ("FRA", "anaphor", "Both countries"),
        ("IRN", "anaphor", "Both countries"),
    ]
    assert [row[5] for row in rows] == [text[int(row[1]) : int(row[2])] for row in rows]
    assert rows[0][6] == "France"
    assert "Iranians" in rows[3][6]


def test_countries_as_of(succeed):
    """With --as-of a name stands for the country that it stood for on that day."""
    output = succeed("countries", "The Kremlin warned Japan.", "--as-of", "1985-06-01")
    assert "SUN" in output
    assert "RUS" not in output


def test_countries_finds_nothing(call):
    """Where no country is mentioned that is said, not shown by silence."""
    result = call("countries", "It rained all day.")
    assert re.search("no countr", result.output, re.IGNORECASE)


def test_countries_bad_option(fail):
    """A date that is none is refused with the option's name."""
    assert "--as-of" in fail("countries", "France", "--as-of", "yesterday")


# health


@contextmanager
def serving(answer):
    """Serve connections with a function of the socket's file until left; give the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle(self):
            self.rfile.readline()
            self.wfile.write(answer)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def http_answer(status, body):
    """Give the bytes of an HTTP answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


def test_health(succeed):
    """A service that is ready is said to be."""
    with serving(http_answer("200 OK", '{"status": "ready"}')) as port:
        assert "ready" in succeed("health", "--url", f"http://127.0.0.1:{port}/health/ready")


def test_health_not_ready():
    """A service that answers 503 is not ready; the message holds address and status."""
    with serving(http_answer("503 Service Unavailable", "{}")) as port:
        result = run("health", "--url", f"http://127.0.0.1:{port}/health/ready")
    assert result.returncode == 1
    assert re.search(f"^Error: .*127.0.0.1:{port}.*503", result.stderr.decode())


def test_health_closed_port(fail):
    """Where nothing listens the message holds the address and says so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/health/ready"
    message = fail("health", "--url", url)
    assert url in message
    assert "refused" in message


@pytest.mark.parametrize(
    "answer", [b"", b"no HTTP\r\n\r\n", b"\xff" * 100 + b"\r\n"], ids=["nothing", "text", "bytes"]
)
def test_health_of_something_else(answer):
    """Where something listens that speaks no HTTP the message holds the address."""
    with serving(answer) as port:
        result = run("health", "--url", f"http://127.0.0.1:{port}/")
    assert result.returncode == 1
    assert f"Error: http://127.0.0.1:{port}/" in result.stderr.decode()
    assert b"Traceback" not in result.stderr


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "file:///etc/hostname",
        "127.0.0.1:8000",
        "http://127.0.0.1:port/",
        "http://",
        "http://a b/",
    ],
)
def test_health_bad_url(fail, url):
    """An address that is none, or is of another kind, is refused with the option or the address."""
    message = fail("health", "--url", url)
    assert "--url" in message or url in message


# serve


def test_serve_bad_option(fail):
    """A port that is none is refused with the option's name."""
    for port in ("-1", "65536", "http"):
        assert "--port" in fail("serve", "--port", port)


def test_serve_bad_environment(fail, monkeypatch):
    """A bad setting in the environment is refused with its name before anything is started."""
    monkeypatch.setenv("COUNTRY_RELATIONS_MAX_BODY_BYTES", "much")
    assert "COUNTRY_RELATIONS_MAX_BODY_BYTES" in fail("serve", "--port", "0")


# Without the training extra


def test_train_without_the_extra(tmp_path, small_labels):
    """Where the training extra is not installed, ``train`` says what is missing and how to get it."""
    result = run("train", "--labels", small_labels, "--output", tmp_path / "out", first=WITHOUT_EXTRA, text=True)
    assert result.returncode == 1
    assert re.search(r"^Error: .*lemminflect.*make train", result.stderr)
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_labels_check_without_the_extra(small_labels):
    """Where the training extra is not installed, ``labels check`` works or says what is missing."""
    result = run("labels", "check", small_labels, first=WITHOUT_EXTRA, text=True)
    assert "Traceback" not in result.stderr
    assert result.returncode == 0 or "lemminflect" in result.stderr


def test_measuring_needs_no_extra(model, tmp_path):
    """Where the training extra is not installed, a model can be measured all the same."""
    path = write(tmp_path / "pairs.jsonl", [PAIR])
    assert run("evaluate", "--pairs", path, "--model", model, first=WITHOUT_EXTRA).returncode == 0
