"""What the tests of the domain share: marked sentences, a small lexicon, a small model, and what ships."""

import re

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from relations import artifact, gazetteer, registry
from relations.analyser import Analyser
from relations.classifier import Model
from relations.domain import Pair
from relations.features import PairFeatures
from relations.gazetteer import Gazetteer
from relations.lexicon import Entry, Lexicon
from relations.mentions import MentionFinder

_MARK = re.compile(r"\[([^\[\]|]+)\|([^\[\]|]+)\]")

SENTENCES = {
    "opposition": [
        "[France|FRA] condemned [Iran|IRN] on Monday.",
        "[Japan|JPN] attacked ships of [China|CHN] near the islands.",
        "[Poland|POL] imposed tough sanctions on [Belarus|BLR].",
        "Forces of [Sudan|SDN] attacked a post in [Chad|TCD].",
        "[Israel|ISR] condemned the raid by [Syria|SYR].",
        "[Ukraine|UKR] attacked a base that [Russia|RUS] had built.",
    ],
    "support": [
        "[France|FRA] praised [Iran|IRN] on Monday.",
        "[Japan|JPN] helped ships of [China|CHN] near the islands.",
        "[Poland|POL] sent aid to [Belarus|BLR].",
        "Officials of [Sudan|SDN] praised a plan of [Chad|TCD].",
        "[Israel|ISR] helped the army of [Jordan|JOR].",
        "[Ukraine|UKR] praised the law that [Latvia|LVA] had passed.",
    ],
    "neutrality": [
        "[France|FRA] and [Iran|IRN] met on Monday.",
        "[Japan|JPN] lies east of [China|CHN].",
        "[Poland|POL] met [Belarus|BLR] in the final.",
        "Officials of [Sudan|SDN] and [Chad|TCD] met in the capital.",
        "[Israel|ISR] lies south of [Lebanon|LBN].",
        "[Ukraine|UKR] met a team that [Brazil|BRA] had beaten.",
    ],
}
"""Made up; the first country is the source."""


def read_marks(marked: str) -> tuple[str, tuple[tuple[int, int, str], ...]]:
    """Text and actors of a sentence in which ``[surface|CODE]`` marks every actor."""
    text, actors, last = "", [], 0
    for match in _MARK.finditer(marked):
        text += marked[last : match.start()]
        actors.append((len(text), len(text) + len(match[1]), match[2]))
        text += match[1]
        last = match.end()
    return text + marked[last:], tuple(actors)


def pair_of(marked: str) -> Pair:
    """Pair of the first two distinct actors of a marked sentence, the first being the source."""
    text, actors = read_marks(marked)
    source, target = list(dict.fromkeys(actor for _, _, actor in actors))[:2]
    return Pair(text, actors, source, target)


@pytest.fixture(scope="session")
def mark():
    """Give the reader of marked sentences."""
    return read_marks


@pytest.fixture(scope="session")
def pair():
    """Give the maker of a pair from a marked sentence."""
    return pair_of


@pytest.fixture(scope="session")
def lexicon() -> Lexicon:
    """Write a lexicon by hand."""
    assault, accuse, help_ = Entry("ASSAULT", "OPP"), Entry("ACCUSE", "OPP"), Entry("SUPPORT", "SUP")
    return Lexicon(
        words={
            "attack": assault,
            "attacked": assault,
            "condemned": accuse,
            "praised": help_,
            "helped": help_,
            "impose": Entry("STATE", "NEU"),
            "not": Entry("NEG", "FLIP"),
        },
        lemmas={
            "imposed": "impose",
            "imposing": "impose",
            "sanctions": "sanction",
            "sent": "send",
            "lifted": "lift",
        },
        phrases={
            "impose": [
                (("sanction", "again"), Entry("THREATEN", "OPP")),
                (("sanction",), Entry("SANCTION", "OPP")),
            ],
            "lift": [(("sanction",), Entry("YIELD", "SUP"))],
            "send": [(("aid",), Entry("AID", "SUP"))],
        },
    )


@pytest.fixture(scope="session")
def training_pairs() -> list[Pair]:
    """Pairs to fit on."""
    return [pair_of(marked) for group in SENTENCES.values() for marked in group]


@pytest.fixture(scope="session")
def small_model(lexicon, training_pairs) -> Model:
    """Fit a model on a handful of sentences, made up as `Model` asks."""
    labels = np.array([label for label, group in SENTENCES.items() for _ in group])
    features = PairFeatures(lexicon, min_df=1).fit(training_pairs)
    classifier = CalibratedClassifierCV(LogisticRegression(C=10), method="temperature", cv=3, ensemble=False)
    classifier.fit(features.transform(training_pairs), labels)
    return Model(Pipeline([("features", features), ("classifier", classifier)]))


@pytest.fixture(scope="session")
def shipped_model() -> Model:
    """Open the model that ships."""
    return artifact.load(registry.resolve())[0]


@pytest.fixture(scope="session")
def names() -> Gazetteer:
    """Load the gazetteer that ships."""
    return gazetteer.load()


@pytest.fixture(scope="session")
def finder(names) -> MentionFinder:
    """Build the finder, which takes a while."""
    return MentionFinder(names)


@pytest.fixture(scope="session")
def analyser(finder, shipped_model) -> Analyser:
    """Join what ships."""
    return Analyser(finder, shipped_model)
