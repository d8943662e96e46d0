"""What the page says when something goes wrong."""

from playwright.sync_api import expect

from service import keyfile

TEXT = "France condemned Iran."


def say(reader, text=TEXT):
    """Send a text; return the notice that comes."""
    reader.page.get_by_label("English news text").fill(text)
    reader.page.get_by_role("button", name="Analyse").click()
    notice = reader.page.locator(".notice")
    expect(notice).to_be_visible()
    return notice.inner_text()


def test_server_away(visit, running, tmp_path):
    """When the server is gone the page says so and what to do, and keeps the text."""
    with running(tmp_path, GRACEFUL_SECONDS="1") as started:
        reader = visit(started)
        started.end()
        notice = say(reader)
        assert "The service does not answer" in notice
        assert "Check that the service runs" in notice
        expect(reader.page.get_by_label("English news text")).to_have_value(TEXT)
        expect(reader.page.get_by_role("button", name="Analyse")).to_be_enabled()
        expect(reader.page.get_by_role("alert")).to_contain_text("does not answer")


def test_body_too_large(visit, running, tmp_path):
    """A refusal shows the server's reason and a remedy."""
    with running(tmp_path, MAX_BODY_BYTES="60") as started:
        notice = say(visit(started), TEXT * 10)
        assert "60 bytes at most" in notice
        assert "Shorten the text" in notice


def test_broken_schema(visit, server):
    """A text that the service refuses shows the place and the reason; the next good one takes the notice away."""
    reader = visit(server)
    notice = say(reader, TEXT + "x" * 100_000)
    assert "/text" in notice
    assert "Length must be between 1 and 100000" in notice
    assert "Correct what is named" in notice
    expect(reader.page.locator("#length")).to_contain_text("22 too many")
    reader.analyse(TEXT)
    expect(reader.page.locator(".notice")).to_have_count(0)


def test_nothing_to_read(visit, server):
    """An empty article is not sent."""
    reader = visit(server)
    reader.page.get_by_role("button", name="Analyse").click()
    expect(reader.page.get_by_role("status").first).to_have_text("Paste an article first, or try an example.")
    expect(reader.page.get_by_label("English news text")).to_be_focused()


def test_key_and_limit(visit, running, tmp_path):
    """A key that is asked for lives in this tab alone; who asks too often is told when to return."""
    key = keyfile.add(tmp_path / "keys", "reader", rate="1/hour")
    with running(tmp_path, API_KEYS_FILE=str(tmp_path / "keys")) as started:
        reader = visit(started)
        assert "Enter an API key" in say(reader)
        field = reader.page.get_by_label("API key", exact=True)
        expect(field).to_be_focused()
        field.fill(key)
        field.press("Enter")
        expect(reader.page.locator(".chip")).to_have_count(2)
        assert reader.page.evaluate("Object.values(sessionStorage)") == [key]
        assert key not in reader.page.evaluate("JSON.stringify(localStorage) + document.cookie + location.href")
        reader.page.get_by_text("Article", exact=True).click()
        notice = say(reader)
        assert "used up" in notice
        assert "Try again in" in notice
        assert "minutes" in notice
        reader.page.get_by_role("button", name="Forget API key").click()
        assert reader.page.evaluate("sessionStorage.length") == 0


def test_stop(visit, server):
    """A request that takes too long can be stopped."""
    reader = visit(server)
    # It is never answered.
    reader.page.route("**/v1/relations", lambda _: None)
    reader.page.get_by_label("English news text").fill(TEXT)
    reader.page.get_by_role("button", name="Analyse").click()
    expect(reader.page.locator("#status")).to_have_text("Reading the article…")
    reader.page.get_by_role("button", name="Stop").click()
    expect(reader.page.locator("#status")).to_have_text("Stopped.")
    expect(reader.page.get_by_role("button", name="Analyse")).to_be_enabled()
