"""The real server, in a process of its own."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.config import PREFIX

PROGRAM = """
import os
import sys
from service.config import Settings
from service.serve import serve
serve(Settings.from_environment(os.environ), port=int(sys.argv[1]), greet=True)
"""
PATIENCE = 60
"""Seconds after which a test gives up; nothing is measured."""


@dataclass
class Server:
    """A server in a process of its own."""

    process: subprocess.Popen
    folder: Path
    host: str = ""
    port: int = 0

    @property
    def greeting(self):
        """Return what it printed."""
        return (self.folder / "stdout").read_text()

    @property
    def log(self):
        """Return what it logged so far."""
        return (self.folder / "stderr").read_text()

    def wait_for(self, condition):
        """Wait until the condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def request(self, method, path, body=None, headers=None):
        """Send one request; return status, headers and body."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def end(self, how=signal.SIGTERM):
        """Send a signal; return the exit code."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)


@contextmanager
def _running(folder, port=0, **variables):
    """Start a server, on a free port unless one is named, and see that it is gone afterwards.

    It serves the fast tier, which starts and answers sooner, unless told otherwise.
    """
    chosen = {"WORKERS": "1", "TIER": "fast"} | variables
    environment = os.environ | {PREFIX + name: value for name, value in chosen.items()}
    with (folder / "stdout").open("w") as out, (folder / "stderr").open("w") as err:
        command = [sys.executable, "-c", PROGRAM, str(port)]
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=err)
    server = Server(process, folder)
    try:
        server.wait_for(lambda: "curl" in server.greeting)
        server.host, server.port = re.search(r"http://([\d.]+):(\d+)/", server.greeting).groups()
        yield server
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()


@pytest.fixture(scope="session")
def running():
    """Give what starts a server: its folder for output, a port, and variables named without the prefix."""
    return _running
