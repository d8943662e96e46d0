"""A reader reports a relation as wrong, and it is kept."""

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from service.correction_store import Store

TEXT = "France condemned Iran. 😀 The country praised Germany."
BOTH = "Japan met Australia. The two countries signed a pact with Peru."
REPORT = "Report this as wrong…"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Name the folder of a database."""
    return tmp_path_factory.mktemp("report") / "data"


@pytest.fixture(scope="module")
def taking(running, database, tmp_path_factory):
    """Start a server that takes corrections; its database is there from the first test on."""
    database.mkdir()
    folder = tmp_path_factory.mktemp("taking")
    with running(folder, CORRECTIONS_URL=f"sqlite:///{database}/corrections.db") as started:
        yield started


@pytest.fixture
def kept(database):
    """Give what lists the corrections that are kept."""
    return Store(f"sqlite:///{database}/corrections.db").find


def open_report(reader, text=TEXT, chip=0):
    """Read a text and open the report of a relation; return the dialog."""
    reader.analyse(text)
    reader.page.locator(".chip").nth(chip).click()
    reader.page.get_by_role("button", name=REPORT).click()
    dialog = reader.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def places_of(found):
    """Return the words that stand for source and target."""
    spans = ((found.source_start, found.source_end), (found.target_start, found.target_end))
    return [found.text[start:end] for start, end in spans]


def test_report(visit, taking, kept):
    """The right label and a note are sent with sentence and places; the reader is thanked, once."""
    reader = visit(taking)
    dialog = open_report(reader)
    judged = reader.chips()[0]
    right = "neutrality" if judged[2] != "neutrality" else "support"
    dialog.get_by_role("radio", name="neutral" if right == "neutrality" else "support").check(force=True)
    dialog.get_by_label("Why").fill(" It only said so. ")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("heading", name="Thank you")).to_be_visible()
    found = kept()[-1]
    expect(dialog).to_contain_text(found.id)
    assert (found.text, found.label, found.judged) == ("France condemned Iran.", right, judged[2])
    assert found.note == "It only said so."
    places = [
        found.text[: found.source_end][found.source_start :],
        found.text[found.target_start : found.target_end],
    ]
    assert places == [{"FRA": "France", "IRN": "Iran"}[code] for code in judged[:2]]
    assert [found.source_country, found.target_country] == list(judged[:2])
    dialog.get_by_role("button", name="Close").click()
    expect(reader.page.get_by_role("dialog")).to_have_count(0)
    expect(reader.page.get_by_text("You reported this as wrong.")).to_be_visible()
    expect(reader.page.get_by_role("button", name=REPORT)).to_have_count(0)
    reader.page.locator(".chip").nth(0).click()
    reader.page.locator(".chip").nth(0).click()
    expect(reader.page.get_by_text("You reported this as wrong.")).to_be_visible()


@pytest.mark.parametrize(
    ("text", "chip", "places"),
    [
        ("Togo held a vote. 😀 The country thanked Ghana.", 0, ["The country", "Ghana"]),
        (BOTH, 2, ["The two countries", "The two countries"]),
    ],
)
def test_what_stands_before(visit, taking, kept, text, chip, places):
    """Where words point back to another sentence, what stands before goes with it; offsets fit what is sent."""
    dialog = open_report(visit(taking), text, chip)
    expect(dialog).to_contain_text("some of the text before it")
    dialog.locator(".segments span").first.click()
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("heading", name="Thank you")).to_be_visible()
    found = kept()[-1]
    assert found.text == text
    assert places_of(found) == places
    assert found.source_country != found.target_country


def test_keyboard_and_axe(visit, taking, kept):
    """The dialog can be used without a mouse and gives the focus back; axe finds nothing in it."""
    before = len(kept())
    reader = visit(taking)
    dialog = open_report(reader)
    assert Axe().run(reader.page).response["violations"] == []
    reader.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(reader.page.get_by_role("button", name=REPORT)).to_be_focused()
    reader.page.keyboard.press("Enter")
    expect(reader.page.get_by_role("dialog")).to_be_visible()
    expect(dialog.get_by_role("radio").first).to_be_focused()
    reader.page.keyboard.press("Enter")
    expect(dialog.get_by_role("heading", name="Thank you")).to_have_count(0)
    reader.page.keyboard.press("Space")
    reader.page.keyboard.press("Enter")
    expect(dialog.get_by_role("heading", name="Thank you")).to_be_visible()
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    assert Axe().run(reader.page).response["violations"] == []
    assert len(kept()) == before + 1


def test_narrow(visit, taking):
    """The dialog fits on 320 pixels."""
    dialog = open_report(visit(taking, width=320, height=640))
    box = dialog.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320


def test_database_away(visit, taking, kept, database):
    """What goes wrong is said in the dialog, which keeps what was written; sent again, it is kept."""
    reader = visit(taking)
    dialog = open_report(reader)
    dialog.locator(".segments span").first.click()
    dialog.get_by_label("Why").fill("Look again.")
    shutil.move(database, database.with_name("away"))
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The service is not ready: The correction is not kept")
    shutil.move(database.with_name("away"), database)
    expect(dialog.get_by_label("Why")).to_have_value("Look again.")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("heading", name="Thank you")).to_be_visible()
    assert kept()[-1].note == "Look again."


def test_off(visit, server):
    """A service that takes no corrections shows no control."""
    reader = visit(server)
    reader.analyse(TEXT)
    reader.page.locator(".chip").first.click()
    expect(reader.page.locator(".moved").first).to_be_visible()
    expect(reader.page.get_by_role("button", name=REPORT)).to_have_count(0)
