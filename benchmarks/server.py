"""The real server in processes of its own, for the commands beside this file."""

import itertools
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


@dataclass(frozen=True)
class Server:
    """A server that is ready; ``seconds`` is how long that took, ``log`` the file that it writes to."""

    url: str
    process: subprocess.Popen[str]
    seconds: float
    log: Path

    def memory(self) -> str:
        """Tell the megabytes of all processes, with what they share counted once, and those of the largest."""
        found = self._read("smaps_rollup")
        shared_out, resident = (
            [
                int(number) / 1024
                for one in found
                for number in re.findall(rf"^{kind}: +(\d+) kB", one, re.MULTILINE)
            ]
            for kind in ("Pss", "Rss")
        )
        return f"{sum(shared_out):.1f} in all, {max(resident):.1f} at most in a process"

    def processor_seconds(self) -> float:
        """Processor time of all processes until now; it is much the same however busy the machine is."""
        ticks = [one.rpartition(")")[2].split()[11:13] for one in self._read("stat")]
        return sum(map(int, itertools.chain(*ticks))) / os.sysconf("SC_CLK_TCK")

    def _read(self, file: str) -> list[str]:
        """Read a file of the arbiter and of each worker under /proc."""
        own = self.process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text(encoding="ascii").split()
        return [Path(f"/proc/{one}/{file}").read_text(encoding="ascii") for one in (own, *children)]


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
