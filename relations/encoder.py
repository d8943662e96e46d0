"""Contextual features of pairs: a small transformer that ONNX Runtime runs on the CPU.

Every mention is read as one and the same word, so the encoder knows no country either. Its lower layers read a
sentence once. Then the two actors of a pair are told apart from all others, and the upper layers read it once for
both directions; the vector of a direction comes from what stands at its source, at its target and in the whole.
"""

import os
import threading
import weakref
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from relations.artifact import ArtifactError, read_trusted
from relations.domain import Pair

# Unless this is set before it is imported, onnxruntime 1.29 and later reports to its makers over the network, by a
# thread that does not outlive a fork and keeps the forked process from ending.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

ENCODER_FILE = "encoder.onnx"
TOKENIZER_FILE = "tokenizer.json"
MASK = "[unused1]"
"""The word that stands for every actor; of BERT's vocabulary, and in no text."""
MAX_PIECES = 256
"""Word pieces of a sentence that are read; what comes after is cut off."""
_FIRST, _SECOND, _OTHER = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Encoded:
    """A sentence as word pieces.

    Attributes
    ----------
    pieces : tuple of int
        Numbers in the vocabulary, `MAX_PIECES` at most.
    owners : tuple of int
        For each piece the number of the actor that it stands for, or -1.
    actors : tuple of str
        The actors by number, in order of first mention.
    """

    pieces: tuple[int, ...]
    owners: tuple[int, ...]
    actors: tuple[str, ...]

    def roles(self, first: int, second: int) -> NDArray[np.int64]:
        """For each piece 0 (no actor), 1 (the first actor), 2 (the second) or 3 (any other)."""
        owners = np.asarray(self.owners)
        named = np.where(owners == first, _FIRST, np.where(owners == second, _SECOND, _OTHER))
        return np.where(owners < 0, 0, named)


@dataclass(frozen=True, slots=True)
class Batch:
    """What the encoder takes: sentences, and unordered pairs of their actors.

    Attributes
    ----------
    pieces : ndarray of shape (n_sentences, n_pieces)
        Zero pads.
    masked : ndarray of shape (n_sentences, n_pieces)
        1 where an actor stands.
    sentence : ndarray of shape (n_pairs,)
        Row of ``pieces`` that a pair belongs to.
    roles : ndarray of shape (n_pairs, n_pieces)
        As of `Encoded.roles`.
    """

    pieces: NDArray[np.int64]
    masked: NDArray[np.int64]
    sentence: NDArray[np.int64]
    roles: NDArray[np.int64]


class Tokenizer:
    """Splits sentences into word pieces.

    Parameters
    ----------
    content : bytes
        A tokenizer.json.

    Raises
    ------
    ArtifactError
        If the tokenizers package is missing or the file is none of its.
    """

    def __init__(self, content: bytes) -> None:
        try:
            import onnxruntime  # noqa: F401, PLC0415 - the fast tier goes without them
            import tokenizers  # noqa: PLC0415
        except ImportError:
            raise ArtifactError(
                "the context tier needs onnxruntime and tokenizers: pip install 'country-relations[context]', "
                "or take the fast tier"
            ) from None
        try:
            self._splitter = tokenizers.Tokenizer.from_buffer(content)
        except Exception as error:  # noqa: BLE001 - the package raises nothing narrower
            raise ArtifactError(f"{TOKENIZER_FILE} cannot be read ({error})") from None
        self._splitter.no_padding()
        self._splitter.no_truncation()
        self._splitter.add_special_tokens([MASK])
        self._mask = self._splitter.token_to_id(MASK)

    def encode(self, text: str, actors: tuple[tuple[int, int, str], ...]) -> Encoded:
        """Read a sentence.

        Parameters
        ----------
        text : str
            The sentence.
        actors : tuple of (start, end, actor)
            Its actor mentions in order of ``start``, in code points. Two actors of one span stand as
            "… and …"; of a span inside another one the end counts as read.

        Returns
        -------
        Encoded
        """
        plain = text.replace(MASK, "(unused1]")
        parts: list[str] = []
        owners: list[str] = []
        position = 0
        for start, end, actor in actors:
            parts.append(f" and {MASK}" if start < position else f"{plain[position:start]}{MASK}")
            owners.append(actor)
            position = max(end, position)
        parts.append(plain[position:])
        # Half of a surrogate pair is no character, and a text can hold one all the same.
        whole = "".join(parts).encode(errors="replace").decode()
        pieces = self._splitter.encode(whole).ids[:MAX_PIECES]
        names = tuple(dict.fromkeys(owners))
        numbers = iter([names.index(owner) for owner in owners])
        return Encoded(
            tuple(pieces), tuple(next(numbers) if piece == self._mask else -1 for piece in pieces), names
        )


def batch_of(sentences: Sequence[Encoded], pairs: Sequence[tuple[int, int, int]]) -> Batch:
    """Pad sentences to one length.

    Parameters
    ----------
    sentences : sequence of Encoded
        What is read.
    pairs : sequence of (sentence, first, second)
        Numbers of a sentence and of two of its actors.

    Returns
    -------
    Batch
    """
    length = max(len(one.pieces) for one in sentences)
    pieces = np.zeros((len(sentences), length), dtype=np.int64)
    masked = np.zeros_like(pieces)
    roles = np.zeros((len(pairs), length), dtype=np.int64)
    for row, one in enumerate(sentences):
        pieces[row, : len(one.pieces)] = one.pieces
        masked[row, : len(one.owners)] = np.asarray(one.owners) >= 0
    for row, (number, first, second) in enumerate(pairs):
        roles[row, : len(sentences[number].pieces)] = sentences[number].roles(first, second)
    return Batch(pieces, masked, np.array([number for number, _, _ in pairs], dtype=np.int64), roles)


class EncoderFeatures(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    """Turns pairs into contextual vectors; fitted elsewhere (``training.encoder``), frozen here.

    It is pickled without the encoder, whose file it knows by its digest: `attach` gives it one.

    Parameters
    ----------
    encoder_sha256, tokenizer_sha256 : str
        Digests of the files that belong to it.
    width : int
        Numbers in a vector.

    Attributes
    ----------
    threads : int
        Threads that one call may use.
    """

    def __init__(self, encoder_sha256: str, tokenizer_sha256: str, width: int) -> None:
        self.encoder_sha256 = encoder_sha256
        self.tokenizer_sha256 = tokenizer_sha256
        self.width = width
        self._forget()

    def _forget(self) -> None:
        self.threads = 1
        self._content = b""
        self._tokenizer: Tokenizer | None = None
        self._opened: tuple[Any, ThreadPoolExecutor | None] | None = None
        self._lock = threading.Lock()
        # Threads do not outlive a fork, and a process that then takes them down waits for them for ever.
        close = weakref.WeakMethod(self._close)
        os.register_at_fork(before=lambda: (method := close()) and method())

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("encoder_sha256", "tokenizer_sha256", "width")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def attach(self, folder: Path, threads: int = 1) -> None:
        """Verify the encoder's files and take them.

        Parameters
        ----------
        folder : Path
            Holds `ENCODER_FILE` and `TOKENIZER_FILE`.
        threads : int
            Threads that one call may use.

        Raises
        ------
        ArtifactError
            If a file is missing or is another one, or a package is missing.
        """
        self.use(
            read_trusted(folder / ENCODER_FILE, self.encoder_sha256),
            read_trusted(folder / TOKENIZER_FILE, self.tokenizer_sha256),
            threads,
        )

    def use(self, encoder: bytes, tokenizer: bytes, threads: int = 1) -> None:
        """Take the content of the encoder's files, as of `attach`."""
        self._content = encoder
        self._tokenizer = Tokenizer(tokenizer)
        self.threads = threads
        self._close()

    def fit(self, pairs: Sequence[Pair], labels: object = None) -> "EncoderFeatures":  # noqa: ARG002
        """Learn nothing."""
        return self

    def transform(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """Read pairs.

        Parameters
        ----------
        pairs : sequence of Pair
            The pairs of one sentence stand together.

        Returns
        -------
        ndarray of shape (n_pairs, width)
            NaN where an actor lies beyond `MAX_PIECES`.

        Raises
        ------
        ArtifactError
            If nothing is attached.
        """
        if self._tokenizer is None:
            raise ArtifactError("no encoder is attached: load the model with relations.artifact.load")
        found = np.full((len(pairs), self.width), np.nan, dtype=np.float32)
        readings: list[tuple[Encoded, int, int]] = []
        asked: list[tuple[list[int], list[int]]] = []
        for (text, actors), rows in groupby(range(len(pairs)), lambda row: (pairs[row].text, pairs[row].actors)):
            sentence = self._tokenizer.encode(text, actors)
            seen = set(sentence.owners)
            of_pair: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
            for row in rows:
                source, target = (sentence.actors.index(one) for one in (pairs[row].source, pairs[row].target))
                if {source, target} <= seen:
                    both = of_pair.setdefault((min(source, target), max(source, target)), ([], []))
                    both[source > target].append(row)
            readings += [(sentence, *pair) for pair in of_pair]
            asked += of_pair.values()
        for both, vectors in zip(asked, self._read(readings), strict=True):
            for direction, rows_of in enumerate(both):
                found[rows_of] = vectors[direction]
        return found

    def _read(self, readings: Sequence[tuple[Encoded, int, int]]) -> Iterable[NDArray[np.float32]]:
        """Read pairs one by one; the vectors of both directions of each.

        How the encoder rounds depends on all that it reads at once, and an answer must not depend on what else
        was asked. It is as fast, for a pair has work enough for a processor.
        """
        _, pool = self._running()

        def read(one: tuple[Encoded, int, int]) -> NDArray[np.float32]:
            sentence, first, second = one
            vectors: NDArray[np.float32] = self.read(batch_of([sentence], [(0, first, second)]))[0]
            return vectors

        return map(read, readings) if pool is None else pool.map(read, readings)

    def read(self, batch: Batch) -> NDArray[np.float32]:
        """Run the encoder as it is.

        Parameters
        ----------
        batch : Batch
            What is read at once.

        Returns
        -------
        ndarray of shape (n_pairs, 2, width)
            For each pair the vector from its first actor to its second, and back.
        """
        session, _ = self._running()
        vectors: NDArray[np.float32] = session.run(
            ["vectors"], {field.name: getattr(batch, field.name) for field in fields(batch)}
        )[0]
        return vectors

    def _running(self) -> tuple[Any, ThreadPoolExecutor | None]:
        """Open the encoder when it is first needed."""
        with self._lock:
            if self._opened is None:
                import onnxruntime  # noqa: PLC0415 - the fast tier goes without it

                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = 1
                # Without it products of bytes overflow on processors that lack VNNI, and answers differ.
                options.add_session_config_entry("session.x64quantprecision", "1")
                options.inter_op_num_threads = 1
                options.enable_cpu_mem_arena = False
                session = onnxruntime.InferenceSession(self._content, options, providers=["CPUExecutionProvider"])
                self._opened = session, ThreadPoolExecutor(self.threads) if self.threads > 1 else None
            return self._opened

    def _close(self) -> None:
        with self._lock:
            if self._opened is not None and self._opened[1] is not None:
                self._opened[1].shutdown()
            self._opened = None
