"""OpenTelemetry, where the operator names a collector: a span for each request, without the text that was sent."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from flask import Flask, g, request
from werkzeug.wrappers import Response

from service.config import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_TRACING = "country-relations-tracing"
_UNSEEN = "/health/,/metrics$"


@dataclass(frozen=True, slots=True)
class _Tracing:
    provider: "TracerProvider"
    address: str


def register(app: Flask, settings: Settings) -> None:
    """Make spans of an application's requests, where a collector is named; `start` begins to send them."""
    if settings.otel_endpoint is None:
        return
    # An optional extra, whose presence service.config has checked.
    from opentelemetry.instrumentation.flask import FlaskInstrumentor  # noqa: PLC0415
    from opentelemetry.metrics import NoOpMeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": "country-relations"}))
    FlaskInstrumentor.instrument_app(
        app,
        tracer_provider=provider,
        meter_provider=NoOpMeterProvider(),
        excluded_urls=_UNSEEN,
        enable_commenter=False,
    )
    app.after_request(_end)
    address = urljoin(f"{settings.otel_endpoint.rstrip('/')}/", "v1/traces")
    app.extensions[_TRACING] = _Tracing(provider, address)


def start(app: Flask) -> None:
    """Send the spans from this process on; after a fork, which the thread that sends would not survive."""
    tracing: _Tracing | None = app.extensions.get(_TRACING)
    if tracing is None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    tracing.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(tracing.address)))


def _end(response: Response) -> Response:
    from opentelemetry.trace import get_current_span  # noqa: PLC0415

    span = get_current_span()
    # The target would have the query string, and with it whatever was sent to the wrong place.
    span.set_attributes({"http.target": request.path, "request_id": g.request_id})
    return response
