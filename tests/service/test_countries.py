"""GET /v1/countries."""

import pytest


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
