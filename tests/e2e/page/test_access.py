"""The page for every reader and screen: axe, keyboard, narrow, dark; and the pictures of it for the README."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from service.config import PREFIX

PICTURES = Path(__file__).resolve().parents[3] / "docs" / "screenshots"
MAX_BYTES = 200_000
"""Of a picture."""


def flaws(page):
    """What axe finds, as (rule, elements)."""
    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found]


def example(reader, name="Fishing waters"):
    """Let an example be read and open a relation."""
    reader.page.get_by_role("button", name=name).click()
    reader.page.get_by_role("button", name="Analyse").click()
    reader.page.locator(".chip.opposition").first.click()
    expect(reader.page.locator(".moved").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe(visit, server, scheme):
    """axe-core finds nothing: empty, with an error, and full with each part of the overview."""
    reader = visit(server, color_scheme=scheme)
    assert flaws(reader.page) == []
    reader.page.get_by_label("English news text").fill("x" * 100_001)
    reader.page.get_by_role("button", name="Analyse").click()
    expect(reader.page.locator(".notice")).to_be_visible()
    assert flaws(reader.page) == []
    example(reader)
    for tab in ("Network", "Heat map", "Table"):
        reader.page.get_by_role("tab", name=tab).click()
        assert flaws(reader.page) == []


def tab_to(page, wanted, most=40):
    """Press Tab until an element that matches has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", wanted):
            return
    raise AssertionError(f"Tab does not come to {wanted}")


def test_keyboard_alone(visit, server):
    """Everything can be done without a mouse: write, send, filter, look at evidence, change tabs, save."""
    page = visit(server).page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the article")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    if not page.evaluate("document.activeElement.matches('#text')"):
        page.keyboard.press("Shift+Tab")
    page.keyboard.type("France condemned Iran.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Relations", exact=True)).to_be_focused()
    tab_to(page, "[data-export=json]")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "relations.json"
    tab_to(page, "[name=label]")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Support")).to_be_checked()
    expect(page.locator(".chip")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    tab_to(page, "#country-list input")
    page.keyboard.press("Space")
    tab_to(page, "[role=tab]")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Heat map")).to_be_focused()
    expect(page.locator(".heat")).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator(".dyads")).to_be_visible()
    tab_to(page, ".chip")
    page.keyboard.press("Enter")
    expect(page.locator(".chip").first).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".moved").first).to_be_visible()
    assert page.evaluate("document.activeElement.matches('.chip')")


def overflow(page):
    """Pixels by which the page is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_narrow(visit, server):
    """On 320 pixels nothing makes the page scroll sideways."""
    reader = visit(server, width=320, height=640)
    assert overflow(reader.page) == 0
    example(reader, "Trade pact")
    for tab in ("Network", "Heat map", "Table"):
        reader.page.get_by_role("tab", name=tab).click()
        assert overflow(reader.page) == 0
    reader.page.get_by_text("Article", exact=True).click()
    reader.page.get_by_label("English news text").fill("x" * 100_001)
    reader.page.get_by_role("button", name="Analyse").click()
    expect(reader.page.locator(".notice")).to_be_visible()
    assert overflow(reader.page) == 0


def test_dark(visit, server):
    """The page follows the system, the button overrules it, and the browser remembers that."""
    reader = visit(server, color_scheme="dark")
    page = reader.page

    def is_dark():
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return max(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")) < 128

    assert is_dark()
    page.get_by_role("button", name="Light colours").click()
    assert not is_dark()
    reader.open()
    assert not is_dark()
    page.get_by_role("button", name="Dark colours").click()
    assert is_dark()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", {"width": 1280, "height": 860, "color_scheme": "light"}),
        ("dark", {"width": 1280, "height": 860, "color_scheme": "dark"}),
        ("phone", {"width": 390, "height": 844, "color_scheme": "light"}),
    ],
)
def test_pictures(visit, server, tmp_path, name, options):
    """The pictures of the README are of this page, and small."""
    folder = PICTURES if os.environ.get(f"{PREFIX}SCREENSHOTS") == "1" else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    reader = visit(server, **options)
    example(reader)
    if name == "phone":
        reader.page.get_by_role("heading", name="Sentence by sentence").evaluate("one => one.scrollIntoView()")
    # Else the pointer's place decides what is drawn.
    reader.page.mouse.move(0, 0)
    reader.page.screenshot(path=folder / f"{name}.png", animations="disabled")
    assert 10_000 < (folder / f"{name}.png").stat().st_size < MAX_BYTES
