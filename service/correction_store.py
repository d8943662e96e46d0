"""The database of corrections: a table that several processes, and several machines, write at once."""

import datetime as dt
import secrets
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

from sqlalchemy import (
    URL,
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    create_engine,
    delete,
    insert,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable

Status = Literal["new", "accepted", "rejected"]
STATUSES: tuple[Status, ...] = get_args(Status)
MIGRATIONS: tuple[str, ...] = ()
"""Statements that bring a database of version 1 to version 2, then 3 and so on; new ones are made whole."""

_SECONDS = 5
"""How long to wait for an answer of the database, or for another writer, before it counts as away."""
_LOCK = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(7226148092371)"}
"""Keeps other processes from making the tables at the same time; ends with the transaction."""
_AWAY = ("08", "28", "3D", "53", "57")
"""Classes of PostgreSQL's error codes by which it lets nobody in; the words of others may quote what was sent."""
_CA = "sslrootcert"
_QUERY = frozenset({"unix_sock", _CA})
_REMEDY = "give an address such as sqlite:////data/corrections.db or postgresql+pg8000://user:password@host/name"

_tables = MetaData()
_corrections = Table(
    "corrections",
    _tables,
    Column("id", String(16), primary_key=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("status", String(8), nullable=False, index=True),
    Column("client", Text),
    Column("model_version", Text, nullable=False),
    Column("model_sha256", String(64), nullable=False),
    Column("text", Text, nullable=False),
    *(
        Column(f"{role}_{name}", kind, nullable=name == "country")
        for role in ("source", "target")
        for name, kind in (("start", Integer), ("end", Integer), ("country", String(3)))
    ),
    Column("label", String(16), nullable=False),
    Column("judged", String(16)),
    Column("event", String(16)),
    Column("note", Text),
    Column("as_of", Date),
    Column("reviewed_at", DateTime(timezone=True)),
    Column("reviewed_by", Text),
    CheckConstraint(f"status IN {STATUSES}", name="known_status"),
)
_version = Table("corrections_version", MetaData(), Column("version", Integer, nullable=False))


class StoreError(Exception):
    """The database cannot be used, or has not what is asked for; the text names cause and remedy."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What somebody says of a relation.

    Attributes
    ----------
    id : str
        16 hexadecimal digits, of this database or any other.
    created_at : datetime
        In UTC.
    status : str
        One of `STATUSES`.
    client : str or None
        Name of the API key; None where there was none.
    model_version, model_sha256 : str
        The model that was served.
    text : str
        What was read.
    source_start, source_end, target_start, target_end : int
        Code points into the text, end exclusive.
    source_country, target_country : str or None
        Whom they stand for, where that was said.
    label, judged : str
        What is right, and what the model said.
    event, note : str or None
        PLOVER type, and words for the reviewer.
    as_of : date or None
        When the text was written.
    reviewed_at, reviewed_by : datetime and str, or None
        When and by which user of the operating system it was accepted or rejected.
    """

    id: str
    created_at: dt.datetime
    status: Status
    client: str | None
    model_version: str
    model_sha256: str
    text: str
    source_start: int
    source_end: int
    source_country: str | None
    target_start: int
    target_end: int
    target_country: str | None
    label: str
    judged: str | None
    event: str | None
    note: str | None
    as_of: dt.date | None
    reviewed_at: dt.datetime | None
    reviewed_by: str | None


def address(text: str) -> URL:
    """Read the address of a database.

    Raises
    ------
    ValueError
        If it is none of a database that is known here, or its driver is not installed. It is not told again:
        it may hold a password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError(f"no address of a database: {_REMEDY}") from None
    if url.drivername == "postgresql+pg8000":
        if find_spec("pg8000") is None:
            raise ValueError("PostgreSQL needs the pg8000 package: install the postgres extra")
        if not url.username or url.query.keys() - _QUERY:
            raise ValueError(f"it needs a user, and its options are {' and '.join(sorted(_QUERY))}: {_REMEDY}")
        _arguments(url)
        return url
    # A database in memory would be another one in each process.
    if url.drivername != "sqlite" or not url.database or url.database.startswith((":", "file:")):
        raise ValueError(f"neither a file of SQLite nor a PostgreSQL by pg8000: {_REMEDY}")
    return url


def _arguments(url: URL) -> dict[str, Any]:
    """What the driver is told beyond the address."""
    if url.get_backend_name() == "sqlite":
        return {"timeout": _SECONDS}
    told = {
        "timeout": _SECONDS,
        # Whatever encoding the database speaks.
        "startup_params": {"client_encoding": "UTF8"},
        # Without any the driver breaks where one is asked for.
        "password": url.password or "",
    }
    root = url.query.get(_CA)
    if root is None:
        return told
    try:
        context = ssl.create_default_context(cafile=None if root == "system" else str(root))
    except OSError as error:
        raise ValueError(f"{_CA}={root}: {error.strerror or error}: name a PEM file, or system") from None
    return told | {"ssl_context": context}


class Store:
    """Corrections in a database. A connection is made for each call, so that none outlives a fork or a restart.

    Parameters
    ----------
    url : str
        As `address` reads it.
    """

    def __init__(self, url: str) -> None:
        self._url = address(url)
        arguments = _arguments(self._url)
        self._dialect = self._url.get_backend_name()
        self._prepared = False
        self._engine = create_engine(
            self._url.difference_update_query([_CA]),
            poolclass=NullPool,
            # Else errors would tell what was sent.
            hide_parameters=True,
            connect_args=arguments,
        )

    def prepare(self, migrations: Sequence[str] = MIGRATIONS) -> None:
        """Make the tables, or bring them up to date; several processes may do so at once.

        Parameters
        ----------
        migrations : sequence of str
            As `MIGRATIONS`.

        Raises
        ------
        StoreError
            If the database is away, or of a newer version than this program knows.
        """
        wanted = 1 + len(migrations)
        with _told():
            if self._dialect == "sqlite":
                # Texts of clients are nobody else's business.
                Path(str(self._url.database)).touch(0o600)
                with self._engine.connect() as connection:
                    # Readers and a writer then do not wait for each other; no transaction may be open.
                    connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            with self._engine.begin() as connection:
                connection.exec_driver_sql(_LOCK[self._dialect])
                connection.execute(CreateTable(_version, if_not_exists=True))
                found = connection.scalar(select(_version.c.version))
                if found is None:
                    _tables.create_all(connection, checkfirst=False)
                elif found > wanted:
                    raise StoreError(
                        f"the database has version {found}, this program {wanted}: install a newer one"
                    )
                else:
                    for statement in migrations[found - 1 :]:
                        connection.exec_driver_sql(statement)
                if found != wanted:
                    connection.execute(delete(_version))
                    connection.execute(insert(_version).values(version=wanted))
        self._prepared = True

    def add(self, values: Mapping[str, Any]) -> str:
        """Keep a correction.

        Parameters
        ----------
        values : mapping
            Attributes of a `Correction`, except those that only the store knows.

        Returns
        -------
        str
            Its id. It is then on the disk of the database.

        Raises
        ------
        StoreError
            If it is not kept, or nobody can tell.
        """
        identity = secrets.token_hex(8)
        with self._connected() as connection:
            new = {"id": identity, "created_at": dt.datetime.now(dt.UTC), "status": "new"}
            connection.execute(insert(_corrections).values(**values, **new))
        return identity

    def find(self, status: str | None = None) -> list[Correction]:
        """Give the corrections of a status, or all, the oldest first.

        Raises
        ------
        StoreError
            If the database is away.
        """
        query = select(_corrections).order_by(_corrections.c.created_at, _corrections.c.id)
        if status is not None:
            query = query.where(_corrections.c.status == status)
        with self._connected() as connection:
            return [_correction(row) for row in connection.execute(query).mappings()]

    def review(self, ids: Sequence[str], status: str, by: str) -> None:
        """Accept or reject corrections: all of them, or none.

        Parameters
        ----------
        ids : sequence of str
            Which.
        status : str
            One of `STATUSES`.
        by : str
            Who says so.

        Raises
        ------
        StoreError
            If one is not there, or the database is away.
        """
        reviewed = {"status": status, "reviewed_at": dt.datetime.now(dt.UTC), "reviewed_by": by}
        with self._connected() as connection:
            for one in ids:
                found = connection.execute(update(_corrections).where(_corrections.c.id == one).values(**reviewed))
                if not found.rowcount:
                    raise StoreError(
                        f"there is no correction {one}: `country-relations corrections list` shows them"
                    )

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        if not self._prepared:
            self.prepare()
        with _told(), self._engine.begin() as connection:
            yield connection


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.filename is None:
            # pg8000 lets through what fails before PostgreSQL speaks, such as a certificate.
            raise StoreError(f"the database is away: {error}") from None
        raise StoreError(
            f"{error.filename}: {error.strerror}: make its folder, and let this user write it"
        ) from None
    except DBAPIError as error:
        raise StoreError(_reason(error)) from None
    except SQLAlchemyError as error:
        raise StoreError(_failure(type(error).__qualname__)) from None


def _reason(error: DBAPIError) -> str:
    # PostgreSQL's answers are dicts: C is the code, M the words. What the driver raises on its way out hides them.
    answers = [one.args[0] for one in _behind(error.orig) if one.args and isinstance(one.args[0], dict)]
    if answers:
        away, words, code = answers[0]["C"].startswith(_AWAY), answers[0]["M"], answers[0]["C"]
    else:
        away = isinstance(error, OperationalError | InterfaceError)
        words = getattr(error.orig, "__cause__", None) or error.orig
        code = type(error.orig).__qualname__
    return f"the database is away: {' '.join(str(words).split())}" if away else _failure(code)


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__context__


def _failure(what: str) -> str:
    """Give no words of the driver: they may quote what was sent."""
    return f"the database fails ({what}): look after its tables and rights"


def _correction(row: RowMapping) -> Correction:
    times = {name: _in_utc(row[name]) for name in ("created_at", "reviewed_at")}
    return Correction(**{**row, **times})


def _in_utc(time: dt.datetime | None) -> dt.datetime | None:
    if time is None:
        return None
    # SQLite keeps no time zone, and PostgreSQL tells its own.
    return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)
