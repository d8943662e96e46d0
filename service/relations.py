"""Relations of a text, and of pairs whose actors the client found."""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from relations import sentences
from relations.analyser import Options, TooManyPairsError
from relations.domain import AnalysedSentence, Analysis, Dyad, Label, Mention, Pair, Relation, Sentence
from service import examples, log, metrics, tables
from service.api import Blueprint
from service.engine import Engine
from service.errors import InvalidRequest
from service.schemas import (
    DecisionAnswer,
    EvidenceAnswer,
    PairsAnswer,
    PairsRequest,
    RelationsAnswer,
    RelationsRequest,
    rounded,
)

_STANCES = tuple(label.value for label in Label)
"""In the contract's order."""

blueprint = Blueprint("relations", __name__, url_prefix="/v1", description="Relations between countries.")


@blueprint.operation(
    "POST",
    "/relations",
    body=RelationsRequest,
    answer=RelationsAnswer,
    table=tables.relations_csv,
    needs_model=True,
    example=examples.RELATIONS,
)
def relations(engine: Engine, request: dict[str, Any]) -> dict[str, Any]:
    """Read a text: its sentences, the countries each names, and the relation of every ordered pair.

    A sentence that names fewer than two countries comes back too, with the reason why it was skipped.
    """
    return read(engine, request)


def read(engine: Engine, request: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a request for the relations of a text.

    Parameters
    ----------
    engine : Engine
        Reads the text.
    request : mapping
        As `RelationsRequest` loads it.

    Returns
    -------
    dict
        As `answer` shapes it.

    Raises
    ------
    InvalidRequest
        If the text has too many pairs.
    """
    options = Options(
        as_of=request.get("as_of") or today(),
        min_probability=request["min_probability"],
        include_neutral=request["include_neutral"],
        explain=request["explain"],
    )
    log.note(request["text"])
    try:
        analysis = engine.analyser.analyse(request["text"], options)
    except TooManyPairsError as error:
        raise InvalidRequest({"text": [str(error)]}) from None
    told = [relation for one in analysis.sentences for relation in one.relations]
    metrics.observe(told, texts=1, sentences=len(analysis.sentences))
    return answer(engine, analysis, options, request.get("id"))


def answer(engine: Engine, analysis: Analysis, options: Options, identity: str | int | None) -> dict[str, Any]:
    """Put an analysis into the shape that `RelationsAnswer` dumps.

    Parameters
    ----------
    engine : Engine
        What made the analysis.
    analysis : Analysis
        Of one text.
    options : Options
        What was asked for.
    identity : str, int or None
        The client's name for the text.

    Returns
    -------
    dict
    """
    return {
        "id": identity,
        "model": engine.manifest,
        "sentences": [_sentence(engine, one, options) for one in analysis.sentences],
        "dyads": [_dyad(one) for one in analysis.dyads],
    }


@blueprint.operation(
    "POST", "/pairs", body=PairsRequest, answer=PairsAnswer, needs_model=True, example=examples.PAIRS
)
def pairs(engine: Engine, request: dict[str, Any]) -> dict[str, Any]:
    """Judge pairs of actors that you found yourself: a sentence and two spans in it.

    The actors need not be countries. Of a longer text only the sentences that hold the two spans count.
    """
    for item in request["items"]:
        log.note(item["text"])
    asked = [_pair(item, sentences.split(item["text"])) for item in request["items"]]
    judged = engine.analyser.judge(asked, Options(as_of=today()))
    metrics.observe(judged)
    return {"model": engine.manifest, "results": judged}


def today() -> dt.date:
    """Return the day in UTC, so that the answer does not hang on the server's time zone."""
    return dt.datetime.now(dt.UTC).date()


def _sentence(engine: Engine, analysed: AnalysedSentence, options: Options) -> dict[str, Any]:
    sentence = analysed.sentence
    return {
        "index": sentence.index,
        "start": sentence.start,
        "end": sentence.end,
        "text": sentence.text,
        "skipped": analysed.skipped,
        "mentions": [_mention(engine, one) for one in analysed.mentions],
        "relations": [_relation(one, options) for one in analysed.relations],
    }


def _mention(engine: Engine, mention: Mention) -> dict[str, Any]:
    return {
        "start": mention.start,
        "end": mention.end,
        "text": mention.text,
        "country": mention.country,
        "name": engine.names[mention.country],
        "kind": mention.kind,
        "ambiguous": mention.ambiguous,
        "refers_to": mention.refers_to,
    }


def _relation(relation: Relation, options: Options) -> dict[str, Any]:
    told = {
        "source": relation.source,
        "target": relation.target,
        "label": relation.label,
        "probability": rounded(relation.probability),
        "probabilities": {stance: rounded(relation.probabilities[stance]) for stance in _STANCES},
    }
    if not options.explain:
        return told
    decision = DecisionAnswer().dump(relation.decision)
    return told | {"evidence": EvidenceAnswer(many=True).dump(relation.evidence), "decision": decision}


def _dyad(dyad: Dyad) -> dict[str, Any]:
    counts = {stance: getattr(dyad, stance) for stance in _STANCES}
    return {"source": dyad.source, "target": dyad.target, **counts, "balance": rounded(dyad.balance)}


def _pair(item: dict[str, Any], split: Sequence[Sentence]) -> Pair:
    """Cut the pair's sentences out of its text."""
    text = item["text"]
    spans = sorted((item[role]["start"], item[role]["end"], role) for role in ("source", "target"))
    begin, stop = spans[0][0], spans[1][1]
    if split:
        # A span may lie in the white space between sentences: the stretch holds both spans all the same.
        first = max(bisect_right([one.start for one in split], begin) - 1, 0)
        last = min(bisect_left([one.end for one in split], stop), len(split) - 1)
        begin = min(begin, split[first].start)
        stop = max(stop, split[last].end)
    actors = tuple((start - begin, end - begin, role) for start, end, role in spans)
    return Pair(text[begin:stop], actors, "source", "target")
