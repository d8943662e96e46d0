"""The way that every request takes: model there? schema in, view, schema out; and its place in OpenAPI."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Literal

import flask_smorest  # type: ignore[import-untyped]
from flask import Flask
from marshmallow import Schema
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
        needs_model: bool = False,
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
        needs_model : bool
            True gives the view the `engine.Engine` as its first argument, and answers 503 where there is
            none, before the body is read.

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
        if needs_model:
            statuses.append(HTTPStatus.SERVICE_UNAVAILABLE)

        def decorate(view: View) -> View:
            if body is not None:
                view = self.arguments(body)(view)
            if needs_model:
                view = _with_engine(view)
            view = self.doc(operationId=view.__name__)(view)
            view = self.response(HTTPStatus.OK, answer)(view)
            for status in statuses:
                view = self.alt_response(status, status.name)(view)
            registered: View = self.route(path, methods=[method])(view)
            return registered

        return decorate


def _with_engine(view: View) -> View:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return view(engine.current(), *args, **kwargs)

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
