"""The way that every request takes: model there? schema in, view, schema out; and its place in OpenAPI."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any, Literal

import flask_smorest  # type: ignore[import-untyped]
from flask import Flask, after_this_request, current_app, request, stream_with_context
from marshmallow import RAISE, Schema
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import HTTPException, NotAcceptable
from werkzeug.wrappers import Response

from service import engine, errors, headers, keys, lines, log, tables
from service.body import MIMETYPE as JSON
from service.body import BodyParser
from service.schemas import Problem

VERSION = "1.0.0"
"""Of the HTTP contract, not of the software."""

View = Callable[..., Any]

_SCHEME = "key"
_HEADERS = {log.HEADER: log.HEADER}
_ETAG = {"ETag": "ETAG"}
_CHALLENGE = {"WWW-Authenticate": {"description": "As RFC 6750 has it.", "schema": {"type": "string"}}}
_WAIT = {"Retry-After": {"description": "Seconds until a request passes.", "schema": {"type": "integer"}}}
_MORE_HEADERS = {
    HTTPStatus.UNAUTHORIZED: _CHALLENGE,
    HTTPStatus.TOO_MANY_REQUESTS: _WAIT,
}


@dataclass(frozen=True, slots=True)
class Example:
    """A request and its answer, as the document shows them; None where there is nothing to show."""

    body: Mapping[str, Any] | None
    answer: Mapping[str, Any] | None


class Api(flask_smorest.Api):  # type: ignore[misc]
    """flask-smorest with problem responses."""

    ERROR_SCHEMA = Problem
    # Each operation lists its own problems; a catch-all would say nothing.
    DEFAULT_ERROR_RESPONSE_NAME = None

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Answer as all of the application does."""
        return errors.problem(error)

    def _register_responses(self) -> None:
        identity = {"description": "Stands in the service's log, too.", "schema": {"type": "string"}}
        self.spec.components.header(log.HEADER, identity)
        # The original documents errors as application/json.
        for status in HTTPStatus:
            example = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": "…"}
            content = {errors.MIMETYPE: {"schema": self.ERROR_SCHEMA, "example": example}}
            response = {
                "description": status.description or status.phrase,
                "content": content,
                "headers": _HEADERS | _MORE_HEADERS.get(status, {}),
            }
            self.spec.components.response(status.name, response, lazy=True)

    def _openapi_json(self) -> Response:
        return headers.kept(super()._openapi_json(), 0)

    def _register_pagination_header(self) -> None:
        # It would add a schema that nothing uses.
        pass


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """flask-smorest's blueprint with strict JSON, and one decorator for a whole operation."""

    ARGUMENTS_PARSER = BodyParser()

    def operation(
        self,
        method: Literal["GET", "POST"],
        path: str,
        *,
        answer: type[Schema] | str,
        body: type[Schema] | None = None,
        query: type[Schema] | None = None,
        needs_model: bool = False,
        needs_gazetteer: bool = False,
        max_age: int | None = None,
        status: HTTPStatus = HTTPStatus.OK,
        problems: Sequence[HTTPStatus] = (),
        example: Example | None = None,
        streamed: bool = False,
        table: Callable[[Mapping[str, Any]], str] | None = None,
        role: Literal["admin"] | None = None,
    ) -> Callable[[View], View]:
        """Make a view an operation of the API.

        Parameters
        ----------
        method : str
            HTTP method; HEAD and OPTIONS follow by themselves.
        path : str
            Path of the resource.
        answer : type of Schema or str
            Dumps what the view returns; or, as a string, the media type of the text that it returns.
        body : type of Schema, optional
            Loads the request's body, which the view gets as its last argument.
        query : type of Schema, optional
            Loads the query string instead; unknown parameters are refused.
        needs_model : bool
            True gives the view the `engine.Engine` as its first argument, and answers 503 where there is
            none, before the request is read.
        needs_gazetteer : bool
            The same with the gazetteer alone.
        max_age : int, optional
            Seconds for which the answer may be kept without asking again. It then has a strong ETag, made from
            its content, and whoever sends that ETag as If-None-Match is answered 304.
        status : HTTPStatus
            Of success.
        problems : sequence of HTTPStatus
            With which the view itself may fail, beyond what follows from the other parameters.
        example : Example, optional
            Of a request and its answer.
        streamed : bool
            True takes and gives NDJSON: `body` and `answer` describe a line. The view gets what
            `service.lines.read` gives, loads each value itself, and returns an iterator of answers.
        table : callable, optional
            Makes CSV of what the view returns, for those who want that rather than JSON.
        role : str, optional
            Which role the API key must have, where any good key is not enough.

        Returns
        -------
        callable
            Decorator; the view's docstring becomes summary and description in OpenAPI.
        """
        shown = example or Example(None, None)
        public = keys.public(f"{self.url_prefix or ''}{path}")
        whole = body is not None and not streamed
        statuses = [HTTPStatus.INTERNAL_SERVER_ERROR, *problems]
        for applies, more in (
            (not public, (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)),
            (role is not None, (HTTPStatus.FORBIDDEN,)),
            (table is not None, (HTTPStatus.NOT_ACCEPTABLE,)),
            (body is not None, (HTTPStatus.UNSUPPORTED_MEDIA_TYPE,)),
            (whole, (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)),
            (whole or query is not None, (HTTPStatus.UNPROCESSABLE_ENTITY,)),
            (needs_model or needs_gazetteer, (HTTPStatus.SERVICE_UNAVAILABLE,)),
        ):
            statuses += more if applies else ()

        def decorate(view: View) -> View:
            if whole:
                view = self.arguments(body, example=shown.body)(view)
            if query is not None:
                view = self.arguments(query, location="query", unknown=RAISE)(view)
            if needs_model:
                view = _given(engine.current, view)
            if needs_gazetteer:
                view = _given(engine.current_gazetteer, view)
            if table is not None:
                view = _negotiated(view, table)
            view = self.doc(operationId=view.__name__)(view)
            carried = _HEADERS if max_age is None else _HEADERS | _ETAG
            if table is not None:
                # What is told last stands first in the document, and readers take the first for the usual one.
                shape: dict[str, Any] = {"content_type": tables.MIMETYPE, "headers": carried}
                view = self.alt_response(status, schema={"type": "string"}, **shape)(view)
            if isinstance(answer, str):
                view = _text(view, answer)
                view = self.response(status, {"type": "string"}, content_type=answer, headers=carried)(view)
            else:
                if streamed:
                    view = _streamed(view, answer())
                    content = {lines.MIMETYPE: {"schema": body, "example": shown.body}}
                    view = self.doc(requestBody={"required": True, "content": content})(view)
                shape = {"content_type": lines.MIMETYPE if streamed else None, "headers": carried}
                view = self.response(status, answer, example=shown.answer, **shape)(view)
            if max_age is not None:
                view = _kept(view, max_age)
                still = {"description": "The ETag still holds.", "headers": carried}
                view = self.alt_response(HTTPStatus.NOT_MODIFIED, **still)(view)
            for one in statuses:
                view = self.alt_response(one, one.name)(view)
            if role is not None:
                view = _allowed(view)
            if not public:
                # The empty one stands for a service that runs without keys.
                view = self.doc(security=[{_SCHEME: []}, *([] if role else [{}])])(view)
            registered: View = self.route(path, methods=[method])(view)
            return registered

        return decorate


def _given(needed: Callable[[], object], view: View) -> View:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return view(needed(), *args, **kwargs)

    return wrapper


def _streamed(view: View, schema: Schema) -> View:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        answers = view(*args, lines.read(request), **kwargs)
        text = (current_app.json.dumps(schema.dump(answer)) + "\n" for answer in answers)
        return current_app.response_class(stream_with_context(text), mimetype=lines.MIMETYPE)

    return wrapper


def _negotiated(view: View, table: Callable[[Mapping[str, Any]], str]) -> View:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        after_this_request(_vary)
        mimetype = _acceptable()
        told = view(*args, **kwargs)
        return current_app.response_class(table(told), mimetype=mimetype) if mimetype == tables.MIMETYPE else told

    return wrapper


def _vary(response: Response) -> Response:
    response.vary.add("Accept")
    return response


def _acceptable() -> str:
    """The media type that the client likes best; it may name what it needs not, such as the charset."""
    named = [(value.partition(";")[0].strip(), quality) for value, quality in request.accept_mimetypes]
    offered = (JSON, tables.MIMETYPE)
    found = MIMEAccept(named).best_match(offered) if named else JSON
    if found is None:
        raise NotAcceptable(f"This is answered as {' or '.join(offered)}: let Accept admit one of them.")
    return found


def _allowed(view: View) -> View:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        keys.require_admin()
        return view(*args, **kwargs)

    return wrapper


def _text(view: View, mimetype: str) -> View:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        return current_app.response_class(view(*args, **kwargs), mimetype=mimetype)

    return wrapper


def _kept(view: View, max_age: int) -> View:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        return headers.kept(view(*args, **kwargs), max_age)

    return wrapper


def register(app: Flask, *blueprints: Blueprint) -> None:
    """Give an application its operations and /openapi.json."""
    app.config.update(
        API_TITLE="Country relations",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {
                "description": "Says, sentence by sentence, which country supports, opposes or is neutral "
                "towards which other in English news text. Offsets are Unicode code points into the text, "
                "end exclusive."
            }
        },
    )
    api = Api(app)
    api.spec.components.security_scheme(
        _SCHEME,
        {"type": "http", "scheme": "bearer", "description": "An API key, where the service runs with keys."},
    )
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
