"""Swagger UI at /docs, in the browser."""

from playwright.sync_api import expect


def test_docs(visit, server):
    """The page shows every operation and sends an example, under the strict policy and from this server alone."""
    reader = visit(server)
    reader.page.goto(f"{reader.url}docs")
    operation = reader.page.locator("#operations-relations-relations")
    expect(operation).to_be_visible()
    assert reader.page.locator(".opblock").count() >= 10
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(operation.locator(".live-responses-table")).to_contain_text("FRA")
