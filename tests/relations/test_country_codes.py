"""The gazetteer's countries against ISO 3166 and CLDR."""

from collections import defaultdict

import pycountry
from babel import Locale

from relations import gazetteer
from relations.folding import fold

SHARED_COW = {
    frozenset({"RUS", "SUN"}): "Russia continues the Soviet Union's code",
    frozenset({"SRB", "YUG"}): "Serbia continues Yugoslavia's code",
}


def _plain(name: str) -> str:
    head, _, tail = name.partition(", ")  # "Congo, The Democratic Republic of the"
    name = f"{tail} {head}" if tail else name
    return fold(name)[0].lower().replace("the ", "").replace(" & ", " and ").replace("st. ", "saint ")


def test_every_iso_country_is_there():
    """Every ISO 3166-1 entry has a row, and every other row is one of the project's parties and former states."""
    codes = set(gazetteer.load().countries)
    iso = {country.alpha_3 for country in pycountry.countries}
    assert iso <= codes
    assert codes - iso == {"XKX", "SUN", "YUG", "DDR", "CSK"}


def test_names_agree_with_iso_and_cldr():
    """Among a country's names stands one that ISO 3166 or CLDR gives it."""
    known = gazetteer.load()
    territories = Locale("en").territories
    missing = []
    for country in pycountry.countries:
        ours = {_plain(name.surface) for name in known.names_of[country.alpha_3]}
        ours |= {_plain(known.countries[country.alpha_3].name), _plain(known.countries[country.alpha_3].official)}
        theirs = {territories.get(country.alpha_2, ""), country.name, getattr(country, "common_name", "")}
        theirs |= {getattr(country, "official_name", "")}
        if not ours & {_plain(name) for name in theirs if name}:
            missing.append((country.alpha_3, sorted(theirs)))
    assert not missing


def test_foreign_codes_are_unique():
    """No two countries share a COW or FIPS code, but where one state continues another."""
    known = gazetteer.load().countries
    for field in ("cow", "cow_code", "fips"):
        owners: dict[str, set[str]] = defaultdict(set)
        for country in known.values():
            for code in filter(None, getattr(country, field).split("|")):
                owners[code].add(country.code)
        shared = {frozenset(codes) for codes in owners.values() if len(codes) > 1}
        assert shared <= set(SHARED_COW), field


def test_years_of_existence():
    """A state's years are in order, and those that ended lie in the past."""
    for country in gazetteer.load().countries.values():
        if country.until is not None:
            assert country.since is not None
            assert country.since < country.until < 2026
    ended = {code for code, country in gazetteer.load().countries.items() if country.until is not None}
    assert {"SUN", "YUG", "DDR", "CSK"} <= ended


def test_parties_have_names_for_their_people():
    """Every party of the codebook has a demonym and, unless it is its own capital, a capital."""
    known = gazetteer.load()
    for code, country in known.countries.items():
        if country.party:
            kinds = {name.kind for name in known.names_of[code]}
            assert {"name", "demonym"} <= kinds, code
            assert country.capitals, code
