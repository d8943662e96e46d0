"""Whether the service lives, and whether it can answer."""

from service import examples
from service.api import Blueprint
from service.engine import Engine
from service.schemas import HealthAnswer

blueprint = Blueprint("health", __name__, url_prefix="/health", description="For whoever watches the service.")


@blueprint.operation("GET", "/live", answer=HealthAnswer, example=examples.LIVE)
def live() -> dict[str, str]:
    """Say that the process answers; where this fails, restart it."""
    return {"status": "live"}


@blueprint.operation("GET", "/ready", answer=HealthAnswer, needs_model=True, example=examples.READY)
def ready(engine: Engine) -> dict[str, str]:  # noqa: ARG001 - that there is one is the answer
    """Say that a verified model is loaded; where this fails, send no requests here."""
    return {"status": "ready"}
