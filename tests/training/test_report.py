"""The training report and the model card of a version."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from relations import artifact
from relations.artifact import ArtifactError
from training import comparison, curves, fit, registry, report
from training.analysis import Interval
from training.comparison import Outcome
from training.curves import Point

_WRITE = """
import sys
from pathlib import Path
from training import report
root, version, labels, out = sys.argv[1:]
report.write(Path(root), version, Path(labels), print, Path(out))
"""


class Page(HTMLParser):
    """Takes the links, names and tags of a page, and sees that what is opened is closed."""

    VOID = frozenset({"meta"})

    def __init__(self, text):
        super().__init__()
        self.names, self.links, self.tags, self.open = [], [], set(), []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        """Take a tag."""
        self.tags.add(tag)
        found = dict(attrs)
        self.names += [found["id"]] if "id" in found else []
        self.links += [value for key, value in attrs if key in {"href", "src", "xlink:href"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Close a tag."""
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        """Take a tag that closes itself."""
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()


def be_told(_):
    """Hear what is said."""


@pytest.fixture
def write(two_versions, small_labels):
    """Write report and card of a version; give both as text."""

    def written(version="second", labels=small_labels, out=None):
        report.write(two_versions, version, labels, be_told, out)
        folder = out or two_versions / version
        return [(folder / name).read_text(encoding="utf-8") for name in (report.CARD_FILE, report.REPORT_FILE)]

    return written


def test_into_the_version(write, two_versions):
    """Card and report become part of the version, whose digests hold."""
    write()
    assert registry.verify(two_versions, "second") == []
    assert (two_versions / "second" / registry.SUMS_FILE).read_text().count("\n") == 6


def test_damage_stays_known(write, two_versions):
    """A file that was damaged before is still told of afterwards."""
    path = two_versions / "second" / "fast" / comparison.BEHAVIOUR_FILE
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), mtime=1))
    write()
    assert [str(path) in line for line in registry.verify(two_versions, "second")] == [True]


def test_elsewhere(write, two_versions, tmp_path):
    """Written into another folder, they leave the version as it was."""
    before = sorted(path.name for path in (two_versions / "second").iterdir())
    write(out=tmp_path / "new" / "out")
    assert sorted(path.name for path in (two_versions / "second").iterdir()) == before
    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == ["card.md", "report.html"]


def test_page(write):
    """The page is well-formed, loads nothing, runs nothing, and its links lead somewhere."""
    _, text = write()
    page = Page(text)
    assert len(page.names) == len(set(page.names))
    assert {"#fast", "#fast-slices", "#fast-features"} <= set(page.links)
    assert set(page.links) <= {f"#{name}" for name in page.names}
    assert not page.tags & {"script", "link", "img", "iframe"}
    assert not re.search(r"url\((?!#)|@import| on\w+=", text)
    assert len(text.encode()) < 1_500_000


def test_same_bytes_in_every_process(write, two_versions, small_labels, tmp_path):
    """The same version and labels give the same bytes, whatever the hash seed."""
    write(out=tmp_path / "0")
    subprocess.run(
        [sys.executable, "-c", _WRITE, two_versions, "second", small_labels, tmp_path / "1"],
        env=os.environ | {"PYTHONHASHSEED": "7"},
        check=True,
        capture_output=True,
    )
    for name in ("card.md", "report.html"):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()


def test_scores(write, two_versions):
    """Card and page tell the manifest's scores, its digests, and a signature of data, seed and versions."""
    manifest = artifact.read_manifest(two_versions / "second" / "fast")
    for text in write():
        for name, shown in (("accuracy", "accuracy"), ("macro_f1", "macro-F1"), ("kappa", "Cohen&#39;s kappa")):
            value = f"{manifest.metrics['held_out'][name]:.3f} ["
            assert re.search(rf"{shown.replace('&#39;', '.+')}\W.*{re.escape(value)}", text)
        assert manifest.sha256 in text
        assert manifest.labels_sha256 in text
        signature = re.search(r"data:\S+", text)[0]
        assert f"data:{manifest.labels_sha256[:12]}|" in signature
        assert f"|scikit-learn:{manifest.versions['scikit-learn']}|" in signature
        assert "|seed:" in signature


def test_card_sections(write):
    """The card has the nine sections of Mitchell et al., and whole tables."""
    card, _ = write()
    assert re.findall(r"^## (.+)$", card, re.MULTILINE) == [
        "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data",
        "Quantitative analyses", "Ethical considerations", "Caveats and recommendations",
    ]  # fmt: skip
    for table in re.findall(r"(?:^\|.*\n)+", card, re.MULTILINE):
        rows = table.splitlines()
        assert len({row.count("|") for row in rows}) == 1, table
        assert set(rows[1]) <= set("|-:")
    assert "\n\n\n" not in card
    assert "&#" not in card


def test_against_the_version_in_service(write):
    """A version is set beside the one in service with McNemar's test; that one says that it is it."""
    for text in write():
        assert re.search(r"McNemar.s exact test: p = \d", text)
        assert "first" in text
    for text in write("first"):
        assert "This is the version in service." in text
        assert "exact test" not in text


def test_nothing_in_common(write, two_versions):
    """Where the version in service has judged other sentences, the report is written and says so."""
    path = two_versions / "first" / "fast" / comparison.HELD_OUT_FILE
    row = json.loads(gzip.decompress(path.read_bytes()).splitlines()[0])
    path.write_bytes(gzip.compress(json.dumps(row | {"sentence": "0" * 16}).encode()))
    for text in write():
        assert "no held-out pair in common" in text


def test_changed_labels(write, labels):
    """Labels other than those that were fitted are told of, and how many held-out pairs they no longer hold."""
    for text in write():
        assert "labels have changed" not in text
        assert "no longer among the labels" not in text
    path = labels / "corpus" / "part.jsonl"
    path.write_bytes(b"\n".join(path.read_bytes().splitlines()[:40]))
    for text in write(labels=labels):
        assert "labels have changed" in text
        assert re.search(r"\d+ (of these )?pairs are no longer among the labels", text)


def test_hostile_text(write, two_versions):
    """Text from the labels cannot become part of the page."""
    folder = two_versions / "second" / "fast"
    comparison.save(folder, held_out(folder), [Outcome("made_up", "<script>x</script>", "FRA>IRN support", False)])
    _, text = write()
    assert "&lt;script&gt;x&lt;/script&gt; (FRA&gt;IRN support)" in text
    assert "script" not in Page(text).tags


def held_out(folder):
    """Give the judgements of a model."""
    rows = gzip.decompress((folder / comparison.HELD_OUT_FILE).read_bytes()).splitlines()
    return [comparison.Prediction(**json.loads(row)) for row in rows]


def test_behaviour(write, two_versions):
    """Each kind of behaviour cases is told with cases, passes and failures."""
    folder = two_versions / "second" / "fast"
    cases = [Outcome("made_up", f"Case {k}.", "FRA>IRN support", k > 0) for k in range(4)]
    comparison.save(folder, held_out(folder), cases)
    card, text = write()
    assert "| made up | 3 | 4 | 0.750 [" in card
    assert "Case 0. (FRA&gt;IRN support)" in text
    assert "Case 1." not in text


def test_two_tiers(write, two_versions):
    """Both tiers of a version are told of; only the fast one has features that can be named."""
    folder = two_versions / "second" / "context"
    shutil.copytree(two_versions / "second" / "fast", folder)
    manifest = replace(artifact.read_manifest(folder), tier="context")
    (folder / artifact.MANIFEST_FILE).write_text(manifest.to_json())
    card, text = write()
    assert "### Tier fast" in card
    assert "### Tier context" in card
    names = Page(text).names
    assert {"fast-features", "fast-errors", "context-errors", "context-service"} <= set(names)
    assert "context-features" not in names
    assert len(names) == len(set(names))
    assert "The version in service, first, has no context tier." in text


def test_learning_curve(write, two_versions, tmp_path):
    """A learning curve that was kept is shown; one in the target folder goes before."""
    score = {name: Interval(0.5, 0.4, 0.6) for name in curves.MEASURES}
    points = [Point(share, 12345 * share, 10, score) for share in (10, 20)]
    (two_versions / "second" / curves.FILE).write_bytes(curves.dump(points, "0" * 64, fit.Parameters()))
    for text in write():
        assert "123,450" in text
        assert "246,900" in text
    (tmp_path / curves.FILE).write_bytes(curves.dump(points[:1], "0" * 64, fit.Parameters()))
    for text in write(out=tmp_path):
        assert "123,450" in text
        assert "246,900" not in text
    for text in write("first"):
        assert "Learning curve" not in text


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ({"labels": 1.0}, [("labels", 1.0)]),
        ({"shipped": 0.5, "labels": 2.0}, [("shipped", 0.5), ("labels", 2.0)]),
        ({"labels": 1.0, "gone": 3.0}, [("labels", 1.0)]),
    ],
)
def test_fitted_from(two_versions, small_labels, folders, expected):
    """The manifest says whether the shipped labels belong to a version, and what each folder weighed."""
    folder = two_versions / "second" / "fast"
    manifest = artifact.read_manifest(folder)
    told = {name: {"sentences": 1, "weight": weight} for name, weight in folders.items()}
    changed = replace(manifest, metrics=manifest.metrics | {"folders": told})
    (folder / artifact.MANIFEST_FILE).write_text(changed.to_json())
    found = report.fitted_from(two_versions, "second", [small_labels])
    assert [(one.name, one.weight) for one in found.folders] == expected


def test_unknown_version(write):
    """A version that is not there is refused with those that are."""
    with pytest.raises(ArtifactError, match=r"no version third .*first, second"):
        write("third")


@pytest.mark.parametrize(
    "content", [b"", b"no gzip", gzip.compress(b"{}\n", mtime=0), gzip.compress(b"", mtime=0)]
)
def test_damaged_judgements(write, two_versions, content):
    """Judgements that cannot be read are refused with the remedy."""
    (two_versions / "second" / "fast" / comparison.HELD_OUT_FILE).write_bytes(content)
    with pytest.raises(ArtifactError, match="train it again"):
        write()
