"""The file of API keys: whose they are, what each may, and their hashes; a line a key, which people can edit."""

import datetime as dt
import fcntl
import hashlib
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from service import rates

Role = Literal["client", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
PREFIX = "crk_"
"""Every key begins with it, so that people and scanners for leaked secrets know one when they see it."""

_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NO_RATE = "-"
_HEADER = "# name, role, rate (- for the general one), day added, SHA-256 of the key\n"


class KeyFileError(ValueError):
    """The file or a change to it is bad; the text names file, line, cause and remedy."""


@dataclass(frozen=True, slots=True)
class Key:
    """A client's key, without its secret.

    Attributes
    ----------
    name : str
        The client's name: what the log and the rate limit call it.
    role : str
        One of `ROLES`.
    rate : str or None
        The client's own rate limit; None for the general one.
    added : date
        When the key was made.
    sha256 : str
        `digest` of the secret.
    """

    name: str
    role: Role
    rate: str | None
    added: dt.date
    sha256: str

    def line(self) -> str:
        """Return it as the file's line."""
        return f"{self.name:<20} {self.role:<6} {self.rate or _NO_RATE:<12} {self.added} {self.sha256}\n"


def role(text: str) -> Role:
    """Read a role.

    Raises
    ------
    KeyFileError
        If there is none of this name.
    """
    for one in ROLES:
        if text == one:
            return one
    raise KeyFileError(f"{text!r} is no role: give one of {', '.join(ROLES)}")


def digest(secret: str) -> str:
    """Hash a key.

    A slow or salted hash would only cost time: a key is 256 random bits, which nobody can guess or tabulate.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def read(path: Path) -> tuple[Key, ...]:
    """Read the keys.

    Parameters
    ----------
    path : Path
        Of the file. Empty lines and lines that begin with ``#`` say nothing.

    Returns
    -------
    tuple of Key
        In the order of the file.

    Raises
    ------
    KeyFileError
        If the file cannot be read, or a line is bad.
    """
    try:
        return _parsed(path, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KeyFileError(f"{path} does not exist: make it with  country-relations keys add NAME") from None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read ({error.strerror}): let this user read it") from None
    except UnicodeDecodeError:
        raise KeyFileError(f"{path} is not UTF-8: restore it") from None


def add(path: Path, name: str, role: Role = "client", rate: str | None = None) -> str:
    """Make a key and write its hash to the file, which may be new.

    Parameters
    ----------
    path : Path
        Of the file.
    name : str
        Of the client; it must be new.
    role : str
        One of `ROLES`.
    rate : str, optional
        The client's own rate limit.

    Returns
    -------
    str
        The key itself, which is kept nowhere.

    Raises
    ------
    KeyFileError
        If the file or the name is bad.
    ValueError
        If the rate is bad.
    """
    secret = PREFIX + secrets.token_urlsafe(_BYTES)
    key = _checked(name, role, rate, dt.datetime.now(dt.UTC).date(), digest(secret))
    with _locked(path):
        text = path.read_text(encoding="utf-8") if path.exists() else _HEADER
        if name in {one.name for one in _parsed(path, text)}:
            raise KeyFileError(f"{path} has a key of {name}: revoke it first, or give this one another name")
        ended = text if not text or text.endswith("\n") else text + "\n"
        _write(path, ended + key.line())
    return secret


def revoke(path: Path, name: str) -> None:
    """Take a key out of the file.

    Parameters
    ----------
    path : Path
        Of the file; all its other lines stay as they are.
    name : str
        Of the client.

    Raises
    ------
    KeyFileError
        If the file is bad or has no such key.
    """
    with _locked(path):
        if name not in {one.name for one in read(path)}:
            raise KeyFileError(f"{path} has no key of {name}: `country-relations keys list` shows the names")
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        _write(path, "".join(line for line in lines if line.split()[:1] != [name]))


def _parsed(path: Path, text: str) -> tuple[Key, ...]:
    keys: dict[str, Key] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            key = _key(line)
            if key.name in keys:
                raise KeyFileError(f"{key.name} has a key already: give each a name of its own")
        except ValueError as error:
            raise KeyFileError(f"{path}, line {number}: {error}") from None
        keys[key.name] = key
    return tuple(keys.values())


def _key(line: str) -> Key:
    columns = line.split()
    if len(columns) != 5:
        raise KeyFileError(f"{len(columns)} columns where there should be name, role, rate, day and SHA-256")
    name, kind, rate, added, sha256 = columns
    try:
        day = dt.date.fromisoformat(added)
    except ValueError:
        raise KeyFileError(f"{added!r} is no day: write it as 2026-01-31") from None
    return _checked(name, role(kind), None if rate == _NO_RATE else rate, day, sha256)


def _checked(name: str, kind: Role, rate: str | None, added: dt.date, sha256: str) -> Key:
    if not _NAME.fullmatch(name):
        raise KeyFileError(f"{name!r} is no name: take 1 to 64 letters, digits, dots, hyphens and underscores")
    if not _SHA256.fullmatch(sha256):
        # Not quoted: whoever writes the key itself into the file must not find it in the log.
        raise KeyFileError("the last column is no SHA-256 of 64 small hexadecimal digits: make the key anew")
    return Key(name, kind, None if rate is None else rates.read(rate), added, sha256)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other writers out."""
    # The folder is locked, since the file itself is replaced.
    try:
        folder = os.open(path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written ({error.strerror}): make its folder first") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        os.close(folder)


def _write(path: Path, text: str) -> None:
    """Replace the file in one step: whoever reads it finds the old keys or the new ones."""
    place = path.resolve()
    number, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")  # its mode is 0600
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            if place.exists():
                # Run by root, the command must not take the file from the service's user.
                old = place.stat()
                os.fchown(number, old.st_uid, old.st_gid)
                os.fchmod(number, stat.S_IMODE(old.st_mode) & 0o640)
            file.flush()
            os.fsync(number)
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink()
        raise
