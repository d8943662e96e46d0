"""What schemathesis must know beyond the document: NDJSON, and rules that no JSON Schema can express.

Made-up spans lie outside of made-up texts, and made-up texts name no country: almost every request would be
refused or trivial. So what has the right shape is given sense before it is sent; what breaks its schema is not.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import schemathesis

from relations import sentences
from relations.domain import fits

NDJSON = "application/x-ndjson"
LONGEST, MOST = 5_000, 50
"""Longer texts and lists stay as they are: they test limits."""
CODES = ("FRA", "XKX", "SUN"), ("IRN", "GRL", "USA")
"""Of sources and of targets: the two of a correction differ."""
_CODE = re.compile(r"[A-Z]{3}")
_ARTICLE = Path(__file__).with_name("article.txt").read_text(encoding="utf-8")
NEWS = [sentence.text for sentence in sentences.split(_ARTICLE)]


@schemathesis.serializer(NDJSON)
def write_line(_: schemathesis.SerializationContext, value: object) -> dict[str, Any]:
    """Send a body as a stream's only line."""
    return {"data": value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"}


@schemathesis.deserializer(NDJSON)
def read_line(_: schemathesis.DeserializationContext, response: schemathesis.Response) -> object:
    """Read the only line of a stream's answer."""
    return json.loads(response.content)


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case, __: dict[str, Any]) -> None:
    """Give sense to what has the right shape."""
    for one in _objects(case.body):
        _name_countries(one)
        _place_actors(one)
        label, event = one.get("label"), one.get("event")
        if isinstance(label, str) and isinstance(event, str) and not fits(event, label):
            del one["event"]
    codes = (case.query or {}).get("code")
    if isinstance(codes, list):
        case.query["code"] = [_known(code, CODES[0]) for code in codes]


def _objects(body: object) -> Iterable[dict[str, Any]]:
    """Return the objects of a body that may have a text; of a long list, which tests a limit, none."""
    if not isinstance(body, dict):
        return ()
    lists = [body[name] for name in ("items", "documents") if isinstance(body.get(name), list)]
    found = [body, *(one for some in lists if len(some) <= MOST for one in some if isinstance(one, dict))]
    # The same object may stand in several places.
    return {id(one): one for one in found}.values()


def _name_countries(one: dict[str, Any]) -> None:
    text = one.get("text")
    if isinstance(text, str) and 0 < len(text) <= LONGEST:
        one["text"] = f"{text} {NEWS[len(text) % len(NEWS)]}"


def _place_actors(one: dict[str, Any]) -> None:
    """Let the source lie in the first half of the text and the target in the second."""
    actors = one.get("source"), one.get("target")
    text = one.get("text")
    if not isinstance(text, str) or len(text) < 2 or not all(isinstance(actor, dict) for actor in actors):
        return
    middle = len(text) // 2
    for actor, codes, low, high in zip(actors, CODES, (0, middle), (middle, len(text)), strict=True):
        start, end = _whole(actor.get("start")), _whole(actor.get("end"))
        if start >= 0 and end >= 1:
            actor["start"] = low + start % (high - low)
            actor["end"] = actor["start"] + 1 + end % (high - actor["start"])
        if isinstance(actor.get("country"), str):
            actor["country"] = codes[len(actor["country"]) % len(codes)]


def _whole(value: object) -> int:
    """Read 6 and 6.0; give -1 for what is no whole number."""
    whole = type(value) is int or (isinstance(value, float) and value.is_integer())
    return int(value) if whole else -1


def _known(code: object, codes: tuple[str, ...]) -> object:
    return codes[ord(code[0]) % len(codes)] if isinstance(code, str) and _CODE.fullmatch(code) else code


@schemathesis.hook
def filter_failure(
    _: schemathesis.HookContext, failure: object, case: schemathesis.Case, response: schemathesis.Response
) -> bool:
    """Let a batch and a stream tell in their answer, by document, what others tell by their status."""
    told = _results(response) if case.operation.path.endswith(("/batch", "/stream")) else []
    return type(failure).__name__ != "AcceptedNegativeData" or all(one["status"] == "ok" for one in told)


def _results(response: schemathesis.Response) -> list[dict[str, Any]]:
    answer = json.loads(response.content)
    return answer.get("results", [answer]) if response.status_code == 200 else []
