"""One rate limit for several processes, counted in a real Redis."""

import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

REDIS = shutil.which("redis-server")
PATH = "/v1/countries?code=FRA"
ALLOWED = 20
PATIENCE = 30

pytestmark = pytest.mark.skipif(REDIS is None, reason="needs redis-server: apt-get install redis-server")


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    """Start a Redis that listens at a socket in a folder of its own; give its process and address."""
    folder = tmp_path_factory.mktemp("redis")
    address = folder / "socket"
    command = [REDIS, "--port", "0", "--unixsocket", address, "--save", "", "--dir", folder]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while not address.exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield process, address
        finally:
            process.kill()


@pytest.fixture
def variables(storage, tmp_path):
    """Give the settings of a service without a model that counts in an empty Redis."""
    _, address = storage
    with redis.Redis(unix_socket_path=str(address)) as connection:
        connection.flushall()
    return {
        "MODEL_DIR": str(tmp_path),
        "RATE_LIMIT": f"{ALLOWED}/hour",
        "RATE_LIMIT_STORAGE": f"redis+unix://{address}",
    }


def status(server):
    """Send one request; return its status."""
    return server.request("GET", PATH)[0]


def test_workers_share_a_limit(running, variables, tmp_path):
    """However many workers and servers answer, a client gets what the limit allows and not one request more."""
    with running(tmp_path, WORKERS="2", **variables) as server:
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda _: status(server), range(3 * ALLOWED)))
        assert statuses.count(200) == ALLOWED
        assert statuses.count(429) == 2 * ALLOWED
        assert "each worker" not in server.log
    with running(tmp_path, **variables) as another:
        code, headers, _ = another.request("GET", PATH)
        assert code == 429
        assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == (str(ALLOWED), "0")
        assert 0 < int(headers["Retry-After"]) <= 3600


def test_redis_hangs(running, variables, storage, tmp_path):
    """While Redis hangs, requests go through and the log says so once; when it is back, its count holds again."""
    process, _ = storage
    with running(tmp_path, **variables) as server:
        assert [status(server) for _ in range(ALLOWED + 1)] == [200] * ALLOWED + [429]
        process.send_signal(signal.SIGSTOP)
        try:
            assert [status(server) for _ in range(5)] == [200] * 5
        finally:
            process.send_signal(signal.SIGCONT)
        # It is asked for again when a request comes, and less and less often.
        server.wait_for(lambda: status(server) and "storage recovered" in server.log)
        assert status(server) == 429
        assert server.log.count("storage unreachable") == 1
        assert server.log.count("storage recovered") == 1
        assert "127.0.0.1" not in server.log.partition("storage unreachable")[2]
