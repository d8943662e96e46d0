"""The server: gunicorn in this very process."""

import gc
import os
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from service import log, reload, tracing
from service.app import create_app
from service.config import Settings
from service.metrics import Slots, shared_folder

_EXAMPLE = '{"text": "France condemned the Iranian attack and praised Germany."}'
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn makes a file of a random name there


class _Log(Logger):  # type: ignore[misc]
    """Gunicorn's log through the service's."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn that reads neither command line nor files."""

    def __init__(self, settings: Settings, options: dict[str, Any]) -> None:
        self.settings = settings
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            # Older gunicorns have no control socket to switch off.
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        # Called once before the fork.
        app = create_app(self.settings)
        reload.governed_by(app, os.getpid())
        _freeze()
        return app

    def reload(self) -> None:
        # On SIGHUP, before gunicorn forks new workers and lets the old ones finish.
        super().reload()
        gc.unfreeze()
        reload.swap(self.callable)
        _freeze()


def _freeze() -> None:
    """Keep the collector away from all that there is: what it never touches stays shared by all workers."""
    gc.collect()
    gc.freeze()


def serve(settings: Settings, host: str = "127.0.0.1", port: int = 8000, *, greet: bool = False) -> NoReturn:
    """Serve until told to end.

    Parameters
    ----------
    settings : Settings
        What the operator chose.
    host : str
        Address to listen at; "0.0.0.0" for all.
    port : int
        0 takes a free one.
    greet : bool
        True prints the address and a first request to try on stdout, once the service listens.

    Raises
    ------
    SystemExit
        Always: 0 after SIGTERM or SIGINT, when the requests in flight are answered.
    """
    log.configure(settings.log_level)
    options: dict[str, Any] = {
        "bind": f"{_bracketed(host)}:{port}",
        "worker_class": "gthread",
        "workers": settings.workers,
        "threads": settings.threads,
        "max_requests": settings.max_requests,
        "max_requests_jitter": settings.max_requests // 10,  # lest all be replaced at the same time
        "graceful_timeout": settings.graceful_seconds,
        "preload_app": True,
        "loglevel": settings.log_level,
        "logger_class": _Log,
        "control_socket_disable": True,
        "proc_name": "country-relations",
    }
    # A heartbeat file on a container's disk can block a worker.
    memory = str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None
    options["worker_tmp_dir"] = memory
    if greet:
        options["when_ready"] = _greet
    with shared_folder(memory) as folder:
        _Server(settings, options | _hooks(Slots(folder))).run()
    raise SystemExit(0)


def _hooks(slots: Slots) -> dict[str, Any]:
    def forked(arbiter: Any, worker: Any) -> None:
        slots.take(worker)
        tracing.start(arbiter.app.wsgi())

    return {"pre_fork": slots.give, "post_fork": forked, "child_exit": slots.free}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _greet(arbiter: Any) -> None:
    host, port = arbiter.LISTENERS[0].getsockname()[:2]
    url = f"http://{_bracketed({'0.0.0.0': '127.0.0.1', '::': '::1'}.get(host, host))}:{port}"  # noqa: S104
    print(f"Country relations listens at {url} and reads English news text. Try it:\n")
    print(f"curl -s {url}/v1/relations -H 'Content-Type: application/json' -d '{_EXAMPLE}'\n", flush=True)
