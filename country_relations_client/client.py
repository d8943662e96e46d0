"""The client: a method for each thing that the service can do."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar, Unpack
from urllib.parse import urlencode

from country_relations_client.answers import (
    Analysis,
    Countries,
    Country,
    Failure,
    Identity,
    Judgements,
    Manifest,
    read,
)
from country_relations_client.errors import ProblemError, UnexpectedAnswerError
from country_relations_client.patience import Patience
from country_relations_client.transport import Address, Transport

Document = str | Mapping[str, Any]
"""A text, or a mapping with ``text`` and whatever else the service allows, such as ``id``."""

MAX_DOCUMENTS = 256
"""As many does the service take at once."""
MAX_BYTES = 1_048_576
"""Of a body, unless the service is set otherwise. One that takes less is given less."""

_T = TypeVar("_T")


class Options(TypedDict, total=False):
    """What to tell of texts.

    Attributes
    ----------
    as_of : date or str
        When the text was written: who held which office. Default: today.
    min_probability : float
        Below it a relation's label is None.
    include_neutral : bool
        False leaves out neutral relations.
    explain : bool
        True adds evidence to each relation.
    """

    as_of: dt.date | str
    min_probability: float
    include_neutral: bool
    explain: bool


class TextOptions(Options, total=False):
    """Those of a single text, which may have an id."""

    id: Identity


class Client:
    """Speaks to a Country Relations service.

    A connection that is lost or refused, and the statuses 429, 502, 503 and 504, are tried again; Retry-After is
    honoured. Each thread needs a client of its own.

    Parameters
    ----------
    url : str
        Where the service listens, such as ``http://127.0.0.1:8000``.
    api_key : str, optional
        If the service wants one.
    timeout : float
        Seconds for which the service may be silent. A megabyte of text can take it a minute.
    retries : int
        Failures in a row after which one more is raised.
    backoff : float
        Seconds before the first retry; twice as many before each further one, up to half a minute.
    longest_wait : float
        Seconds; where Retry-After asks for more, the refusal is raised.

    Raises
    ------
    ValueError
        If the address is none.

    Examples
    --------
    >>> with Client("http://127.0.0.1:8000") as client:  # doctest: +SKIP
    ...     client.relations("France condemned Iran.").dyads[0].opposition
    1
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float = 120.0,
        retries: int = 5,
        backoff: float = 0.5,
        longest_wait: float = 120.0,
    ) -> None:
        self._url = url
        self._transport = Transport(Address.of(url), api_key, timeout, Patience(retries, backoff, longest_wait))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def relations(self, text: str, **options: Unpack[TextOptions]) -> Analysis:
        """Read one text.

        Parameters
        ----------
        text : str
            1 to 100,000 characters.
        **options
            See `Options`; and ``id``, which comes back.

        Returns
        -------
        Analysis

        Raises
        ------
        ClientError
            `ProblemError` if the service refuses, others if it does not answer.
        """
        return self._read(Analysis, self._transport.post("/v1/relations", _json({"text": text, **options})))

    def pairs(self, items: Iterable[Mapping[str, Any]]) -> Judgements:
        """Judge pairs of actors that you found yourself.

        Parameters
        ----------
        items : iterable of mapping
            Up to 1,000 of ``{"text", "source": {"start", "end"}, "target": {"start", "end"}}``.

        Returns
        -------
        Judgements
            In the order of the items.

        Raises
        ------
        ClientError
            As `relations` does; one bad item has all refused.
        """
        body = _json({"items": [dict(item) for item in items]})
        return self._read(Judgements, self._transport.post("/v1/pairs", body))

    def batch(self, documents: Iterable[Document], **options: Unpack[Options]) -> Iterator[Analysis | Failure]:
        """Read any number of documents, in as few requests as the service allows.

        Parameters
        ----------
        documents : iterable of Document
            Pulled group by group, as the results are taken.
        **options
            See `Options`; they hold for all documents.

        Yields
        ------
        Analysis or Failure
            One a document, in order.

        Raises
        ------
        ClientError
            As `relations` does, for what concerns all documents, such as bad options.
        """
        frame = _json({**options, "documents": []})
        for group in _groups(map(_encoded, documents), MAX_BYTES - len(frame)):
            yield from self._batch(frame, group)

    def _batch(self, frame: bytes, group: Sequence[bytes]) -> Iterator[Analysis | Failure]:
        # The list of documents is the last thing in the frame.
        body = frame[:-2] + b",".join(group) + frame[-2:]
        try:
            answer = self._transport.post("/v1/relations/batch", body)
        except ProblemError as error:
            if error.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                raise
            if len(group) == 1:
                yield Failure(json.loads(group[0]).get("id"), error.problem)
                return
            half = len(group) // 2
            yield from self._batch(frame, group[:half])
            yield from self._batch(frame, group[half:])
        else:
            yield from (self._outcome({"model": answer["model"], **one}) for one in answer["results"])

    def stream(self, documents: Iterable[Document], **options: Unpack[Options]) -> Iterator[Analysis | Failure]:
        """Read any number of documents through one connection, in constant memory.

        Answers are read while documents are sent, so some documents are pulled before the first answer is given.
        If the connection is lost, what is not answered yet is sent again. The service ends a stream in which
        nothing moves for a minute; then, too, it is taken up again.

        Parameters
        ----------
        documents : iterable of Document
            Pulled in the thread that takes the results. If it raises an exception, the documents before it are
            answered first.
        **options
            See `Options`; a document's own come before them.

        Yields
        ------
        Analysis or Failure
            One a document, in order.

        Raises
        ------
        ClientError
            As `relations` does.
        """
        lines = (_encoded(document, options) for document in documents)
        for answer in self._transport.stream("/v1/relations/stream", lines):
            yield self._outcome(answer)

    def countries(self, *codes: str) -> tuple[Country, ...]:
        """Tell of countries and territories, and the words that stand for them in a text.

        Parameters
        ----------
        *codes : str
            ISO 3166-1 alpha-3, and those that the service adds; without any, all.

        Returns
        -------
        tuple of Country
            In the order of their codes.

        Raises
        ------
        ClientError
            As `relations` does.
        """
        query = urlencode([("code", code) for code in codes])
        return self._read(Countries, self._transport.get(f"/v1/countries?{query}")).countries

    def model(self) -> Manifest:
        """Tell which model answers, and how good it is.

        Returns
        -------
        Manifest

        Raises
        ------
        ClientError
            As `relations` does.
        """
        return self._read(Manifest, self._transport.get("/v1/model"))

    def _outcome(self, answer: Mapping[str, Any]) -> Analysis | Failure:
        if answer["status"] == "error":
            return self._read(Failure, answer)
        return self._read(Analysis, answer)

    def _read(self, kind: type[_T], answer: object) -> _T:
        try:
            return read(kind, answer)
        except TypeError as error:
            raise UnexpectedAnswerError(
                f"{self._url} does not answer as a Country Relations service would ({error}): check the address"
            ) from None


def _encoded(document: Document, options: Mapping[str, Any] | None = None) -> bytes:
    told = {"text": document} if isinstance(document, str) else document
    return _json({**(options or {}), **told})


def _json(value: object) -> bytes:
    return json.dumps(value, default=_day, allow_nan=False, separators=(",", ":")).encode()


def _day(value: object) -> str:
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(f"{value!r} cannot be sent: give text, numbers, dates, lists and mappings")


def _groups(parts: Iterable[bytes], limit: int) -> Iterator[list[bytes]]:
    """Gather as many parts as fit, with a comma for each; one that is too large stands alone."""
    group: list[bytes] = []
    size = 0
    for part in parts:
        if group and (len(group) == MAX_DOCUMENTS or size + len(part) + 1 > limit):
            yield group
            group, size = [], 0
        group.append(part)
        size += len(part) + 1
    if group:
        yield group
