"""Which sentences a model is fitted on to be scored, and which it is scored on."""

from collections.abc import Sequence
from dataclasses import dataclass

from training.checks import near_duplicates
from training.corpus import LabelledSentence, held_out


@dataclass(frozen=True)
class Split:
    """Labelled sentences in three parts.

    Whether a sentence is held out says its own text, so that no sentence ever changes sides when the corpus grows.
    Its near-duplicates go to neither side: they are fitted on in the model that is written, not in the one that is
    scored.

    Attributes
    ----------
    kept : list of LabelledSentence
        To fit on.
    tested : list of LabelledSentence
        Held out.
    aside : list of LabelledSentence
        Not held out, but like one that is, or like another one of these.
    heads : dict of str to str
        For each text of a group of near-duplicates the first one of the group.
    """

    kept: list[LabelledSentence]
    tested: list[LabelledSentence]
    aside: list[LabelledSentence]
    heads: dict[str, str]

    def head(self, sentence: LabelledSentence) -> str:
        """The text that decides which part a sentence falls into, where near-duplicates must not be parted."""
        return self.heads.get(sentence.text, sentence.text)


def split(sentences: Sequence[LabelledSentence]) -> Split:
    """Hold one sentence in ten out, and set aside what is like it."""
    texts = [sentence.text for sentence in sentences]
    heads = list(range(len(texts)))

    def head(index: int) -> int:
        while heads[index] != index:
            index = heads[index]
        return index

    for one, other, _ in near_duplicates(texts):
        first, second = sorted((head(one), head(other)))
        heads[second] = first
    groups = [head(index) for index in range(len(texts))]
    spoiled = {group for group, sentence in zip(groups, sentences, strict=True) if held_out(sentence)}
    tested = [sentence for sentence in sentences if held_out(sentence)]
    rest = [(group, sentence) for group, sentence in zip(groups, sentences, strict=True) if not held_out(sentence)]
    return Split(
        kept=[sentence for group, sentence in rest if group not in spoiled],
        tested=tested,
        aside=[sentence for group, sentence in rest if group in spoiled],
        heads={texts[index]: texts[group] for index, group in enumerate(groups) if group != index},
    )
