"""POST /v1/relations and POST /v1/pairs."""

import json
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relations.domain import LABELS
from service.schemas import DyadAnswer, SentenceAnswer

TEXT = (
    "France condemned the Iranian attack on Germany. It rained in the hills. "
    "Spain waited. Iran and Germany signed a trade agreement."
)
PATIENT = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def ask(client, text=TEXT, **options):
    """Post a text."""
    # Python's escapes carry lone surrogates too.
    return client.post(
        "/v1/relations", data=json.dumps({"text": text, **options}), content_type="application/json"
    )


def answer(client, text=TEXT, **options):
    """Post a text and return the answer."""
    response = ask(client, text, **options)
    assert response.status_code == 200, response.text
    return response.get_json()


def relations_of(body):
    """Return the relations of all sentences."""
    return [relation for sentence in body["sentences"] for relation in sentence["relations"]]


def check_offsets(body, text):
    """Every offset of an answer must slice the text to what the answer says stands there."""
    for sentence in body["sentences"]:
        assert text[sentence["start"] : sentence["end"]] == sentence["text"]
        for span in [
            *sentence["mentions"],
            *(one for r in sentence["relations"] for one in r.get("evidence", [])),
        ]:
            assert text[span["start"] : span["end"]] == span["text"]
            assert sentence["start"] <= span["start"] < span["end"] <= sentence["end"]
    ends = [sentence["end"] for sentence in body["sentences"]]
    assert all(end <= after["start"] for end, after in zip(ends, body["sentences"][1:], strict=False))


class TestAnswer:
    """What an answer holds."""

    def test_fields(self, client):
        """An answer has the contract's fields and no others, in the contract's order."""
        body = answer(client)
        assert list(body) == ["id", "model", "sentences", "dyads"]
        assert list(body["model"]) == ["name", "version", "sha256", "tier"]
        first = body["sentences"][0]
        assert list(first) == ["index", "start", "end", "text", "skipped", "mentions", "relations"]
        shown = ["start", "end", "text", "country", "name", "kind", "ambiguous", "refers_to"]
        assert list(first["mentions"][0]) == shown
        relation = first["relations"][0]
        assert list(relation) == ["source", "target", "label", "probability", "probabilities"]
        assert list(relation["probabilities"]) == ["support", "opposition", "neutrality"]
        assert list(body["dyads"][0]) == [
            "source",
            "target",
            "support",
            "opposition",
            "neutrality",
            "balance",
        ]

    def test_sentences(self, client):
        """Every sentence comes back in order, with the reason where it has no relations."""
        sentences = answer(client)["sentences"]
        assert [sentence["index"] for sentence in sentences] == [0, 1, 2, 3]
        assert [sentence["skipped"] for sentence in sentences] == [None, "no_country", "one_country", None]
        assert not any(sentence["relations"] for sentence in sentences if sentence["skipped"])

    def test_mentions(self, client):
        """A mention says which country it is, by code and by name, and what kind of word."""
        mentions = answer(client)["sentences"][0]["mentions"]
        assert [(one["text"], one["country"], one["name"], one["kind"]) for one in mentions] == [
            ("France", "FRA", "France", "name"),
            ("Iranian", "IRN", "Iran", "demonym"),
            ("Germany", "DEU", "Germany", "name"),
        ]

    def test_every_ordered_pair(self, client):
        """Every ordered pair of the countries of a sentence has exactly one relation."""
        for sentence in answer(client)["sentences"]:
            countries = {mention["country"] for mention in sentence["mentions"]}
            pairs = [(one["source"], one["target"]) for one in sentence["relations"]]
            assert sorted(pairs) == sorted(permutations(countries, 2))

    def test_probabilities(self, client):
        """Probabilities sum to 1 within rounding, and the label is the likeliest one's."""
        for relation in relations_of(answer(client)):
            probabilities = relation["probabilities"]
            assert sum(probabilities.values()) == pytest.approx(1, abs=2e-4)
            assert relation["probability"] == max(probabilities.values()) == probabilities[relation["label"]]
            assert all(value == round(value, 4) for value in probabilities.values())

    def test_dyads(self, client):
        """Dyads count the labels of the sentences."""
        body = answer(client)
        relations = relations_of(body)
        assert {(one["source"], one["target"]) for one in body["dyads"]} == {
            (one["source"], one["target"]) for one in relations
        }
        for dyad in body["dyads"]:
            pair = dyad["source"], dyad["target"]
            labels = [one["label"] for one in relations if (one["source"], one["target"]) == pair]
            assert {label: dyad[label] for label in LABELS} == {label: labels.count(label) for label in LABELS}
            balance = (dyad["support"] - dyad["opposition"]) / len(labels)
            assert dyad["balance"] == pytest.approx(balance, abs=1e-4)

    def test_clear_cases(self, client):
        """The shipped model gets plain cases right."""
        relations = {
            (index, one["source"], one["target"]): one["label"]
            for index, sentence in enumerate(answer(client)["sentences"])
            for one in sentence["relations"]
        }
        assert relations[0, "FRA", "IRN"] == "opposition"
        assert relations[3, "IRN", "DEU"] == "support"

    @pytest.mark.parametrize("text", [" ", "\n\n", "Nothing of note.", "\u200b", "42"])
    def test_nothing_found(self, client, text):
        """A text that names no country is answered all the same."""
        body = answer(client, text)
        assert relations_of(body) == body["dyads"] == []
        assert all(sentence["skipped"] == "no_country" for sentence in body["sentences"])

    def test_long_text(self, client):
        """A text of 100,000 characters is read, down to its last sentence."""
        text = "It rained in the hills. " * 4163 + "France condemned the Iranian attack again."
        text = text[-100_000:]
        assert len(text) == 99_954
        body = answer(client, text)
        assert [one["country"] for one in body["sentences"][-1]["mentions"]] == ["FRA", "IRN"]
        check_offsets(body, text)


class TestOptions:
    """What a request may ask for."""

    @pytest.mark.parametrize("identifier", ["", "a", "ü/😀", "x" * 256, 0, -5, 2**70])
    def test_id(self, client, identifier):
        """An id comes back as it was sent."""
        echoed = answer(client, id=identifier)["id"]
        assert echoed == identifier
        assert type(echoed) is type(identifier)

    def test_no_id(self, client):
        """Without an id the answer's is null."""
        assert answer(client)["id"] is None

    @pytest.mark.parametrize(("name", "schema"), [("sentences", SentenceAnswer), ("dyads", DyadAnswer)])
    def test_ready_lists(self, client, name, schema):
        """What goes out as the view shapes it is, to the letter, what its schema would have made of it."""
        told = answer(client, explain=True)[name]
        assert json.dumps(schema(many=True).dump(told)) == json.dumps(told)

    def test_explain(self, client):
        """Evidence comes only when asked for, in words of the text."""
        assert all("evidence" not in relation for relation in relations_of(answer(client)))
        body = answer(client, explain=True)
        relations = relations_of(body)
        assert all("evidence" in relation for relation in relations)
        words = [word for relation in relations for word in relation["evidence"]]
        assert words
        assert all(list(word) == ["start", "end", "text", "label", "weight"] for word in words)
        assert {word["label"] for word in words} <= set(LABELS)
        check_offsets(body, TEXT)

    def test_min_probability(self, client):
        """Below the threshold the label is null, the probabilities stay, and no dyad counts it."""
        plain, strict = answer(client), answer(client, min_probability=1)
        for before, after in zip(relations_of(plain), relations_of(strict), strict=True):
            assert after == before | {"label": None} or before["probability"] == 1
        assert strict["dyads"] == [] or any(one["label"] for one in relations_of(strict))

    def test_include_neutral(self, client):
        """Neutral relations can be left out."""
        kept = relations_of(answer(client, include_neutral=False))
        assert kept == [one for one in relations_of(answer(client)) if one["label"] != "neutrality"]

    def test_as_of(self, client):
        """The date decides who held an office."""
        text = "The German chancellor Helmut Kohl met French President Francois Mitterrand."
        body = answer(client, text, as_of="1990-05-16")
        assert {one["country"] for one in body["sentences"][0]["mentions"]} == {"DEU", "FRA"}


@pytest.mark.parametrize(
    "text",
    [
        "😀 France condemned Iran. 👩‍👩‍👧 Germany praised Spain 😀.",
        "Fra\u0301nce x. France condemned Iran in Sa\u0303o Paulo, Ge\u0301rmany said.",
        "France condemned Iran.\r\nGermany praised Spain.\r\n\r\nItaly slept.\r\n",
        "\u202bFrance\u202c condemned \u200fIran\u200e. \u2067Germany\u2069 praised Spain.",
        "France\u00a0condemned\u00a0Iran.\u00a0Germany praised\u202fSpain.",
        "\ufeffFrance condemned Iran.",
        "Fran\u00adce condemned Iran\u200b. Germany\u2028praised Spain.",
        "T\u00fcrkiye condemned C\u00f4te d\u2019Ivoire. Tu\u0308rkiye praised Co\u0302te d'Ivoire.",
        "𝐅𝐫𝐚𝐧𝐜𝐞 condemned Iran. ＦＲＡＮＣＥ praised Spain.",
        "\t France  condemned\vIran \x0c \x85 Germany praised Spain\x1f.",
    ],
)
def test_offsets(client, text):
    """Offsets are code points of the text as it was sent, whatever is in it."""
    body = answer(client, text, explain=True)
    assert sum(len(sentence["mentions"]) for sentence in body["sentences"]) >= 1
    check_offsets(body, text)


PIECES = st.sampled_from(
    [
        *("France", "Iran", "Germany", "the U.S.", "China's", "Türkiye", "the two countries"),
        *(" condemned ", " praised ", " and ", ". ", ", ", "\r\n", "\n\n", "'", "(", "”"),
        *("\u00a0", "\u200f", "e\u0301", "\u00ad", "😀", "\U0001f469\u200d\U0001f680"),
    ]
)
ANY_TEXT = st.lists(PIECES | st.text(st.characters(), max_size=3), max_size=30).map("".join)


@PATIENT
@given(text=ANY_TEXT, explain=st.booleans())
def test_any_text(app, text, explain):
    """Any text gets an answer whose offsets hold, or a 422; never a 500."""
    response = ask(app.test_client(), text, explain=explain)
    assert response.status_code in {200, 422}
    if response.status_code == 200:
        check_offsets(response.get_json(), text)
    else:
        assert not text or "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text)


BAD_REQUESTS = [
    ({}, "/text"),
    ({"text": None}, "/text"),
    ({"text": ""}, "/text"),
    ({"text": 5}, "/text"),
    ({"text": ["a"]}, "/text"),
    ({"text": "a" * 100_001}, "/text"),
    ({"text": "a\x00b"}, "/text"),
    ({"text": "a\ud800b"}, "/text"),
    ({"text": "a\udc00"}, "/text"),
    ({"text": "a", "id": None}, "/id"),
    ({"text": "a", "id": 1.5}, "/id"),
    ({"text": "a", "id": True}, "/id"),
    ({"text": "a", "id": ["a"]}, "/id"),
    ({"text": "a", "id": "x" * 257}, "/id"),
    ({"text": "a", "id": "\x00"}, "/id"),
    ({"text": "a", "id": "\udfff"}, "/id"),
    ({"text": "a", "as_of": None}, "/as_of"),
    ({"text": "a", "as_of": ""}, "/as_of"),
    ({"text": "a", "as_of": 20240516}, "/as_of"),
    ({"text": "a", "as_of": "20240516"}, "/as_of"),
    ({"text": "a", "as_of": "2024-W20-4"}, "/as_of"),
    ({"text": "a", "as_of": "2024-05-16T00:00:00"}, "/as_of"),
    ({"text": "a", "as_of": "2023-02-29"}, "/as_of"),
    ({"text": "a", "as_of": "0000-01-01"}, "/as_of"),
    ({"text": "a", "as_of": "٢٠٢٤-٠٥-١٦"}, "/as_of"),
    ({"text": "a", "as_of": "2024-05-1\ud800"}, "/as_of"),
    ({"text": "a", "min_probability": None}, "/min_probability"),
    ({"text": "a", "min_probability": "0.5"}, "/min_probability"),
    ({"text": "a", "min_probability": True}, "/min_probability"),
    ({"text": "a", "min_probability": -0.1}, "/min_probability"),
    ({"text": "a", "min_probability": 1.1}, "/min_probability"),
    ({"text": "a", "min_probability": 10**400}, "/min_probability"),
    ({"text": "a", "include_neutral": None}, "/include_neutral"),
    ({"text": "a", "include_neutral": "yes"}, "/include_neutral"),
    ({"text": "a", "include_neutral": 1}, "/include_neutral"),
    ({"text": "a", "include_neutral": []}, "/include_neutral"),
    ({"text": "a", "explain": "true"}, "/explain"),
    ({"text": "a", "explain": 0}, "/explain"),
    ({"text": "a", "txt": "b"}, "/txt"),
    ({"text": "a", "a/b~": "b"}, "/a~1b~0"),
    ({"text": "a", "\ud800": 1}, "/?"),
    ({"text": "a", "": 1}, "/"),
]


@pytest.mark.parametrize(("body", "pointer"), BAD_REQUESTS, ids=lambda value: repr(value)[:40])
def test_bad_request(client, problems, body, pointer):
    """A request that breaks the schema is a 422 that points at the one place."""
    response = client.post("/v1/relations", data=json.dumps(body), content_type="application/json")
    assert problems.pointers(response) == [pointer]


def test_infinite_number(client, problems):
    """A number too large for a float is no probability."""
    response = client.post(
        "/v1/relations", data=b'{"text": "a", "min_probability": 1e999}', content_type="application/json"
    )
    assert problems.pointers(response) == ["/min_probability"]


def test_all_faults_at_once(client, problems):
    """All faults of a request are told at once."""
    assert problems.pointers(ask(client, "", id=None, more=1)) == ["/id", "/more", "/text"]


def test_text_is_not_echoed(client, problems):
    """A refusal does not send the text back."""
    response = ask(client, "Atlantis\x00")
    problems.check(response, 422)
    assert "Atlantis" not in response.text


def item(text="Rebels attacked the army.", source=(0, 6), target=(16, 24), **more):
    """Make an item for /v1/pairs."""
    return {
        "text": text,
        "source": {"start": source[0], "end": source[1]},
        "target": {"start": target[0], "end": target[1]},
        **more,
    }


def judge(client, *items):
    """Post items."""
    return client.post("/v1/pairs", data=json.dumps({"items": items}), content_type="application/json")


def results(client, *items):
    """Post items and return their results."""
    response = judge(client, *items)
    assert response.status_code == 200, response.text
    return response.get_json()["results"]


class TestPairs:
    """Judging of pairs that the client found."""

    def test_fields(self, client):
        """An answer has the contract's fields and no others, and a label for every item in order."""
        body = judge(client, item(), item("Italy praised Spain.", (0, 5), (14, 19))).get_json()
        assert list(body) == ["model", "results"]
        assert body["model"] == answer(client)["model"]
        assert [list(one) for one in body["results"]] == [["label", "probability", "probabilities"]] * 2
        for one in body["results"]:
            assert one["probability"] == max(one["probabilities"].values()) == one["probabilities"][one["label"]]
            assert sum(one["probabilities"].values()) == pytest.approx(1, abs=2e-4)

    def test_agrees_with_relations(self, client):
        """A pair of two countries is judged as the same pair of the whole text is."""
        sentence = answer(client, "France condemned Iran.")["sentences"][0]
        places = {one["country"]: (one["start"], one["end"]) for one in sentence["mentions"]}
        expected = {(one["source"], one["target"]): one["probabilities"] for one in sentence["relations"]}
        for (source, target), probabilities in expected.items():
            one = item("France condemned Iran.", places[source], places[target])
            assert results(client, one)[0]["probabilities"] == probabilities

    def test_order_of_the_roles(self, client):
        """The target may stand before the source."""
        (swapped,) = results(client, item(source=(16, 24), target=(0, 6)))
        assert swapped["label"] in LABELS

    def test_only_the_sentence_counts(self, client):
        """The rest of a long text changes nothing, and offsets hold in all of it."""
        before, after = "It rained 😀 in the hills.\r\n\r\n" * 30, " The talks ended. " * 30
        alone = "Rebels attacked the army."
        shift = len(before)
        long = item(before + alone + after, (shift, shift + 6), (shift + 16, shift + 24))
        assert results(client, long) == results(client, item(alone))

    def test_two_sentences(self, client):
        """Of spans in two sentences the stretch of both counts."""
        stretch = "Rebels struck at dawn. Nobody was hurt. The army fled."
        end = len(stretch) - len(" fled.")
        outside = "It rained in the hills. "
        shift = len(outside)
        inside = item(stretch, (0, 6), (end - 8, end))
        wide = item(outside + stretch + " Snow fell.", (shift, shift + 6), (shift + end - 8, shift + end))
        assert results(client, wide) == results(client, inside)

    def test_most_items(self, client):
        """A thousand items are judged at once."""
        assert len(results(client, *[item()] * 1000)) == 1000

    @pytest.mark.parametrize(
        ("source", "target"), [((0, 1), (1, 2)), ((0, 4), (4, 25)), ((6, 7), (0, 6)), ((24, 25), (0, 1))]
    )
    def test_edges(self, client, source, target):
        """Spans may touch each other and the ends of the text, and hold anything."""
        assert len(results(client, item(source=source, target=target))) == 1


BAD_ITEMS = [
    ({}, ["/source", "/target", "/text"]),
    (item(text=""), ["/text"]),
    (item(text=7), ["/text"]),
    (item(text="a" * 100_001), ["/text"]),
    (item(text="Rebels attacked\x00the army."), ["/text"]),
    (item(text="Rebels attacked\ud83dthe army."), ["/text"]),
    (item(extra=1), ["/extra"]),
    (item() | {"source": None}, ["/source"]),
    (item() | {"source": [0, 6]}, ["/source"]),
    (item() | {"source": {"start": 0}}, ["/source/end"]),
    (item() | {"target": {"start": 16, "end": 24, "actor": "army"}}, ["/target/actor"]),
    (item(source=("0", 6)), ["/source/start"]),
    (item(source=(0.5, 6)), ["/source/start"]),
    (item(source=(False, 6)), ["/source/start"]),
    (item(source=(None, 6)), ["/source/start"]),
    (item(source=(-1, 6)), ["/source/start"]),
    (item(source=(6, 6)), ["/source/end"]),
    (item(source=(6, 2)), ["/source/end"]),
    (item(source=(0, 26)), ["/source/end"]),
    (item(source=(30, 36), target=(16, 10**30)), ["/source/end", "/target/end"]),
    (item(source=(0, 17)), ["/target"]),
    (item(source=(16, 24)), ["/target"]),
    (item(source=(17, 18)), ["/target"]),
]


@pytest.mark.parametrize(("bad", "pointers"), BAD_ITEMS, ids=lambda value: repr(value)[-60:])
def test_bad_item(client, problems, bad, pointers):
    """A bad item is a 422 that points into it, by its place among the items."""
    assert problems.pointers(judge(client, item(), item(), bad)) == ["/items/2" + pointer for pointer in pointers]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/items"]),
        ({"items": None}, ["/items"]),
        ({"items": {}}, ["/items"]),
        ({"items": "abc"}, ["/items"]),
        ({"items": []}, ["/items"]),
        ({"items": [item()] * 1001}, ["/items"]),
        ({"items": [1, None, "a", []]}, ["/items/0", "/items/1", "/items/2", "/items/3"]),
        ({"items": [item()], "explain": True}, ["/explain"]),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_bad_list(client, problems, body, pointers):
    """A bad list of items is a 422."""
    response = client.post("/v1/pairs", data=json.dumps(body), content_type="application/json")
    assert problems.pointers(response) == pointers


@PATIENT
@given(
    text=ANY_TEXT,
    cuts=st.lists(st.integers(-2, 40), min_size=4, max_size=4),
    ordered=st.booleans(),
    swapped=st.booleans(),
)
def test_any_spans(app, text, cuts, ordered, swapped):
    """Any text with any spans gets a judgement or a 422; never a 500."""
    first, second, third, fourth = sorted(cuts) if ordered else cuts
    spans = [(first, second), (third, fourth)]
    response = judge(app.test_client(), item(text, *(reversed(spans) if swapped else spans)))
    assert response.status_code in {200, 422}
    if response.status_code == 200:
        assert min(cuts) >= 0
        assert max(cuts) <= len(text)
