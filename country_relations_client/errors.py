"""What may go wrong, each with a text that names cause and remedy."""

from http import HTTPStatus

from country_relations_client.answers import Fault, Problem

_TRANSIENT = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)


class ClientError(Exception):
    """Base of all that the client raises of itself."""

    transient: bool = False
    """True where another try may succeed."""

    retry_after: float | None = None
    """Seconds that the service wants us to wait."""


class UnreachableError(ClientError):
    """There is no connection to the service, or it was lost."""

    transient = True


class LateError(ClientError):
    """The answer did not come in time.

    It is not asked for again, since the service may still be at work on it.
    """


class UnexpectedAnswerError(ClientError):
    """The answer is not what a Country Relations service would say."""


class ProblemError(ClientError):
    """The service refused the request, or failed on it.

    Parameters
    ----------
    problem : Problem
        What it said.
    retry_after : float, optional
        How many seconds it wants us to wait.
    request_id : str, optional
        Under which its log tells more.

    Attributes
    ----------
    status : int
        HTTP's.
    title, detail : str
        What went wrong.
    errors : tuple of Fault
        With status 422: where the request breaks its schema.
    """

    def __init__(self, problem: Problem, retry_after: float | None = None, request_id: str | None = None) -> None:
        faults = "".join(f"; {one.pointer or 'all'}: {one.detail}" for one in problem.errors)
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}{faults}")
        self.problem = problem
        self.status: int = problem.status
        self.title: str = problem.title
        self.detail: str = problem.detail
        self.errors: tuple[Fault, ...] = problem.errors
        self.transient = problem.status in _TRANSIENT
        self.retry_after = retry_after
        self.request_id = request_id
