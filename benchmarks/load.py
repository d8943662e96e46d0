"""How fast the real server reads an article of 14 sentences, and how much memory that takes.

    .venv/bin/python benchmarks/load.py [--tier fast|context] [--minutes 10]

Needs wrk (Debian's package). Machines are noisy: the ratio to the analyser alone, from the same run, says more
than the figures. Client and server share the processors.
"""

import argparse
import datetime as dt
import http.client
import itertools
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from server import Server, running

from relations import artifact, gazetteer, registry, sentences
from relations.analyser import Analyser, Options
from relations.mentions import MentionFinder

ARTICLE = Path(__file__).with_name("article.txt").read_text(encoding="utf-8").strip()
SENTENCES = len(sentences.split(ARTICLE))
SCRIPT = Path(__file__).with_name("article.lua")
RATE = {"fast": 20, "context": 5}
"""Articles a second, well below what one worker can do."""
SENDERS = 8
WORKERS = 2


def tell(what: str, value: str) -> None:
    print(f"{what:52} {value}", flush=True)


def request(number: object) -> str:
    """The article under a number, so that no cache can know it."""
    return json.dumps({"text": f"{number}: {ARTICLE}"})


def machine() -> str:
    told = Path("/proc/cpuinfo").read_text(encoding="ascii")
    model = re.search(r"^model name\s*: (.*)$", told, re.MULTILINE)
    return f"{os.cpu_count()} cores, {model.group(1) if model else platform.machine()}"


def alone(tier: str, seconds: float) -> float:
    """Articles that the analyser reads in a second of processor time, without a server."""
    model, manifest = artifact.load(registry.resolve(tier=tier))
    analyser = Analyser(MentionFinder(gazetteer.load()), model)
    options = Options(dt.datetime.now(dt.UTC).date())
    read = analyser.analyse(ARTICLE, options).sentences
    countries = sum(len({mention.country for mention in one.mentions}) for one in read) / len(read)
    pairs = sum(len(one.relations) for one in read)
    tell("model", f"{manifest.version}, tier {manifest.tier}")
    tell(
        "article", f"{len(read)} sentences of {countries:.1f} countries, {pairs} pairs, {len(ARTICLE)} characters"
    )
    runs = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.process_time()
        analyser.analyse(f"{len(runs)}: {ARTICLE}", options)
        runs.append(time.process_time() - start)
    return 1 / statistics.median(runs)


def paced(server: Server, rate: float, seconds: float) -> list[float]:
    """Milliseconds of each request, from the moment at which it was due."""
    address = urlsplit(server.url).netloc
    numbers = itertools.count()
    spent: list[float] = []
    failed: set[int] = set()
    began = time.perf_counter() + 0.5

    def send() -> None:
        connection = http.client.HTTPConnection(address, timeout=60)
        while (number := next(numbers)) < rate * seconds:
            due = began + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.request("POST", "/v1/relations", request(number), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            spent.append((time.perf_counter() - due) * 1000)
            failed.update({answer.status} - {200})
        connection.close()

    senders = [threading.Thread(target=send) for _ in range(SENDERS)]
    for one in senders:
        one.start()
    for one in senders:
        one.join()
    if failed:
        raise SystemExit(f"answered with status {failed}")
    return spent


def flooded(server: Server, seconds: float) -> dict[str, float]:
    """What wrk counts with a new request as soon as one is answered, over `SENDERS` connections."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as body:
        body.write(request("#"))
        body.flush()
        command = ["wrk", "-t1", f"-c{SENDERS}", f"-d{seconds:.0f}s", "--timeout", "30s", "-s", SCRIPT]
        command += [f"{server.url}/v1/relations", "--", body.name]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    counted: dict[str, float] = json.loads(told.splitlines()[-1])
    if counted["failed"]:
        raise SystemExit(told)
    return counted


def memory(server: Server, minutes: float) -> None:
    """Print the memory before, during and after a flood."""
    tell("  megabytes before", server.memory())
    flood = threading.Thread(target=flooded, args=(server, minutes * 60))
    flood.start()
    for minute in itertools.count(1):
        flood.join(60)
        if not flood.is_alive():
            break
        tell(f"  megabytes after {minute} min", server.memory())
    tell("  megabytes at the end", server.memory())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tier", choices=registry.TIERS, default=registry.DEFAULT_TIER)
    parser.add_argument("--rate", type=float, help="articles a second for one worker")
    parser.add_argument("--seconds", type=float, default=60, help="time for each figure")
    parser.add_argument(
        "--minutes", type=float, default=0, help="how long to watch the memory of a flooded server"
    )
    chosen = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    rate = chosen.rate or RATE[chosen.tier]
    tell("machine", machine())
    without = alone(chosen.tier, min(chosen.seconds, 10))
    tell("analyser alone, processor time", f"{without:.1f} articles/s, {1000 / without:.1f} ms each")

    def with_server(task: Callable[[Server], None], **variables: object) -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            running(Path(folder), TIER=chosen.tier, **variables) as server,
        ):
            tell("  ready in", f"{server.seconds:.1f} s")
            paced(server, rate, 3)
            task(server)

    def one_worker(server: Server) -> None:
        spent = paced(server, rate, chosen.seconds)
        cuts = statistics.quantiles(spent, n=100)
        tell("  p50, p99", f"{cuts[49]:.1f} ms, {cuts[98]:.1f} ms")
        tell("  megabytes", server.memory())

    def two_workers(server: Server) -> None:
        began = server.processor_seconds()
        counted = flooded(server, chosen.seconds)
        each = (server.processor_seconds() - began) / counted["rate"] / counted["seconds"]
        tell("  articles, sentences a second", f"{counted['rate']:.1f}, {counted['rate'] * SENTENCES:.0f}")
        tell("  p50, p99", f"{counted['p50']:.1f} ms, {counted['p99']:.1f} ms")
        tell(
            "  processor time an article", f"{each * 1000:.1f} ms, {each * without:.2f} times that of the analyser"
        )
        tell("  of the analyser alone on as many cores", f"{counted['rate'] / without / WORKERS:.2f}")
        if chosen.minutes:
            memory(server, chosen.minutes)
        else:
            tell("  megabytes", server.memory())

    print(f"one worker, {rate:g} articles a second")
    with_server(one_worker, WORKERS=1, ENCODER_THREADS=os.cpu_count())
    print(f"{WORKERS} workers, {SENDERS} connections that never rest")
    with_server(two_workers, WORKERS=WORKERS)


if __name__ == "__main__":
    main()
