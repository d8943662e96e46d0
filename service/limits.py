"""Rate limits: how many requests a client may make, by its key's name or else by its address."""

import logging
import math
import time
from ipaddress import IPv6Address, ip_address, ip_network

import structlog
from flask import Flask, g, request
from flask_limiter import ApplicationLimit, Limiter
from limits.errors import StorageError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from service import keys
from service.config import Settings

LIMIT, REMAINING, RESET = "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"
"""Headers of every answer that was counted: requests in a window, how many are left, seconds to the next one."""

MEMORY = "memory://"
_TIMEOUT = 1
"""Seconds that a request may wait for Redis before it goes on without."""

_log = structlog.get_logger(__name__)


def register(app: Flask, settings: Settings) -> None:
    """Give an application its limits, after `keys.register`: the general one and those of single keys."""
    if settings.trusted_proxies:
        # What further hops claim may be the client's invention, and so may all headers but this one.
        fixed = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0)
        app.wsgi_app = fixed  # type: ignore[method-assign]
    if settings.rate_limit is None and settings.api_keys_file is None:
        return
    shared = settings.rate_limit_storage != MEMORY
    if settings.rate_limit is not None and settings.workers > 1 and not shared:
        _log.warning(
            "the rate limit counts in each worker by itself: name a Redis to count in one place",
            workers=settings.workers,
            variable="COUNTRY_RELATIONS_RATE_LIMIT_STORAGE",
        )

    def rate() -> str:
        own = g.key.rate if g.key else None
        return own or settings.rate_limit or ""

    def refusal() -> str:
        used = limiter.current_limit
        return f"The limit of {used and used.limit} is used up: wait as long as Retry-After says."

    limiter = Limiter(
        _counted_as,
        application_limits=[ApplicationLimit(limit_provider=rate, error_message=refusal)],
        key_prefix="country-relations",
        storage_uri=settings.rate_limit_storage,
        storage_options={"socket_timeout": _TIMEOUT, "socket_connect_timeout": _TIMEOUT, "wrap_exceptions": True}
        if shared
        else {},
        strategy="fixed-window",
        # Without Redis each worker counts by itself until it is back.
        in_memory_fallback_enabled=True,
    )

    def tell(response: Response) -> Response:
        used = limiter.current_limit
        if used is None:
            return response
        try:
            reset_at, remaining = used.window
        except StorageError:
            return response
        seconds = str(max(1, math.ceil(reset_at - time.time())))
        response.headers.update({LIMIT: str(used.limit.amount), REMAINING: str(remaining), RESET: seconds})
        if used.breached:
            response.headers["Retry-After"] = seconds
        return response

    limiter.request_filter(keys.exempt)
    limiter.init_app(app)
    app.after_request(tell)
    limiter.logger.addFilter(_is_news)


def _counted_as() -> str:
    return f"client {g.client}" if g.client else f"address {network(request.remote_addr or '')}"


def network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 that an IPv6 client has to itself.

    Parameters
    ----------
    address : str
        As the server saw it; anything else than an address, such as that of a Unix socket, stays as it is.

    Returns
    -------
    str
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        # A socket that listens at all addresses sees IPv4 clients as ::ffff:192.0.2.1.
        return str(found.ipv4_mapped or ip_network((found, 64), strict=False))
    return str(found)


def _is_news(record: logging.LogRecord) -> bool:
    # Each refusal has its line in the log already; this one would add addresses.
    return not record.getMessage().startswith("ratelimit ")
