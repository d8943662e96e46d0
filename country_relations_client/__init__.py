"""Client of the Country Relations service.

Stands alone: imports the standard library and no other room, and none imports it.
"""

from country_relations_client.answers import (
    Analysis,
    Country,
    Dyad,
    Evidence,
    Failure,
    Fault,
    Judgement,
    Judgements,
    Manifest,
    Mention,
    Model,
    Probabilities,
    Problem,
    Relation,
    Sentence,
)
from country_relations_client.client import Client, Document, Options
from country_relations_client.errors import (
    ClientError,
    LateError,
    ProblemError,
    UnexpectedAnswerError,
    UnreachableError,
)

__all__ = [
    "Analysis",
    "Client",
    "ClientError",
    "Country",
    "Document",
    "Dyad",
    "Evidence",
    "Failure",
    "Fault",
    "Judgement",
    "Judgements",
    "LateError",
    "Manifest",
    "Mention",
    "Model",
    "Options",
    "Probabilities",
    "Problem",
    "ProblemError",
    "Relation",
    "Sentence",
    "UnexpectedAnswerError",
    "UnreachableError",
]
