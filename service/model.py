"""Which model is served."""

from relations.artifact import Manifest
from service.api import Blueprint
from service.engine import Engine
from service.schemas import ManifestAnswer

blueprint = Blueprint("model", __name__, url_prefix="/v1", description="The model that answers.")


@blueprint.operation("GET", "/model", answer=ManifestAnswer, needs_model=True)
def model(engine: Engine) -> Manifest:
    """Say which model answers: digests, metrics, versions of the software, date of training."""
    return engine.manifest
