"""GET /v1/countries."""

import pytest

from service.app import create_app
from service.config import Settings


def test_every_country_comes_with_its_codes_and_names(client):
    """Every row of the gazetteer comes, in order of code, with the words that stand for it."""
    answer = client.get("/v1/countries")
    assert answer.status_code == 200
    countries = answer.get_json()["countries"]
    codes = [one["code"] for one in countries]
    assert codes == sorted(set(codes))
    assert {"FRA", "XKX", "SUN", "PSE", "TWN"} <= set(codes)
    assert len(codes) >= 249
    france = countries[codes.index("FRA")]
    assert (france["name"], france["cow"], france["fips"]) == ("France", "FRN", "FR")
    assert france["capitals"] == ["Paris"]
    assert "French" in france["demonyms"]
    assert "Quai d'Orsay" in france["governments"]
    assert france["party"]
    assert not countries[codes.index("BMU")]["party"]
    assert countries[codes.index("SUN")]["until"] == 1991


def test_codes_narrow_the_list(client):
    """Only the countries that are asked for come, each once."""
    answer = client.get("/v1/countries?code=PRK&code=KOR&code=PRK")
    assert [one["code"] for one in answer.get_json()["countries"]] == ["KOR", "PRK"]


@pytest.mark.parametrize(("query", "pointer"), [("code=FRA&code=XYZ", "/code/1"), ("colour=red", "/colour")])
def test_bad_queries_are_refused(client, query, pointer):
    """An unknown code or parameter is a problem that points at it."""
    answer = client.get(f"/v1/countries?{query}")
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert [one["pointer"] for one in answer.get_json()["errors"]] == [pointer]


def test_answer_may_be_kept(client):
    """The answer has an ETag, with which an unchanged answer is not sent again, and HEAD sends no body."""
    first = client.get("/v1/countries?code=FRA")
    tag = first.headers["ETag"]
    assert not tag.startswith("W/")
    assert "max-age=3600" in first.headers["Cache-Control"]
    again = client.get("/v1/countries?code=FRA", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get("/v1/countries?code=ITA").headers["ETag"] != tag
    head = client.head("/v1/countries?code=FRA")
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", tag)


def test_no_model_is_needed(client, tmp_path):
    """Without a model the answer is the same, byte for byte and in its ETag."""
    bare = create_app(Settings(model_dir=tmp_path)).test_client()
    assert bare.get("/health/ready").status_code == 503
    answer, whole = bare.get("/v1/countries"), client.get("/v1/countries")
    assert (answer.status_code, answer.data) == (200, whole.data)
    assert answer.headers["ETag"] == whole.headers["ETag"]


def test_no_gazetteer(problems, tmp_path):
    """Without the gazetteer the cause is told, without the server's paths, and nobody may keep that answer."""
    answer = create_app(Settings(gazetteer_dir=tmp_path)).test_client().get("/v1/countries")
    detail = problems.check(answer, 503)["detail"]
    assert detail.startswith("No gazetteer is loaded: ")
    assert str(tmp_path) not in detail
    assert (answer.headers.get("ETag"), answer.headers["Cache-Control"]) == (None, "no-store")


def test_document(client):
    """The OpenAPI document has the query, every status, and exactly the fields that are sent."""
    document = client.get("/openapi.json").get_json()
    operation = document["paths"]["/v1/countries"]["get"]
    assert set(operation["responses"]) == {"200", "304", "401", "422", "429", "500", "503"}
    (code,) = operation["parameters"]
    assert (code["in"], code["name"], code["required"], code["explode"]) == ("query", "code", False, True)
    properties = document["components"]["schemas"]["CountryAnswer"]["properties"]
    assert all(set(one) == set(properties) for one in client.get("/v1/countries").get_json()["countries"])
