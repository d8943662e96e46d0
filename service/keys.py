"""API keys: whose request it is, and whether that client may make it."""

import hmac
import re
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from flask import Flask, current_app, g, request
from werkzeug.exceptions import Forbidden, HTTPException

from service import keyfile
from service.config import PREFIX, Settings
from service.keyfile import Key, KeyFileError

VARIABLE = f"{PREFIX}API_KEYS_FILE"
_KEYS = "country-relations-keys"
_REALM = "country-relations"
_PUBLIC = re.compile(r"/|/openapi\.json|/metrics|/(health|docs|static)(/.*)?")
_log = structlog.get_logger(__name__)


class _Refusal(HTTPException):
    """A 401 or 403 with the header that RFC 6750 wants."""

    def __init__(self, status: HTTPStatus, detail: str, **parameters: str) -> None:
        super().__init__(detail)
        self.code = status
        # Always quoted: RFC 9110 wants that of the realm.
        told = {"realm": _REALM, **parameters}
        self.challenge = "Bearer " + ", ".join(f'{name}="{value}"' for name, value in told.items())

    def get_headers(self, *arguments: Any) -> list[tuple[str, str]]:
        return [*super().get_headers(*arguments), ("WWW-Authenticate", self.challenge)]


class _Keys:
    """The keys of a file, read again whenever the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = self._stat()
        self._keys = keyfile.read(path)

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def current(self) -> tuple[Key, ...]:
        """Return the keys that hold now; of a file that has become bad, those that it held last."""
        state = self._stat()
        if state != self._state:
            # Kept for a bad file too, so that its error is logged once and not with every request.
            self._state = state
            try:
                self._keys = keyfile.read(self._path)
                _log.info("API keys read again", keys=len(self._keys))
            except KeyFileError as error:
                _log.error("API keys cannot be read; the last good ones go on", reason=str(error))
        return self._keys


def public(rule: str) -> bool:
    """Say whether a path of the application is open to all, whatever the keys.

    Parameters
    ----------
    rule : str
        A rule of the URL map, such as ``/v1/relations``.

    Returns
    -------
    bool
        True for health, metrics, the documentation and the page's files, which hold nothing of a client's.
    """
    return _PUBLIC.fullmatch(rule) is not None


def exempt() -> bool:
    """Say whether the request needs no key and counts towards no limit: it is public, or answered by no view."""
    return request.method == "OPTIONS" or request.url_rule is None or public(request.url_rule.rule)


def register(app: Flask, settings: Settings) -> None:
    """Let an application ask for keys where there is a file of them; `g.client` then has the client's name.

    Raises
    ------
    KeyFileError
        If the file is bad.
    """
    path = settings.api_keys_file
    app.extensions[_KEYS] = None if path is None else _Keys(path)
    app.before_request(_identify)


def require_admin() -> None:
    """Refuse the request unless its key has the role admin.

    Raises
    ------
    Forbidden
        If it has another role, or keys are off.
    """
    if current_app.extensions[_KEYS] is None:
        raise Forbidden(
            f"This needs an API key of role admin, and the service runs without keys: set {VARIABLE} to a file "
            "made with  country-relations keys add NAME --role admin"
        )
    if g.key.role != "admin":
        raise _Refusal(
            HTTPStatus.FORBIDDEN,
            "This needs an API key of role admin; yours has the role client.",
            error="insufficient_scope",
            scope="admin",
        )


def _identify() -> None:
    g.key = None
    g.client = None
    keys: _Keys | None = current_app.extensions[_KEYS]
    if keys is None or exempt():
        return
    key = _holder(keys.current())
    g.key = key
    g.client = key.name
    structlog.contextvars.bind_contextvars(client=key.name)


def _holder(keys: Iterable[Key]) -> Key:
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise _Refusal(HTTPStatus.UNAUTHORIZED, "This needs an API key: send it as  Authorization: Bearer KEY")
    presented = keyfile.digest(given.token)
    # Every key is compared, in constant time: how long it takes tells nothing of any.
    matching = [key for key in keys if hmac.compare_digest(key.sha256, presented)]
    if not matching:
        raise _Refusal(
            HTTPStatus.UNAUTHORIZED,
            "The API key is unknown or revoked: ask whoever runs the service for one.",
            error="invalid_token",
        )
    return matching[0]
