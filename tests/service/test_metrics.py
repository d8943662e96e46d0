"""What is counted."""

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from service import keyfile, metrics
from service.app import create_app
from service.config import Settings

TWO = "France condemned Iran. It rained."


def scrape(client):
    """Return the samples by name without the common prefix, and labels."""
    return {
        (one.name.removeprefix("country_relations_"), *sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for one in family.samples
    }


@pytest.fixture
def grown(client):
    """Give what tells how much a sample has grown since the test began."""
    before = scrape(client)

    def since(name, **labels):
        key = (name, *sorted(labels.items()))
        return scrape(client).get(key, 0) - before.get(key, 0)

    return since


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/health/live", {"method": "GET", "route": "/health/live", "status": "200"}),
        ("HEAD", "/v1/model", {"method": "HEAD", "route": "/v1/model", "status": "200"}),
        ("POST", "/v1/relations", {"method": "POST", "route": "/v1/relations", "status": "415"}),
        ("GET", "/wp-login.php", {"method": "GET", "route": "unmatched", "status": "404"}),
        ("GET", "/v1/relations", {"method": "GET", "route": "unmatched", "status": "405"}),
        ("BREW", "/health/live", {"method": "other", "route": "unmatched", "status": "405"}),
    ],
)
def test_requests(client, grown, method, path, labels):
    """A request counts under its route, never under what the client made up."""
    client.open(path, method=method)
    assert grown("requests_total", client="", **labels) == 1
    assert grown("request_seconds_count", route=labels["route"]) == 1
    assert grown("request_seconds_bucket", route=labels["route"], le="30.0") == 1


@pytest.mark.parametrize(("good", "client", "status"), [(True, "desk", "200"), (False, "", "401")])
def test_client_of_a_key(tmp_path, good, client, status):
    """With API keys a request counts under its client's name, and under none where the key is bad."""
    key = keyfile.add(tmp_path / "keys", "desk")
    keyed = create_app(Settings(model_dir=tmp_path, api_keys_file=tmp_path / "keys")).test_client()
    keyed.get("/v1/countries?code=FRA", headers={"Authorization": f"Bearer {key if good else 'x'}"})
    labels = {"method": "GET", "route": "/v1/countries", "status": status, "client": client}
    assert scrape(keyed)["requests_total", *sorted(labels.items())] == 1


def test_text(client, grown):
    """A text counts with its sentences and pairs."""
    answer = client.post("/v1/relations", json={"text": TWO}).get_json()
    told = answer["sentences"][0]["relations"]
    assert grown("texts_total") == 1
    assert grown("sentences_total") == 2
    assert {one["label"]: grown("pairs_total", label=one["label"]) for one in told} == {
        one["label"]: sum(other["label"] == one["label"] for other in told) for one in told
    }
    assert grown("confidence_count") == 2
    assert grown("confidence_sum") == pytest.approx(sum(one["probability"] for one in told), abs=1e-3)
    assert grown("abstentions_total") == 0


def test_abstention(client, grown):
    """A pair without a label counts as such."""
    client.post("/v1/relations", json={"text": TWO, "min_probability": 1})
    assert grown("pairs_total", label="abstained") == grown("abstentions_total") == 2


def test_pairs(client, grown):
    """Pairs whose actors the client found count as pairs, not as texts."""
    item = {"text": "Ann praised Bob.", "source": {"start": 0, "end": 3}, "target": {"start": 12, "end": 15}}
    client.post("/v1/pairs", json={"items": [item] * 3})
    assert sum(grown("pairs_total", label=label) for label in ("support", "opposition", "neutrality")) == 3
    assert grown("confidence_count") == 3
    assert grown("texts_total") == 0


@pytest.mark.parametrize("body", [{"text": ""}, {"text": TWO, "unknown": 1}])
def test_refused_text(client, grown, body):
    """A text that is refused counts as a request alone."""
    client.post("/v1/relations", json=body)
    assert grown("requests_total", client="", method="POST", route="/v1/relations", status="422") == 1
    assert grown("texts_total") == grown("confidence_count") == 0


def test_batch_and_stream(client, grown):
    """Texts count alike, however they come."""
    client.post("/v1/relations/batch", json={"documents": [{"text": TWO}, {"text": ""}]})
    lines = f'{{"text": "{TWO}"}}\n' * 2
    with client.post("/v1/relations/stream", data=lines, content_type="application/x-ndjson") as response:
        assert len(response.text.splitlines()) == 2
    assert grown("texts_total") == 3
    assert grown("request_seconds_count", route="/v1/relations/stream") == 1


def test_stream_in_flight(client, grown):
    """A stream is in flight until it is closed."""
    response = client.post("/v1/relations/stream", data='{"text": "a"}\n', content_type="application/x-ndjson")
    assert grown("requests_in_flight") == 1
    assert grown("request_seconds_count", route="/v1/relations/stream") == 0
    response.close()
    assert grown("requests_in_flight") == 0


def test_model(client):
    """The model that answers is told."""
    model = client.get("/v1/model").get_json()
    labels = {name: model[name] for name in ("name", "version", "sha256", "tier")}
    samples = scrape(client)
    assert samples["model_info", *sorted(labels.items())] == 1
    assert samples["ready",] == 1


def test_no_model(tmp_path):
    """Without a model there is none to tell of, and the service is not ready."""
    samples = scrape(create_app(Settings(model_dir=tmp_path)).test_client())
    assert samples["ready",] == 0
    assert not any(name == "model_info" for name, *_ in samples)


def test_series_from_zero(tmp_path):
    """Every label has its series from the start, as a rate needs it."""
    samples = scrape(create_app(Settings(model_dir=tmp_path)).test_client())
    for label in ("support", "opposition", "neutrality", metrics.ABSTAINED):
        assert samples["pairs_total", ("label", label)] == 0


def test_file_that_is_being_made(client, tmp_path, monkeypatch):
    """A worker that is making its file at this moment does not spoil the answer."""
    (tmp_path / "counter_1.db").touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert scrape(client)["ready",] == 1


def test_folder_of_the_dead(tmp_path):
    """A server removes its own folder and those of servers that are no more, and none of one that runs."""
    dead, foreign = tmp_path / "country-relations-dead", tmp_path / "country-relations-notes"
    for folder in (dead, foreign):
        folder.mkdir()
        (folder / "counter_1.db").touch()
    (dead / "lock").touch()
    with metrics.shared_folder(str(tmp_path)) as first:
        with metrics.shared_folder(str(tmp_path)) as second:
            assert set(tmp_path.iterdir()) == {first, second, foreign}
        assert set(tmp_path.iterdir()) == {first, foreign}
    assert set(tmp_path.iterdir()) == {foreign}


def test_quiet_scrape(client):
    """A good scrape is logged for debugging only."""
    with capture_logs() as logged:
        client.get("/metrics")
    assert [one["log_level"] for one in logged] == ["debug"]
