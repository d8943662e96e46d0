"""The gazetteer, for those who want to know which words count as which country."""

from typing import Any

from relations.domain import MentionKind
from relations.gazetteer import Country, Gazetteer
from service import examples
from service.api import Blueprint
from service.errors import InvalidRequest
from service.schemas import CountriesAnswer, CountriesRequest

blueprint = Blueprint("countries", __name__, url_prefix="/v1", description="The gazetteer.")

_HOUR = 3600


@blueprint.operation(
    "GET",
    "/countries",
    query=CountriesRequest,
    answer=CountriesAnswer,
    needs_gazetteer=True,
    max_age=_HOUR,
    example=examples.COUNTRIES,
)
def countries(gazetteer: Gazetteer, query: dict[str, Any]) -> dict[str, Any]:
    """List countries and territories with their codes, names, demonyms, capitals and institutions."""
    codes = query.get("code") or sorted(gazetteer.countries)
    unknown = {index: ["No such code."] for index, code in enumerate(codes) if code not in gazetteer.countries}
    if unknown:
        raise InvalidRequest({"code": unknown})
    return {"countries": [_country(gazetteer, gazetteer.countries[code]) for code in sorted(set(codes))]}


def _country(gazetteer: Gazetteer, country: Country) -> dict[str, Any]:
    return {
        "code": country.code,
        "name": country.name,
        "official": country.official,
        "names": _surfaces(gazetteer, country.code, "name"),
        "demonyms": _surfaces(gazetteer, country.code, "demonym"),
        "capitals": country.capitals,
        "governments": _surfaces(gazetteer, country.code, "government"),
        "region": country.region,
        "cow": country.cow or None,
        "cow_code": country.cow_code or None,
        "fips": country.fips or None,
        "since": country.since,
        "until": country.until,
        "party": country.party,
    }


def _surfaces(gazetteer: Gazetteer, code: str, kind: MentionKind) -> list[str]:
    return sorted({name.surface for name in gazetteer.names_of[code] if name.kind == kind})
