"""What the OpenAPI document shows: for each operation a request that works and an answer of its shape."""

from typing import Any

from service.api import Example

_MODEL = {
    "name": "country-relations",
    "version": "2026-11-25-e4bccaf6",
    "sha256": "e4bccaf6af0c20d67bb7ee241b912d74a3f66898b0e8e64f7749bdb3b018b246",
    "tier": "fast",
}
_TEXT = "France condemned the Iranian attack."
_OPPOSITION = {
    "label": "opposition",
    "probability": 0.9656,
    "probabilities": {"support": 0.0308, "opposition": 0.9656, "neutrality": 0.0036},
}


def _mention(start: int, end: int, country: str, name: str, kind: str) -> dict[str, Any]:
    place = {"start": start, "end": end, "text": _TEXT[start:end]}
    return place | {"country": country, "name": name, "kind": kind, "ambiguous": False, "refers_to": None}


_MENTIONS = [_mention(0, 6, "FRA", "France", "name"), _mention(21, 28, "IRN", "Iran", "demonym")]
_RELATION = {"source": "FRA", "target": "IRN", **_OPPOSITION}
_EVIDENCE = {"start": 7, "end": 16, "text": "condemned", "label": "opposition", "weight": 4.3344}
_DECISION = {"method": "exact", "runner_up": "support", "value": 5.1082, "rest": 0.7738}
_DYADS = [{"source": "FRA", "target": "IRN", "support": 0, "opposition": 1, "neutrality": 0, "balance": -1.0}]


def _sentences(relation: dict[str, Any]) -> list[dict[str, Any]]:
    sentence = {"index": 0, "start": 0, "end": len(_TEXT), "text": _TEXT, "skipped": None}
    return [sentence | {"mentions": _MENTIONS, "relations": [relation]}]


_READ = {"sentences": _sentences(_RELATION), "dyads": _DYADS}

RELATIONS = Example(
    {"text": _TEXT, "id": "a-17", "as_of": "2024-06-01", "include_neutral": False, "explain": True},
    {
        "id": "a-17",
        "model": _MODEL,
        "sentences": _sentences(_RELATION | {"evidence": [_EVIDENCE], "decision": _DECISION}),
        "dyads": _DYADS,
    },
)
BATCH = Example(
    {"documents": [{"id": 1, "text": _TEXT}], "include_neutral": False},
    {"model": _MODEL, "results": [{"id": 1, "status": "ok", **_READ}]},
)
LINE = Example(
    {"id": 1, "text": _TEXT, "include_neutral": False},
    {"id": 1, "status": "ok", "model": _MODEL, **_READ},
)
PAIRS = Example(
    {
        "items": [
            {
                "text": "Paris condemned the rebels.",
                "source": {"start": 0, "end": 5},
                "target": {"start": 20, "end": 26},
            }
        ]
    },
    {"model": _MODEL, "results": [_OPPOSITION]},
)
CORRECTION = Example(
    {
        "text": _TEXT,
        "source": {"start": 21, "end": 28, "country": "IRN"},
        "target": {"start": 0, "end": 6, "country": "FRA"},
        "label": "neutrality",
        "judged": "opposition",
        "note": "Nothing is said of what Iran thinks of France.",
    },
    {"id": "5f0c1d9be2a34786"},
)
MODEL = Example(None, _MODEL)
MANIFEST = Example(
    None,
    _MODEL
    | {
        "labels_sha256": "f83bf6f9616691b0772e4f6f1007296bcebebbba6da94dbddbc8d36e722e75fc",
        "classes": ["neutrality", "opposition", "support"],
        "metrics": {"held_out": {"pairs": 10158, "accuracy": 0.8293, "macro_f1": 0.6956}},
        "versions": {"python": "3.11.7", "scikit-learn": "1.9.1"},
        "trained_at": "2026-11-25T23:56:49+00:00",
    },
)
COUNTRIES = Example(
    None,
    {
        "countries": [
            {
                "code": "FRA",
                "name": "France",
                "official": "French Republic",
                "names": ["France", "French Republic"],
                "demonyms": ["French", "Frenchman"],
                "capitals": ["Paris"],
                "governments": ["Elysee", "Quai d'Orsay"],
                "region": "Europe",
                "cow": "FRN",
                "cow_code": "220",
                "fips": "FR",
                "from": None,
                "until": None,
                "party": True,
            }
        ]
    },
)
LIVE = Example(None, {"status": "live"})
READY = Example(None, {"status": "ready"})
