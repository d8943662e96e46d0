"""The application for WSGI servers."""

import os
import subprocess
import sys

from service.config import PREFIX

PROGRAM = "from service.wsgi import app; print(app.test_client().get('/health/ready').status_code)"


def run(**variables):
    """Import the application in a process of its own."""
    environment = os.environ | {PREFIX + name: value for name, value in variables.items()}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )


def test_settings_from_environment(tmp_path):
    """The environment's settings count, down to the level of the log."""
    done = run(MODEL_DIR=str(tmp_path), LOG_LEVEL="critical")
    assert (done.returncode, done.stdout, done.stderr) == (0, "503\n", "")


def test_bad_setting():
    """A bad setting ends the start with one readable line."""
    done = run(MAX_BODY_BYTES="1MB")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {PREFIX}MAX_BODY_BYTES is '1MB': ")
    assert len(done.stderr.splitlines()) == 1
