"""Versions of the model: kept whole, compared before one takes the other's place, and every change written down.

A version is built in a hidden folder beside the others and gets its name by one rename. What is served is one line
in a file that is replaced by one rename. So neither a crash nor a full disk nor two runs at once leave half of
anything. A change is written into the history before it is made: a line that no later line and not the served
version agree with is one that was cut short there.
"""

import fcntl
import getpass
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from relations import artifact
from relations.artifact import ArtifactError
from relations.registry import CURRENT_FILE, VERSION, served, tiers, versions
from training import comparison
from training.comparison import Comparison

HISTORY_FILE = "history.jsonl"
SUMS_FILE = "SHA256SUMS"
"""Digests of a version's files, as ``sha256sum -c`` reads them."""
_LOCK_FILE = ".lock"
_NEW = ".new-"
_DEBRIS = (_NEW, f".{CURRENT_FILE}.", f".{HISTORY_FILE}.")
_SCORES = ("accuracy", "macro_f1", "kappa")


class RegistryError(ArtifactError):
    """Something is refused; the text names cause and remedy."""


@dataclass(frozen=True, slots=True)
class Change:
    """A line of the history.

    Attributes
    ----------
    time : str
        ISO 8601, UTC.
    action : str
        "first", "promote" or "rollback".
    version : str
        Served from then on.
    previous : str or None
        Served until then.
    by : str
        The operating system's name of the user.
    reason : str or None
        Why the checks were overruled, where they were.
    metrics : dict
        Held-out scores of each tier of the version.
    """

    time: str
    action: str
    version: str
    previous: str | None
    by: str
    reason: str | None
    metrics: dict[str, Any]


def check_free(root: Path, version: str) -> None:
    """See that a new version may have this name.

    Raises
    ------
    RegistryError
        If it is no name for a version, or taken.
    """
    if not VERSION.fullmatch(version):
        raise RegistryError(
            f"a version cannot be called {version!r}: up to 64 letters, digits, dots, hyphens and underscores, "
            "the first of them a letter or digit"
        )
    if version in {CURRENT_FILE, HISTORY_FILE} or (root / version).exists():
        raise RegistryError(f"there is a {version} in {root} already: choose another name")


def publish(root: Path, version: str, build: Callable[[Path], None]) -> None:
    """Add a version, whole or not at all. What is served stays; only the very first version is served at once.

    Parameters
    ----------
    root : Path
        Holds the versions; made where it is missing.
    version : str
        Name of the new one.
    build : callable
        Writes the version's content into the folder that it is given.

    Raises
    ------
    RegistryError
        If the name is bad or taken.
    OSError
        If the disk is full, or the like; then nothing was added.
    """
    check_free(root, version)
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root):
        check_free(root, version)
        first = not versions(root) and served(root) is None
        building = Path(tempfile.mkdtemp(prefix=_NEW, dir=root))
        try:
            build(building)
            seal(building)
            building.chmod(0o755)
            for path in (*building.rglob("*"), building):
                artifact.sync(path)
            building.rename(root / version)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        artifact.sync(root)
        if first:
            _switch(root, "first", version)


def seal(folder: Path) -> None:
    """Write down the digests of all files of a version."""
    _write_sums(folder, _digests(folder))


def amend(root: Path, version: str, files: Mapping[str, bytes]) -> None:
    """Add files to a version, or replace them, such as its card; the digests of all others stay what they were.

    Parameters
    ----------
    root : Path
        Holds the versions.
    version : str
        Which.
    files : mapping of str to bytes
        Content by name.

    Raises
    ------
    RegistryError
        If there is no such version, or its digests cannot be read.
    """
    folder = _folder(root, version)
    with _locked(root):
        try:
            sums = _read_sums(folder)
        except (OSError, UnicodeDecodeError) as error:
            raise RegistryError(f"the digests of {version} cannot be read ({error}): restore them") from None
        for name, content in files.items():
            artifact.write(folder / name, content)
            sums[name] = hashlib.sha256(content).hexdigest()
        _write_sums(folder, sums)


def _write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    lines = [f"{digest}  {name}\n" for name, digest in sorted(sums.items())]
    artifact.write(folder / SUMS_FILE, "".join(lines).encode())


def _read_sums(folder: Path) -> dict[str, str]:
    lines = (folder / SUMS_FILE).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path != folder / SUMS_FILE
    }


def verify(root: Path, version: str) -> list[str]:
    """Check a version: every digest, and that its models are what their folder's name says.

    Returns
    -------
    list of str
        What is wrong, a line each; empty where nothing is.

    Raises
    ------
    RegistryError
        If there is no such version.
    """
    folder = _folder(root, version)
    try:
        wanted = _read_sums(folder)
    except (OSError, UnicodeDecodeError) as error:
        return [f"the digests of {version} cannot be read ({error}): restore them"]
    found = _digests(folder)
    wrong = [
        f"{folder / name} {_fault(wanted.get(name), found.get(name))}"
        for name in sorted(wanted.keys() | found.keys())
        if wanted.get(name) != found.get(name)
    ]
    for tier in tiers(root, version):
        try:
            _, manifest = artifact.verify(folder / tier)
        except ArtifactError as error:
            wrong.append(str(error))
        else:
            if (manifest.version, manifest.tier) != (version, tier):
                wrong.append(f"{folder / tier} holds version {manifest.version}, tier {manifest.tier}: restore it")
    return wrong


def _fault(wanted: str | None, found: str | None) -> str:
    if found is None:
        return "is missing: restore it"
    return "does not belong here: remove it" if wanted is None else "was changed: restore it"


def compare(root: Path, first: str, second: str) -> dict[str, Comparison]:
    """Compare two versions on each tier that both have.

    Raises
    ------
    RegistryError
        If there is no such version, or they have no tier in common.
    ArtifactError
        If what is known of them is missing or damaged.
    """
    folders = _folder(root, first), _folder(root, second)
    common = [tier for tier in tiers(root, first) if tier in tiers(root, second)]
    if not common:
        raise RegistryError(f"{first} and {second} have no tier in common: train one with the other's tier")
    return {tier: comparison.compare(folders[0] / tier, folders[1] / tier) for tier in common}


def promote(root: Path, version: str, reason: str | None = None) -> Change:
    """Serve a version from the next start or reload on.

    Refused where its files are damaged and, unless a reason is given to overrule that, where it lacks a tier that
    the served one has, scores worse on the held-out pairs that both have judged, or passes clearly fewer
    behaviour cases; see `training.comparison`.

    Parameters
    ----------
    root : Path
        Holds the versions.
    version : str
        Which to serve.
    reason : str, optional
        Overrules the comparison, and is written down.

    Returns
    -------
    Change

    Raises
    ------
    RegistryError
        If it is refused.
    """
    _folder(root, version)
    with _locked(root):
        now = served(root)
        if version == now:
            raise RegistryError(f"{version} is served already")
        _check_whole(root, version)
        objections = _objections(root, now, version) if now and reason is None else []
        if objections:
            raise RegistryError(
                f"{version} does not take the place of {now}:\n"
                + "\n".join(f"  {one}" for one in objections)
                + '\nmend that, or serve it all the same by  --force "REASON"'
            )
        return _switch(root, "promote", version, reason)


def _objections(root: Path, now: str, version: str) -> list[str]:
    if not tiers(root, now):
        return [f"{now}, which is served, is not there to be compared with"]
    here = tiers(root, version)
    found = [f"it has no {tier} tier" for tier in tiers(root, now) if tier not in here]
    for tier in (one for one in tiers(root, now) if one in here):
        try:
            compared = comparison.compare(root / now / tier, root / version / tier)
        except ArtifactError as error:
            found.append(str(error))
        else:
            found += [f"{tier}: {one}" for one in compared.objections()]
    return found


def rollback(root: Path) -> Change:
    """Serve again what was served before the present version was promoted.

    Rolling back again goes one step further back, never forth to a version that was left.

    Raises
    ------
    RegistryError
        If nothing was served before, or that version is gone or damaged.
    """
    if not (root / HISTORY_FILE).exists():
        raise RegistryError(f"{root} has no history: promote the version to serve")
    with _locked(root):
        before = _before(history(root), served(root))
        if before is None:
            raise RegistryError("nothing was served before: promote the version to serve")
        _check_whole(root, before)
        return _switch(root, "rollback", before)


def _before(changes: Sequence[Change], now: str | None) -> str | None:
    left: list[str | None] = []
    follow = [*(change.previous for change in changes[1:]), now]
    for change, after in zip(changes, follow, strict=True):
        if change.version != after:
            continue  # cut short before it was made
        if change.action == "rollback":
            left.pop()
        else:
            left.append(change.previous)
    return left[-1] if left else None


def history(root: Path) -> list[Change]:
    """Every change of what is served, the oldest first.

    Raises
    ------
    RegistryError
        If a line is no change.
    """
    path = root / HISTORY_FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    try:
        return [Change(**json.loads(line)) for line in lines]
    except (TypeError, ValueError) as error:
        raise RegistryError(f"{path} is damaged ({error}): restore it") from None


def _check_whole(root: Path, version: str) -> None:
    if wrong := verify(root, version):
        raise RegistryError(f"{version} is damaged:\n" + "\n".join(f"  {one}" for one in wrong))


def _folder(root: Path, version: str) -> Path:
    known = versions(root)
    if version not in known:
        raise RegistryError(f"no version {version} in {root}; there is {', '.join(known) or 'none'}")
    return root / version


def _switch(root: Path, action: str, version: str, reason: str | None = None) -> Change:
    metrics = {tier: artifact.read_manifest(root / version / tier).metrics for tier in tiers(root, version)}
    change = Change(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        action=action,
        version=version,
        previous=served(root),
        by=_user(),
        reason=reason,
        metrics={
            tier: {name: value for name, value in known.get("held_out", {}).items() if name in _SCORES}
            for tier, known in metrics.items()
        },
    )
    path = root / HISTORY_FILE
    written = path.read_bytes() if path.exists() else b""
    line = json.dumps(asdict(change), ensure_ascii=False) + "\n"
    artifact.write(path, written + line.encode())
    artifact.write(root / CURRENT_FILE, f"{version}\n".encode())
    return change


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return str(os.getuid())


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Wait until no other run changes the registry, and sweep away what a killed one left."""
    with (root / _LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for path in root.iterdir():
            if path.is_dir() and path.name.startswith(_NEW):
                shutil.rmtree(path)
            elif path.name.startswith(_DEBRIS):
                path.unlink()
        yield
