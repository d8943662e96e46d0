"""From pairs to a sparse matrix: words by their place, lexicon classes by their role.

Every mention of the source, of the target and of any other actor is masked, so the features know no country.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from relations.domain import Pair
from relations.lexicon import Entry, Hit, Lexicon
from relations.tokens import tokenise

SOURCE, TARGET, OTHER = "SRC", "TGT", "OTH"
_ROLES = frozenset({SOURCE, TARGET, OTHER})
_CLAUSE_MARKS = frozenset(
    """, ; : . -- - " ( ) that which who whom whose while although though but after before because when where if
    unless until despite whereas amid following saying adding so""".split()
)
_BE = frozenset("be is are was were been being am get got gets getting".split())
_PARTICIPLES = ("ed", "en", "wn", "lt", "nt")
_JOINERS = frozenset({"and", ",", "-", "/", "the", "&"})


_STANCES = frozenset({"SUP", "OPP"})
_NEGATION_REACH = 6
"""Tokens from a negation to what it negates."""


class _Negated(dict[Entry, Entry]):
    def __missing__(self, entry: Entry) -> Entry:
        self[entry] = Entry(f"!{entry.kind}", f"!{entry.polarity}")
        return self[entry]


_NEGATED = _Negated()
"""Each entry under a negation; kept, so that a sentence makes none anew."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What depends on the sentence alone, shared by its pairs.

    Attributes
    ----------
    words : tuple of str
        Lower-case tokens; of an actor its surface.
    spans : tuple of (int, int)
        Code points into the sentence.
    actors : tuple of (int, str)
        Token index and actor of every mention.
    hits : tuple of Hit
        Entries of the lexicon.
    clauses : tuple of int
        Number of the clause that each token stands in.
    """

    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    actors: tuple[tuple[int, str], ...]
    hits: tuple[Hit, ...]
    clauses: tuple[int, ...]


def read(
    text: str, actors: tuple[tuple[int, int, str], ...], lexicon: Lexicon, blank: int | None = None
) -> Reading:
    """Tokenise a sentence and look its words up.

    Parameters
    ----------
    text : str
        The sentence.
    actors : tuple of (start, end, actor)
        Its actor mentions, in code points.
    lexicon : Lexicon
        Words and phrases to classes.
    blank : int, optional
        Index of a token to read as if it were unknown.

    Returns
    -------
    Reading
    """
    tokens = tokenise(text, actors)
    words = list(tokens.words)
    if blank is not None:
        words[blank] = "\0"
    clauses: list[int] = []
    clause = 0
    for word in words:
        if word in _CLAUSE_MARKS:
            clause += 1
        clauses.append(clause)
    return Reading(
        tuple(words),
        tokens.spans,
        tuple((index, actor) for index, actor in enumerate(tokens.actors) if actor is not None),
        _negate(lexicon.find(words, tokens.actors), clauses),
        tuple(clauses),
    )


def _negate(hits: list[Hit], clauses: list[int]) -> tuple[Hit, ...]:
    """Mark the stances that an odd number of negations or reversals governs, in the clause and in reach."""
    marked: list[Hit] = []
    clause, count, last = -1, 0, 0
    for hit in hits:
        if clauses[hit.first] != clause:
            clause, count = clauses[hit.first], 0
        if hit.entry.polarity == "FLIP":
            count, last = count + 1, hit.last
        elif count % 2 and hit.entry.polarity in _STANCES and hit.first - last <= _NEGATION_REACH:
            marked.append(Hit(hit.first, hit.last, _NEGATED[hit.entry]))
            continue
        marked.append(hit)
    return tuple(marked)


@dataclass(frozen=True, slots=True)
class Roles:
    """A reading seen from one pair.

    Attributes
    ----------
    words : list of str
        The tokens with every actor masked.
    source, target : int
        Token indexes of the mentions of source and target that stand closest together.
    """

    words: list[str]
    source: int
    target: int


def roles_of(reading: Reading, source: str, target: str) -> Roles:
    """Mask a reading for one pair.

    Raises
    ------
    ValueError
        If the sentence does not mention both.
    """
    words = list(reading.words)
    sources: list[int] = []
    targets: list[int] = []
    for index, actor in reading.actors:
        if actor == source:
            words[index] = SOURCE
            sources.append(index)
        elif actor == target:
            words[index] = TARGET
            targets.append(index)
        else:
            words[index] = OTHER
    if not sources or not targets:
        raise ValueError(f"the sentence does not mention both {source} and {target}")
    if len(sources) == len(targets) == 1:
        return Roles(words, sources[0], targets[0])
    i, j = min(((i, j) for i in sources for j in targets), key=lambda pair: abs(pair[0] - pair[1]))
    return Roles(words, i, j)


def window_features(_: Reading, roles: Roles) -> list[str]:
    """Words and bigrams between the two with their order, and next to either."""
    words, i, j = roles.words, roles.source, roles.target
    low, high, order = (i, j, "F") if i < j else (j, i, "B")
    between = words[low + 1 : high]
    found = [f"{order}|{word}" for word in between]
    found += [f"{order}|{one}_{two}" for one, two in pairwise(between)]
    found += [f"S+{word}" for word in words[i + 1 : i + 6]]
    found += [f"S-{word}" for word in words[max(0, i - 4) : i]]
    found += [f"T-{word}" for word in words[max(0, j - 5) : j]]
    found += [f"T+{word}" for word in words[j + 1 : j + 5]]
    found += [f"S+{one}_{two}" for one, two in pairwise(words[i + 1 : i + 5])]
    found += [f"T-{one}_{two}" for one, two in pairwise(words[max(0, j - 4) : j])]
    found += [f"<{order}|{word}" for word in words[:low]]
    found += [f">{order}|{word}" for word in words[high + 1 :]]
    return found


def class_features(reading: Reading, roles: Roles) -> list[str]:
    """Lexicon classes by region and order, and their n-grams with source and target."""
    words, i, j = roles.words, roles.source, roles.target
    low, high, order = (i, j, "F") if i < j else (j, i, "B")
    found: list[str] = []
    kinds: list[str] = []
    polarities: list[str] = []
    marked = {hit.first: hit.entry for hit in reading.hits}
    for index, _ in reading.actors:
        marked[index] = None  # type: ignore[assignment]
    low_at = high_at = 0
    for index in sorted(marked):
        entry = marked[index]
        if entry is None:
            if index == low:
                low_at = len(kinds)
            elif index == high:
                high_at = len(kinds)
            kinds.append(words[index])
            polarities.append(words[index])
            continue
        kind, polarity = entry.kind, entry.polarity
        region = order + ("<" if index < low else "=" if index < high else ">")
        found += (f"{region}{kind}", f"{region}{polarity}", f"any{kind}", f"any{polarity}")
        if 0 < index - i <= 3:
            found += (f"S+{kind}", f"S+{polarity}")
        if 0 < j - index <= 3:
            found += (f"T-{kind}", f"T-{polarity}")
        elif 0 < index - j <= 3:
            found += (f"T+{kind}", f"T+{polarity}")
        kinds.append(kind)
        polarities.append(polarity)
    for row in (kinds, polarities):
        for size in (2, 3, 4):
            for start in range(len(row) - size + 1):
                gram = row[start : start + size]
                if SOURCE in gram or TARGET in gram:
                    found.append("_".join(gram))
    found.append("path|" + "_".join(polarities[low_at : high_at + 1][:7]))
    return found


def governor_features(reading: Reading, roles: Roles) -> list[str]:
    """Who governs what: each class with the actors next to it, by voice, clause and preposition."""
    words, i, j, clauses = roles.words, roles.source, roles.target, reading.clauses
    low, high, order = (i, j, "F") if i < j else (j, i, "B")
    actors = [index for index, _ in reading.actors]
    between = sum(low < index < high and words[index] == OTHER for index in actors)
    found = [
        f"distance{order}{(high - low).bit_length()}",
        f"others{order}{min(between, 3)}",
        f"clauses{order}{min(clauses[high] - clauses[low], 4)}",
        f"actors{min(len(actors), 6)}",
        f"first{words[actors[0]]}",
    ]
    here: dict[int, set[str]] = {}
    for index in actors:
        here.setdefault(clauses[index], set()).add(words[index])
    position = 0
    for hit in reading.hits:
        kind, polarity = hit.entry.kind, hit.entry.polarity
        first, after = hit.first, hit.last + 1
        while position < len(actors) and actors[position] < first:
            position += 1
        clause = clauses[first]
        subject = object_ = "-"
        if position:
            index = actors[position - 1]
            subject = words[index] + ("=" if clauses[index] == clause else "~")
        if position < len(actors):
            index = actors[position]
            object_ = words[index] + ("=" if clauses[index] == clause else "~")
        if words[first].endswith(_PARTICIPLES) and not _BE.isdisjoint(words[max(0, first - 2) : first]):
            voice = "p"
        else:
            voice = "b" if words[after : after + 1] == ["by"] else "a"
        company = "".join(sorted(here.get(clause, ())))
        for tag in (kind, polarity):
            found += (
                f"{voice}{tag}|{subject}|{object_}",
                f"{tag}|{subject[:3]}|{object_[:3]}",
                f"{voice}{tag}|{subject}",
                f"{voice}{tag}||{object_}",
                f"{tag}/{company}",
            )
        if position < len(actors) and 0 <= actors[position] - after <= 3:
            link = "_".join(words[after : actors[position] + 1])
            found += (f"{kind}:{link}", f"{polarity}:{link}")
    for one, two in pairwise(actors):
        if two - one <= 3 and _JOINERS.issuperset(words[one + 1 : two]):
            couple = words[one] + words[two]
            symmetric = "both" if {words[one], words[two]} == {SOURCE, TARGET} else couple
            found.append(f"&{couple}")
            found += [f"&{symmetric}|{word}" for word in words[two + 1 : two + 3]]
            found.append(f"&{symmetric}|" + "_".join(words[max(0, one - 2) : one]))
    return found


VIEWS: tuple[Callable[[Reading, Roles], list[str]], ...] = (window_features, class_features, governor_features)


class PairFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn pairs into a sparse matrix of binary features times idf, each view normalised on its own.

    Parameters
    ----------
    lexicon : Lexicon
        Compiled lexicon; part of the fitted model, so that serving needs no other file.
    min_df : int
        A feature that fewer training pairs have is dropped.

    Attributes
    ----------
    vocabulary_ : tuple of dict of str to int
        For each view, feature to column.
    idf_ : ndarray of shape (n_features,)
        Smoothed inverse document frequency, ln((1 + n) / (1 + df)) + 1.
    bounds_ : ndarray of shape (n_views,)
        First column of each view but the first, and the number of columns.
    """

    def __init__(self, lexicon: Lexicon, min_df: int = 2) -> None:
        self.lexicon = lexicon
        self.min_df = min_df

    def fit(self, X: Sequence[Pair], y: object = None) -> "PairFeatures":  # noqa: ARG002
        """Learn vocabulary and document frequencies.

        Parameters
        ----------
        X : sequence of Pair
            Training pairs; those of one sentence stand together.
        y : object
            Ignored.

        Returns
        -------
        PairFeatures
        """
        frequencies: tuple[Counter[str], ...] = tuple(Counter() for _ in VIEWS)
        count = 0
        for views in self._views(X):
            count += 1
            for frequency, features in zip(frequencies, views, strict=True):
                frequency.update(set(features))
        kept = [sorted(f for f, n in frequency.items() if n >= self.min_df) for frequency in frequencies]
        sizes = np.cumsum([len(features) for features in kept])
        starts = [0, *sizes[:-1].tolist()]
        self.vocabulary_ = tuple(
            {feature: start + index for index, feature in enumerate(features)}
            for start, features in zip(starts, kept, strict=True)
        )
        self.bounds_ = sizes
        df = [frequency[f] for frequency, features in zip(frequencies, kept, strict=True) for f in features]
        self.idf_ = np.log((1 + count) / (1 + np.asarray(df, dtype=np.float64))) + 1
        return self

    def transform(self, X: Sequence[Pair]) -> csr_matrix:
        """Describe pairs.

        Parameters
        ----------
        X : sequence of Pair
            Pairs; those of one sentence should stand together, so that it is read once.

        Returns
        -------
        csr_matrix of shape (n_pairs, n_features)
        """
        check_is_fitted(self)
        columns: list[int] = []
        ends = [0]
        for views in self._views(X):
            for vocabulary, features in zip(self.vocabulary_, views, strict=True):
                # Sorted, since sums of floats depend on their order, and None's hash on the process.
                columns += sorted({vocabulary[feature] for feature in features if feature in vocabulary})
            ends.append(len(columns))
        return self._weigh(columns, ends)

    def _views(self, X: Sequence[Pair]) -> Iterable[tuple[list[str], ...]]:
        text, actors, reading = None, None, None
        for pair in X:
            if reading is None or pair.actors is not actors or pair.text is not text:
                text, actors = pair.text, pair.actors
                reading = read(text, actors, self.lexicon)
            roles = roles_of(reading, pair.source, pair.target)
            yield tuple(view(reading, roles) for view in VIEWS)

    def _weigh(self, columns: list[int], ends: list[int]) -> csr_matrix:
        """Idf of what is there, however often, each view of each row at length one."""
        rows = len(ends) - 1
        indices, pointers = np.asarray(columns, dtype=np.int32), np.asarray(ends, dtype=np.int32)
        data: NDArray[np.float64] = self.idf_[indices]
        part = np.repeat(np.arange(rows) * len(VIEWS), np.diff(pointers))
        part += np.searchsorted(self.bounds_, indices, side="right")
        norms = np.sqrt(np.bincount(part, weights=data * data, minlength=rows * len(VIEWS)))
        return csr_matrix((data / norms[part], indices, pointers), shape=(rows, len(self.idf_)))

    def describe(self, pair: Pair, blank: int | None = None) -> Counter[int]:
        """Columns of one pair with their counts, as if token ``blank`` were unknown."""
        reading = read(pair.text, pair.actors, self.lexicon, blank)
        roles = roles_of(reading, pair.source, pair.target)
        return Counter(
            vocabulary[feature]
            for vocabulary, view in zip(self.vocabulary_, VIEWS, strict=True)
            for feature in view(reading, roles)
            if feature in vocabulary
        )
