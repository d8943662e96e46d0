"""Where the labels of a training run come from: the folder that ships, others, or both, each with a weight."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training import behaviour, corpus
from training.corpus import CorpusError, LabelledSentence

SHIPPED = "shipped"
"""What the folder that ships is called, wherever it lies."""
LEXICON, GAZETTEER = "lexicon.tsv", "gazetteer"


class SourcesError(ValueError):
    """Folders or weights make no sense; the text names cause and remedy."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of labels.

    Attributes
    ----------
    path : Path
        Holds ``corpus/*.jsonl``; lexicon, gazetteer and behaviour cases if it has its own.
    name : str
        Last part of the path, so that the same folder has the same name on every machine.
    weight : float
        How much a sentence counts in fitting: 2 is as good as standing there twice.
    """

    path: Path
    name: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Sources:
    """All that a model is fitted from.

    Attributes
    ----------
    folders : tuple of Folder
        The shipped one first, if it is among them.
    lexicon, gazetteer, behaviour : Path
        Of the first folder that was named and has one, else of the shipped one.
    """

    folders: tuple[Folder, ...]
    lexicon: Path
    gazetteer: Path
    behaviour: Path

    def digest(self) -> str:
        """SHA-256 of all that a model is fitted from: lexicon, sentences, names and weights of the folders.

        Of a single folder without a weight it is that of `training.corpus.digest`.
        """
        if [folder.weight for folder in self.folders] == [1]:
            return corpus.digest(self.folders[0].path, self.lexicon)
        whole = hashlib.sha256(self.lexicon.read_bytes())
        for folder in self.folders:
            content = corpus.digest(folder.path, self.lexicon)
            whole.update(f"{folder.name}\0{folder.weight!r}\0{content}\0".encode())
        return whole.hexdigest()

    def __str__(self) -> str:
        return " and ".join(str(folder.path) for folder in self.folders)


def choose(
    named: Sequence[Path] = (), weights: Mapping[str, float] | None = None, *, shipped: bool = True
) -> Sources:
    """Choose what to fit from.

    Parameters
    ----------
    named : sequence of Path
        Folders of labels; none for the shipped one alone.
    weights : mapping of str to float, optional
        Weight of a folder, by its name or its path as it was named.
    shipped : bool
        Whether the shipped sentences are taken beside those of the named folders.

    Returns
    -------
    Sources

    Raises
    ------
    SourcesError
        If a folder is not there, two have one name, or a weight is bad or of no folder.
    """
    paths = [path for path in named if not _is_shipped(path)]
    folders = [Folder(path, path.resolve().name) for path in paths]
    if shipped or len(paths) < len(named) or not named:
        folders.insert(0, Folder(corpus.DEFAULT_FOLDER, SHIPPED))
    names = [folder.name for folder in folders]
    problems = [f"there is no folder {folder.path}: make it, or name another one" for folder in folders
                if not folder.path.is_dir()]  # fmt: skip
    problems += [
        f"two folders are called {name}: rename one, since scores and weights go by these names"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    for key, weight in (weights or {}).items():
        places = [n for n, folder in enumerate(folders) if key == folder.name or Path(key) == folder.path]
        if not places:
            problems.append(f"a weight is given for {key}, which is none of {', '.join(names)}")
        elif not (math.isfinite(weight) and weight > 0):
            problems.append(f"the weight of {key} is {weight:g}: give a number above 0, or leave the folder out")
        else:
            folders[places[0]] = replace(folders[places[0]], weight=weight)
    if problems:
        raise SourcesError("\n".join(problems))
    own = [(path, name) for path in paths for name in (LEXICON, GAZETTEER, behaviour.FILE)]
    found = {name: path / name for path, name in reversed(own) if (path / name).exists()}
    lexicon, known, cases = (
        found.get(name, corpus.DEFAULT_FOLDER / name) for name in (LEXICON, GAZETTEER, behaviour.FILE)
    )
    return Sources(tuple(folders), lexicon, known, cases)


def of(labels: Path | Sources) -> Sources:
    """Take a single folder of labels for all that is fitted from."""
    return labels if isinstance(labels, Sources) else choose([labels], shipped=False)


def _is_shipped(path: Path) -> bool:
    return path.resolve() == corpus.DEFAULT_FOLDER


def read(sources: Sources, countries: frozenset[str]) -> tuple[list[LabelledSentence], int]:
    """Read and check the sentences of all folders.

    A sentence that stands in several folders has the labels of the last one: who adds labels to those that ship
    means to correct them, and cannot edit a folder that the next release replaces.

    Parameters
    ----------
    sources : Sources
        What to read.
    countries : frozenset of str
        Codes that a mention may carry.

    Returns
    -------
    sentences : list of LabelledSentence
        In order of folder, file and line, each with the name and the weight of its folder.
    replaced : int
        Sentences that a later folder has again.

    Raises
    ------
    CorpusError
        If a folder holds no sentence, or any row is bad; every bad row is listed.
    """
    found: dict[str, LabelledSentence] = {}
    problems: list[str] = []
    replaced = 0
    for folder in sources.folders:
        sentences, wrong = corpus.scan(corpus.files(folder.path), countries)
        problems += wrong
        if not sentences and not wrong:
            problems.append(f"{folder.path / 'corpus'}: no labelled sentence in any *.jsonl")
        for sentence in sentences:
            replaced += found.pop(sentence.text, None) is not None
            found[sentence.text] = replace(sentence, folder=folder.name, weight=folder.weight)
    if problems:
        raise CorpusError(problems)
    return list(found.values()), replaced
