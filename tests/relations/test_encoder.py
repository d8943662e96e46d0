"""Pairs become vectors: of no actor's name, of one reading, whatever else is asked and wherever it runs."""

import hashlib
import multiprocessing
import os
import pickle
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from relations.artifact import ArtifactError
from relations.domain import Pair
from relations.encoder import ENCODER_FILE, MASK, MAX_PIECES, TOKENIZER_FILE, EncoderFeatures, Tokenizer

THREE = "[France|FRA] condemned [Iran|IRN] while [Japan|JPN] praised the government of [Iran|IRN]."
OTHERS = [
    "[Poland|POL] sent aid to [Belarus|BLR].",
    "On Monday [Israel|ISR] said that it had attacked a base in [Syria|SYR], which [Russia|RUS] condemned.",
]
PATIENCE = 60
READ_AND_FORK = """
import os, sys
from pathlib import Path
from relations.domain import Pair
from relations.encoder import EncoderFeatures
folder, *digests, width = sys.argv[1:]
features = EncoderFeatures(*digests, int(width))
features.attach(Path(folder), 2)
pair = Pair("France condemned Iran.", ((0, 6, "FRA"), (17, 21, "IRN")), "FRA", "IRN")
features.transform([pair])
child = os.fork()
features.transform([pair])
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def every_pair(mark, marked):
    """Give all ordered pairs of a marked sentence."""
    text, actors = mark(marked)
    return [Pair(text, actors, *pair) for pair in permutations(dict.fromkeys(name for _, _, name in actors), 2)]


@pytest.fixture
def features(tiny_encoder):
    """Give an encoder that is ready for use."""
    encoder, tokenizer, width = tiny_encoder
    digests = (hashlib.sha256(content).hexdigest() for content in (encoder, tokenizer))
    made = EncoderFeatures(*digests, width)
    made.use(encoder, tokenizer)
    return made


@pytest.fixture
def folder(tiny_encoder, tmp_path):
    """Write the encoder's files."""
    for name, content in zip((ENCODER_FILE, TOKENIZER_FILE), tiny_encoder, strict=False):
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_shape(features, mark, tiny_encoder):
    """Every pair has a vector of numbers, of the width that was told, and every pair another one."""
    vectors = features.transform(every_pair(mark, THREE))
    assert (vectors.shape, vectors.dtype) == ((6, tiny_encoder[2]), np.float32)
    assert np.isfinite(vectors).all()
    assert len(np.unique(vectors, axis=0)) == 6
    assert features.transform([]).shape == (0, tiny_encoder[2])


@pytest.mark.parametrize(
    ("first", "second"),
    [("Kazakhstan", "New Zealand"), ("Iran", "France"), ("Türkiye", "Côte d'Ivoire"), ("😀", "the U.S.A.")],
)
def test_no_names(features, pair, first, second):
    """Whoever the actors are, a sentence has the same vectors."""
    sentence = "On Monday [{}|A] condemned an attack by [{}|B]."
    there, back = pair(sentence.format("Chad", "Peru")), pair(sentence.format(first, second))
    assert_array_equal(features.transform([there]), features.transform([back]))


def test_no_codes(features, pair):
    """The actors' codes do not count, only who is the same."""
    vectors = [
        features.transform([pair(f"[France|{first}] praised [Iran|{second}], and [Paris|{first}] helped.")])
        for first, second in (("FRA", "IRN"), ("IRN", "FRA"), ("actor-x", "A"))
    ]
    assert_array_equal(vectors[0], vectors[1])
    assert_array_equal(vectors[0], vectors[2])


def test_both_directions(features, pair):
    """Asked together or alone, the two directions of a pair are read alike; and they differ."""
    there = pair(OTHERS[0])
    back = replace(there, source=there.target, target=there.source)
    together = features.transform([there, back])
    assert_array_equal(together, np.vstack([features.transform([there]), features.transform([back])]))
    assert_array_equal(together[::-1], features.transform([back, there]))
    assert not np.allclose(together[0], together[1])


def test_third_actors(features, pair):
    """A third actor is read as one: without it the sentence says something else."""
    plain, third = (pair(f"[France|FRA] condemned [Iran|IRN] and {one}.") for one in ("Japan", "[Japan|JPN]"))
    assert not np.allclose(features.transform([plain]), features.transform([third]))


def test_order(features, mark):
    """The order in which the pairs of a sentence are asked does not matter, nor does asking twice."""
    pairs = every_pair(mark, THREE)
    vectors = features.transform(pairs)
    order = [3, 0, 5, 1, 4, 2, 3]
    assert_array_equal(features.transform([pairs[number] for number in order]), vectors[order])


def test_company(features, mark):
    """What other sentences are asked at the same time changes no bit of an answer."""
    pairs = every_pair(mark, THREE)
    others = [every_pair(mark, one) for one in OTHERS]
    vectors = features.transform([*others[0], *pairs, *others[1]])
    before = len(others[0])
    assert_array_equal(vectors[before : before + len(pairs)], features.transform(pairs))


def test_many_pairs(features, mark):
    """A sentence of more actors than there are names, whose pairs are read in several goes, has a vector a pair.

    Each is the same as when its pair is asked alone.
    """
    countries = ", ".join(f"[x|{number}]" for number in range(30))
    pairs = every_pair(mark, f"{countries} met" + " and met" * 50)
    vectors = features.transform(pairs)
    assert np.isfinite(vectors).all()
    some = [pairs[number] for number in range(0, len(pairs), 60)]
    assert_array_equal(vectors[::60], np.vstack([features.transform([one]) for one in some]))


def test_too_long(features, mark):
    """A pair with an actor beyond what is read has no vector, while the others of its sentence have theirs."""
    pairs = every_pair(mark, f"[France|FRA] condemned [Iran|IRN]{' again' * MAX_PIECES} with [Japan|JPN].")
    vectors = features.transform(pairs)
    for pair, vector in zip(pairs, vectors, strict=True):
        assert np.isnan(vector).all() == ("JPN" in {pair.source, pair.target})
        assert np.isfinite(vector).all() == ("JPN" not in {pair.source, pair.target})
    beyond = f"{'again ' * MAX_PIECES}[France|FRA] condemned [Iran|IRN]."
    assert np.isnan(features.transform(every_pair(mark, beyond))).all()


def test_named_again_beyond(features, pair):
    """An actor that is named again beyond what is read is read where it stands before."""
    sentence = "[France|FRA] condemned [Iran|IRN]" + " again" * MAX_PIECES
    vectors = [features.transform([pair(sentence + rest)]) for rest in ("", " and [Iran|IRN].")]
    assert np.isfinite(vectors[0]).all()
    assert_array_equal(*vectors)


def test_one_span(tiny_encoder, features):
    """Two actors of one span stand there one after the other, and are told apart."""
    text, actors = "The two countries signed a pact.", ((0, 17, "JPN"), (0, 17, "AUS"))
    encoded = Tokenizer(tiny_encoder[1]).encode(text, actors)
    assert encoded.owners == (0, -1, 1, *[-1] * 4)
    vectors = features.transform([Pair(text, actors, *pair) for pair in (("JPN", "AUS"), ("AUS", "JPN"))])
    assert not np.allclose(vectors[0], vectors[1])


def test_span_in_another(tiny_encoder):
    """An actor within another one's span is read after it, and nothing of the text is read twice."""
    text = "The French embassy in Iran was attacked."
    tokenizer = Tokenizer(tiny_encoder[1])
    inner = tokenizer.encode(text, ((0, 26, "FRA"), (22, 26, "IRN")))
    assert inner.owners == (0, -1, 1, -1, -1, -1)
    assert inner.pieces == tokenizer.encode("x and y was attacked.", ((0, 1, "FRA"), (6, 7, "IRN"))).pieces


@pytest.mark.parametrize("written", [f"{MASK} ", f"{MASK}{MASK}", "[unused1", "]", MASK.upper()])
def test_mask_in_the_text(tiny_encoder, features, written):
    """A text that has the word which stands for an actor does not pass for one."""
    start = len(written)
    text = f"{written}France{written} condemned Iran{written}"
    actors = ((start, start + 6, "FRA"), (2 * start + 17, 2 * start + 21, "IRN"))
    assert text[slice(*actors[1][:2])] == "Iran"
    owners = Tokenizer(tiny_encoder[1]).encode(text, actors).owners
    assert [owner for owner in owners if owner >= 0] == [0, 1]
    assert np.isfinite(features.transform([Pair(text, actors, "FRA", "IRN")])).all()


@pytest.mark.parametrize("name", [ENCODER_FILE, TOKENIZER_FILE])
def test_files_are_verified(features, folder, name):
    """A file that is damaged or missing is refused by name, before anything is opened; what is attached stays."""
    path = folder / name
    features.attach(folder)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=f"{re.escape(name)} has digest .* not opened"):
        features.attach(folder)
    path.unlink()
    with pytest.raises(ArtifactError, match=f"no readable {re.escape(name)}"):
        features.attach(folder)


def test_bad_tokenizer(tiny_encoder, features):
    """A tokenizer that is none is refused."""
    for content in (b"", b"{}", b"\xff"):
        with pytest.raises(ArtifactError, match=f"{TOKENIZER_FILE} cannot be read"):
            features.use(tiny_encoder[0], content)


@pytest.mark.parametrize("package", ["tokenizers", "onnxruntime"])
def test_package_missing(features, folder, monkeypatch, package):
    """Without a package that the tier needs, the files are refused with what to install."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ArtifactError, match=re.escape("country-relations[context]")):
        features.attach(folder)


def test_pickle(features, folder, mark, tiny_encoder):
    """A pickle is of the same bytes before and after use, has nothing of the encoder, and needs it anew."""
    pairs = every_pair(mark, THREE)
    before = pickle.dumps(features)
    vectors = features.transform(pairs)
    features.threads = 2
    assert pickle.dumps(features) == before
    assert len(before) < len(tiny_encoder[1]) // 10
    again = pickle.loads(before)
    with pytest.raises(ArtifactError, match="no encoder is attached"):
        again.transform(pairs)
    again.attach(folder)
    assert_array_equal(again.transform(pairs), vectors)


def test_another_release(features, folder):
    """An encoder of a release that laid sentences out in another way is refused, with the remedy."""
    state = features.__getstate__()
    for reading in ({"reading": 1}, {}):
        old = EncoderFeatures.__new__(EncoderFeatures)
        old.__setstate__({name: value for name, value in state.items() if name != "reading"} | reading)
        with pytest.raises(ArtifactError, match="train anew"):
            old.attach(folder)


def test_threads(features, folder, mark):
    """Several threads may ask at once, and a reading may use several; the answers are the same."""
    sentences = [every_pair(mark, one) for one in (THREE, *OTHERS)] * 8
    alone = [features.transform(pairs) for pairs in sentences]
    with ThreadPoolExecutor(8) as pool:
        for vectors, expected in zip(pool.map(features.transform, sentences), alone, strict=True):
            assert_array_equal(vectors, expected)
    features.attach(folder, threads=2)
    assert features.threads == 2
    for pairs, expected in zip(sentences[:3], alone, strict=False):
        assert_allclose(features.transform(pairs), expected, atol=1e-6)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_fork(features, folder, mark):
    """A process that is forked from one that has read goes on reading, with the same answers."""
    features.attach(folder, threads=2)
    pairs = every_pair(mark, THREE)
    vectors = features.transform(pairs)
    # Only then the encoder's threads wait.
    time.sleep(0.5)
    receiver, sender = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(
        target=lambda: sender.send_bytes(features.transform(pairs).tobytes())
    )
    child.start()
    try:
        assert receiver.poll(PATIENCE)
        assert receiver.recv_bytes() == vectors.tobytes()
        child.join(PATIENCE)
        assert child.exitcode == 0
    finally:
        child.kill()
        child.join()
        receiver.close()
        sender.close()
    assert_array_equal(features.transform(pairs), vectors)


def test_reports_to_nobody(features, folder, tiny_encoder, tmp_path):
    """A process that has read ends, as does one that was forked from it, and neither has left anything at home."""
    home = tmp_path / "home"
    home.mkdir()
    arguments = (folder, features.encoder_sha256, features.tokenizer_sha256, str(tiny_encoder[2]))
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ_AND_FORK, *arguments],
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        check=True,
        timeout=PATIENCE,
    )
    assert list(home.rglob("*")) == []
