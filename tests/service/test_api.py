"""The OpenAPI document."""

import pytest

from service.api import VERSION


@pytest.fixture
def document(client):
    """Fetch the document."""
    response = client.get("/openapi.json")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    return response.get_json()


def operations(document):
    """Return the operations by method and path."""
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in {"get", "post"}
    }


def resolve(document, value):
    """Follow references."""
    while "$ref" in value:
        found = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def references(value):
    """Yield every reference in a value."""
    if isinstance(value, dict):
        yield from (value["$ref"],) if isinstance(value.get("$ref"), str) else ()
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def conforms(document, schema, value):
    """Check a value against the part of JSON Schema that the document uses."""
    schema = resolve(document, schema)
    if not schema:
        return
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    kind = names.get(type(value), "integer" if isinstance(value, int) else "number")
    assert not kinds or kind in kinds or (kind == "integer" and "number" in kinds), (schema, value)
    assert value in schema.get("enum", [value])
    if isinstance(value, dict):
        assert set(schema.get("required", [])) <= set(value)
        for key, one in value.items():
            if key in schema.get("properties", {}):
                conforms(document, schema["properties"][key], one)
            else:
                # A document that tells less than the service sends is wrong as well.
                assert isinstance(schema["additionalProperties"], dict), key
                conforms(document, schema["additionalProperties"], one)
    if isinstance(value, list):
        for one in value:
            conforms(document, schema["items"], one)


def test_head(document):
    """The document is OpenAPI 3.1 with title and version."""
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"] == "Country relations"
    assert document["info"]["version"] == VERSION
    assert document["info"]["description"]


def test_references(document):
    """Every reference leads somewhere, and every schema is used."""
    found = set(references(document))
    assert all(resolve(document, {"$ref": reference}) for reference in found)
    assert {f"#/components/schemas/{name}" for name in document["components"]["schemas"]} <= found


def test_every_route_is_documented(app, document):
    """The document has every route of the application but itself and what is there for browsers."""
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.endpoint.split(".")[0] not in {"api-docs", "docs", "page"}
    }
    assert set(operations(document)) == routes


def test_operations(document):
    """Every operation has a name of its own and a summary."""
    found = operations(document).values()
    assert len({operation["operationId"] for operation in found}) == len(found)
    assert all(operation["summary"] for operation in found)


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        (("POST", "/v1/relations"), {"200", "400", "401", "406", "413", "415", "422", "429", "500", "503"}),
        (("POST", "/v1/relations/batch"), {"200", "400", "401", "413", "415", "422", "429", "500", "503"}),
        (("POST", "/v1/relations/stream"), {"200", "401", "415", "429", "500", "503"}),
        (("POST", "/v1/pairs"), {"200", "400", "401", "413", "415", "422", "429", "500", "503"}),
        (("GET", "/v1/model"), {"200", "304", "401", "429", "500", "503"}),
        (("GET", "/health/live"), {"200", "500"}),
        (("GET", "/health/ready"), {"200", "500", "503"}),
    ],
)
def test_responses(document, operation, statuses):
    """Every status is documented: success as JSON, all else as a problem."""
    responses = operations(document)[operation]["responses"]
    assert set(responses) == statuses
    for status, response in responses.items():
        content = resolve(document, response).get("content", {})
        if status == "200":
            assert next(iter(content)) in {"application/json", "application/x-ndjson"}
        elif status != "304":
            (told,) = content.items()
            assert told[0] == "application/problem+json"
            assert told[1]["schema"] == {"$ref": "#/components/schemas/Problem"}


def body_of(document, path):
    """Return the schema of a request's body."""
    return resolve(
        document, operations(document)["POST", path]["requestBody"]["content"]["application/json"]["schema"]
    )


def test_request_of_relations(document):
    """The request's schema tells types, defaults and limits."""
    schema = body_of(document, "/v1/relations")
    assert schema["required"] == ["text"]
    assert schema["additionalProperties"] is False
    told = {
        name: {k: v for k, v in one.items() if k != "description"} for name, one in schema["properties"].items()
    }
    no_nul = r"^[^\u0000]*$"
    assert told == {
        "text": {"type": "string", "minLength": 1, "maxLength": 100_000, "pattern": no_nul},
        "id": {"type": ["string", "integer"], "maxLength": 256, "pattern": no_nul},
        "as_of": {"type": "string", "format": "date"},
        "min_probability": {"type": "number", "default": 0, "minimum": 0, "maximum": 1},
        "include_neutral": {"type": "boolean", "default": True},
        "explain": {"type": "boolean", "default": False},
    }


def test_request_of_pairs(document):
    """The request's schema tells how many items there may be and what each needs."""
    items = body_of(document, "/v1/pairs")["properties"]["items"]
    assert (items["minItems"], items["maxItems"]) == (1, 1000)
    one = resolve(document, items["items"])
    assert set(one["required"]) == {"text", "source", "target"}
    span = resolve(document, one["properties"]["source"])
    assert span["properties"]["start"]["minimum"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (
            "POST",
            "/v1/relations",
            {"text": "France condemned Iran. It rained. Spain slept.", "explain": True, "id": 1},
        ),
        ("POST", "/v1/relations", {"text": "France condemned Iran.", "min_probability": 1}),
        ("POST", "/v1/relations/batch", {"documents": [{"id": 1, "text": "A hit B."}, {"text": ""}]}),
        (
            "POST",
            "/v1/pairs",
            {"items": [{"text": "A hit B.", "source": {"start": 0, "end": 1}, "target": {"start": 6, "end": 7}}]},
        ),
        ("GET", "/v1/model", None),
        ("GET", "/health/live", None),
        ("GET", "/health/ready", None),
    ],
)
def test_answers_conform(client, document, method, path, body):
    """What the service sends is what the document says."""
    response = client.open(path, method=method, json=body)
    content = operations(document)[method, path]["responses"]["200"]["content"]
    conforms(document, content["application/json"]["schema"], response.get_json())


def test_problem_conforms(client, document):
    """A problem is what the document says."""
    response = client.post("/v1/relations", json={})
    conforms(document, {"$ref": "#/components/schemas/Problem"}, response.get_json(force=True))


def test_clients_bear_new_fields(document):
    """Answers may grow fields, so their schemas must not forbid them; unknown request fields are refused."""
    for name, schema in document["components"]["schemas"].items():
        assert schema["additionalProperties"] is (not name.endswith("Request")), name
