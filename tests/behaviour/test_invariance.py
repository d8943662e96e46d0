"""Renaming the countries of a sentence changes no label and no probability.

What a sentence says does not depend on who its countries are. Articles stay as they are written: "an Iranian
tanker" turns into "an Turkish tanker" where two countries are exchanged, since "a" would be another sentence.
Where countries are replaced, the new ones are chosen to fit their articles.
"""

import datetime as dt
import re
from itertools import combinations

import pytest

from relations.analyser import Analyser, Options
from relations.mentions import MentionFinder
from relations.pairs import pairs_of
from training.behaviour import Marked

AS_OF = dt.date(2024, 6, 1)
TOLERANCE = 1e-9
LEAST_FOUND = 0.97
"""Share of the sentences in which the gazetteer must find exactly the marks, lest the end-to-end test be empty."""

AFTER_THE = ("NLD", "PHL", "ARE", "MDV", "BHS", "USA")
AFTER_AN = ("EGY", "AUT", "ITA", "IRL", "EST", "ECU", "DZA")
OTHERS = ("NOR", "BRA", "VNM", "KEN", "CAN", "POL", "MYS", "PER", "GHA", "SWE", "MEX", "SEN")
RENAMINGS = ("exchanged", "replaced 1", "replaced 2", "replaced 3")


class Renamer:
    """Renames the countries of a sentence, name for name and demonym for demonym."""

    def __init__(self, names):
        self.names_of = names.names_of

    def form(self, surface, country):
        """Name, adjective, people or capital; a government's name counts as the capital's."""
        known = {name.surface: name.kind for name in self.names_of[country]}
        kind = known[surface]
        if kind == "demonym":
            return "people" if surface.endswith("s") and surface[:-1] in known else "adjective"
        return {"name": "name", "capital": "capital", "government": "capital"}[kind]

    def surface(self, country, form):
        """The usual surface of a form: the gazetteer's first."""
        kind = {"people": "demonym", "adjective": "demonym"}.get(form, form)
        usual = [n.surface for n in self.names_of[country] if n.kind == kind and not n.flags & {"weak", "prefix"}]
        if form == "people":
            usual = [surface for surface in usual if surface.endswith("s") and surface[:-1] in usual] or usual
        return usual[0]

    def rename(self, sentence, new):
        """The sentence with country ``new[country]`` for each country that is a key of ``new``."""
        own = {}
        for start, end, country in sentence.actors:
            surface = sentence.text[start:end]
            own.setdefault((country, self.form(surface, country)), surface)
        text, last = "", 0
        actors = []
        for start, end, country in sentence.actors:
            surface = sentence.text[start:end]
            text += sentence.text[last:start]
            other = new.get(country, country)
            if other != country:
                form = self.form(surface, country)
                surface = own.get((other, form)) or self.surface(other, form)
            actors.append((len(text), len(text) + len(surface), other))
            text += surface
            last = end
        return Marked(sentence.place, text + sentence.text[last:], tuple(actors))

    def renamings(self, sentence, how):
        """Every renaming of one sort, as country to country."""
        countries = list(dict.fromkeys(country for *_, country in sentence.actors))
        if how == "exchanged":
            return [{one: other, other: one} for one, other in combinations(countries, 2)]
        turn = int(how.split()[1]) - 1
        new = {}
        for country in countries:
            taken = {*countries, *new.values()}
            fit = [other for other in self.fitting(sentence, country) if other not in taken]
            new[country] = fit[turn % len(fit)]
        return [new]

    def fitting(self, sentence, country):
        """Countries whose names go with the articles that stand before this one's."""
        before = [
            (sentence.text[:start], self.form(sentence.text[start:end], country))
            for start, end, actor in sentence.actors
            if actor == country
        ]
        if any(re.search(r"\b[Tt]he $", text) and form == "name" for text, form in before):
            return AFTER_THE
        return AFTER_AN if any(re.search(r"\b[Aa]n $", text) for text, _ in before) else OTHERS


@pytest.fixture(scope="module")
def sentences(cases, swaps):
    """All sentences of both files."""
    return [*(case.sentence for case in cases), *swaps]


@pytest.fixture(scope="module")
def renamer(names):
    """Rename with the forms of the gazetteer."""
    return Renamer(names)


@pytest.fixture(scope="module")
def judge(model):
    """Judge marked sentences: for each, (source, target) to relation."""

    def judge(sentences):
        groups = [pairs_of(one.text, one.actors) for one in sentences]
        judged = iter(model.judge([pair for group in groups for pair in group]))
        return [{(pair.source, pair.target): next(judged) for pair in group} for group in groups]

    return judge


@pytest.fixture(scope="module")
def analyse(model, names):
    """Analyse sentences end to end; None where other mentions are found than are marked."""
    analyser = Analyser(MentionFinder(names), model)

    def analyse(sentences):
        analyses = analyser.analyse_all([one.text for one in sentences], Options(AS_OF))
        return [_relations(*pair) for pair in zip(sentences, analyses, strict=True)]

    return analyse


def _relations(sentence, analysis):
    found = tuple((m.start, m.end, m.country) for one in analysis.sentences for m in one.mentions)
    if found != sentence.actors or len(analysis.sentences) != 1:
        return None
    return {(one.source, one.target): one for one in analysis.sentences[0].relations}


def _renamed(sentences, renamer, how):
    return [(one, new, renamer.rename(one, new)) for one in sentences for new in renamer.renamings(one, how)]


def _changes(renamed, before, after):
    """What changed, in a line for each pair."""
    changes = []
    for (sentence, new, other), old_relations, new_relations in zip(renamed, before, after, strict=True):
        assert len(old_relations) == len(new_relations)
        for (source, target), old in old_relations.items():
            relation = new_relations[new.get(source, source), new.get(target, target)]
            differences = [abs(p - relation.probabilities[label]) for label, p in old.probabilities.items()]
            if relation.label != old.label or max(differences) > TOLERANCE:
                was = f"{source}>{target} {old.label} ({old.probability:.3f})"
                now = f"{relation.source}>{relation.target} {relation.label} ({relation.probability:.3f})"
                changes.append(f"{sentence.place} {was}, but {now} in {other.text}")
    return changes


def test_there_are_enough_sentences(swaps):
    """There are at least 70 sentences without expectations, of two to four countries."""
    assert len(swaps) >= 70
    assert {len({country for *_, country in one.actors}) for one in swaps} == {2, 3, 4}


def test_swaps_cover_all_labels(swaps, judge):
    """The sentences without expectations are not all of one sort: the model sees each label in some."""
    labels = {relation.label for relations in judge(swaps) for relation in relations.values()}
    assert labels == {"support", "opposition", "neutrality"}


@pytest.mark.parametrize("how", RENAMINGS)
def test_renaming_renames(how, sentences, renamer):
    """Renamed sentences differ from their originals and mark what they should, and replacements are three."""
    for sentence, new, other in _renamed(sentences, renamer, how):
        assert other.text != sentence.text
        assert [new.get(country, country) for *_, country in sentence.actors] == [c for *_, c in other.actors]
        for start, end, country in other.actors:
            assert other.text[start:end] in {name.surface for name in renamer.names_of[country]}


def test_replacements_differ(sentences, renamer):
    """Each sentence is put to the model with three different sets of other countries."""
    for sentence in sentences:
        sets = [frozenset(renamer.renamings(sentence, how)[0].values()) for how in RENAMINGS[1:]]
        assert len(set(sets)) == 3, sentence.place


@pytest.mark.parametrize("how", RENAMINGS)
def test_model_knows_no_country(how, sentences, renamer, judge):
    """With the mentions given, every pair keeps its label and, to 1e-9, its probabilities."""
    renamed = _renamed(sentences, renamer, how)
    changes = _changes(renamed, judge([one for one, _, _ in renamed]), judge([other for _, _, other in renamed]))
    assert not changes, "\n".join(changes)


@pytest.mark.parametrize("how", RENAMINGS)
def test_whole_way_knows_no_country(how, sentences, renamer, analyse):
    """From text to relations the same holds wherever exactly the marked mentions are found."""
    renamed = _renamed(sentences, renamer, how)
    before = analyse([one for one, _, _ in renamed])
    after = analyse([other for _, _, other in renamed])
    kept = [index for index in range(len(renamed)) if before[index] is not None and after[index] is not None]
    missed = [renamed[index][2].text for index in range(len(renamed)) if index not in set(kept)]
    assert len(kept) >= LEAST_FOUND * len(renamed), "\n".join(missed)
    changes = _changes(*([rows[index] for index in kept] for rows in (renamed, before, after)))
    assert not changes, "\n".join(changes)
