"""An article goes in; relations, evidence, overview and files come out."""

import csv
import io
import json
from decimal import ROUND_HALF_UP, Decimal
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import expect

ARTICLE = (
    "Australia cancelled a port lease held by a Chinese firm 😀 on Monday, and Beijing called the decision a "
    "hostile act. Japan praised the move and promised Canberra help. The two countries signed a defence pact last "
    "year. A Dutch tourist was hurt in Sydney. Markets were calm.\n=1+1 France condemned Iran."
)
GRAPHML = {"g": "http://graphml.graphdrawing.org/xmlns"}
LEAST_UNDERLINED = 0.1


def rounded(value):
    """Write a number with two decimals as JavaScript does, which rounds a half up."""
    return str(Decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP))


def signed(value):
    """Write a weight as the page does."""
    size = rounded(abs(value))
    return size if size == "0.00" else f"{'−' if value < 0 else '+'}{size}"


def relations_of(answer, accepts=lambda _: True):
    """Relations of an answer as the page shows them."""
    return [
        (one["source"], one["target"], one["label"], rounded(one["probability"]))
        for sentence in answer["sentences"]
        for one in sentence["relations"]
        if accepts(one)
    ]


@pytest.fixture
def read(visit, server):
    """Open the page and let it read the article."""
    reader = visit(server)
    reader.analyse(ARTICLE)
    return reader


@pytest.fixture(scope="module")
def answer(ask):
    """Ask the API for the same."""
    told = ask(ARTICLE, explain=True)
    assert len(relations_of(told)) > 6
    return told


def test_relations_are_those_of_the_api(read, answer):
    """Every relation of the answer is shown once, in order, with label and probability."""
    assert read.chips() == relations_of(answer)
    assert "6 sentences, 6 countries" in read.page.locator("#summary").inner_text()
    assert answer["model"]["sha256"][:12] in read.page.locator("#model").inner_text()


def test_mentions_are_marked(read, answer):
    """Each mention is marked at its place, also behind an emoji; a place of two countries bears both codes."""
    marks = read.page.locator(".mention").all_inner_texts()
    by_place = {}
    for sentence in answer["sentences"]:
        for mention in sentence["mentions"]:
            by_place.setdefault((mention["start"], mention["text"]), []).append(mention["country"])
    assert marks == [f"{text} {' '.join(codes)}" for (_, text), codes in sorted(by_place.items())]
    assert any(len(codes) == 2 for codes in by_place.values())


def test_a_country_has_one_mark(read):
    """All mentions of a country have the same colour, and another country's have another."""
    colours = read.page.locator(".sentence:not(.skipped) .mention").evaluate_all(
        "all => all.map(one => [one.querySelector('.code').textContent.trim(),"
        " getComputedStyle(one).backgroundColor])"
    )
    single = {(code, colour) for code, colour in colours if len(code) == 3}
    assert len(single) == len({code for code, _ in single}) == len({colour for _, colour in single}) > 3


def test_skipped_sentences_say_why(read):
    """A sentence without relations stays readable and says why it has none."""
    skipped = read.page.locator(".sentence.skipped")
    assert skipped.locator(".reason").all_inner_texts() == ["only one country named", "no country named"]
    expect(skipped.nth(1).locator(".text")).to_have_text("Markets were calm.")


def test_filter_by_stance(read, answer):
    """A stance shows its relations alone, and sentences without one go."""
    read.choose("Opposition")
    wanted = relations_of(answer, lambda one: one["label"] == "opposition")
    expect(read.page.locator(".chip")).to_have_count(len(wanted))
    assert read.chips() == wanted
    expect(read.page.locator("#hide-neutral")).to_be_disabled()
    assert f"Showing {len(wanted)} of {len(relations_of(answer))} relations" in read.count()
    assert "hidden" in read.count()


def test_hide_neutral_and_reset(read, answer):
    """Neutral relations can be hidden, and the reset brings them back."""
    read.page.get_by_label("Hide neutral").check()
    wanted = relations_of(answer, lambda one: one["label"] != "neutrality")
    expect(read.page.locator(".chip")).to_have_count(len(wanted))
    read.page.get_by_role("button", name="Reset filter").click()
    expect(read.page.locator(".chip")).to_have_count(len(relations_of(answer)))
    expect(read.page.get_by_label("Hide neutral")).not_to_be_checked()


def test_filter_by_probability(read, answer):
    """The slider lets through what is at least so probable."""
    read.page.get_by_label("Probability at least").fill("0.9")
    wanted = relations_of(answer, lambda one: one["probability"] >= 0.9)
    expect(read.page.locator(".chip")).to_have_count(len(wanted))
    assert read.chips() == wanted
    expect(read.page.locator("#minimum-value")).to_have_text("0.90")


def test_filter_by_country(read, answer):
    """One country shows what it takes part in, several what is among them."""
    read.page.get_by_label("JPN Japan").check(force=True)
    wanted = relations_of(answer, lambda one: "JPN" in {one["source"], one["target"]})
    expect(read.page.locator(".chip")).to_have_count(len(wanted))
    read.page.get_by_label("FRA France").check(force=True)
    expect(read.page.locator(".chip")).to_have_count(0)
    read.page.get_by_label("IRN Iran").check(force=True)
    expect(read.page.locator(".chip")).to_have_count(2)


def test_evidence(read, answer):
    """A relation shows the words that moved it, in the sentence and as a list with weights, and hides them."""
    for place, relation in enumerate(one for sentence in answer["sentences"] for one in sentence["relations"]):
        button = read.page.locator(".chip").nth(place)
        button.click()
        expect(button).to_have_attribute("aria-expanded", "true")
        panel = read.page.locator(f"#{button.get_attribute('aria-controls')}")
        listed = panel.locator(".moved").all_inner_texts()
        assert sorted(listed) == sorted(f"{one['text']} {signed(one['weight'])}" for one in relation["evidence"])
        strong = [one for one in relation["evidence"] if abs(one["weight"]) >= LEAST_UNDERLINED]
        inside = panel.locator("xpath=..").locator(".word")
        assert inside.all_text_contents() == [
            one["text"] + signed(one["weight"]) for one in sorted(strong, key=lambda one: one["start"])
        ]
        button.click()
        expect(panel).to_be_hidden()
        expect(inside).to_have_count(0)


def test_overview_follows_the_filter(read, answer):
    """Network, heat map and table show the dyads, and of a filter those that pass."""
    dyads = {(one["source"], one["target"]): one for one in answer["dyads"]}
    edges = read.page.locator("svg.network .edge")
    expect(edges).to_have_count(len(dyads))
    assert str(len(dyads)) in read.page.locator("svg.network").get_attribute("aria-label")
    read.page.get_by_role("tab", name="Heat map").click()
    head = read.page.locator(".heat thead th").all_inner_texts()
    cells = {}
    for row in read.page.locator(".heat tbody tr").all():
        source = row.locator("th").inner_text()
        cells |= {
            (source, target): cell for target, cell in zip(head, row.locator("td").all_inner_texts(), strict=True)
        }
    assert {pair for pair, cell in cells.items() if cell} == set(dyads)
    assert cells["JPN", "AUS"] == "+1.0"
    read.page.get_by_role("tab", name="Table").click()
    rows = [row.split("\t") for row in read.page.locator(".dyads tbody tr").all_inner_texts()]
    assert {(row[0], row[1]): [int(cell) for cell in row[2:5]] for row in rows} == {
        pair: [one["support"], one["opposition"], one["neutrality"]] for pair, one in dyads.items()
    }
    read.page.get_by_label("IRN Iran").check(force=True)
    expect(edges).to_have_count(2)
    expect(read.page.locator(".dyads tbody tr")).to_have_count(2)


def test_network_and_heat_map_choose_countries(read):
    """A click on a country of the network, or on a cell of the heat map, filters; a second one takes it back."""
    everything = read.page.locator(".chip").count()
    iran = read.page.locator(".node", has_text="IRN")
    iran.click()
    expect(read.page.locator(".chip")).to_have_count(2)
    iran.click()
    expect(read.page.locator(".chip")).to_have_count(everything)
    read.page.get_by_role("tab", name="Heat map").click()
    read.page.locator(".heat td.opposition").first.click()
    expect(read.page.locator("#country-list input:checked")).to_have_count(2)


def test_signs_are_told_without_colour(read):
    """The arrows of the network differ in dashes, and each relation names its stance and sign."""
    dashes = read.page.locator("svg.network .edge").evaluate_all(
        "all => all.map(one => [one.classList[1], getComputedStyle(one).strokeDasharray])"
    )
    by_label = dict(dashes)
    assert len(set(by_label.values())) == len(by_label) == 3
    signs = read.page.locator(".chip .stance").all_inner_texts()
    assert {"".join(sign.split()) for sign in signs} == {"+support", "−opposition", "○neutral"}


def test_json_export(read, answer):
    """The JSON file holds the relations that pass, with evidence, filter and model."""
    read.page.get_by_label("Hide neutral").check()
    wanted = relations_of(answer, lambda one: one["label"] != "neutrality")
    expect(read.page.locator(".chip")).to_have_count(len(wanted))
    told = json.loads(read.save("JSON"))
    assert relations_of(told) == wanted
    assert told["model"] == answer["model"]
    assert told["filter"] == {"label": None, "hide_neutral": True, "min_probability": 0, "countries": []}
    assert sum(one["support"] + one["opposition"] for one in told["dyads"]) == len(wanted)
    assert all(one["evidence"] for sentence in told["sentences"] for one in sentence["relations"])


def test_csv_export(read, answer):
    """The CSV file has a row for each relation, and no cell that a spreadsheet would run."""
    rows = list(csv.DictReader(io.StringIO(read.save("CSV").decode("utf-8-sig"), newline="")))
    found = [(row["source"], row["target"], row["label"], rounded(float(row["probability"]))) for row in rows]
    assert found == relations_of(answer)
    texts = {sentence["index"]: sentence["text"] for sentence in answer["sentences"]}
    assert {row["text"] for row in rows if not row["text"].startswith("'")} < set(texts.values())
    assert rows[-1]["text"] == f"'{texts[5]}"
    assert texts[5].startswith("=1+1")
    assert all(ARTICLE[int(row["start"]) : int(row["end"])] == texts[int(row["sentence"])] for row in rows)


def test_graphml_export(read, answer):
    """The GraphML file is a directed graph whose nodes and edges are the countries and dyads."""
    root = ET.fromstring(read.save("GraphML"))
    keys = {key.get("id"): key for key in root.findall("g:key", GRAPHML)}
    (graph,) = root.findall("g:graph", GRAPHML)
    assert graph.get("edgedefault") == "directed"
    nodes = {node.get("id"): node.findtext("g:data", None, GRAPHML) for node in graph.findall("g:node", GRAPHML)}
    assert nodes["JPN"] == "Japan"
    edges = {}
    for edge in graph.findall("g:edge", GRAPHML):
        assert {edge.get("source"), edge.get("target")} <= set(nodes)
        data = {one.get("key"): float(one.text) for one in edge.findall("g:data", GRAPHML)}
        assert all(keys[key].get("for") == "edge" for key in data)
        edges[edge.get("source"), edge.get("target")] = data
    assert {pair: (data["support"], data["opposition"], data["neutrality"]) for pair, data in edges.items()} == {
        (one["source"], one["target"]): (one["support"], one["opposition"], one["neutrality"])
        for one in answer["dyads"]
    }


def test_day_of_the_article(visit, server):
    """The date decides who held which office."""
    reader = visit(server)
    reader.page.get_by_label("Written on").fill("1995-06-01")
    reader.analyse("Boris Yeltsin criticised Germany.")
    assert reader.page.locator(".code").first.inner_text().strip() == "RUS"
    told = json.loads(reader.save("JSON"))
    assert told["as_of"] == "1995-06-01"


def test_file(visit, server):
    """A text file is opened, be it UTF-8 or Windows-1252."""
    reader = visit(server)
    text = reader.page.get_by_label("English news text")
    for encoding in ("utf-8", "cp1252"):
        file = {
            "name": "a.txt",
            "mimeType": "text/plain",
            "buffer": "“Côte d’Ivoire thanked France.”".encode(encoding),
        }
        reader.page.locator("#file").set_input_files(file)
        expect(reader.page.locator("#status")).to_contain_text("Opened a.txt")
        expect(text).to_have_value("“Côte d’Ivoire thanked France.”")
        text.fill("")
    expect(reader.page.locator("#status")).to_contain_text("Windows-1252")


def test_dropped_file(visit, server):
    """A text file that is dropped on the article is opened."""
    reader = visit(server)
    data = reader.page.evaluate_handle(
        "() => { const data = new DataTransfer();"
        " data.items.add(new File(['France thanked Iran.'], 'b.txt', {type: 'text/plain'})); return data; }"
    )
    for event in ("dragover", "drop"):
        reader.page.dispatch_event("#text", event, {"dataTransfer": data})
    expect(reader.page.get_by_label("English news text")).to_have_value("France thanked Iran.")


@pytest.mark.parametrize("name", ["Fishing waters", "River treaty", "Trade pact"])
def test_examples(visit, server, name):
    """Each example has a dozen sentences, skipped ones among them, and all three stances."""
    reader = visit(server)
    reader.page.get_by_role("button", name=name).click()
    reader.page.get_by_role("button", name="Analyse").click()
    expect(reader.page.locator(".sentence.skipped").first).to_be_visible()
    assert reader.page.locator(".sentence").count() >= 12
    assert {label for *_, label, _ in reader.chips()} == {"support", "opposition", "neutrality"}


def long_text():
    """100,000 characters with thousands of relations; its last sentence points back."""
    names = ("France", "Iran", "Japan", "Kenya", "Brazil", "Canada", "Poland", "India", "Chile", "Egypt", "Ghana")
    lines = []
    for place in range(2000):
        first, second, third = (names[(place * step + step) % len(names)] for step in (1, 3, 7))
        lines.append(
            f"{first} condemned {second} on Monday, and {third} praised the decision in a long statement."
        )
    end = " France and Japan met. The two countries signed a pact."
    text = " ".join(lines)[: 100_000 - len(end)]
    return text[: text.rindex(".") + 1].ljust(100_000 - len(end)) + end


def test_longest_article(visit, server):
    """100,000 characters are shown in parts: more on the way down, and evidence when asked for."""
    reader = visit(server)
    text = long_text()
    assert len(text) == 100_000
    reader.analyse(text)
    count = int(reader.page.locator("#count").inner_text().split(" of ")[1].split()[0].replace(",", ""))
    assert count > 2_000
    shown = reader.page.locator(".sentence").count()
    assert shown < 200
    assert reader.page.evaluate("document.querySelectorAll('*').length") < 8_000
    reader.page.locator(".more").last.scroll_into_view_if_needed()
    expect(reader.page.locator(f".sentence:nth-child({shown + 1})")).to_be_attached()
    reader.choose("Support")
    reader.page.get_by_label("JPN Japan").check(force=True)
    reader.page.get_by_label("FRA France").check(force=True)
    # The page may take the button away at any moment, so whether it is there is asked and answered in one go.
    press = "() => { const all = [...document.querySelectorAll('.more')]; all.at(-1)?.click(); return all.length }"
    for _ in range(100):
        if reader.page.evaluate(press) == 0:
            break
    last = reader.page.locator(".sentence").last
    expect(last.locator(".text")).to_contain_text("signed a pact.")
    last.locator(".chip").first.click()
    expect(last.locator(".moved").first).to_be_visible()
    assert any(one.startswith("signed +") for one in last.locator(".moved").all_inner_texts())
