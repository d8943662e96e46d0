"""The OpenAPI document as others read it; conftest.py holds every answer of the tests against it."""

import pytest
from jsonschema import Draft202012Validator, ValidationError
from openapi_spec_validator import validate

METHODS = ("get", "post")


@pytest.fixture(scope="module")
def document(app):
    """Fetch the document."""
    return app.test_client().get("/openapi.json").get_json()


@pytest.fixture(scope="module")
def operations(document):
    """List the operations by method and path."""
    return {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def resolve(document, value):
    """Follow a reference."""
    for part in value.get("$ref", "").removeprefix("#/").split("/"):
        document = document[part] if part else document
    return document if "$ref" in value else value


def test_openapi(document):
    """The document is valid OpenAPI 3.1."""
    validate(document)
    assert document["openapi"].startswith("3.1.")


def shown(document, operation):
    """Yield media types of an operation's bodies, those of problems included."""
    if "requestBody" in operation:
        yield from operation["requestBody"]["content"].items()
    for response in operation["responses"].values():
        yield from resolve(document, response).get("content", {}).items()


def test_every_body_has_an_example_that_fits(document, operations):
    """Every JSON body in the document is shown by an example, which its schema allows."""
    for place, operation in operations.items():
        for mimetype, content in shown(document, operation):
            if mimetype.endswith("json"):
                assert "example" in content, (place, mimetype)
                Draft202012Validator(document | content["schema"]).validate(content["example"])


def shape(value):
    """Return which fields a value has, below as well; of lists the fields of the first item."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return [shape(one) for one in value[:1]] if isinstance(value, list) else None


@pytest.mark.parametrize("path", ["/v1/relations", "/v1/relations/batch", "/v1/pairs"])
def test_examples_work(client, operations, path):
    """The example of a request, sent, is answered in the shape of the answer's example."""
    operation = operations["post", path]
    body = operation["requestBody"]["content"]["application/json"]["example"]
    response = client.post(path, json=body)
    assert response.status_code == 200
    told = operation["responses"]["200"]["content"]["application/json"]["example"]
    assert shape(response.get_json()) == shape(told)


def test_every_field_is_typed(document):
    """Every field of every schema has a type, and every limit that the service checks stands there."""
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        for field, told in schema["properties"].items():
            assert {"type", "$ref", "allOf", "anyOf"} & set(told), (name, field)
    assert schemas["RelationsRequest"]["properties"]["text"]["maxLength"] == 100_000
    assert schemas["PairsRequest"]["properties"]["items"]["maxItems"] == 1_000
    assert schemas["BatchRequest"]["properties"]["documents"]["maxItems"] == 256


def test_every_answer_has_its_request_id(document, operations):
    """Every answer is told to carry X-Request-ID, and every problem is one media type."""
    for place, operation in operations.items():
        for status, response in operation["responses"].items():
            told = resolve(document, response)
            assert "X-Request-ID" in told["headers"], (place, status)
            if int(status) >= 400:
                assert set(told["content"]) == {"application/problem+json"}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (("short and stout", 418), "418 is not in the document"),
        (("short and stout", 200), "text/html is not in the document"),
        ({"status": "live", "since": "noon"}, "Additional properties are not allowed"),
        ({"status": None}, "None is not of type 'string'"),
    ],
)
def test_answers_beyond_the_document_fail_tests(app, monkeypatch, answer, fault):
    """Whatever the document does not tell of fails the test that meets it, whichever that is."""
    monkeypatch.setitem(app.view_functions, "health.live", lambda: answer)
    with pytest.raises((AssertionError, ValidationError), match=fault):
        app.test_client().get("/health/live")
