"""The commands that choose which model is served."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from relations import artifact, registry


@pytest.fixture
def root(publish, tmp_path) -> Path:
    """Publish three versions, of which the first is served; the second is better, the third worse."""
    root = tmp_path / "models"
    for name, right in (("a", "..x."), ("b", "...."), ("worse", ".xx.")):
        publish(root, name, right=right, passed=".x" if name == "a" else "x.")
    return root


def test_promote_and_rollback(succeed, root):
    """Promotion and rollback change what is served, and say from what to what."""
    assert re.search(r"^b is served.*until now: a$", succeed("promote", "b", "--root", root))
    assert registry.served(root) == "b"
    assert re.search(r"^a is served.*until now: b$", succeed("rollback", "--root", root))
    assert registry.served(root) == "a"


def test_promote_worse(succeed, fail, root):
    """A worse version is refused with the way to overrule that, which takes a reason."""
    assert "--force" in fail("promote", "worse", "--root", root)
    assert "reason" in fail("promote", "worse", "--root", root, "--force", " ")
    assert registry.served(root) == "a"
    succeed("promote", "worse", "--root", root, "--force", "on trial")
    assert registry.served(root) == "worse"


def test_list(succeed, root):
    """Every version is listed with its tiers and scores; a star marks the served one, damage is told."""
    (root / "b" / "fast" / artifact.MANIFEST_FILE).write_text("{")
    head, *rows = succeed("list", "--root", root).splitlines()
    assert "macro-F1" in head
    assert [row.split()[:3] for row in rows] == [
        ["*", "a", "fast"],
        ["b", "fast", "damaged:"],
        ["worse", "fast", "2024-01-01T00:00"],
    ]
    assert rows[0].split()[4:] == ["4", "0.5000", "0.2500"]


def test_compare(succeed, root):
    """Two versions are shown side by side, with McNemar's test and the cases that one passes alone."""
    output = succeed("compare", "a", "b", "--root", root)
    assert re.search(r"^accuracy +0\.7500 +1\.0000$", output, re.MULTILINE)
    assert re.search(r"^pairs that only it has right +0 +1$", output, re.MULTILINE)
    assert "McNemar's exact p 1" in output
    assert "b loses made_up: Case 0.\nb gains made_up: Case 1." in output


def test_verify(call, succeed, root):
    """All versions or one are checked; damage is named and ends with exit status 1."""
    assert succeed("verify", "--root", root).split() == ["a", "whole", "b", "whole", "worse", "whole"]
    (root / "b" / "fast" / artifact.MODEL_FILE).write_bytes(b"x")
    assert succeed("verify", "a", "--root", root).split() == ["a", "whole"]
    result = call("verify", "--root", root)
    assert result.exit_code == 1
    assert "b  damaged" in result.stdout
    assert f"{root}/b/fast/model.joblib was changed: restore it" in result.stderr


def test_verify_what_is_served(call, root):
    """A served version that is gone, or none at all, is damage too."""
    shutil.rmtree(root / "a")
    assert "a is to be served" in call("verify", "--root", root).stderr
    (root / "current").unlink()
    assert call("verify", "--root", root).exit_code == 1


def test_shipped(succeed):
    """The models that ship are whole, and without a folder they are meant."""
    name = registry.served(artifact.DEFAULT_FOLDER)
    assert f"{name}  whole" in succeed("verify")
    assert re.search(rf"^\* {name} ", succeed("list"), re.MULTILINE)


@pytest.mark.parametrize(
    "arguments", [("promote", "c"), ("rollback",), ("compare", "a", "c"), ("verify", "c"), ("promote", "a")]
)
def test_refusals(fail, root, arguments):
    """What cannot be done is refused in words, and nothing changes."""
    assert fail(*arguments, "--root", root)
    assert registry.served(root) == "a"


def test_folder_that_is_not_there(fail, tmp_path):
    """A folder that is not there is refused with its name, and not made."""
    folder = tmp_path / "nowhere"
    for arguments in (("promote", "a"), ("rollback",), ("compare", "a", "b"), ("verify",)):
        assert fail(*arguments, "--root", folder)
    assert not folder.exists()


def test_train_leaves_what_is_served(succeed, small_labels, model, tmp_path):
    """Training adds a version beside the served one and prints how to promote it; that works, and is loaded."""
    root = Path(shutil.copytree(model, tmp_path / "models"))
    before = registry.served(root)
    options = ("--tier", "fast", "--without-shipped", "--labels", small_labels, "-C", "2")
    output = succeed("train", *options, "--output", root, "--version", "new")
    assert registry.served(root) == before
    command = re.search(r"country-relations (promote new --root \S+)$", output, re.MULTILINE)[1]
    succeed(*command.split(), "--force", "whatever it scores")
    assert registry.served(root) == "new"
    text = "France condemned Iran."
    told = {
        version: succeed("label", "-", "--json", "--model", root, *options, text=text)
        for version, options in (("new", ()), (before, ("--version", before)))
    }
    assert all(f'"version": "{version}"' in answer for version, answer in told.items())


def test_first_training_is_served(training):
    """The first version of a folder is served without more."""
    folder, result = training
    assert registry.served(folder) in result.stdout
    assert "promote" not in result.stdout


@pytest.mark.parametrize(("option", "value"), [("--tier", "context"), ("--tier", "slow"), ("--version", "none")])
def test_no_such_model(fail, model, option, value):
    """A tier or version that is not there is refused with what there is."""
    message = fail("label", "-", "--model", model, option, value, text="France condemned Iran.")
    assert value in message
    assert "choose" in message


def test_without_training(root):
    """Where training is not installed, as in the container, versions are listed; promotion says what to do."""
    first = "import sys; sys.modules['training.registry'] = None; from cli.main import main; main()"
    listed, refused = (
        subprocess.run(
            [sys.executable, "-c", first, *words, "--root", root], capture_output=True, text=True, check=False
        )
        for words in (("list",), ("promote", "b"))
    )
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "worse" in listed.stdout
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: ")
    assert "run this in a clone" in refused.stderr
