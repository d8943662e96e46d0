"""The way that every request takes: model there? schema in, view, schema out; and its place in OpenAPI."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Literal

import flask_smorest  # type: ignore[import-untyped]
from flask import Flask, request
from marshmallow import RAISE, Schema
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from service import engine, errors
from service.body import BodyParser
from service.schemas import Problem

VERSION = "1.0.0"
"""Of the HTTP contract, not of the software."""

View = Callable[..., Any]


class Api(flask_smorest.Api):  # type: ignore[misc]
    """flask-smorest with problem responses."""

    ERROR_SCHEMA = Problem
    # Each operation lists its own problems; a catch-all would say nothing.
    DEFAULT_ERROR_RESPONSE_NAME = None

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Answer as all of the application does."""
        return errors.problem(error)

    def _register_responses(self) -> None:
        # The original documents errors as application/json.
        for status in HTTPStatus:
            content = {errors.MIMETYPE: {"schema": self.ERROR_SCHEMA}}
            response = {"description": status.phrase, "content": content}
            self.spec.components.response(status.name, response, lazy=True)

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
        answer: type[Schema],
        body: type[Schema] | None = None,
        query: type[Schema] | None = None,
        needs_model: bool = False,
        needs_gazetteer: bool = False,
        max_age: int | None = None,
    ) -> Callable[[View], View]:
        """Make a view an operation of the API.

        Parameters
        ----------
        method : str
            HTTP method; HEAD and OPTIONS follow by themselves.
        path : str
            Path of the resource.
        answer : type of Schema
            Dumps what the view returns.
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
            Seconds for which anybody may keep the answer. It then has a strong ETag, made from its content,
            and whoever sends that ETag as If-None-Match is answered 304.

        Returns
        -------
        callable
            Decorator; the view's docstring becomes summary and description in OpenAPI.
        """
        statuses = [HTTPStatus.INTERNAL_SERVER_ERROR]
        if body is not None:
            statuses += [
                HTTPStatus.BAD_REQUEST,
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                HTTPStatus.UNPROCESSABLE_ENTITY,
            ]
        if query is not None:
            statuses.append(HTTPStatus.UNPROCESSABLE_ENTITY)
        if needs_model or needs_gazetteer:
            statuses.append(HTTPStatus.SERVICE_UNAVAILABLE)

        def decorate(view: View) -> View:
            if body is not None:
                view = self.arguments(body)(view)
            if query is not None:
                view = self.arguments(query, location="query", unknown=RAISE)(view)
            if needs_model:
                view = _given(engine.current, view)
            if needs_gazetteer:
                view = _given(engine.current_gazetteer, view)
            view = self.doc(operationId=view.__name__)(view)
            view = self.response(HTTPStatus.OK, answer)(view)
            if max_age is not None:
                view = _kept(view, max_age)
                view = self.alt_response(HTTPStatus.NOT_MODIFIED, description="The ETag still holds.")(view)
            for status in statuses:
                view = self.alt_response(status, status.name)(view)
            registered: View = self.route(path, methods=[method])(view)
            return registered

        return decorate


def _given(needed: Callable[[], object], view: View) -> View:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return view(needed(), *args, **kwargs)

    return wrapper


def _kept(view: View, max_age: int) -> View:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        response: Response = view(*args, **kwargs)
        response.cache_control.public = True
        response.cache_control.max_age = max_age
        response.add_etag()
        return response.make_conditional(request.environ)

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
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
