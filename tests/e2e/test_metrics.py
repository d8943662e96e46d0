"""Metrics under several processes that come and go."""

import json
import os
import re
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

JSON = {"Content-Type": "application/json"}
TEXT = "France condemned Iran. Germany praised France. It rained."
REQUESTS = 300
EACH = 20
"""Requests that a worker answers before another takes its place."""
COUNTED = {"route": "/v1/relations", "method": "POST", "status": "200", "client": ""}


def read(server):
    """Scrape a server; give its samples by name and labels."""
    status, headers, body = server.request("GET", "/metrics")
    assert (status, headers.get_content_type()) == (200, "text/plain")
    families = text_string_to_metric_families(body.decode())
    return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}


def of(samples, name, **labels):
    """Return one of the samples; 0 where it is missing."""
    return samples.get((f"country_relations_{name}", *sorted(labels.items())), 0)


def folder_of(server):
    """Return where the server keeps its sums, which its arbiter has mapped into memory."""
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    return Path(re.search(r"\S+/counter_0\.db", maps).group()).parent


def booted(server):
    """Return the process ids of all workers that there ever were."""
    return [int(number) for number in re.findall(r"Booting worker with pid: (\d+)", server.log)]


def test_sums_outlive_workers(tmp_path, running):
    """Sums equal what was sent and never fall while workers are replaced, whose files do not become more."""
    with running(tmp_path, WORKERS="2", MAX_REQUESTS=str(EACH)) as server:
        folder = folder_of(server)
        falls, files, over = [], [], threading.Event()

        def watch():
            before = {}
            while not over.is_set():
                now = read(server)
                sums = [key for key in before if key[0].endswith(("total", "count"))]
                falls.extend(key for key in sums if now[key] < before[key])
                files.append({path.name for path in folder.glob("*.db")})
                before = now

        def send(_):
            return server.request("POST", "/v1/relations", json.dumps({"text": TEXT}), JSON)[0]

        watcher = threading.Thread(target=watch)
        watcher.start()
        with ThreadPoolExecutor(6) as pool:
            assert set(pool.map(send, range(REQUESTS))) == {200}
        over.set()
        watcher.join()
        samples = read(server)
        assert of(samples, "requests_total", **COUNTED) == REQUESTS
        assert of(samples, "request_seconds_count", route="/v1/relations") == REQUESTS
        assert of(samples, "texts_total") == REQUESTS
        assert of(samples, "sentences_total") == 3 * REQUESTS
        pairs = [of(samples, "pairs_total", label=label) for label in ("support", "opposition", "neutrality")]
        assert sum(pairs) == of(samples, "confidence_count") == 4 * REQUESTS
        assert of(samples, "requests_in_flight") == 1
        assert falls == []
        assert len(booted(server)) >= REQUESTS // EACH // 2
        kinds = {name.rpartition("_")[0] for name in files[-1]}
        workers = {int(re.search(r"_(\d+)\.db", name).group(1)) for names in files for name in names}
        # Number 0 is the process that forks the two.
        assert workers == {0, 1, 2}
        assert kinds == {"counter", "gauge_livesum", "histogram", "summary"}
        assert server.end() == 0
        assert not folder.exists()


def test_killed_and_reloaded_workers(tmp_path, running):
    """A worker that is killed takes its requests in flight along, but nothing of the sums; nor does a reload."""
    with running(tmp_path, WORKERS="2") as server:
        for _ in range(8):
            server.request("POST", "/v1/relations", json.dumps({"text": TEXT}), JSON)
        with socket.create_connection((server.host, server.port)) as line:
            line.sendall(
                b"POST /v1/relations HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
                b"Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n"
            )
            assert line.recv(1024).startswith(b"HTTP/1.1 100 ")
            assert of(read(server), "requests_in_flight") == 2
            server.wait_for(lambda: len(booted(server)) == 2)
            killed = booted(server)
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            server.wait_for(lambda: len(booted(server)) == 2 * len(killed))
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(lambda: len(booted(server)) == 3 * len(killed))
        server.request("POST", "/v1/relations", json.dumps({"text": TEXT}), JSON)
        samples = read(server)
        assert of(samples, "requests_in_flight") == 1
        assert of(samples, "requests_total", **COUNTED) == of(samples, "texts_total") == 9


def test_foreign_folder(tmp_path, running, monkeypatch):
    """A folder that another program's environment names is left alone."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "foreign"))
    with running(tmp_path) as server:
        assert of(read(server), "ready") == 1
        assert server.end() == 0
    assert not (tmp_path / "foreign").exists()
