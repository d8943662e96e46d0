"""``country-relations train`` takes several folders, weights them, and can be quick or search for parameters."""

import shutil
from pathlib import Path

import pytest

from cli.train import fine_tuning
from relations import artifact, registry

ALONE = ("--tier", "fast", "--without-shipped")


@pytest.fixture(scope="module")
def own(small_labels, tmp_path_factory):
    """Make a folder of nothing but a corpus, whose sentences are the small labels' with other ends."""
    folder = tmp_path_factory.mktemp("own") / "mine"
    (folder / "corpus").mkdir(parents=True)
    rows = (small_labels / "corpus" / "part.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "corpus" / "mine.jsonl").write_text(
        "".join(row.replace('."', ' yesterday."', 1) + "\n" for row in rows), encoding="utf-8"
    )
    return folder


@pytest.fixture
def root(model, tmp_path):
    """Copy the folder of a served small model."""
    return Path(shutil.copytree(model, tmp_path / "models"))


def manifest_of(root, version):
    """What is known of a version's fast tier."""
    return artifact.read_manifest(registry.resolve(root, "fast", version))


def test_folders_and_weights(succeed, small_labels, own, root):
    """Several folders are fitted on with their weights, and each is told of beside the served model."""
    options = ("--labels", small_labels, "--labels", own, "--weight", "mine=3", "--weight", f"{small_labels}=0.5")
    output = succeed("train", *ALONE, *options, "--output", root, "--version", "both")
    weights = {name: one["weight"] for name, one in manifest_of(root, "both").metrics["folders"].items()}
    assert weights == {"labels": 0.5, "mine": 3}
    lines = output.splitlines()
    assert "mine: 150 sentences of weight 3" in lines
    assert f"served: {registry.served(root)}" in output
    for name in ("all", "labels", "mine"):
        assert any(line.split()[:1] == [name] for line in lines)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--weight", "elsewhere=2"), "none of"),
        (("--weight", "mine=0"), "above 0"),
        (("--weight", "mine"), "FOLDER=NUMBER"),
        (("--weight", "mine=much"), "FOLDER=NUMBER"),
        (("--labels", "nowhere"), "nowhere"),
        (("--search", "-C", "2"), "-C"),
        (("--quick", "--epochs", "2", "--tier", "context"), "--quick"),
        (("--quick", "--tier", "context"), "context tier"),
        (("--keep-encoder", "--adapt-encoder", "--tier", "context"), "--keep-encoder"),
        (("--replay", "0.5", "--tier", "context"), "--adapt-encoder"),
        (("--adapt-encoder", "--tier", "fast"), "no encoder"),
    ],
)
def test_bad_options(fail, own, root, options, told):
    """Options that make no sense are refused with what is wrong, and no version is added."""
    before = registry.versions(root)
    assert told in fail("train", *ALONE, "--labels", own, *options, "--output", root)
    assert registry.versions(root) == before


def test_nothing_left(fail, root):
    """Without the shipped sentences another folder must be named."""
    assert "--labels" in fail("train", *ALONE, "--output", root)


def test_quick(succeed, small_labels, root):
    """A quick run takes the tiers that are served, and fits once."""
    options = ("--quick", "--without-shipped", "--labels", small_labels)
    output = succeed("train", *options, "--output", root, "--version", "quick")
    assert registry.tiers(root, "quick") == ["fast"]
    assert manifest_of(root, "quick").metrics["fitting"]["quick"]
    assert "fitting on all" not in output


def test_search(succeed, small_labels, root):
    """A search prints every try, and fits with the best one."""
    output = succeed(
        "train", *ALONE, "--search", "--quick", "--labels", small_labels, "--output", root, "--version", "searched"
    )
    fitting = manifest_of(root, "searched").metrics["fitting"]
    (chosen,) = (line for line in output.splitlines() if line.startswith("* "))
    assert chosen.split()[1:3] == [f"{fitting['C']:g}", str(fitting["min_df"])]
    assert all(f"{score:.4f}" in output for score in fitting["search"].values())


def test_progress_in_a_log(capsys):
    """Where no terminal shows a bar, a line tells how far a fine-tuning is, each twentieth and no more often."""
    with fine_tuning() as show:
        for done in range(1, 101):
            show(done, 100, 0.5)
    lines = [line for line in capsys.readouterr().out.splitlines() if "%" in line]
    assert len(lines) == 20
    assert lines[-1] == "100 %: loss 0.500"
