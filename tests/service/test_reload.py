"""POST /v1/model/reload in one process; tests/e2e has several."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from relations import artifact
from service import keyfile, reload
from service.app import create_app
from service.config import Settings

PATH = "/v1/model/reload"
TEXT = {"text": "France condemned the Iranian attack."}


@dataclass
class Service:
    """A service with two models on disk, and what its administrator sends."""

    root: Path
    client: Any
    admin: dict[str, str]

    def promote(self, version):
        """Say which version is to be served."""
        (self.root / "current").write_text(version)

    def sha256(self):
        """Return which model answers."""
        return self.client.post("/v1/relations", json=TEXT, headers=self.admin).get_json()["model"]["sha256"]

    def digest(self, version):
        """Return which model a version is."""
        return artifact.read_manifest(self.root / version / "fast").sha256

    def reload(self, **more):
        """Ask for the model that is on disk."""
        return self.client.post(PATH, headers=self.admin, **more)


@pytest.fixture
def service(two_versions, tmp_path):
    """Start with the first of two models."""
    key = keyfile.add(tmp_path / "keys", "boss", "admin")
    client = create_app(Settings(two_versions, tier="fast", api_keys_file=tmp_path / "keys")).test_client()
    return Service(two_versions, client, {"Authorization": f"Bearer {key}"})


def test_reload(service):
    """The model that is promoted is served after a reload and not before, and the answer names it."""
    first, second = service.digest("first"), service.digest("second")
    assert first != second
    service.promote("second")
    assert service.sha256() == first
    response = service.reload()
    assert response.status_code == 202
    assert (response.get_json()["sha256"], response.get_json()["version"]) == (second, "second")
    assert service.sha256() == second
    manifest = service.client.get("/v1/model", headers=service.admin)
    assert manifest.get_json()["sha256"] == second


def test_etag_changes(service):
    """Whoever keeps /v1/model learns of the new one."""
    tag = {"If-None-Match": service.client.get("/v1/model", headers=service.admin).headers["ETag"]}
    assert service.client.get("/v1/model", headers=service.admin | tag).status_code == 304
    service.promote("second")
    service.reload()
    assert service.client.get("/v1/model", headers=service.admin | tag).status_code == 200


def truncate(root):
    """Lose the end of the model."""
    path = root / "second" / "fast" / artifact.MODEL_FILE
    path.write_bytes(path.read_bytes()[:-1])


def forget(root):
    """Lose the manifest."""
    (root / "second" / "fast" / artifact.MANIFEST_FILE).unlink()


def misname(root):
    """Promote what is not there."""
    (root / "current").write_text("third")


@pytest.mark.parametrize("spoil", [truncate, forget, misname])
def test_bad_model(service, problems, spoil):
    """A bad model is refused and logged with the reason, of which clients see no path; the old one stays."""
    service.promote("second")
    spoil(service.root)
    with capture_logs() as logged:
        response = service.reload()
    detail = problems.check(response, 409)["detail"]
    assert detail.startswith("The old model stays: ")
    assert str(service.root) not in detail
    (line,) = (one for one in logged if one["log_level"] == "error")
    assert line["event"] == "new model refused, the old one stays"
    assert str(service.root) in line["reason"] or "third" in line["reason"]
    assert service.sha256() == service.digest("first")


class _Dead:
    """Stands where a model's pipeline should: loads, and judges nothing."""

    classes_ = ("neutrality", "opposition", "support")


def test_model_that_cannot_judge(service, problems, monkeypatch):
    """A model that loads under its right digest and fails on a sentence is refused as well."""
    folder = service.root / "second" / "fast"
    model, manifest = artifact.load(folder)
    model.pipeline = _Dead()
    content, sha256 = artifact.dump(model)
    artifact.save(folder, content, artifact.Manifest(**{**vars(manifest), "sha256": sha256}))
    service.promote("second")
    assert "fails on a plain sentence" in problems.check(service.reload(), 409)["detail"]
    assert service.sha256() == service.digest("first")


def test_recovery(two_versions, tmp_path):
    """A service that started without a model serves one after a reload."""
    key = {"Authorization": f"Bearer {keyfile.add(tmp_path / 'keys', 'boss', 'admin')}"}
    (two_versions / "current").write_text("third")
    client = create_app(Settings(two_versions, tier="fast", api_keys_file=tmp_path / "keys")).test_client()
    assert client.get("/health/ready").status_code == 503
    (two_versions / "current").write_text("first")
    assert client.post(PATH, headers=key).status_code == 202
    assert client.get("/health/ready").status_code == 200


def test_others_are_refused(service, problems, tmp_path):
    """Only an administrator may ask."""
    service.promote("second")
    problems.check(service.client.post(PATH), 401)
    key = keyfile.add(tmp_path / "keys", "desk")
    problems.check(service.client.post(PATH, headers={"Authorization": f"Bearer {key}"}), 403)
    assert service.sha256() == service.digest("first")


def test_several_processes(service, problems):
    """Where processes cannot tell each other none switches alone, and the remedy is told."""
    service.promote("second")
    response = service.reload(environ_overrides={"wsgi.multiprocess": True})
    assert "restart" in problems.check(response, 409)["detail"]
    assert service.sha256() == service.digest("first")


def test_foreign_parent(service, problems):
    """A process whose server is gone sends no signal to whoever is its parent now."""
    reload.governed_by(service.client.application, 2**22 + 1)
    assert "outlived" in problems.check(service.reload(), 409)["detail"]
