"""Corrections in a real PostgreSQL, written by several processes at once."""

import gc
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Barrier
from urllib.parse import quote

import pg8000
import pytest

from service.correction_store import Store, StoreError

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
PATH = "/v1/corrections"
SENT = {
    "text": "France condemned the Iranian attack on Türkiye 😀.",
    "source": {"start": 0, "end": 6, "country": "FRA"},
    "target": {"start": 21, "end": 28, "country": "IRN"},
    "label": "opposition",
    "as_of": "2024-05-16",
}
KEPT = {
    "text": "Türkiye 😀",
    "source_start": 0,
    "source_end": 1,
    "target_start": 2,
    "target_end": 3,
    "label": "support",
    "model_version": "v",
    "model_sha256": "0" * 64,
}
PASSWORD = ("reader", "right")
ASKED = (("local", ""), ("host", "all"))
PATIENCE = 60

pytestmark = [
    pytest.mark.skipif(PROGRAMS is None, reason="needs PostgreSQL: apt-get install postgresql"),
    # The driver leaves a socket to the collector where a connection fails before the server speaks.
    pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning"),
]


class Postgres:
    """A PostgreSQL that listens at a socket in a folder of its own and, encrypted, at a port of this machine.

    Its user ``reader`` needs the password, all others none.
    """

    def __init__(self, folder):
        # It refuses to run as root.
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.switch = {"user": self.user, "group": self.user, "extra_groups": []} if os.getuid() == 0 else {}
        self.folder = folder
        self.certificate = folder / "ca.pem"
        self.process = None
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            self.port = reserved.getsockname()[1]
        if self.switch:
            shutil.chown(folder, self.user, self.user)
        command = [PROGRAMS / "initdb", "--auth=trust", "--no-sync", "--encoding=UTF8", "-D", folder / "data"]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **self.switch)
        rules = folder / "data" / "pg_hba.conf"
        asked = "".join(f"{place} all {PASSWORD[0]} {rest} scram-sha-256\n" for place, rest in ASKED)
        rules.write_text(asked + rules.read_text())
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ]
        command += [
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            folder / "key.pem",
            "-out",
            self.certificate,
        ]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **self.switch)
        self.certificate.chmod(0o644)

    @property
    def socket(self):
        """Return the path of the socket."""
        return f"{self.folder}/.s.PGSQL.{self.port}"

    def url(self, database, login=""):
        """Return the address of a database."""
        return f"postgresql+pg8000://{login or self.user}@/{database}?unix_sock={quote(self.socket)}"

    def url_by_network(self, database, authority):
        """Return its address by the encrypted port."""
        return (
            f"postgresql+pg8000://{self.user}@localhost:{self.port}/{database}?sslrootcert={quote(str(authority))}"
        )

    @contextmanager
    def connect(self, database="postgres"):
        """Connect without the service."""
        with closing(pg8000.connect(self.user, database=database, unix_sock=self.socket)) as connection:
            connection.autocommit = True
            yield connection.cursor()

    def start(self):
        """Start, and wait until it answers."""
        command = [PROGRAMS / "postgres", "-D", self.folder / "data", "-k", self.folder, "-F"]
        command += ["-h", "localhost", "-p", f"{self.port}", "-c", "ssl=on"]
        command += ["-c", f"ssl_cert_file={self.certificate}", "-c", f"ssl_key_file={self.folder}/key.pem"]
        output = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, cwd=self.folder, **output, **self.switch)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with self.connect():
                    return
            except pg8000.Error:
                assert self.process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def stop(self):
        """End all its connections, and stop."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)


@pytest.fixture(autouse=True)
def _collected():
    yield
    gc.collect()


@pytest.fixture(scope="module")
def postgres():
    """Start a PostgreSQL."""
    # Not below pytest's folder, which is closed to other users; and the name of a socket may not be long.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = Postgres(Path(folder))
        try:
            server.start()
            yield server
        finally:
            if server.process is not None:
                server.process.kill()
                server.process.wait(PATIENCE)


@pytest.fixture
def url(postgres, request):
    """Give the address of an empty database."""
    with postgres.connect() as cursor:
        cursor.execute(f'CREATE DATABASE "{request.node.name}"')
    return postgres.url(request.node.name)


def send(server, **change):
    """Send a correction; return status and answer."""
    headers = {"Content-Type": "application/json"}
    status, _, body = server.request("POST", PATH, json.dumps(SENT | change), headers)
    return status, json.loads(body)


def test_workers_write_at_once(running, url, tmp_path):
    """Whatever two workers take at once is kept, and comes back as it was sent."""
    with running(tmp_path, WORKERS="2", CORRECTIONS_URL=url) as server:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda number: send(server, note=f"{number}"), range(40)))
        assert {status for status, _ in answers} == {201}
        found = {one.id: one for one in Store(url).find()}
    assert set(found) == {answer["id"] for _, answer in answers}
    assert {found[answer["id"]].note for _, answer in answers} == {f"{number}" for number in range(40)}
    one = next(iter(found.values()))
    assert (one.text, one.source_country, str(one.as_of)) == (SENT["text"], "FRA", SENT["as_of"])
    assert one.created_at.utcoffset().total_seconds() == 0


def test_database_goes_and_comes(running, postgres, url, tmp_path):
    """While the database is away the answer is 503, never a lost 201; when it is back the service goes on."""
    with running(tmp_path, CORRECTIONS_URL=url) as server:
        first = send(server)
        postgres.stop()
        try:
            status, problem = send(server)
        finally:
            postgres.start()
        assert (status, "database is away" in problem["detail"]) == (503, True)
        second = send(server)
        assert "a correction was not kept" in server.log
        assert SENT["text"] not in server.log
    assert [first[0], second[0]] == [201, 201]
    assert [one.id for one in Store(url).find()] == [first[1]["id"], second[1]["id"]]


def test_started_at_once(url):
    """Several services that start at once on an empty database make one table, and lose nothing."""
    together = Barrier(6, timeout=PATIENCE)

    def start(_):
        store = Store(url)
        together.wait()
        store.prepare()
        return store.add(KEPT)

    with ThreadPoolExecutor(6) as pool:
        ids = list(pool.map(start, range(6)))
    store = Store(url)
    store.review(ids[:2], "accepted", "one")
    assert {one.id for one in store.find("accepted")} == set(ids[:2])
    assert {one.id for one in store.find()} == set(ids)


def test_migration(url, postgres, request):
    """A migration is made once, whole or not at all."""
    Store(url).prepare()
    added = "ALTER TABLE corrections ADD COLUMN weight INTEGER"
    with pytest.raises(StoreError, match="the database fails"):
        Store(url).prepare((added, "UPDATE nothing SET a = 1"))
    for _ in range(2):
        Store(url).prepare((added,))
    with postgres.connect(request.node.name) as cursor:
        assert cursor.execute("SELECT version FROM corrections_version").fetchall() == ([2],)
        assert cursor.execute("SELECT weight FROM corrections").fetchall() == ()
    with pytest.raises(StoreError, match="install a newer one"):
        Store(url).find()


def test_no_such_database(postgres):
    """A database that is not there is told with its name."""
    with pytest.raises(StoreError, match='"none" does not exist'):
        Store(postgres.url("none")).prepare()


def test_password(postgres, url, request):
    """The right password opens the database; a wrong one and none are told of, and never shown."""
    user, right = PASSWORD
    with postgres.connect(request.node.name) as cursor:
        cursor.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{right}'")
        cursor.execute(f"GRANT CREATE ON SCHEMA public TO {user}")
    Store(postgres.url(request.node.name, f"{user}:{right}")).add(KEPT)
    for login in (f"{user}:s3cret", user):
        with pytest.raises(StoreError, match=f'password authentication failed for user "{user}"') as refusal:
            Store(postgres.url(request.node.name, login)).find()
        assert "s3cret" not in str(refusal.value)


def test_certificate(postgres, url, request):
    """Where an authority is named, only a server that it vouches for is spoken to."""
    store = Store(postgres.url_by_network(request.node.name, postgres.certificate))
    identity = store.add(KEPT)
    assert [one.id for one in store.find()] == [identity]
    with pytest.raises(StoreError, match="certificate verify failed"):
        Store(postgres.url_by_network(request.node.name, "system")).find()


def test_encoding(postgres, url, request):
    """All of Unicode comes back, whatever encoding the database speaks by default."""
    with postgres.connect() as cursor:
        cursor.execute(f"ALTER DATABASE \"{request.node.name}\" SET client_encoding = 'LATIN1'")
    store = Store(url)
    store.add(KEPT)
    assert [one.text for one in store.find()] == [KEPT["text"]]


def test_hanging_database(postgres):
    """A database that takes the connection and never answers counts as away."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(StoreError, match=r"database is away: .*timed out"):
            Store(f"postgresql+pg8000://reader@127.0.0.1:{silent.getsockname()[1]}/none").prepare()
