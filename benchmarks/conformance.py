"""Hold the real server against its own OpenAPI document, with thousands of requests that schemathesis makes up.

    .venv/bin/python benchmarks/conformance.py [--examples 400] [--seed N]

No status 5xx, no status or header that the document does not name, no answer outside its schema, nothing accepted
that breaks its schema, nothing refused that keeps it; keys are on, and corrections are kept.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from server import PROGRAM, running

HOOKS = Path(__file__).with_name("conformance_hooks.py")
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")


def new_key(file: Path) -> str:
    """Make a file of keys with one that may do all."""
    environment = os.environ | {"COUNTRY_RELATIONS_API_KEYS_FILE": str(file)}
    command = [PROGRAM, "keys", "add", "boss", "--role", "admin"]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def main() -> None:
    """Print what schemathesis tells; exit status 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=400, help="made-up requests for each operation, at most")
    parser.add_argument("--phases", default="examples,coverage,fuzzing", help="as schemathesis names them")
    parser.add_argument("--seed", default="1", help="another one makes other requests")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys, report = folder / "keys", folder / "report.json"
        key = new_key(keys)
        corrections = f"sqlite:///{folder}/corrections.db"
        with running(folder, TIER="fast", API_KEYS_FILE=keys, CORRECTIONS_URL=corrections) as server:
            command = [
                SCHEMATHESIS,
                "run",
                f"{server.url}/openapi.json",
                "--header",
                f"Authorization: Bearer {key}",
            ]
            command += ["--checks", "all", "--phases", chosen.phases, "--max-examples", str(chosen.examples)]
            command += ["--seed", chosen.seed, "--continue-on-failure", "--generation-database", "none"]
            # That a made-up request took long to make up says nothing of the service.
            command += [
                "--suppress-health-check",
                "all",
                "--no-color",
                "--report",
                "json",
                "--report-json-path",
                report,
            ]
            environment = os.environ | {"SCHEMATHESIS_HOOKS": str(HOOKS)}
            status = subprocess.run(command, env=environment, cwd=folder, check=False).returncode
            unexpected = server.log.read_text(encoding="utf-8").count('"unexpected error"')
        told = json.loads(report.read_text(encoding="utf-8"))
    cases = told["test_cases"]
    print(f"{cases['generated']} requests, {cases['with_failures']} wrong answers, {unexpected} errors in the log")
    raise SystemExit(status or min(unexpected, 1))


if __name__ == "__main__":
    main()
