"""The settings."""

import sys
from pathlib import Path

import pytest

from service.config import PREFIX, ConfigError, Settings


def read(**variables):
    """Read settings from variables named without the prefix."""
    return Settings.from_environment({PREFIX + name: value for name, value in variables.items()})


def test_defaults():
    """An empty environment gives the defaults, whatever else it holds."""
    assert Settings.from_environment({"PATH": "/bin"}) == Settings()
    assert Settings().max_body_bytes == 1024 * 1024


def test_every_variable():
    """Every setting can be set."""
    settings = read(
        MODEL_DIR="/models",
        GAZETTEER_DIR="/gazetteer",
        MODEL_SHA256="AB" * 32,
        MODEL_VERSION="2024-05-16-abc",
        TIER="Context",
        MAX_BODY_BYTES="2048",
        LOG_LEVEL="WARNING",
        WORKERS="3",
        THREADS="5",
        GRACEFUL_SECONDS="7",
    )
    assert settings == Settings(
        model_dir=Path("/models"),
        gazetteer_dir=Path("/gazetteer"),
        model_sha256="ab" * 32,
        model_version="2024-05-16-abc",
        tier="context",
        max_body_bytes=2048,
        log_level="warning",
        workers=3,
        threads=5,
        graceful_seconds=7,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODEL_SHA256", "abc"),
        ("MODEL_SHA256", "g" * 64),
        ("MODEL_VERSION", "../other"),
        ("TIER", "slow"),
        ("MAX_BODY_BYTES", "1MB"),
        ("MAX_BODY_BYTES", "0"),
        ("MAX_BODY_BYTES", "-1"),
        ("MAX_BODY_BYTES", "1e6"),
        ("MAX_BODY_BYTES", "٣"),
        ("WORKERS", "1000"),
        ("THREADS", "many"),
        ("GRACEFUL_SECONDS", "0.5"),
        ("LOG_LEVEL", "loud"),
        ("LOG_TEXT", "maybe"),
        ("MAX_REQUESTS", "-1"),
        ("OTEL_ENDPOINT", "collector:4318"),
        ("OTEL_ENDPOINT", "http://collector:4318/?token=1"),
    ],
)
def test_bad_value(name, value):
    """A bad value is refused with the variable's name, its value and what to give instead."""
    with pytest.raises(ConfigError) as refusal:
        read(**{name: value})
    text = str(refusal.value)
    assert PREFIX + name in text
    assert repr(value) in text
    assert "give " in text


@pytest.mark.parametrize("name", ["MODEL_DIR", "MODEL_SHA256", "LOG_LEVEL", "WORKERS"])
def test_empty_value(name):
    """A variable that is set and empty is refused: an empty pin must not mean that no model is pinned."""
    with pytest.raises(ConfigError, match=rf"{PREFIX}{name} is empty.*unset"):
        read(**{name: " "})


def test_kubernetes_variables():
    """What Kubernetes sets for a service called country-relations does no harm."""
    settings = read(PORT="tcp://10.0.0.1:8000", SERVICE_HOST="10.0.0.1", PORT_8000_TCP_PROTO="tcp")
    assert settings == Settings()


@pytest.mark.parametrize(
    ("value", "meant"), [("true", True), ("YES", True), ("1", True), ("False", False), ("no", False), ("0", False)]
)
def test_flag(value, meant):
    """What people write for yes and no is understood."""
    assert read(LOG_TEXT=value).log_text is meant


@pytest.mark.parametrize("module", ["opentelemetry.sdk", "opentelemetry.instrumentation.flask"])
def test_tracing_is_not_installed(monkeypatch, module):
    """A collector without the packages that speak to it is refused with the remedy."""
    assert read(OTEL_ENDPOINT="http://collector:4318").otel_endpoint == "http://collector:4318"
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match="otel extra"):
        read(OTEL_ENDPOINT="http://collector:4318")
