"""The page at / for people: plain files, held in memory, that call the API from the browser."""

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from service.config import Settings

_FOLDER = Path(__file__).with_name("page")
_INDEX = "index.html"
_PLACEHOLDER = b"{{static}}"
_CORRECTIONS = b"{{corrections}}"
_YEAR = 31_536_000
# Not what the machine's own tables say: a browser runs no module of a wrong type.
_TYPES = mimetypes.MimeTypes(filenames=())
_TYPES.add_type("text/javascript", ".js")


@dataclass(frozen=True, slots=True)
class _Files:
    """The page's files by name, and a digest of them all."""

    content: dict[str, bytes]
    digest: str


def _read(settings: Settings) -> _Files:
    content = {path.name: path.read_bytes() for path in sorted(_FOLDER.iterdir())}
    digest = hashlib.sha256(b"\0".join(name.encode() + data for name, data in content.items())).hexdigest()[:16]
    takes = b"off" if settings.corrections_url is None else b"on"
    index = content[_INDEX].replace(_PLACEHOLDER, f"static/{digest}".encode())
    content[_INDEX] = index.replace(_CORRECTIONS, takes)
    return _Files(content, digest)


def register(app: Flask, settings: Settings) -> None:
    """Give an application its page.

    The scripts lie below a path that holds the digest of all files, so that a browser may keep them for ever
    and never mixes those of two releases.
    """
    files = _read(settings)
    blueprint = Blueprint("page", __name__)

    @blueprint.get("/")
    def page() -> Response:
        return _answer(files, _INDEX, 0)

    @blueprint.get("/static/<digest>/<name>")
    def static(digest: str, name: str) -> Response:
        if name not in files.content or name == _INDEX:
            raise NotFound
        # While several servers are replaced one by one, a page may ask another release for its files.
        return _answer(files, name, _YEAR if digest == files.digest else 0)

    app.register_blueprint(blueprint)


def _answer(files: _Files, name: str, max_age: int) -> Response:
    response = Response(files.content[name], mimetype=_TYPES.guess_type(name)[0])
    response.cache_control.public = True
    if max_age:
        response.cache_control.max_age = max_age
        response.cache_control.immutable = True
    else:
        response.cache_control.no_cache = True
    response.add_etag()
    return response.make_conditional(request.environ)
