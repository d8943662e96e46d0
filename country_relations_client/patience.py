"""How long to wait before another try, and when to give up."""

import random
import time
from dataclasses import dataclass

from country_relations_client.errors import ClientError

_LONGEST_BACKOFF = 30.0


@dataclass(frozen=True, slots=True)
class Patience:
    """What a client bears.

    Parameters
    ----------
    retries : int
        Failures in a row after which one more is raised.
    backoff : float
        Seconds before the first retry; twice as many before each further one, up to half a minute.
    longest_wait : float
        Seconds; where the service asks for more, its refusal is raised.
    """

    retries: int
    backoff: float
    longest_wait: float

    def pause(self, failed: int, error: ClientError) -> float:
        """Return how long to wait.

        Parameters
        ----------
        failed : int
            Failures in a row before this one.
        error : ClientError
            This failure.

        Returns
        -------
        float
            Seconds, in part random, lest clients that failed together come back together.

        Raises
        ------
        ClientError
            The failure, where no further try is left or sensible.
        """
        asked = error.retry_after or 0.0
        if not error.transient or failed >= self.retries or asked > self.longest_wait:
            raise error
        longest = min(self.backoff * 2**failed, _LONGEST_BACKOFF)
        return asked + random.uniform(longest / 2, longest)  # noqa: S311 - no secret


class Attempts:
    """Counts failures in a row."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._failed = 0

    def succeeded(self) -> None:
        """Begin to count anew."""
        self._failed = 0

    def wait_after(self, error: ClientError) -> None:
        """Wait for the next try, or raise the error."""
        time.sleep(self._patience.pause(self._failed, error))
        self._failed += 1
