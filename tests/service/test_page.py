"""The page's files."""

import re

import pytest

from service import page


@pytest.fixture
def files(client):
    """Return the paths of all files that the page itself names."""
    return re.findall(r'(?:src|href)="(static/[^"]+)"', client.get("/").text)


def test_page(client):
    """The page is HTML, sent anew only where it has changed, under the policy that forbids what is in line."""
    response = client.get("/")
    assert response.status_code == 200
    assert response.mimetype == "text/html"
    assert response.cache_control.no_cache
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert "{{" not in response.text
    assert client.get("/", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


def test_files_may_be_kept(client, files):
    """Each file has its type, may be kept for a year, and has an ETag that saves sending it again."""
    types = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    assert {path.rpartition(".")[2] for path in files} == set(types)
    for path in files:
        response = client.get(f"/{path}")
        assert response.status_code == 200
        assert response.mimetype == types[path.rpartition(".")[2]]
        assert response.cache_control.max_age >= 31_536_000
        assert response.cache_control.immutable
        again = client.get(f"/{path}", headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


def test_other_release(client, files):
    """A file is also given to the page of another release, which may not keep it."""
    path = re.sub(r"static/\w+/", "static/0123456789abcdef/", files[0])
    response = client.get(f"/{path}")
    assert response.status_code == 200
    assert response.cache_control.no_cache
    assert response.cache_control.max_age is None


@pytest.mark.parametrize("name", ["none.js", "index.html", "..%2Fpage.py", "%2e%2e/page.py"])
def test_no_such_file(client, files, problems, name):
    """Nothing but the page's files lies there."""
    problems.check(client.get(f"/{files[0].rpartition('/')[0]}/{name}"), 404)


def test_modules_exist(client, files):
    """Every module that a module imports is there."""
    folder = files[0].rpartition("/")[0]
    seen, left = set(), ["app.js"]
    while left:
        name = left.pop()
        seen.add(name)
        response = client.get(f"/{folder}/{name}")
        assert response.status_code == 200, name
        left += set(re.findall(r'from "\./([^"]+)"', response.text)) - seen
    assert len(seen) > 10


def test_page_needs_nothing_from_elsewhere(client, files):
    """No file names another host, but for the names of XML vocabularies; no file has script or style in line."""
    index = client.get("/").text
    assert not re.search(r"<script>|\sstyle=|\son\w+=", index)
    names = {path.name for path in page._FOLDER.iterdir()} - {"index.html"}
    for name in names:
        text = client.get(f"/{files[0].rpartition('/')[0]}/{name}").text
        urls = set(re.findall(r"https?://[\w./-]+", text))
        assert urls <= {"http://www.w3.org/2000/svg", "http://graphml.graphdrawing.org/xmlns"}, name


def test_not_in_the_document(client):
    """The page is no part of the API."""
    assert not [path for path in client.get("/openapi.json").json["paths"] if path == "/" or "static" in path]
