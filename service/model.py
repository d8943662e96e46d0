"""Which model is served, and what is known of it."""

from http import HTTPStatus

from werkzeug.exceptions import NotFound

from relations.artifact import Manifest
from service import examples
from service.api import Blueprint
from service.engine import Engine
from service.schemas import ManifestAnswer

blueprint = Blueprint("model", __name__, url_prefix="/v1", description="The model that answers.")


@blueprint.operation(
    "GET", "/model", answer=ManifestAnswer, needs_model=True, max_age=0, example=examples.MANIFEST
)
def model(engine: Engine) -> Manifest:
    """Say which model answers: digests, metrics, versions of the software, date of training."""
    return engine.manifest


@blueprint.operation(
    "GET", "/model/card", answer="text/markdown", needs_model=True, max_age=0, problems=[HTTPStatus.NOT_FOUND]
)
def model_card(engine: Engine) -> str:
    """Give the model's card as Markdown: what it was made from, how good it is, what it is not for."""
    if engine.card is None:
        raise NotFound("The model that is served has no card: train again to have one written.")
    return engine.card
