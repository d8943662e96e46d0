"""A browser at the page of a real server."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE = 60_000
"""Milliseconds after which a test gives up; nothing is measured."""
expect.set_options(timeout=PATIENCE)


class Reader:
    """Somebody who reads with the page; remembers what the browser complained of and where it went."""

    def __init__(self, page, url):
        self.page = page
        self.url = url
        self.complaints = []
        self.asked = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        page.on("request", lambda request: self.asked.append(request.url))

    def _hear(self, message):
        # A refused request is said there too, and is what some tests are about.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def open(self):
        """Go to the page."""
        self.page.goto(self.url)
        expect(self.page.get_by_role("button", name="Trade pact")).to_be_visible()
        return self

    def analyse(self, text):
        """Send a text and wait until it is read."""
        self.page.get_by_label("English news text").fill(text)
        self.page.get_by_role("button", name="Analyse").click()
        expect(self.page.get_by_role("heading", name="Relations", exact=True)).to_be_visible()

    def chips(self):
        """Return the relations that are shown, as (source, target, label, probability)."""
        found = self.page.locator(".chip").evaluate_all(
            "all => all.map(one => [one.querySelector('.pair').textContent, one.className.split(' ')[1],"
            " one.querySelector('.chance').textContent])"
        )
        return [(*pair.split(" → "), label, chance) for pair, label, chance in found]

    def choose(self, stance):
        """Filter by a stance."""
        self.page.locator(".segments span", has_text=stance).click()

    def count(self):
        """Return what the page says of how much is shown."""
        return self.page.locator("#count").inner_text()

    def save(self, name):
        """Press a download button; return the file's content."""
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=name, exact=True).click()
        assert download.value.suggested_filename == f"relations.{name.lower()}"
        return Path(download.value.path()).read_bytes()


@pytest.fixture(scope="module")
def browser():
    """Start Chromium."""
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def visit(browser):
    """Give what opens a server's page; in the end the browser must have had nothing to complain of."""
    readers = []

    def _visit(server, *, width=1280, height=800, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(PATIENCE)
        reader = Reader(context.new_page(), f"http://{server.host}:{server.port}/")
        readers.append(reader)
        return reader.open()

    yield _visit
    for reader in readers:
        reader.page.context.close()
    assert [complaint for reader in readers for complaint in reader.complaints] == []
    assert [url for reader in readers for url in reader.asked if not url.startswith((reader.url, "blob:"))] == []


@pytest.fixture(scope="session")
def server(running, tmp_path_factory):
    """Start a server for all tests that do not end it."""
    with running(tmp_path_factory.mktemp("page")) as started:
        yield started


@pytest.fixture(scope="session")
def ask(server):
    """Give what asks the API itself, to hold the page against."""

    def _ask(text, **options):
        body = json.dumps({"text": text, **options})
        status, _, answer = server.request("POST", "/v1/relations", body, {"Content-Type": "application/json"})
        assert status == 200
        return json.loads(answer)

    return _ask
