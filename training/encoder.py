"""The encoder as a PyTorch network: built from pretrained weights, fine-tuned, written as ONNX.

Needs the extra ``context-training``. What it computes is told in `relations.encoder`, which runs the result.
"""

import copy
import hashlib
import math
import pickle
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from relations.artifact import ArtifactError
from relations.classifier import Model
from relations.domain import EVENTS
from relations.encoder import Batch, Encoded, Tokenizer, batch_of
from training import pretrained
from training.context import Encoder, Recipe
from training.corpus import LabelledSentence, text_digest
from training.metrics import Scores, score
from training.pretrained import HEADS

CLASSES = ("neutrality", "opposition", "support")
EVENT_TYPES = (None, *sorted(EVENTS))
_READ_AT_ONCE = 2000
"""Word pieces, times pairs, that a teacher reads at once."""
_WORDS = "words.weight"
_UNASKED = -100
"""Cross entropy passes this label over."""
_COUNTRIES = """france germany russia iran iraq china japan egypt brazil india turkey israel poland spain italy
greece cuba mexico canada chile peru kenya ghana syria jordan""".split()
"""Words whose mean the mask starts from."""


class _Dropout(nn.Module):
    """Dropout by random bytes, which takes half of the time that torch takes to draw samples.

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

    def __init__(self, width: int, epsilon: float, dropout: _Dropout) -> None:
        super().__init__()
        self.dropout = dropout
        self.attention = nn.Linear(width, 3 * width)
        self.gathered = nn.Linear(width, width)
        self.first_norm = nn.LayerNorm(width, eps=epsilon)
        self.inner = nn.Linear(width, 4 * width)
        self.outer = nn.Linear(4 * width, width)
        self.second_norm = nn.LayerNorm(width, eps=epsilon)

    def forward(self, states: Tensor, bias: Tensor) -> Tensor:
        rows, length, width = states.shape
        parts = self.attention(states).view(rows, length, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        mixed = self.gathered(mixed.transpose(1, 2).reshape(rows, length, width))
        states = self.first_norm(states + self.dropout(mixed))
        inner = self.outer(functional.gelu(self.inner(states)))
        result: Tensor = self.second_norm(states + self.dropout(inner))
        return result


class Network(nn.Module):
    """Reads sentences and gives both directions of their pairs a vector.

    Parameters
    ----------
    recipe : Recipe
        ``base``, ``shared_layers``, ``hidden``, ``dropout`` and ``seed`` count.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        body = pretrained.read(recipe.base)
        width = body.words.shape[1]
        self.shared_layers = recipe.shared_layers
        self.dropout = _Dropout(recipe.dropout, np.random.default_rng(recipe.seed))
        # Some eleven million numbers or more of which a corpus touches few: frozen.
        self.words = nn.Embedding.from_pretrained(body.words.clone(), freeze=True)
        self.positions = nn.Embedding.from_pretrained(body.positions.clone(), freeze=False)
        self.distances = (
            None if body.distances is None else nn.Embedding.from_pretrained(body.distances.clone(), False)
        )
        self.norm = nn.LayerNorm(width, eps=body.epsilon)
        self.norm.load_state_dict(body.norm)
        self.layers = nn.ModuleList(_Layer(width, body.epsilon, self.dropout) for _ in body.layers)
        for layer, state in zip(self.layers, body.layers, strict=True):
            layer.load_state_dict(state)
        pieces = pretrained.vocabulary()
        known = body.words[[pieces[name] for name in _COUNTRIES]]
        mean = known.mean(0)
        self.mask = nn.Parameter(mean * known.norm(dim=-1).mean() / mean.norm())
        self.roles = nn.Embedding(4, width)
        self.roles.weight.data.normal_(0, 0.3 if recipe.shared_layers else 0.02)
        self.roles.weight.data[0] = 0
        self.pair = nn.Linear(4 * width, recipe.hidden)
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
        bias = ((pieces == 0).to(torch.float32) * -1e4)[:, None, None, :]
        if self.distances is not None:
            bias = bias + self.distances(pretrained.distance(pieces.shape[1])).permute(2, 0, 1)
        for number, layer in enumerate(self.layers):
            if number == self.shared_layers:
                states = torch.index_select(states, 0, sentence) + self.roles(roles)
                bias = torch.index_select(bias, 0, sentence)
            states = layer(states, bias)
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
        example = _example(encoder.tokenizer)
        with torch.no_grad():
            ours = _Exported(network).eval()(*_tensors(example)).numpy()
        theirs = encoder.features(1).read(example)
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


@dataclass(frozen=True, slots=True)
class _Item:
    """A sentence with its unordered pairs: first and second actor, then label and event of either direction.

    ``weight`` is that of its loss; ``beliefs`` are a teacher's logits, labels first, of shape
    (n_pairs, 2, n_classes + n_event_types).
    """

    encoded: Encoded
    pairs: tuple[tuple[int, int], ...]
    labels: tuple[tuple[int, int], ...]
    events: tuple[tuple[int, int], ...]
    weight: float
    beliefs: Tensor | None = None

    def of(self, most: int, chance: random.Random) -> "_Item":
        """Itself with some of its pairs, so many at most."""
        if len(self.pairs) <= most:
            return self
        chosen = sorted(chance.sample(range(len(self.pairs)), most))
        pairs, labels, events = (
            tuple(one[number] for number in chosen) for one in (self.pairs, self.labels, self.events)
        )
        beliefs = None if self.beliefs is None else self.beliefs[chosen]
        return _Item(self.encoded, pairs, labels, events, self.weight, beliefs)


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


def _epoch(items: Sequence[_Item], known: int, recipe: Recipe, epoch: int) -> list[list[_Item]]:
    """Choose what an epoch reads, and cut it into steps of like length, in random order.

    The last ``known`` items are those that the encoder has read before; of these it reads only a share.
    """
    chance = random.Random(f"{recipe.seed} {epoch}")  # noqa: S311
    new = len(items) - known
    chosen = [*items[:new], *chance.sample(items[new:], round(recipe.replay * known))]
    chosen = [item.of(recipe.most_pairs, chance) for item in chosen]
    chosen.sort(key=lambda item: len(item.encoded.pieces) + chance.uniform(-3, 3))
    steps = _cut(chosen, recipe.pieces)
    chance.shuffle(steps)
    return steps


def _cut(items: Sequence[_Item], pieces: int) -> list[list[_Item]]:
    """Cut into steps of so many word pieces, times pairs."""
    steps: list[list[_Item]] = [[]]
    size = 0
    for item in items:
        own = len(item.encoded.pieces) * len(item.pairs)
        if steps[-1] and size + own > pieces:
            steps.append([])
            size = 0
        steps[-1].append(item)
        size += own
    return steps


def _tensors(batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return (
        torch.from_numpy(batch.pieces),
        torch.from_numpy(batch.masked),
        torch.from_numpy(batch.sentence),
        torch.from_numpy(batch.roles),
    )


def _inputs(items: Sequence[_Item]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    pairs = [(number, *pair) for number, item in enumerate(items) for pair in item.pairs]
    return _tensors(batch_of([item.encoded for item in items], pairs))


def _loss(network: Network, items: Sequence[_Item], recipe: Recipe) -> Tensor:
    """What is wrong with a network's answers: by the labels, and by a teacher where there is one."""
    # The way back through torch's fused attention takes far longer than plain products on a processor.
    with sdpa_kernel(SDPBackend.MATH), torch.autocast("cpu", torch.bfloat16, enabled=half_precision()):
        label_logits, event_logits = network.logits(network(*_inputs(items)))
    weights = torch.tensor([item.weight for item in items for _ in item.pairs for _ in range(2)])
    labels = torch.tensor([label for item in items for label in item.labels]).flatten()
    events = torch.tensor([event for item in items for event in item.events]).flatten()
    parts = [
        (label_logits.float().flatten(0, 1), labels, 1.0),
        (event_logits.float().flatten(0, 1), events, recipe.event_weight),
    ]
    beliefs = [item.beliefs for item in items if item.beliefs is not None]
    taught = (
        torch.cat(beliefs).float().flatten(0, 1).split([len(CLASSES), len(EVENT_TYPES)], -1) if beliefs else None
    )
    whole = torch.zeros(())
    for number, (logits, right, weight) in enumerate(parts):
        wrong = functional.cross_entropy(logits, right, reduction="none")
        loss = (wrong * weights).sum() / (right != _UNASKED).sum().clamp(min=1)
        if taught is not None:
            apart = functional.kl_div(
                functional.log_softmax(logits / recipe.temperature, -1),
                functional.log_softmax(taught[number] / recipe.temperature, -1),
                reduction="none",
                log_target=True,
            ).sum(-1)
            from_teacher = recipe.temperature**2 * (apart * weights).mean()
            loss = (1 - recipe.trust) * loss + recipe.trust * from_teacher
        whole = whole + weight * loss
    return whole


def _optimiser(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    top = len(network.layers) - 1
    rates = [recipe.learning_rate * recipe.decay ** (top - number) for number in range(top + 1)]
    groups = [
        {"params": list(layer.parameters()), "lr": rate} for layer, rate in zip(network.layers, rates, strict=True)
    ]
    new = [network.pair, network.label, network.event, network.roles]
    groups.append(
        {"params": [one for module in new for one in module.parameters()], "lr": 10 * recipe.learning_rate}
    )
    below = [network.positions.weight, network.mask, *network.norm.parameters()]
    if network.distances is not None:
        below.append(network.distances.weight)
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
    teacher: Network | None = None,
) -> Network:
    """Fine-tune an encoder.

    Parameters
    ----------
    sentences : sequence of LabelledSentence
        Training data.
    recipe : Recipe
        How.
    progress : callable
        Told after every step: steps done, steps in all, mean loss of late. What a teacher reads are steps, too,
        whose loss is NaN.
    checkpoint : Path, optional
        File that the state is written to every ``every`` steps and at the end. If it is there and of the same
        recipe and data, the work goes on from it, to the same result.
    every : int
        See ``checkpoint``.
    start : Encoder, optional
        What to go on from; without it the pretrained encoder.
    teacher : Network, optional
        A fine-tuned one whose answers are learned from beside the labels.

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
    tokenizer = Tokenizer(pretrained.tokenizer())
    read = start.fitted_on if start else frozenset()
    new: list[LabelledSentence] = []
    old: list[LabelledSentence] = []
    for sentence in sentences:
        (old if text_digest(sentence.text) in read else new).append(sentence)
    known = _items(old, tokenizer)
    items = _items(new, tokenizer) + known
    network = Network(recipe)
    if start is not None:
        restore(network, start)
    whence = [start and hashlib.sha256(start.encoder).hexdigest(), teacher and _digest(teacher)]
    identity = hashlib.sha256(repr((asdict(recipe), items, whence)).encode()).hexdigest()
    readings = _cut(items, _READ_AT_ONCE) if teacher else []
    plan = [step for epoch in range(recipe.epochs) for step in _epoch(items, len(known), recipe, epoch)]
    if teacher is not None:
        total = len(readings) + len(plan)
        items = _taught(teacher, readings, lambda read: progress(read, total, math.nan))
        plan = [step for epoch in range(recipe.epochs) for step in _epoch(items, len(known), recipe, epoch)]
    optimiser = _optimiser(network, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _pace(step, len(plan)))
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
    for step in plan[done:]:
        loss = _loss(network, step, recipe)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad(set_to_none=True)
        done += 1
        loss_of_late = loss.item() if done == 1 else 0.98 * loss_of_late + 0.02 * loss.item()
        progress(len(readings) + done, len(readings) + len(plan), loss_of_late)
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


def save_teacher(network: Network, recipe: Recipe, path: Path) -> None:
    """Write a fine-tuned network whole, for `load_teacher`; the words, which stay as they were, are left out."""
    state = {name: value for name, value in network.state_dict().items() if name != _WORDS}
    _save(path, {"recipe": asdict(recipe), "network": state})


def load_teacher(path: Path) -> Network:
    """Read what `save_teacher` wrote.

    Raises
    ------
    ArtifactError
        If it is no such file, or one of another release.
    OSError
        If it cannot be read.
    """
    try:
        state = torch.load(path, weights_only=True)
        network = Network(Recipe(**state["recipe"]))
        missing, unknown = network.load_state_dict(state["network"], strict=False)
    except (KeyError, TypeError, RuntimeError, pickle.UnpicklingError) as error:
        raise ArtifactError(f"{path} is no teacher that  country-relations teach  wrote ({error})") from None
    if missing != [_WORDS] or unknown:
        raise ArtifactError(f"{path} is a teacher of another release: make it anew with  country-relations teach")
    return network.eval()


def judge(network: Network, sentences: Sequence[LabelledSentence]) -> Scores:
    """Score a network by itself on labelled sentences, without the classifier that goes over an encoder."""
    items = _items(sentences, Tokenizer(pretrained.tokenizer()))
    answers = torch.cat([item.beliefs for item in _taught(network, _cut(items, _READ_AT_ONCE), lambda _: None)])
    right = torch.tensor([label for item in items for label in item.labels]).flatten()
    logits = answers[..., : len(CLASSES)].float().flatten(0, 1)[right != _UNASKED]
    return score([CLASSES[label] for label in right[right != _UNASKED]], logits.softmax(-1).numpy(), list(CLASSES))


def _digest(network: Network) -> str:
    digest = hashlib.sha256()
    for value in network.state_dict().values():
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def _taught(teacher: Network, readings: Sequence[Sequence[_Item]], told: Callable[[int], None]) -> list[_Item]:
    """Give items what a teacher answers."""
    # Its weights are halved once, not anew for every batch.
    reader = copy.deepcopy(teacher).eval()
    if half_precision():
        reader = reader.to(torch.bfloat16)
    found = []
    for done, items in enumerate(readings, 1):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=half_precision()):
            vectors = reader(*_inputs(items))
            logits = torch.cat([reader.label(vectors), reader.event(vectors)], -1).to(torch.float16)
        sizes = [len(item.pairs) for item in items]
        found += [replace(item, beliefs=own) for item, own in zip(items, logits.split(sizes), strict=True)]
        told(done)
    return found


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

    tokenizer = pretrained.tokenizer()
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
