"""The real server and its OpenAPI document, by a few of the requests of ``benchmarks/conformance.py``."""

import re
import subprocess
import sys
from pathlib import Path

COMMAND = Path(__file__).parents[2] / "benchmarks" / "conformance.py"
PATIENCE = 600
"""Seconds after which the test gives up; nothing is measured."""


def test_conformance():
    """Whatever is made up from the document is answered as the document says."""
    command = [sys.executable, COMMAND, "--phases", "examples,coverage"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"^(\d+) requests, 0 wrong answers, 0 errors in the log$", done.stdout, re.MULTILINE)
    assert found, done.stdout
    assert int(found.group(1)) >= 400
