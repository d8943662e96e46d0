"""The real server in processes of its own, for the commands beside this file."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

PROGRAM = Path(sys.executable).with_name("country-relations")
_PREFIX = "COUNTRY_RELATIONS_"
_PATIENCE = 60
_PSS = re.compile(r"^Pss: +(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class Server:
    """A server that is ready; ``seconds`` is how long that took, ``log`` the file that it writes to."""

    url: str
    process: subprocess.Popen[str]
    seconds: float
    log: Path

    def megabytes(self) -> list[float]:
        """Memory of the arbiter and of each worker; what they share is counted once in all."""
        own = self.process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text(encoding="ascii").split()
        return [_megabytes(one) for one in (own, *map(int, children))]


def _megabytes(process: int) -> float:
    found = _PSS.search(Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii"))
    return int(found.group(1)) / 1024 if found else 0.0


@contextmanager
def running(folder: Path, **variables: object) -> Iterator[Server]:
    """Start a server on a free port; the variables are named without their prefix."""
    environment = os.environ | {_PREFIX + name: str(value) for name, value in variables.items()}
    began = time.perf_counter()
    log = folder / "log"
    with log.open("w", encoding="utf-8") as err:
        process = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, stderr=err, text=True
        )
    try:
        yield Server(_ready(process, log), process, time.perf_counter() - began, log)
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _ready(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    found = next((match for line in process.stdout if (match := re.search(r"http://[\d.]+:\d+", line))), None)
    if found is None:
        raise SystemExit(f"The server did not start:\n{log.read_text(encoding='utf-8')}")
    with urlopen(f"{found.group()}/health/ready", timeout=_PATIENCE):
        return found.group()
