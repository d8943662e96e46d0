"""Which models are served, and what happens where none is."""

import pickle
import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from relations import artifact, registry
from service.app import create_app
from service.config import PREFIX, Settings

REQUESTS = [
    ("POST", "/v1/relations", {"text": "France condemned Iran."}),
    ("POST", "/v1/relations", {"nonsense": 1}),
    ("POST", "/v1/pairs", {"items": []}),
    ("GET", "/v1/model", None),
    ("GET", "/health/ready", None),
]


def start(settings):
    """Start a service; return it and what it logged."""
    with capture_logs() as logged:
        app = create_app(settings)
    return app.test_client(), [one for one in logged if one["log_level"] == "error"]


def check_refused(client, errors, problems, folder):
    """Without a model the service must live, answer 503 with the cause, and have logged it once."""
    assert client.get("/health/live").status_code == 200
    assert client.get("/openapi.json").status_code == 200
    for method, path, body in REQUESTS:
        detail = problems.check(client.open(path, method=method, json=body), 503)["detail"]
        assert detail.startswith("No verified model is loaded: ")
        assert str(folder) not in detail
    (line,) = errors
    assert line["event"] == "no model is served"
    assert "exc_info" not in line
    return line["reason"], detail


@pytest.fixture
def copy(tmp_path):
    """Copy the shipped model."""
    return Path(shutil.copytree(registry.resolve(), tmp_path / "model"))


def test_good_copy(copy):
    """An intact copy of the model is served."""
    client, errors = start(Settings(model_dir=copy))
    assert client.get("/health/ready").status_code == 200
    assert errors == []


@pytest.mark.parametrize("place", [0, 0.5, -1])
def test_flipped_byte(copy, problems, place):
    """A model with one changed byte is refused, wherever it lies."""
    file = copy / artifact.MODEL_FILE
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 1
    file.write_bytes(content)
    client, errors = start(Settings(model_dir=copy))
    reason, detail = check_refused(client, errors, problems, copy)
    assert "digest" in reason
    assert "digest" in detail


class _Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def test_refused_model_is_not_unpickled(copy, problems, tmp_path):
    """A file of the wrong digest is never unpickled, since that would run its code."""
    trace = tmp_path / "trace"
    trap = pickle.dumps(_Trap(trace))
    pickle.loads(trap)
    assert trace.exists()
    trace.unlink()
    (copy / artifact.MODEL_FILE).write_bytes(trap)
    client, errors = start(Settings(model_dir=copy))
    check_refused(client, errors, problems, copy)
    assert not trace.exists()


def test_pinned(copy, problems):
    """The environment can pin the digest: a model that agrees with its manifest alone is refused."""
    digest = artifact.read_manifest(copy).sha256
    environment = {PREFIX + "MODEL_DIR": str(copy), PREFIX + "MODEL_SHA256": digest.upper()}
    client, errors = start(Settings.from_environment(environment))
    assert client.get("/health/ready").status_code == 200
    assert errors == []
    client, errors = start(Settings.from_environment(environment | {PREFIX + "MODEL_SHA256": "0" * 64}))
    reason, _ = check_refused(client, errors, problems, copy)
    assert "pin" in reason


def test_no_model(tmp_path, problems):
    """A folder without a model is told by its name in the log, and without it to clients."""
    client, errors = start(Settings(model_dir=tmp_path))
    reason, _ = check_refused(client, errors, problems, tmp_path)
    assert str(tmp_path) in reason


def test_no_gazetteer(tmp_path, problems):
    """Without the gazetteer nothing is served either."""
    client, errors = start(Settings(gazetteer_dir=tmp_path))
    check_refused(client, errors, problems, tmp_path)


def test_bad_gazetteer(tmp_path, problems):
    """A bad row of the gazetteer is told by file and line."""
    folder = Path(shutil.copytree(Settings().gazetteer_dir, tmp_path / "gazetteer"))
    with (folder / "names.tsv").open("a", encoding="utf-8") as file:
        file.write("too\tshort\n")
    client, errors = start(Settings(gazetteer_dir=folder))
    reason, detail = check_refused(client, errors, problems, folder)
    assert str(folder / "names.tsv") in reason
    assert "names.tsv:" in detail


def test_options_without_model(tmp_path):
    """OPTIONS is answered without a model, too."""
    client, _ = start(Settings(model_dir=tmp_path))
    response = client.options("/v1/relations")
    assert response.status_code == 200
    assert set(response.allow) == {"POST", "OPTIONS"}
