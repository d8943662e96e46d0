"""The commands of docs/retraining.md, in their order, against a running service."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from relations import artifact, registry
from service import keyfile

ROOT = Path(__file__).parents[2]
EXPORT = Path(__file__).parent / "retraining" / "label_studio.json"
DOCUMENT = ROOT / "docs" / "retraining.md"
PROGRAM = """#!/bin/sh
# The commands as they stand, with a few labels in place of the shipped ones, and without an encoder.
command=$1
shift
case $command in
    train)
        for option do
            shift
            [ "$option" = --keep-encoder ] || set -- "$@" "$option"
        done
        set -- --without-shipped --tier fast --labels {labels} --output model_artifacts "$@" ;;
    promote) set -- --root model_artifacts --force "too few labels to compare by" "$@" ;;
    compare | rollback) set -- --root model_artifacts "$@" ;;
esac
exec {python} -c "from cli.main import main; main()" "$command" "$@"
"""


def commands():
    """Give every command of the walk-through, which ends with the first heading after it."""
    walk = DOCUMENT.read_text(encoding="utf-8").partition("\n## ")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```console\n(.*?)^```", walk, re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def folder(two_versions, small_labels, tmp_path):
    """Make a working folder: an export, served models, and the program."""
    folder = tmp_path / "work"
    (folder / "bin").mkdir(parents=True)
    two_versions.rename(folder / "model_artifacts")
    shutil.copy(EXPORT, folder / "export.json")
    program = folder / "bin" / "country-relations"
    program.write_text(PROGRAM.format(labels=small_labels, python=sys.executable))
    program.chmod(0o755)
    return folder


def test_walk_through(running, folder, tmp_path):
    """A new subject is annotated, trained on, compared, promoted, served and rolled back, as the document says."""
    root = folder / "model_artifacts"
    key = keyfile.add(tmp_path / "keys", "boss", "admin")
    said, answered = {}, []
    with running(tmp_path, MODEL_DIR=str(root), TIER="fast", API_KEYS_FILE=str(tmp_path / "keys")) as server:
        environment = os.environ | {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "KEY": key,
            "PID": str(server.process.pid),
        }

        def model():
            _, _, body = server.request("GET", "/v1/model", headers={"Authorization": f"Bearer {key}"})
            return json.loads(body)

        for command in commands():
            done = subprocess.run(
                ["sh", "-euc", command.replace("127.0.0.1:8000", f"{server.host}:{server.port}")],
                cwd=folder,
                env=environment,
                check=False,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            said[command.split(" --")[0]] = done.stdout
            if "/reload" in command or "-HUP" in command:
                wanted = artifact.read_manifest(registry.resolve(root, "fast")).sha256
                server.wait_for(lambda wanted=wanted: model()["sha256"] == wanted)
                answered.append(model()["version"])
    assert answered == ["fisheries-1", "first"]
    (imported,) = (text for command, text in said.items() if "labels import" in command)
    assert imported.splitlines()[0] in DOCUMENT.read_text(encoding="utf-8")
    (trained,) = (text for command, text in said.items() if " train" in command)
    assert any(line.startswith("fisheries ") for line in trained.splitlines())
