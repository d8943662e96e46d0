"""What an operator may set, read from the environment once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from relations import artifact, gazetteer

PREFIX = "COUNTRY_RELATIONS_"
"""No name behind it may be HOST, PORT or SERVICE_…: Kubernetes sets those for a service of this name."""

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_WHOLE = re.compile(r"[0-9]{1,12}")


class ConfigError(ValueError):
    """A variable is bad; the text names the variable, its value and the remedy."""


@dataclass(frozen=True)
class Settings:
    """The settings of a service.

    Attributes
    ----------
    model_dir : Path
        Holds the model and its manifest.
    gazetteer_dir : Path
        Holds the gazetteer.
    model_sha256 : str or None
        The only digest that a model may have; None trusts the manifest beside it.
    max_body_bytes : int
        Largest request body.
    log_level : str
        One of `LOG_LEVELS`.
    workers, threads : int
        Processes, and threads in each.
    graceful_seconds : int
        How long requests in flight may go on when the service is told to end.
    """

    model_dir: Path = artifact.DEFAULT_FOLDER
    gazetteer_dir: Path = gazetteer.DEFAULT_FOLDER
    model_sha256: str | None = None
    max_body_bytes: int = 1_048_576
    log_level: str = "info"
    workers: int = 2
    threads: int = 4
    graceful_seconds: int = 30

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read and check the settings.

        Parameters
        ----------
        environment : mapping of str to str
            Usually ``os.environ``.

        Returns
        -------
        Settings

        Raises
        ------
        ConfigError
            If a variable is bad. One that is set and empty is bad too: an empty MODEL_SHA256 would silently
            trust any model.
        """
        read = _Reader(environment)
        return cls(
            model_dir=read.path("MODEL_DIR", cls.model_dir),
            gazetteer_dir=read.path("GAZETTEER_DIR", cls.gazetteer_dir),
            model_sha256=read.digest("MODEL_SHA256"),
            max_body_bytes=read.whole("MAX_BODY_BYTES", cls.max_body_bytes, 1_073_741_824),
            log_level=read.choice("LOG_LEVEL", cls.log_level, LOG_LEVELS),
            workers=read.whole("WORKERS", cls.workers, 256),
            threads=read.whole("THREADS", cls.threads, 256),
            graceful_seconds=read.whole("GRACEFUL_SECONDS", cls.graceful_seconds, 3600),
        )


@dataclass(frozen=True)
class _Reader:
    """Reads single variables; the names are without the prefix."""

    environment: Mapping[str, str] = field(repr=False)

    def _value(self, name: str) -> str | None:
        value = self.environment.get(PREFIX + name)
        if value is not None and not value.strip():
            raise ConfigError(f"{PREFIX}{name} is empty: give it a value or unset it")
        return value.strip() if value is not None else None

    def path(self, name: str, default: Path) -> Path:
        value = self._value(name)
        return default if value is None else Path(value)

    def digest(self, name: str) -> str | None:
        value = self._value(name)
        if value is None:
            return None
        if not _DIGEST.fullmatch(value.lower()):
            raise ConfigError(
                f"{PREFIX}{name} is {value!r}: give the 64 hexadecimal digits of the model's SHA-256, "
                "as its manifest and `sha256sum` show them"
            )
        return value.lower()

    def whole(self, name: str, default: int, largest: int) -> int:
        value = self._value(name)
        if value is None:
            return default
        if not _WHOLE.fullmatch(value) or not 1 <= int(value) <= largest:
            raise ConfigError(
                f"{PREFIX}{name} is {value!r}: give a whole number from 1 to {largest}, such as {default}"
            )
        return int(value)

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self._value(name)
        if value is None:
            return default
        if value.lower() not in choices:
            raise ConfigError(f"{PREFIX}{name} is {value!r}: give one of {', '.join(choices)}")
        return value.lower()
