"""What Prometheus reads at /metrics: requests, texts, pairs and the model, summed over all processes."""

import fcntl
import os
import shutil
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.wrappers import Response

from relations.domain import LABELS, Relation
from service import engine
from service.api import Blueprint

blueprint = Blueprint("metrics", __name__, url_prefix="/metrics", description="For whoever watches the service.")

MIMETYPE = "text/plain"
"""Without a version it means the newest of Prometheus's text format."""
ABSTAINED = "abstained"
UNMATCHED = "unmatched"

_NAMESPACE = "country_relations"
_METRICS = "country-relations-metrics"
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "country-relations-"
_LOCK = "lock"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@contextmanager
def shared_folder(parent: str | None) -> Iterator[Path]:
    """Make a folder for the files of one server, and remove what servers left that were killed.

    A server holds a lock in its folder, which ends with it and its workers.

    Parameters
    ----------
    parent : str or None
        Where to make it; None takes the system's place for temporary files.

    Yields
    ------
    Path
        The folder, which is removed at the end.
    """
    for left in Path(parent or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError), (left / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    owner = os.getpid()
    with (folder / "new").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Under its name it is never seen unlocked.
        (folder / "new").rename(folder / _LOCK)
        try:
            yield folder
        finally:
            # Workers leave by this way too.
            if os.getpid() == owner:
                shutil.rmtree(folder, ignore_errors=True)


class Slots:
    """Numbers for the workers, each given anew when the one that had it is gone.

    The Prometheus client keeps a few files for each process, which stay when it ends: with process ids in their
    names there would be more with every worker that is replaced. With these numbers the next worker writes on
    in the files of one that has ended, so that sums never fall and files are as few as workers at one time.

    Parameters
    ----------
    folder : Path
        Where the files lie; empty, and of one server alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.own = 0
        os.environ[_FOLDER] = str(folder)
        # Whatever imported the client before the folder was known.
        values.ValueClass = values.MultiProcessValue(lambda: self.own)

    def give(self, arbiter: Any, worker: Any) -> None:
        """Give a number to a worker that is about to be forked."""
        taken = {one.slot for one in arbiter.WORKERS.values()}
        worker.slot = next(number for number in count(1) if number not in taken)

    def take(self, worker: Any) -> None:
        """Write under the worker's number from now on; called in the worker."""
        self.own = worker.slot

    def free(self, _arbiter: Any, worker: Any) -> None:
        """Forget what a worker was doing when it ended."""
        mark_process_dead(worker.slot, self.folder)


class _Metrics:
    """The metrics of an application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"namespace": _NAMESPACE, "registry": self.registry}
        self.requests = Counter("requests", "Requests.", ["method", "route", "status", "client"], **own)
        self.seconds = Histogram(
            "request_seconds", "Time from a request's arrival to its answer.", ["route"], buckets=_SECONDS, **own
        )
        self.in_flight = Gauge(
            "requests_in_flight", "Requests being answered.", multiprocess_mode="livesum", **own
        )
        self.texts = Counter("texts", "Texts read.", **own)
        self.sentences = Counter("sentences", "Sentences read.", **own)
        self.pairs = Counter("pairs", "Pairs judged and told, by label.", ["label"], **own)
        for label in (*LABELS, ABSTAINED):
            # From zero on: a rate does not see what a series begins with.
            self.pairs.labels(label)
        self.abstentions = Counter("abstentions", "Pairs whose label was withheld as too uncertain.", **own)
        self.confidence = Summary("confidence", "Probability of the likeliest label of a pair.", **own)


class _Files(Collector):
    """The sums over the files of all processes."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def collect(self) -> Iterator[Metric]:
        # A file without bytes is one that a worker is making right now.
        files = [str(path) for path in self.folder.glob("*.db") if path.exists() and path.stat().st_size]
        yield from MultiProcessCollector.merge(files)


class _Exposed(Collector):
    """All that is counted, and what is served at this moment."""

    def collect(self) -> Iterator[Metric]:
        folder = os.environ.get(_FOLDER)
        counted = _Files(folder) if folder else _metrics().registry
        yield from counted.collect()
        yield from _served()


def _served() -> Iterator[Metric]:
    names = ("name", "version", "sha256", "tier")
    info = GaugeMetricFamily(f"{_NAMESPACE}_model_info", "1; the labels tell which model answers.", labels=names)
    ready = GaugeMetricFamily(f"{_NAMESPACE}_ready", "1 where a verified model is loaded, else 0.", value=0)
    try:
        manifest = engine.current().manifest
    except ServiceUnavailable:
        pass
    else:
        info.add_metric([getattr(manifest, name) for name in names], 1)
        ready = GaugeMetricFamily(ready.name, ready.documentation, value=1)
    yield from (info, ready)


@blueprint.operation("GET", "", answer=MIMETYPE)
def metrics() -> str:
    """Tell what was counted since the start, in Prometheus's text format."""
    return generate_latest(_Exposed()).decode()


def observe(relations: Collection[Relation], *, texts: int = 0, sentences: int = 0) -> None:
    """Count what an answer tells.

    Parameters
    ----------
    relations : collection of Relation
        What was judged.
    texts, sentences : int
        How much was read for it.
    """
    counted = _metrics()
    counted.texts.inc(texts)
    counted.sentences.inc(sentences)
    for label, number in Tally(one.label or ABSTAINED for one in relations).items():
        counted.pairs.labels(label).inc(number)
        if label == ABSTAINED:
            counted.abstentions.inc(number)
    for one in relations:
        counted.confidence.observe(one.probability)


def _metrics() -> _Metrics:
    found: _Metrics = current_app.extensions[_METRICS]
    return found


def register(app: Flask) -> None:
    """Let an application count its requests."""
    app.extensions[_METRICS] = _Metrics()
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    _metrics().in_flight.inc()


def _end(response: Response) -> Response:
    counted = _metrics()
    # Neither paths nor methods that clients make up may become labels: there is no end of them.
    route = UNMATCHED if request.url_rule is None else request.url_rule.rule
    method = request.method if request.method in _METHODS else "other"
    client = getattr(g, "client", None) or ""
    counted.requests.labels(method, route, response.status_code, client).inc()
    done = partial(_done, counted, route, g.began)
    if response.is_streamed:
        response.call_on_close(done)
    else:
        done()
    return response


def _done(counted: _Metrics, route: str, began: float) -> None:
    counted.seconds.labels(route).observe(time.perf_counter() - began)
    counted.in_flight.dec()
