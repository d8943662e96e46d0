"""What an operator may set, read from the environment once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeVar

from relations import artifact, gazetteer, registry
from service import keyfile, rates

PREFIX = "COUNTRY_RELATIONS_"
"""No name behind it may be HOST, PORT or SERVICE_…: Kubernetes sets those for a service of this name."""

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_STORAGES = ("redis://", "rediss://", "redis+unix://")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_WHOLE = re.compile(r"[0-9]{1,12}")
_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
_TRACING = (
    "opentelemetry.sdk",
    "opentelemetry.exporter.otlp.proto.http",
    "opentelemetry.instrumentation.flask",
)
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_CREDENTIALS = re.compile(r"(?<=://)[^/]*(?=@)")
_T = TypeVar("_T")


class ConfigError(ValueError):
    """A variable is bad; the text names the variable, its value and the remedy."""


def _setting(default: _T, doc: str) -> _T:
    """Declare a setting with its default and what the README and ``country-relations config`` say of it."""
    declared: _T = field(default=default, metadata={"doc": doc})
    return declared


def shown(value: object) -> str:
    """Write a setting's value as a person would set it, without the password that an address may hold."""
    if value is None or value == ():
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    return _CREDENTIALS.sub("***", ",".join(value) if isinstance(value, tuple) else str(value))


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to tell of a setting."""

    variable: str
    value: str
    origin: Literal["environment", "default"]
    meaning: str


@dataclass(frozen=True)
class Settings:
    """The settings of a service; the variable of each is its name in capitals behind `PREFIX`."""

    model_dir: Path = _setting(artifact.DEFAULT_FOLDER, "folder of the models, or of a single one")
    model_version: str | None = _setting(None, "the version to serve; without it the promoted one")
    tier: str = _setting(registry.DEFAULT_TIER, "fast or context")
    gazetteer_dir: Path = _setting(gazetteer.DEFAULT_FOLDER, "folder of the gazetteer")
    model_sha256: str | None = _setting(None, "the only model that may be served")
    max_body_bytes: int = _setting(1_048_576, "largest request body")
    cors_origins: tuple[str, ...] = _setting((), "origins whose pages may call the API, or *")
    log_level: str = _setting("info", "debug, info, warning, error or critical")
    log_text: bool = _setting(False, "true logs the texts that are sent, up to 2,000 characters a request")
    otel_endpoint: str | None = _setting(None, "OpenTelemetry collector, such as `http://127.0.0.1:4318`")
    workers: int = _setting(2, "processes")
    threads: int = _setting(4, "threads in each")
    encoder_threads: int = _setting(1, "processors that one text may use in the context tier")
    max_requests: int = _setting(0, "after so many a process is replaced by a new one; 0 for never")
    graceful_seconds: int = _setting(30, "how long requests in flight may go on at the end")
    api_keys_file: Path | None = _setting(None, "file of API keys; without it nobody needs a key")
    rate_limit: str | None = _setting(None, "requests of one client, such as `600/minute`; without it any number")
    rate_limit_storage: str = _setting("memory://", "where they are counted: a `redis://` address, or each worker")
    trusted_proxies: int = _setting(0, "reverse proxies in front, whose X-Forwarded-For is believed")
    corrections_url: str | None = _setting(
        None, "database of corrections, such as `sqlite:////data/corrections.db`; without it none are taken"
    )

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
            model_version=read.version("MODEL_VERSION"),
            tier=read.choice("TIER", cls.tier, registry.TIERS),
            gazetteer_dir=read.path("GAZETTEER_DIR", cls.gazetteer_dir),
            model_sha256=read.digest("MODEL_SHA256"),
            max_body_bytes=read.whole("MAX_BODY_BYTES", cls.max_body_bytes, 1_073_741_824),
            cors_origins=read.origins("CORS_ORIGINS"),
            log_level=read.choice("LOG_LEVEL", cls.log_level, LOG_LEVELS),
            log_text=read.flag("LOG_TEXT", default=cls.log_text),
            otel_endpoint=read.collector("OTEL_ENDPOINT"),
            workers=read.whole("WORKERS", cls.workers, 256),
            threads=read.whole("THREADS", cls.threads, 256),
            encoder_threads=read.whole("ENCODER_THREADS", cls.encoder_threads, 256),
            max_requests=read.whole("MAX_REQUESTS", cls.max_requests, 1_000_000_000, least=0),
            graceful_seconds=read.whole("GRACEFUL_SECONDS", cls.graceful_seconds, 3600),
            api_keys_file=read.keys("API_KEYS_FILE"),
            rate_limit=read.rate("RATE_LIMIT"),
            rate_limit_storage=read.storage("RATE_LIMIT_STORAGE", cls.rate_limit_storage),
            trusted_proxies=read.whole("TRUSTED_PROXIES", cls.trusted_proxies, 16, least=0),
            corrections_url=read.database("CORRECTIONS_URL"),
        )

    def told(self, environment: Mapping[str, str]) -> list[Told]:
        """Tell of every setting in the order of their declaration.

        Parameters
        ----------
        environment : mapping of str to str
            From which these settings were read.

        Returns
        -------
        list of Told
        """
        return [
            Told(
                variable=(variable := PREFIX + one.name.upper()),
                value=shown(getattr(self, one.name)),
                origin="environment" if variable in environment else "default",
                meaning=one.metadata["doc"],
            )
            for one in fields(self)
        ]


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        # A package above it is missing.
        return False


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

    def version(self, name: str) -> str | None:
        value = self._value(name)
        if value is not None and not registry.VERSION.fullmatch(value):
            raise ConfigError(
                f"{PREFIX}{name} is {value!r}: give the name of a version, as `country-relations list` shows it"
            )
        return value

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

    def whole(self, name: str, default: int, largest: int, *, least: int = 1) -> int:
        value = self._value(name)
        if value is None:
            return default
        if not _WHOLE.fullmatch(value) or not least <= int(value) <= largest:
            raise ConfigError(
                f"{PREFIX}{name} is {value!r}: give a whole number from {least} to {largest}, such as {default}"
            )
        return int(value)

    def origins(self, name: str) -> tuple[str, ...]:
        value = self._value(name)
        if value is None or value == "*":
            return () if value is None else ("*",)
        origins = tuple(one.strip().lower() for one in value.split(","))
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ConfigError(
                    f"{PREFIX}{name} has {origin!r}: give origins such as https://news.example.org, without a "
                    "path and with commas between them, or * alone for all"
                )
        return origins

    def collector(self, name: str) -> str | None:
        value = self._value(name)
        if value is None:
            return None
        if not _URL.fullmatch(value):
            raise ConfigError(f"{PREFIX}{name} is {value!r}: give an address such as http://127.0.0.1:4318")
        if not all(_installed(module) for module in _TRACING):
            raise ConfigError(f"{PREFIX}{name} needs the OpenTelemetry packages: install the otel extra")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._value(name)
        if value is None:
            return default
        if value.lower() not in _YES + _NO:
            raise ConfigError(f"{PREFIX}{name} is {value!r}: give true or false")
        return value.lower() in _YES

    def keys(self, name: str) -> Path | None:
        value = self._value(name)
        if value is None:
            return None
        try:
            keyfile.read(Path(value))
        except keyfile.KeyFileError as error:
            raise ConfigError(f"{PREFIX}{name}: {error}") from None
        return Path(value)

    def rate(self, name: str) -> str | None:
        value = self._value(name)
        try:
            return None if value is None else rates.read(value)
        except ValueError as error:
            raise ConfigError(f"{PREFIX}{name}: {error}") from None

    def storage(self, name: str, default: str) -> str:
        value = self._value(name)
        if value is None or value == default:
            return default
        # The value is not told: it may hold a password.
        if not value.startswith(_STORAGES):
            raise ConfigError(f"{PREFIX}{name} is no Redis: give an address that begins {' or '.join(_STORAGES)}")
        if find_spec("redis") is None:
            raise ConfigError(f"{PREFIX}{name} needs the redis package: install the redis extra")
        return value

    def database(self, name: str) -> str | None:
        value = self._value(name)
        if value is None:
            return None
        # It brings SQLAlchemy, some thirty megabytes.
        from service import correction_store  # noqa: PLC0415

        try:
            correction_store.address(value)
        except ValueError as error:
            raise ConfigError(f"{PREFIX}{name}: {error}") from None
        return value

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self._value(name)
        if value is None:
            return default
        if value.lower() not in choices:
            raise ConfigError(f"{PREFIX}{name} is {value!r}: give one of {', '.join(choices)}")
        return value.lower()
