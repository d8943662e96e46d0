"""Contextual features of pairs: a small transformer that ONNX Runtime runs on the CPU.

A sentence is read once, whatever the number of its pairs. Its actors stand in it as names that are the encoder's
own, given in order of first mention, so the encoder knows no country either. Each pair adds two marks, one for
either actor. A mark has its actor's name and its place; it reads the words and the other mark of its pair, and no
word reads a mark, nor do words read each other in the last layers. The vector of a direction comes from the marks
of its source and its target and from the mean of the words.
"""

import os
import threading
import weakref
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import combinations, groupby
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
"""The word that marks where an actor stands; of BERT's vocabulary, and in no text."""
MAX_PIECES = 256
"""Word pieces of a sentence that are read; what comes after is cut off."""
NAMES = 25
"""Actors of a sentence that have a name each; of more, two have the same."""
PAIRS_AT_ONCE = 32
"""Pairs of a sentence that are read at once."""
READING = 2
"""How sentences are laid out for an encoder: one that was trained for another way cannot be read with."""


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

    def pairs(self) -> list[tuple[int, int]]:
        """All unordered pairs of its actors that are read, in order."""
        return list(combinations(sorted({owner for owner in self.owners if owner >= 0}), 2))


@dataclass(frozen=True, slots=True)
class Batch:
    """What the encoder takes: sentences, and the marks of some pairs of their actors.

    Attributes
    ----------
    pieces : ndarray of shape (n_sentences, n_pieces)
        Word pieces; zero pads.
    names : ndarray of shape (n_sentences, n_pieces)
        The name of the actor that stands there, from 1 on, or 0.
    sentence : ndarray of shape (n_pairs,)
        Row of ``pieces`` that a pair belongs to.
    marks : ndarray of shape (n_pairs, 2)
        The names of its actors, from 1 on.
    places : ndarray of shape (n_pairs, 2)
        Columns of ``pieces`` where they stand first.
    """

    pieces: NDArray[np.int64]
    names: NDArray[np.int64]
    sentence: NDArray[np.int64]
    marks: NDArray[np.int64]
    places: NDArray[np.int64]


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


def batch_of(
    asked: Sequence[tuple[Encoded, Sequence[tuple[int, int]]]], names: Sequence[Sequence[int]] | None = None
) -> Batch:
    """Lay sentences and the marks of their pairs out; sentences are padded to one length.

    Parameters
    ----------
    asked : sequence of (sentence, pairs)
        What is read, and for which unordered pairs of its actors, by their numbers.
    names : sequence of sequence of int, optional
        For each sentence a name, from 0 on, for each of its actors. Without it they have theirs in order.

    Returns
    -------
    Batch
    """
    length = max(len(sentence.pieces) for sentence, _ in asked)
    pieces, named = np.zeros((2, len(asked), length), dtype=np.int64)
    of_pair: list[int] = []
    marks: list[tuple[int, ...]] = []
    places: list[tuple[int, ...]] = []
    for row, (sentence, pairs) in enumerate(asked):
        own = [number % NAMES for number in range(len(sentence.actors))] if names is None else names[row]
        called = [own[owner] + 1 if owner >= 0 else 0 for owner in sentence.owners]
        pieces[row, : len(sentence.pieces)] = sentence.pieces
        named[row, : len(called)] = called
        first = {owner: place for place, owner in reversed(list(enumerate(sentence.owners)))}
        of_pair += [row] * len(pairs)
        marks += [tuple(own[actor] + 1 for actor in pair) for pair in pairs]
        places += [tuple(first[actor] for actor in pair) for pair in pairs]
    return Batch(
        pieces,
        named,
        np.array(of_pair, dtype=np.int64),
        np.array(marks, dtype=np.int64).reshape(-1, 2),
        np.array(places, dtype=np.int64).reshape(-1, 2),
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """A sentence, the pairs that are read at once, and the rows of the answer that each direction belongs to."""

    sentence: Encoded
    pairs: list[tuple[int, int]]
    asked: dict[tuple[int, int], list[int]]


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
        self.reading = READING
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
        return {name: getattr(self, name) for name in ("reading", "encoder_sha256", "tokenizer_sha256", "width")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({"reading": 1} | state)
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
            If a file is missing or is another one, a package is missing, or the encoder is of another release.
        """
        self.use(
            read_trusted(folder / ENCODER_FILE, self.encoder_sha256),
            read_trusted(folder / TOKENIZER_FILE, self.tokenizer_sha256),
            threads,
        )

    def use(self, encoder: bytes, tokenizer: bytes, threads: int = 1) -> None:
        """Take the content of the encoder's files, as of `attach`."""
        if self.reading != READING:
            raise ArtifactError(
                "the encoder is of another release, which read sentences in another way: train anew"
            )
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
        readings: list[_Reading] = []
        for (text, actors), rows in groupby(range(len(pairs)), lambda row: (pairs[row].text, pairs[row].actors)):
            sentence = self._tokenizer.encode(text, actors)
            number = {actor: place for place, actor in enumerate(sentence.actors)}
            asked: dict[tuple[int, int], list[int]] = {}
            for row in rows:
                asked.setdefault((number[pairs[row].source], number[pairs[row].target]), []).append(row)
            # Whatever is asked, a pair is read beside the same others: how the encoder rounds depends on all that
            # it reads at once, and an answer must not depend on what else was asked.
            every = sentence.pairs()
            for start in range(0, len(every), PAIRS_AT_ONCE):
                part = every[start : start + PAIRS_AT_ONCE]
                if any(pair in asked or pair[::-1] in asked for pair in part):
                    readings.append(_Reading(sentence, part, asked))
        for reading, vectors in zip(readings, self._read(readings), strict=True):
            for pair, both in zip(reading.pairs, vectors, strict=True):
                for direction, vector in zip((pair, pair[::-1]), both, strict=True):
                    found[reading.asked.get(direction, [])] = vector
        return found

    def _read(self, readings: Sequence[_Reading]) -> Iterable[NDArray[np.float32]]:
        """Read sentences one by one: it is as fast, for a sentence has work enough for a processor."""
        _, pool = self._running()

        def read(one: _Reading) -> NDArray[np.float32]:
            return self.read(batch_of([(one.sentence, one.pairs)]))

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
