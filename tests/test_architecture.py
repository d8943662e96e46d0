"""Who may import whom."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("relations", "service", "training", "cli")
FORBIDDEN = [
    ("relations", {"service", "training", "cli"}),
    ("service", {"training", "cli"}),
    ("training", {"service", "cli"}),
]
CLIENT = "country_relations_client"
DYNAMIC = {"import_module", "__import__"}
WEB = {"flask", "flask_smorest", "werkzeug", "gunicorn"}


def imports_of(path):
    """Top-level names of all modules that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(path.relative_to(ROOT).parts[0] if node.level else node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in DYNAMIC:
            found.add(ast.literal_eval(node.args[0]).partition(".")[0])
    return found


def files_of(room):
    """Python files of a room; there must be some."""
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    return files


def loaded_by(code):
    """Top-level names of all modules that a fresh process has loaded after running the code."""
    code += "\nimport sys\nprint(*{name.partition('.')[0] for name in sys.modules})"
    return set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )


def modules_of_the_training_extra():
    """Import names of the distributions that only the training extra asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {re.match(r"[\w.-]+", one)[0].lower() for one in project["optional-dependencies"]["training"]}
    assert extra
    modules = {
        module
        for module, owners in packages_distributions().items()
        if extra & {owner.lower() for owner in owners}
    }
    assert len(modules) >= len(extra), "the training extra is not installed"
    return modules


@pytest.mark.parametrize(("room", "forbidden"), FORBIDDEN, ids=[room for room, _ in FORBIDDEN])
def test_rooms(room, forbidden):
    """The domain imports no other room; service and training import neither each other nor the command line."""
    wrong = {str(path.relative_to(ROOT)): imports_of(path) & forbidden for path in files_of(room)}
    assert {path: found for path, found in wrong.items() if found} == {}


def test_nothing_imports_the_tests():
    """No room imports tests or benchmarks."""
    for room in ROOMS:
        for path in files_of(room):
            assert not imports_of(path) & {"tests", "benchmarks", "conftest", "pytest", "hypothesis"}, path


def test_domain_knows_no_web():
    """The domain imports no web framework, itself or through what it imports."""
    names = [path.stem for path in files_of("relations") if path.stem != "__init__"]
    for path in files_of("relations"):
        assert not imports_of(path) & WEB, path
    assert not loaded_by("\n".join(f"import relations.{name}" for name in names)) & (
        WEB | {"service", "training", "cli"}
    )


def test_client_stands_alone():
    """The client imports the standard library and nothing else, and no room imports the client."""
    for path in files_of(CLIENT):
        assert imports_of(path) <= sys.stdlib_module_names | {CLIENT}, path
    for room in ROOMS:
        for path in files_of(room):
            assert CLIENT not in imports_of(path), path


def test_training_knows_no_web():
    """Training imports no web framework."""
    for path in files_of("training"):
        assert not imports_of(path) & WEB, path


def test_service_needs_no_training_extra():
    """A service that has answered a request has loaded neither training nor any package of its extra."""
    loaded = loaded_by(
        "from service.app import create_app\n"
        "from service.config import Settings\n"
        "client = create_app(Settings()).test_client()\n"
        "body = {'text': 'France condemned Iran.', 'explain': True}\n"
        "assert client.post('/v1/relations', json=body).status_code == 200\n"
    )
    assert "relations" in loaded
    assert not loaded & (modules_of_the_training_extra() | {"training", "cli"})


def test_rooms_say_who_may_come_in():
    """Every room's ``__init__`` holds a docstring, which says what it may import, and no code."""
    for room in ROOMS:
        tree = ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8"))
        assert "import" in ast.get_docstring(tree)
        assert len(tree.body) == 1
