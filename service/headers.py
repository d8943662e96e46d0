"""What every answer tells browsers and caches, and which other origins' pages may ask."""

from flask import Flask, request
from flask_cors import CORS
from werkzeug.wrappers import Response

from service import limits, log
from service.config import Settings

NOTHING_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of all that is no page."""
PAGE_POLICY = (
    f"{NOTHING_POLICY}; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'"
)
"""Of an HTML page of our own: its scripts and styles are files beside it, none is inline."""

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_EXPOSED = [log.HEADER, "ETag", "Retry-After", "WWW-Authenticate", limits.LIMIT, limits.REMAINING, limits.RESET]
_ACCEPTED = ["Accept", "Authorization", "Content-Encoding", "Content-Type", "If-None-Match", log.HEADER]
_PREFLIGHT_SECONDS = 600


def register(app: Flask, settings: Settings) -> None:
    """Give all answers of an application their headers; what a view has set itself stays."""
    app.after_request(_complete)
    if settings.cors_origins:
        app.after_request(_vary)
        CORS(
            app,
            origins=list(settings.cors_origins),
            methods=["GET", "HEAD", "POST"],
            allow_headers=_ACCEPTED,
            expose_headers=_EXPOSED,
            max_age=_PREFLIGHT_SECONDS,
            send_wildcard=True,
            always_send=False,
            vary_header=False,
            intercept_exceptions=False,
        )


def _complete(response: Response) -> Response:
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    policy = PAGE_POLICY if response.mimetype == "text/html" else NOTHING_POLICY
    response.headers.setdefault("Content-Security-Policy", policy)
    # Answers quote what was sent, and health is of this moment: who may be kept says so itself.
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def kept(response: Response, max_age: int) -> Response:
    """Let an answer be kept, and answer 304 to whoever has it already.

    Parameters
    ----------
    response : Response
        The answer in full.
    max_age : int
        Seconds for which it may be kept without asking again.

    Returns
    -------
    Response
        With a strong ETag, made from its content.
    """
    # Not "public": what an API key was needed for may lie in no shared cache.
    if max_age:
        response.cache_control.max_age = max_age
    else:
        response.cache_control.no_cache = True
    response.add_etag()
    return response.make_conditional(request.environ)


def _vary(response: Response) -> Response:
    # An answer to a request without Origin lacks the CORS headers, so a cache must not give it to another origin.
    response.vary.add("Origin")
    return response
