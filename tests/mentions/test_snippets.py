"""The mentions of some fourteen hundred hand-made snippets.

What must hold is written in the snippets themselves: names.txt, ambiguity.txt and anaphora.txt.
"""

import re

# Whether an article or a title belongs to a mention is not laid down, nor whether "administration" does.
_BEFORE = re.compile(
    r"(?:(?:the|former|crown|king|queen|emperor|pope|prince|president|prime\s+minister|premier|chancellor"
    r"|chairman|ayatollah|sheikh|mr\.?|mrs\.?|ms\.?)\s+)+",
    re.IGNORECASE,
)
_AFTER = re.compile(r"\s+administration$", re.IGNORECASE)


def _core(text, start, end):
    """Span of a mention without article, title and "administration"."""
    after = _AFTER.search(text[start:end])
    end = start + after.start() if after else end
    before = _BEFORE.match(text, start, end)
    return (before.end() if before and before.end() < end else start), end


def _show(text, mentions):
    return ", ".join(f"{text[m.start : m.end]!r} at {m.start} = {m.country}" for m in mentions) or "none"


def test_snippet(snippet, finder, find_all):
    """Exactly the marked mentions are found: span, country, kind where given, doubt where asked for."""
    if snippet.with_anaphors:
        found = find_all(snippet.text, snippet.as_of)
    else:
        found = finder.find(snippet.text, snippet.as_of)
    found_at = {(*_core(snippet.text, m.start, m.end), m.country): m for m in found}
    expected_at = {(*_core(snippet.text, m.start, m.end), m.country): m for m in snippet.expected}
    missing = [mention for key, mention in expected_at.items() if key not in found_at]
    wrong = [mention for key, mention in found_at.items() if key not in expected_at]
    faults = []
    if missing:
        faults.append(f"missed: {_show(snippet.text, missing)}")
    if wrong:
        faults.append(f"should not be there: {_show(snippet.text, wrong)}")
    if not missing and not wrong and len(found) != len(snippet.expected):
        faults.append(f"found {len(found)} mentions for {len(snippet.expected)} marks: some are twice there")
    for key, mention in expected_at.items():
        got = found_at.get(key)
        if got is None:
            continue
        if mention.kind is not None and got.kind != mention.kind:
            faults.append(f"{got.text!r} is of kind {got.kind}, should be {mention.kind}")
        if mention.ambiguous and not got.ambiguous:
            faults.append(f"{got.text!r} should be marked uncertain")
    assert not faults, "\n".join([f"{snippet.place} as of {snippet.as_of}", snippet.text, *faults])


def test_every_country_of_the_snippets_is_in_the_gazetteer(snippets, names):
    """A code that a snippet expects can be found at all."""
    codes = {mention.country for snippet in snippets for mention in snippet.expected}
    assert codes - set(names.countries) == set()


def test_nearly_every_country_has_a_snippet(snippets):
    """The snippets together name all but a handful of the world's states."""
    codes = {mention.country for snippet in snippets for mention in snippet.expected}
    assert len(codes) >= 200


def test_no_snippet_is_there_twice(snippets):
    """A text stands once, so that a count of failures counts texts."""
    texts = [(snippet.text, snippet.as_of) for snippet in snippets]
    assert len(set(texts)) == len(texts)
