"""The models on disk: a folder for each version, in it one for each tier, and a file that says which is served.

::

    model_artifacts/
        current                     name of the version that is served
        history.jsonl               every change of it
        2026-11-25-e4bccaf6/        a version; its models never change once they are there
            fast/manifest.json      a tier as `relations.artifact` reads it
            fast/model.joblib

Here is what reading needs; `training.registry` writes.
"""

import re
from pathlib import Path

from relations.artifact import DEFAULT_FOLDER, MANIFEST_FILE, ArtifactError

CURRENT_FILE = "current"
TIERS = ("fast", "context")
DEFAULT_TIER = "context"
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a version may be called."""


def served(root: Path) -> str | None:
    """Name of the version that is served, or None where none has been promoted yet.

    Raises
    ------
    ArtifactError
        If the file that says it cannot be read or holds no name.
    """
    path = root / CURRENT_FILE
    try:
        name = path.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path} cannot be read ({error}): write the version to serve into it") from None
    if not VERSION.fullmatch(name):
        raise ArtifactError(f"{path} names no version: write the version to serve into it")
    return name


def tiers(root: Path, version: str) -> list[str]:
    """Tiers that a version holds."""
    return [tier for tier in TIERS if (root / version / tier / MANIFEST_FILE).is_file()]


def versions(root: Path) -> list[str]:
    """Names of all versions, in order of name; those that training made begin with the day."""
    try:
        names = sorted(path.name for path in root.iterdir() if VERSION.fullmatch(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [name for name in names if tiers(root, name)]


def resolve(root: Path = DEFAULT_FOLDER, tier: str = DEFAULT_TIER, version: str | None = None) -> Path:
    """Folder of the model to load, for `relations.artifact.load`.

    It is looked up anew on each call, so that one who loads again gets what has been promoted since. What
    belongs to the whole version, such as its card, lies one folder above.

    Parameters
    ----------
    root : Path
        Holds the versions. A folder that itself holds a model, or the tiers of one version, does as well: people
        mount just one.
    tier : str
        One of `TIERS`; of no effect where ``root`` itself holds a model.
    version : str, optional
        Without it the one that is served.

    Returns
    -------
    Path

    Raises
    ------
    ArtifactError
        If there is no such model; the text says what there is.
    """
    if version is None:
        for folder in (root, root / tier):
            if (folder / MANIFEST_FILE).is_file():
                return folder
        version = served(root)
    known = versions(root)
    if version is None and not known:
        raise ArtifactError(f"no model in {root}: train a model or name another folder")
    if version is None:
        raise ArtifactError(
            f"no version in {root} is served yet: promote one ({', '.join(known)}), or choose it by "
            "COUNTRY_RELATIONS_MODEL_VERSION or --version"
        )
    if version not in known:
        raise ArtifactError(
            f"no version {version} in {root}: choose one of {', '.join(known) or 'another folder'}"
        )
    present = tiers(root, version)
    if tier not in present:
        raise ArtifactError(
            f"version {version} has no {tier} tier: train one, or choose {' or '.join(present)} by "
            "COUNTRY_RELATIONS_TIER or --tier"
        )
    return root / version / tier
