"""What the tests of the command line share: a model trained from it, and a way to call."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from threadpoolctl import threadpool_limits

from cli.main import main

SMALL = ("--tier", "fast", "--without-shipped")
"""Options of a training run of seconds."""


@pytest.fixture(scope="session", autouse=True)
def _fast_tier():
    """Take the fast tier where none is named: the small models have no other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNTRY_RELATIONS_TIER", "fast")
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Fit small models in one thread: several would only wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def call():
    """Call the command line; nothing but a regular exit may come of it."""

    def run(*arguments, text=None) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=text)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture(scope="session")
def succeed(call):
    """Call the command line, which must succeed without a word on standard error; give its standard output."""

    def run(*arguments, text=None) -> str:
        result = call(*arguments, text=text)
        assert (result.exit_code, result.stderr) == (0, "")
        return result.stdout

    return run


@pytest.fixture(scope="session")
def fail(call):
    """Call the command line, which must fail without a word on standard output; give its message."""

    def run(*arguments, text=None) -> str:
        result = call(*arguments, text=text)
        assert result.exit_code != 0
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        message = result.stderr.partition("Error: ")[2]
        assert message.strip()
        return message

    return run


@pytest.fixture(scope="session")
def training(call, small_labels, tmp_path_factory) -> tuple[Path, Result]:
    """Train from the small labels; give the folder of the models and the result of the call."""
    folder = tmp_path_factory.mktemp("trained") / "models"
    return folder, call("train", *SMALL, "--labels", small_labels, "--output", folder)


@pytest.fixture(scope="session")
def model(training) -> Path:
    """Give the folder in which the small model is the one that is served."""
    return training[0]
