"""From pairs to a sparse matrix."""

import os
import pickle
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, issparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from relations.domain import Pair
from relations.features import VIEWS, PairFeatures, read, roles_of
from relations.pairs import pairs_of

SENTENCES = [
    "[France|FRA] and [Germany|DEU], not [Iran|IRN], condemned the [US|USA]-led attack on [Iraq|IRQ].",
    "[Iran|IRN]'s army was attacked by [Israel|ISR], which [the United States|USA] praised; [Iran|IRN] did not.",
    "“[Japan|JPN] helped,” said [China|CHN].",
    "[Poland|POL]-[Belarus|BLR] ties",
    "[Japan|JPN][China|CHN]",
]
CODES = {"FRA": "BRA", "DEU": "ARG", "IRN": "PER", "USA": "CAN", "IRQ": "CHL", "ISR": "COL", "JPN": "CUB",
         "CHN": "URY", "POL": "BOL", "BLR": "GUY"}  # fmt: skip
VOCABULARY = (
    "the and , of army attacked condemned by not imposed tough sanctions sent aid to ; was - 's met".split()
)

_IN_A_FRESH_PROCESS = """
import hashlib, pickle, sys
from relations.features import PairFeatures
lexicon, pairs = pickle.load(open(sys.argv[1], "rb"))
matrix = PairFeatures(lexicon, min_df=1).fit(pairs).transform(pairs)
parts = [matrix.data.tobytes(), matrix.indices.tobytes(), matrix.indptr.tobytes()]
print(hashlib.sha256(b"".join(parts)).hexdigest(), matrix.shape)
"""


@pytest.fixture(scope="session")
def fitted(lexicon, training_pairs) -> PairFeatures:
    """Fit on the training pairs, every feature kept."""
    return PairFeatures(lexicon, min_df=1).fit(training_pairs)


@pytest.fixture(scope="session")
def all_pairs(mark) -> list[Pair]:
    """Give every pair of the sentences."""
    return [pair for marked in SENTENCES for pair in pairs_of(*mark(marked))]


def view_norms(features, matrix):
    """Length of each view in each row."""
    dense = matrix.toarray()
    return np.array(
        [np.linalg.norm(dense[:, start:end], axis=1) for start, end in pairwise([0, *features.bounds_])]
    )


def same(one, other):
    """Whether two sparse matrices are equal to the bit."""
    return one.shape == other.shape and (one != other).nnz == 0


def test_shape(fitted, all_pairs):
    """There is a row a pair and a column a feature, in a sparse matrix of finite numbers."""
    matrix = fitted.transform(all_pairs)
    assert issparse(matrix)
    assert matrix.shape == (len(all_pairs), len(fitted.idf_)) == (len(all_pairs), fitted.bounds_[-1])
    assert sum(map(len, fitted.vocabulary_)) == len(fitted.idf_)
    assert len(fitted.vocabulary_) == len(fitted.bounds_) == len(VIEWS)
    assert np.isfinite(matrix.data).all()


def test_columns_are_used_once(fitted):
    """Every column belongs to one feature of one view, within the bounds of that view."""
    columns = [sorted(vocabulary.values()) for vocabulary in fitted.vocabulary_]
    assert [column for view in columns for column in view] == list(range(len(fitted.idf_)))
    assert [view[-1] + 1 for view in columns] == fitted.bounds_.tolist()


def test_fit_returns_itself(lexicon, training_pairs):
    """``fit`` returns the transformer, and fitting anew gives the same matrix."""
    features = PairFeatures(lexicon)
    assert features.fit(training_pairs) is features
    first = features.transform(training_pairs)
    assert same(first, features.fit(training_pairs).transform(training_pairs))
    assert same(first, PairFeatures(lexicon).fit_transform(training_pairs))


def test_renaming_actors_changes_nothing(fitted, mark):
    """A sentence about other countries with other names has the same features."""
    for marked in SENTENCES:
        text, actors = mark(marked)
        other = marked
        for _, _, code in actors:
            other = other.replace(f"|{code}]", f"|{CODES[code]}]")
        for index, (start, end, _) in enumerate(actors):
            other = other.replace(f"[{text[start:end]}|", f"[Name no. {index}|")
        one_way, another = pairs_of(text, actors), pairs_of(*mark(other))
        assert [CODES[pair.source] for pair in one_way] == [pair.source for pair in another]
        assert same(fitted.transform(one_way), fitted.transform(another))


def test_source_and_target_are_told_apart(fitted, pair):
    """Changing source and target gives other features where the sentence is not symmetric."""
    one = pair("[France|FRA] condemned [Iran|IRN].")
    other = Pair(one.text, one.actors, one.target, one.source)
    assert not same(fitted.transform([one]), fitted.transform([other]))


def test_one_by_one_and_batched(fitted, all_pairs):
    """A pair has the same row alone, in a batch, and in a batch in another order."""
    batch = fitted.transform(all_pairs)
    for index, pair in enumerate(all_pairs):
        assert same(fitted.transform([pair]), batch[[index]])
    assert same(fitted.transform(all_pairs[::-1]), batch[::-1])


def test_equal_texts_with_other_actors(fitted, mark):
    """Of two pairs with one text each is read with its own actors."""
    text, actors = mark("[France|FRA] condemned [Iran|IRN] in [Iraq|IRQ].")
    whole, part = pairs_of(text, actors)[0], pairs_of(text, actors[:2])[0]
    assert same(fitted.transform([whole, part])[[1]], fitted.transform([part]))
    assert not same(fitted.transform([whole]), fitted.transform([part]))


@st.composite
def pairs_of_words(draw):
    """Pairs of a sentence of known and unknown words with two to four actors."""
    words = draw(st.lists(st.sampled_from(VOCABULARY) | st.text(max_size=3), max_size=20))
    text, actors = "", []
    names = draw(
        st.lists(st.sampled_from(["FRA", "IRN", "USA"]), min_size=2, max_size=4).filter(lambda c: len(set(c)) > 1)
    )
    places = sorted(draw(st.lists(st.integers(0, len(words)), min_size=len(names), max_size=len(names))))
    for index in range(len(words) + 1):
        for place, name in zip(places, names, strict=True):
            if place == index:
                actors.append((len(text), len(text) + len(name), name))
                text += name + draw(st.sampled_from([" ", "-", ""]))
        text += words[index] + " " if index < len(words) else "."
    return pairs_of(text, tuple(actors))


@settings(max_examples=150, deadline=None)
@given(pairs_of_words())
def test_length_of_views(fitted, pairs):
    """Each view of each row has length one, or zero where it knows no feature."""
    norms = view_norms(fitted, fitted.transform(pairs))
    assert np.all(np.isclose(norms, 1) | (norms == 0))


@settings(max_examples=50, deadline=None)
@given(pairs_of_words())
def test_describe_agrees_with_transform(fitted, pairs):
    """The counts of ``describe`` are of just the columns that the row of a pair fills."""
    for pair in pairs:
        counts = fitted.describe(pair)
        assert set(counts) == set(fitted.transform([pair]).indices.tolist())
        assert all(count > 0 for count in counts.values())


def test_unknown_features_are_ignored(fitted, pair):
    """Words that no training pair had add no column, and rows without a known word are no error."""
    known = pair("[France|FRA] condemned [Iran|IRN].")
    unknown = pair("[France|FRA] zyxwuted [Iran|IRN] qwertily.")
    assert fitted.transform([unknown]).shape == fitted.transform([known]).shape
    columns = {feature for vocabulary in fitted.vocabulary_ for feature in vocabulary}
    assert not any("zyxwuted" in feature for feature in columns)


def test_row_without_any_known_feature(lexicon, pair):
    """A view without a known feature is empty, not a division by zero."""
    features = PairFeatures(lexicon, min_df=1).fit([pair("[France|FRA] condemned [Iran|IRN]")])
    features.vocabulary_ = tuple({"nothing": column} for column in range(len(VIEWS)))
    features.bounds_, features.idf_ = np.arange(1, len(VIEWS) + 1), np.ones(len(VIEWS))
    assert features.transform([pair("[Chad|TCD] met [Mali|MLI]")]).nnz == 0


def test_features_are_there_or_not(fitted, pair):
    """A feature weighs the same however often it occurs in a row."""
    once = pair("[Chad|TCD] met [Mali|MLI] condemned .")
    twice = pair("[Chad|TCD] met [Mali|MLI] condemned condemned .")
    for row in (fitted.transform([once]), fitted.transform([twice])):
        for start, end in pairwise([0, *fitted.bounds_]):
            view = row[:, start:end]
            ratio = view.data / fitted.idf_[start:end][view.indices]
            assert np.allclose(ratio, ratio[0])


@pytest.mark.parametrize("word", ["not", "NOT"])
def test_negation(fitted, pair, word):
    """A negated stance is another feature than the stance itself."""
    plain = fitted.describe(pair("[France|FRA] condemned [Iran|IRN]."))
    negated = fitted.describe(pair(f"[France|FRA] {word} condemned [Iran|IRN]."))
    assert set(plain) - set(negated)


def test_min_df(lexicon, training_pairs):
    """A feature that fewer training pairs have is dropped."""
    sizes = [len(PairFeatures(lexicon, min_df=n).fit(training_pairs).idf_) for n in (1, 2, len(training_pairs))]
    assert sizes[0] > sizes[1] > sizes[2]


def test_idf(lexicon, training_pairs):
    """The rarer a feature, the heavier: ln((1 + n) / (1 + df)) + 1, which is 1 for one that all pairs have."""
    fitted = PairFeatures(lexicon, min_df=1).fit(training_pairs)
    n = len(training_pairs)
    df = (fitted.transform(training_pairs) != 0).sum(axis=0).A1
    assert np.allclose(fitted.idf_, np.log((1 + n) / (1 + df)) + 1)


def test_no_pairs(fitted):
    """Of no pairs comes a matrix without rows."""
    matrix = fitted.transform([])
    assert matrix.shape == (0, len(fitted.idf_))
    assert isinstance(matrix, csr_matrix)


def test_scikit_learn_conventions(lexicon, training_pairs):
    """Parameters can be read and set, and a clone has them but nothing that was learned."""
    features = PairFeatures(lexicon, min_df=3).fit(training_pairs)
    assert features.get_params() == {"lexicon": lexicon, "min_df": 3}
    copy = clone(features)
    assert copy.get_params()["min_df"] == 3
    assert copy.get_params()["lexicon"] == lexicon
    assert not [name for name in vars(copy) if name.endswith("_")]
    assert copy.set_params(min_df=1).min_df == 1
    assert features.min_df == 3


def test_not_fitted(lexicon, training_pairs):
    """To transform before fitting is scikit-learn's NotFittedError."""
    with pytest.raises(NotFittedError):
        PairFeatures(lexicon).transform(training_pairs)


def test_hash_seed_does_not_matter(lexicon, all_pairs, tmp_path):
    """Fit and transform give the same bytes under any PYTHONHASHSEED."""
    file = tmp_path / "given.pickle"
    file.write_bytes(pickle.dumps((lexicon, all_pairs)))
    command = [sys.executable, "-c", _IN_A_FRESH_PROCESS, str(file)]
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    ]
    results = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert results[0] == results[1] != b""


def test_closest_mentions(lexicon, mark):
    """Of several mentions of source and target those that stand closest together are looked at."""
    text, actors = mark("[Iran|IRN] said in the end that [France|FRA] had condemned [Iran|IRN].")
    roles = roles_of(read(text, actors, lexicon), "FRA", "IRN")
    assert roles.source < roles.target
    assert roles.words.count(roles.words[roles.target]) == 2


def test_pair_that_is_not_there(lexicon, fitted, mark):
    """A pair that its sentence does not mention is a ValueError that names it."""
    text, actors = mark("[France|FRA] condemned [Iran|IRN].")
    with pytest.raises(ValueError, match="CHN"):
        roles_of(read(text, actors, lexicon), "FRA", "CHN")
    with pytest.raises(ValueError, match="CHN"):
        fitted.transform([Pair(text, actors, "CHN", "FRA")])
