"""The registry: whole whatever happens, and no worse model is promoted unawares."""

import getpass
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from relations.registry import resolve, served, tiers, versions
from training import registry
from training.registry import RegistryError, history, promote, rollback, verify

_DRIVER = """
import itertools, json, os, resource, shutil, signal, sys
from pathlib import Path
from relations.registry import resolve, served
from training import registry

def build(folder):
    for tier in ("fast", "context"):
        shutil.copytree(work / "model" / "c" / tier, folder / tier)

CHANGES = {"os.mkdir", "os.chmod", "os.rename", "os.remove", "os.rmdir"}
ACTIONS = {
    "first": lambda root: registry.publish(root, "c", build),
    "publish": lambda root: registry.publish(root, "c", build),
    "promote": lambda root: registry.promote(root, "b"),
    "rollback": registry.rollback,
}

def fork(action, root, before):
    child = os.fork()
    if not child:
        code = 1
        try:
            before()
            ACTIONS[action](root)
            code = 0
        except OSError:
            code = 3
        except registry.RegistryError:
            code = 4
        finally:
            os._exit(code)
    return child

def wait(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def die_at(number, root):
    count = 0
    def hook(event, arguments):
        nonlocal count
        changes = event in CHANGES or event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if changes and str(arguments[0]).startswith(str(root)):
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

def kill(action):
    for number in itertools.count(1):
        root = work / f"{action}-{number}"
        shutil.copytree(work / "from" / action, root)
        if wait(fork(action, root, lambda: die_at(number, root))) != -signal.SIGKILL:
            return

def fill(action):
    for limit in (0, 10, 100):
        root = work / f"full-{action}-{limit}"
        shutil.copytree(work / "from" / action, root)
        full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        print(json.dumps([action, limit, wait(fork(action, root, full))]))

def race():
    root = work / "race"
    shutil.copytree(work / "from" / "promote", root)
    children = [fork(action, root, int) for action in ["publish", "promote", "rollback"] * 6]
    while children:
        resolve(root, "fast")
        children = [child for child in children if os.waitpid(child, os.WNOHANG) == (0, 0)]

work = Path(sys.argv[1])
for action in ACTIONS:
    kill(action)
    fill(action)
race()
"""


@pytest.fixture
def root(publish, tmp_path) -> Path:
    """Publish three versions, of which the first is served; the second is better, the third worse."""
    root = tmp_path / "models"
    for name, right in (("a", "..x."), ("b", "...."), ("worse", ".xx.")):
        publish(root, name, right=right)
    return root


def content_of(root):
    """Every file under a folder with its content, but for the lock."""
    return {
        path.relative_to(root): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def check_whole(root):
    """Every version must be whole, and the one that is served among them."""
    assert {name: verify(root, name) for name in versions(root)} == {name: [] for name in versions(root)}
    assert served(root) is None or served(root) in versions(root)
    history(root)


def refused(action, *arguments):
    """Text with which something is refused."""
    with pytest.raises(RegistryError) as refusal:
        action(*arguments)
    return str(refusal.value)


@pytest.fixture(scope="module")
def accidents(publish, tmp_path_factory):
    """Kill every action before each change that it makes on disk, let it meet a full disk, let many race."""
    work = tmp_path_factory.mktemp("accidents")
    publish(work / "from" / "publish", "a")
    publish(work / "from" / "publish", "b")
    for name in ("promote", "rollback"):
        shutil.copytree(work / "from" / "publish", work / "from" / name)
    promote(work / "from" / "rollback", "b")
    (work / "from" / "first").mkdir()
    publish(work / "model", "c", tiers=("fast", "context"))
    done = subprocess.run([sys.executable, "-c", _DRIVER, str(work)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return work, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("action", "old", "new"),
    [("first", None, "c"), ("publish", "a", "a"), ("promote", "a", "b"), ("rollback", "b", "a")],
)
def test_killed_at_any_step(accidents, action, old, new):
    """Killed at any step, an action leaves all whole and either the old or the new version served."""
    roots = sorted(accidents[0].glob(f"{action}-*"), key=lambda path: int(path.name.partition("-")[2]))
    assert len(roots) > 6
    for root in roots:
        check_whole(root)
        assert served(root) in {old, new}
        assert "c" not in versions(root) or tiers(root, "c") == ["fast", "context"]
    assert [served(root) for root in (roots[0], roots[-1])] == [old, new]


def test_after_a_kill(accidents):
    """Whatever a killed action left, the next ones work and sweep it away."""
    for root in accidents[0].glob("p*-*"):
        if served(root) == "a":
            promote(root, "b")
        assert rollback(root).version == "a"
        assert [path.name for path in root.iterdir() if path.name.startswith(".")] == [".lock"]


def test_full_disk(accidents):
    """On a full disk an action fails and leaves everything as it was."""
    work, ends = accidents
    assert len(ends) == 12
    for action, limit, code in ends:
        assert code == 3, (action, limit)
        assert content_of(work / f"full-{action}-{limit}") == content_of(work / "from" / action)


def test_many_at_once(accidents):
    """Of many actions at once each is done whole or refused, one after the other, and one can load throughout."""
    root = accidents[0] / "race"
    check_whole(root)
    assert versions(root) == ["a", "b", "c"]
    changes = history(root)
    assert served(root) == changes[-1].version
    assert [one.previous for one in changes[1:]] == [one.version for one in changes[:-1]]


def test_first_version_is_served(root):
    """The very first version is served at once, later ones are not."""
    assert served(root) == "a"
    (change,) = history(root)
    assert (change.action, change.version, change.previous, change.by) == ("first", "a", None, getpass.getuser())
    check_whole(root)


def test_failed_build(root):
    """A build that fails adds nothing and leaves nothing."""
    before = content_of(root)

    def build(folder):
        (folder / "half").touch()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        registry.publish(root, "c", build)
    assert content_of(root) == before


@pytest.mark.parametrize("name", ["a", "current", "history.jsonl", "", "..", "x/y", ".x", "ü", "x" * 65])
def test_bad_name(root, name):
    """A name that is taken or none is refused, and nothing is changed."""
    before = content_of(root)
    assert "c" not in versions(root)
    text = refused(registry.publish, root, name, Path.touch)
    assert "already: choose another" in text or "cannot be called" in text
    assert content_of(root) == before


def test_promote(root):
    """A better version is served from then on, and who changed what when is written down with the scores."""
    change = promote(root, "b")
    assert resolve(root, "fast") == root / "b" / "fast"
    assert history(root)[-1] == change
    assert (change.action, change.version, change.previous, change.reason) == ("promote", "b", "a", None)
    assert change.metrics == {"fast": {"accuracy": 0.5, "macro_f1": 0.25, "kappa": 0.1}}
    assert len((root / "history.jsonl").read_text().splitlines()) == 2


def test_promote_worse(root):
    """A version that scores worse is refused with both scores, unless a reason is given, which is written down."""
    text = refused(promote, root, "worse")
    assert "fast: macro-F1 falls from " in text
    assert "--force" in text
    assert served(root) == "a"
    assert promote(root, "worse", "the labels were wrong").reason == "the labels were wrong"
    assert served(root) == "worse"
    assert history(root)[-1].reason == "the labels were wrong"


def test_promote_misbehaved(root, publish):
    """A version that passes clearly fewer behaviour cases is refused, though it scores better."""
    publish(root, "rude", right="....", passed="x.")
    assert "behaviour cases it passes 1 instead of 2" in refused(promote, root, "rude")


def test_promote_without_a_tier(root, publish):
    """A version that lacks a tier of the served one is refused, since one might be asked to serve it."""
    publish(root, "both", tiers=("fast", "context"))
    promote(root, "both")
    assert "no context tier" in refused(promote, root, "b")


def test_every_tier_is_compared(root, publish):
    """A version that is worse in one of two tiers is refused."""
    publish(root, "both", tiers=("fast", "context"))
    promote(root, "both")
    publish(root, "xx", tiers=("fast", "context"), right="...x")
    text = refused(promote, root, "xx")
    assert "fast: macro-F1" in text
    assert "context: macro-F1" in text


def test_promote_served(root):
    """The version that is served cannot be promoted again."""
    assert "served already" in refused(promote, root, "a")


def test_promote_over_a_version_that_is_gone(root):
    """Where the served version is gone or cannot be compared, a reason must be given."""
    shutil.rmtree(root / "a")
    assert "not there" in refused(promote, root, "b")
    promote(root, "b", "a is lost")
    (root / "b" / "fast" / "held_out.jsonl.gz").unlink()
    assert "train it again to compare it" in refused(promote, root, "worse")


def test_damaged_version_is_never_served(root):
    """A damaged version is refused by promotion, reason or not, and by a rollback."""
    promote(root, "b")
    (root / "a" / "fast" / "model.joblib").write_bytes(b"x")
    for text in (refused(rollback, root), refused(promote, root, "a", "I want it")):
        assert "a is damaged" in text
        assert "model.joblib was changed" in text
    assert served(root) == "b"


def test_rollback(root, publish):
    """A rollback goes back step by step, and never forth to a version that was left."""
    publish(root, "c")
    for name in ("b", "c"):
        promote(root, name)
    assert [rollback(root).version, rollback(root).version] == ["b", "a"]
    assert "nothing was served before" in refused(rollback, root)
    promote(root, "c")
    assert rollback(root).version == "a"
    assert [one.action for one in history(root)] == [
        "first",
        *["promote"] * 2,
        *["rollback"] * 2,
        "promote",
        "rollback",
    ]


def test_rollback_after_a_change_that_was_cut_short(root):
    """A line of the history whose change was never made does not mislead a rollback."""
    promote(root, "b")
    path = root / "history.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(
        "".join(lines) + lines[-1].replace('"a"', '"b"').replace('"version": "b"', '"version": "worse"')
    )
    assert served(root) == "b"
    assert rollback(root).version == "a"


def test_no_history(tmp_path, root):
    """Without a history, or with a damaged one, a rollback is refused in words."""
    assert "no history" in refused(rollback, tmp_path)
    for line in ("{", "[]", '{"time": 1}'):
        (root / "history.jsonl").write_text(line + "\n")
        assert "damaged" in refused(rollback, root)
    assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize("action", [promote, verify])
def test_unknown_version(root, action):
    """A version that is not there is refused with the ones that are."""
    assert "there is a, b, worse" in refused(action, root, "c")


def test_verify(root):
    """A file that was changed, is missing or does not belong is named; ``sha256sum`` agrees that all is well."""
    assert verify(root, "a") == []
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=root / "a", check=True)
    (root / "a" / "more").touch()
    (root / "a" / "fast" / "behaviour.jsonl.gz").unlink()
    (root / "a" / "fast" / "held_out.jsonl.gz").write_bytes(b"")
    assert [one.removeprefix(f"{root}/a/") for one in verify(root, "a")] == [
        "fast/behaviour.jsonl.gz is missing: restore it",
        "fast/held_out.jsonl.gz was changed: restore it",
        "more does not belong here: remove it",
    ]
    (root / "a" / "SHA256SUMS").unlink()
    assert "digests of a cannot be read" in verify(root, "a")[0]


def test_verify_looks_at_the_model(root):
    """A model whose manifest tells of another file, version or tier is found, though the digests are right."""
    for name, wrong in (
        ("other", {"version": "b"}),
        ("tier", {"tier": "context"}),
        ("model", {"sha256": "0" * 64}),
    ):
        folder = Path(shutil.copytree(root / "b", root / name))
        manifest = folder / "fast" / "manifest.json"
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": name} | wrong))
        registry.seal(folder)
        (fault,) = verify(root, name)
        assert str(folder / "fast") in fault


def test_compare(root, publish):
    """Versions are compared on the tiers that both have, and refused where there is none."""
    assert set(registry.compare(root, "a", "b")) == {"fast"}
    publish(root, "slow", tiers=("context",))
    assert "no tier in common" in refused(registry.compare, root, "a", "slow")
