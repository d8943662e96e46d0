"""What the behaviour tests share: the shipped model, once."""

from pathlib import Path

import pytest

from relations import artifact, gazetteer, registry
from relations.classifier import Model
from relations.gazetteer import Gazetteer
from training import behaviour, corpus

CASES = corpus.DEFAULT_FOLDER / behaviour.FILE
SWAPS = Path(__file__).parent / "swaps.txt"


@pytest.fixture(scope="session")
def model() -> Model:
    """Load the shipped model."""
    return artifact.load(registry.resolve())[0]


@pytest.fixture(scope="session")
def names() -> Gazetteer:
    """Load the gazetteer of the service."""
    return gazetteer.load()


@pytest.fixture(scope="session")
def cases() -> list[behaviour.Case]:
    """Read the cases that every training run reports."""
    return behaviour.read(CASES)


@pytest.fixture(scope="session")
def swaps() -> list[behaviour.Marked]:
    """Read the sentences that carry no expectations."""
    return behaviour.read_marked(SWAPS)


@pytest.fixture(scope="session")
def results(model, cases) -> list[behaviour.KindResult]:
    """Put all cases to the shipped model."""
    return behaviour.run(model, cases)
