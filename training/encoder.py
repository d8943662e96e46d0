"""The encoder as a PyTorch network: built from pretrained weights, fine-tuned, written as ONNX.

Needs the extra ``context-training``. What it computes is told in `relations.encoder`, which runs the result.
"""

import copy
import hashlib
import math
import pickle
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from relations.artifact import ArtifactError
from relations.classifier import Model
from relations.domain import EVENTS
from relations.encoder import MAX_PIECES, NAMES, Batch, Encoded, Tokenizer, batch_of
from training import pretrained
from training.context import Encoder, Recipe
from training.corpus import LabelledSentence, text_digest
from training.metrics import Scores, score
from training.pretrained import HEADS

CLASSES = ("neutrality", "opposition", "support")
EVENT_TYPES = (None, *sorted(EVENTS))
_READ_AT_ONCE = 2000
"""Word pieces and marks that a teacher reads at once."""
_KEPT = 8000
"""Word pieces that training sentences use most: the files have room for these and the frequent ones."""
_MEASURED = 256
"""Sentences by which inputs are evened out, at most."""
_STILL = 0.25
"""Of the median of what the numbers of an input reach: no number is taken to reach less."""
_WORDS = "words.weight"
_UNASKED = -100
"""Cross entropy passes this label over."""
_COUNTRIES = """france germany russia iran iraq china japan egypt brazil india turkey israel poland spain italy
greece cuba mexico canada chile peru kenya ghana syria jordan""".split()
"""Words that the names start from."""


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


class _Linear(nn.Linear):
    """A linear layer whose input can be evened out for `export`, without a change of what it computes."""

    share: Tensor | None

    def __init__(self, taken: int, given: int) -> None:
        super().__init__(taken, given)
        self.register_buffer("share", None)

    def forward(self, states: Tensor) -> Tensor:
        return super().forward(states if self.share is None else states * self.share)

    def even(self, most: Tensor) -> None:
        """Move what makes some numbers of the input larger than others into the weights, once.

        Single numbers of a state are thirty times as large as the rest; in eight bits, whose range all share,
        nothing would be left for these.

        Parameters
        ----------
        most : Tensor of shape (taken,)
            The largest of each number of the input, whatever its sign.
        """
        # Few sentences may leave a number almost still, which is no reason to enlarge it without bound.
        most = most.clamp(min=float(most.median()) * _STILL + 1e-5)
        self.share = (self.weight.data.abs().amax(0).clamp(min=1e-5) / most).sqrt()
        self.weight.data /= self.share


class _Layer(nn.Module):
    """One layer of BERT, for words and for the marks that read them."""

    def __init__(self, width: int, epsilon: float, dropout: _Dropout) -> None:
        super().__init__()
        self.dropout = dropout
        self.query = _Linear(width, width)
        self.keys = _Linear(width, 2 * width)
        self.gathered = _Linear(width, width)
        self.first_norm = nn.LayerNorm(width, eps=epsilon)
        self.inner = _Linear(width, 4 * width)
        self.outer = _Linear(4 * width, width)
        self.second_norm = nn.LayerNorm(width, eps=epsilon)

    def forward(
        self, words: Tensor, marks: Tensor, sentence: Tensor, among: Tensor, toward: Tensor, *, read: bool
    ) -> tuple[Tensor, Tensor]:
        """Let words and marks read.

        Parameters
        ----------
        words : Tensor of shape (n_sentences, n_pieces, width)
        marks : Tensor of shape (n_pairs, 2, width)
        sentence : Tensor of shape (n_pairs,)
            As of `relations.encoder.Batch`.
        among : Tensor that broadcasts to (n_sentences, n_heads, n_pieces, n_pieces)
            What is added to the attention of words to words.
        toward : Tensor that broadcasts to (n_pairs, n_heads, 2, n_pieces + 2)
            What is added to that of marks to words, and to the two marks of their pair.
        read : bool
            Whether words read, too; otherwise they stay as they are.
        """
        rows, length, width = words.shape
        count, pairs = rows * length, marks.shape[0]

        def heads(flat: Tensor, lots: int) -> Tensor:
            return flat.view(lots, -1, HEADS, width // HEADS).transpose(1, 2)

        states = torch.cat([words.reshape(count, width), marks.reshape(2 * pairs, width)])
        key, value = self.keys(states).chunk(2, -1)
        states = states if read else states[count:]
        query = self.query(states)
        word_key, word_value = heads(key[:count], rows), heads(value[:count], rows)
        mark_key = torch.cat([word_key[sentence], heads(key[count:], pairs)], 2)
        mark_value = torch.cat([word_value[sentence], heads(value[count:], pairs)], 2)
        mixed = _attended(heads(query[count:] if read else query, pairs), mark_key, mark_value, toward)
        if read:
            mixed = torch.cat([_attended(heads(query[:count], rows), word_key, word_value, among), mixed])
        states = self.first_norm(states + self.dropout(self.gathered(mixed)))
        states = self.second_norm(states + self.dropout(self.outer(functional.gelu(self.inner(states)))))
        if read:
            words, states = states[:count].view(rows, length, width), states[count:]
        return words, states.view(pairs, 2, width)


def _attended(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """Attention, of shape (n_rows * n_queries, width).

    The way back through torch's fused attention takes far longer than these plain products on a processor.
    """
    weights = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]) + bias, -1)
    mixed = (weights.to(value.dtype) @ value).transpose(1, 2).contiguous()
    return mixed.view(-1, mixed.shape[-2] * mixed.shape[-1])


class Network(nn.Module):
    """Reads sentences and gives both directions of their pairs a vector.

    Parameters
    ----------
    recipe : Recipe
        ``base``, ``layers``, ``word_layers``, ``hidden``, ``dropout`` and ``seed`` count.

    Attributes
    ----------
    tokenizer : bytes
        The tokenizer.json that its word pieces are numbered by: the pretrained one, until it is `abridged`.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        body = pretrained.read(recipe.base)
        width = body.words.shape[1]
        self.tokenizer = pretrained.tokenizer()
        self.dropout = _Dropout(recipe.dropout, np.random.default_rng(recipe.seed))
        # Some eleven million numbers or more of which a corpus touches few: frozen.
        self.words = nn.Embedding.from_pretrained(body.words.clone(), freeze=True)
        self.positions = nn.Embedding.from_pretrained(body.positions[:MAX_PIECES].clone(), freeze=False)
        self.distances = (
            None if body.distances is None else nn.Embedding.from_pretrained(body.distances.clone(), False)
        )
        self.register_buffer("kinds", pretrained.kinds(MAX_PIECES), persistent=False)
        self.norm = nn.LayerNorm(width, eps=body.epsilon)
        self.norm.load_state_dict(body.norm)
        self.word_layers = recipe.word_layers
        lowest = body.layers[: recipe.layers]
        self.layers = nn.ModuleList(_Layer(width, body.epsilon, self.dropout) for _ in lowest)
        for layer, state in zip(self.layers, lowest, strict=True):
            layer.load_state_dict(state)
        pieces = pretrained.vocabulary()
        known = body.words[[pieces[name] for name in _COUNTRIES]]
        self.names = nn.Embedding.from_pretrained(known.clone(), freeze=False)
        # Of words, and of a pair's first and second mark.
        self.roles = nn.Parameter(torch.cat([torch.zeros(1, width), torch.empty(2, width).normal_(0, 0.02)]))
        self.pair = nn.Linear(4 * width, recipe.hidden)
        self.label = nn.Linear(recipe.hidden, len(CLASSES))
        self.event = nn.Linear(recipe.hidden, len(EVENT_TYPES))

    def forward(self, pieces: Tensor, names: Tensor, sentence: Tensor, marks: Tensor, places: Tensor) -> Tensor:
        """Read a batch, of shapes as in `relations.encoder.Batch`.

        Returns
        -------
        Tensor of shape (n_pairs, 2, hidden)
            For each pair the vector from its first actor to its second, and back.
        """
        columns = torch.arange(pieces.shape[1])
        words = torch.where((names > 0)[..., None], self.names((names - 1).clamp(min=0)), self.words(pieces))
        words = self.dropout(self.norm(words + self.roles[0] + self.positions(columns)))
        read = self.dropout(self.norm(self.names(marks - 1) + self.roles[1:] + self.positions(places)))
        there = pieces > 0
        among = torch.where(there, 0.0, -1e4)[:, None, None]
        toward = torch.cat([among[sentence], torch.zeros(places.shape[0], 1, 1, 2)], -1)
        if self.distances is not None:
            table = self.distances(self.kinds)
            among = among + table[columns[None] - columns[:, None] + MAX_PIECES - 1].permute(2, 0, 1)
            seen = torch.cat([columns.expand(places.shape[0], -1), places], 1)
            toward = toward + table[seen[:, None] - places[..., None] + MAX_PIECES - 1].permute(0, 3, 1, 2)
        for number, layer in enumerate(self.layers):
            words, read = layer(words, read, sentence, among, toward, read=number < self.word_layers)
        count = there.to(torch.float32)[..., None]
        whole = ((words.float() * count).sum(1) / count.sum(1))[sentence]
        first, second = read.float().unbind(1)
        both = torch.stack(
            [
                torch.cat([first, second, first * second, whole], -1),
                torch.cat([second, first, first * second, whole], -1),
            ],
            1,
        )
        return functional.gelu(self.pair(self.dropout(both)))

    def begin_as(self, other: "Network") -> None:
        """Take over what another network has learned: names, positions and its lowest layers, of the same width.

        From a network of another width nothing is taken.
        """
        own = self.state_dict()
        body = ("layers.", "names.", "positions.", "distances.", "norm.", "roles")
        theirs = {
            name: value
            for name, value in other.state_dict().items()
            if name.startswith(body) and name in own and value.shape == own[name].shape
        }
        self.load_state_dict(theirs, strict=False)

    def linear(self) -> list[nn.Linear]:
        """All linear layers of the way to the labels, as they are passed."""
        within = [
            one
            for layer in self.layers
            for one in (layer.keys, layer.query, layer.gathered, layer.inner, layer.outer)
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

    def forward(self, pieces: Tensor, names: Tensor, sentence: Tensor, marks: Tensor, places: Tensor) -> Tensor:
        vectors = self.network(pieces, names, sentence, marks, places)
        return torch.cat([vectors, self.network.label(vectors)], -1)


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
        found = {}
        for name in network.state_dict():
            if f"network.{name}" in kept:
                found[name] = torch.tensor(kept[f"network.{name}"])
            elif f"network.{name}_quantized" in kept:
                found[name] = whole(f"network.{name}")
        network.tokenizer = encoder.tokenizer
        network.words = nn.Embedding.from_pretrained(found["words.weight"], freeze=True)
        names = {module: name for name, module in network.named_modules()}
        products = [node.input[1] for node in graph.node if node.op_type == "MatMulInteger"]
        for module, name in zip(network.linear(), products, strict=True):
            weight, share = whole(name).T, kept.get(f"network.{names[module]}.share")
            found[f"{names[module]}.weight"] = weight if share is None else weight * torch.tensor(share)
        network.load_state_dict(found, strict=False)
        example = _example(encoder.tokenizer)
        with torch.no_grad():
            ours = _Exported(network).eval()(*_tensors(example)).numpy()
        theirs = encoder.features(1).read(example)
    except (KeyError, ValueError, RuntimeError) as error:
        raise ArtifactError(
            f"the encoder cannot be trained further: it is not of this recipe and release ({error})"
        ) from None
    # Rounding moves a vector by some 0.08 of its length, another way of reading by all of it.
    if np.linalg.norm(ours - theirs) > 0.15 * np.linalg.norm(theirs):
        raise ArtifactError(
            "the encoder cannot be trained further: it reads a pair in another way than this release"
        )


def _example(tokenizer: bytes) -> Batch:
    actors = ((0, 1, "a"), (9, 10, "b"), (12, 13, "c"), (18, 19, "d"))
    encoded = Tokenizer(tokenizer).encode("A warned B, C and D.", actors)
    return batch_of([(encoded, [(0, 1), (1, 2)]), (encoded, [(0, 1)])])


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
    """Cut into steps of so many word pieces and marks."""
    steps: list[list[_Item]] = [[]]
    size = 0
    for item in items:
        own = len(item.encoded.pieces) + 2 * len(item.pairs)
        if steps[-1] and size + own > pieces:
            steps.append([])
            size = 0
        steps[-1].append(item)
        size += own
    return steps


def _tensors(batch: Batch) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(getattr(batch, field.name)) for field in fields(batch))


def _inputs(items: Sequence[_Item], chance: random.Random | None = None) -> tuple[Tensor, ...]:
    """Lay items out; by chance each actor has any of the names, so that none comes to mean something."""
    names = None
    if chance is not None:
        drawn = [chance.sample(range(NAMES), NAMES) for _ in items]
        names = [
            [own[number % NAMES] for number in range(len(item.encoded.actors))]
            for own, item in zip(drawn, items, strict=True)
        ]
    return _tensors(batch_of([(item.encoded, item.pairs) for item in items], names))


def _loss(network: Network, items: Sequence[_Item], recipe: Recipe, chance: random.Random) -> Tensor:
    """What is wrong with a network's answers: by the labels, and by a teacher where there is one."""
    with torch.autocast("cpu", torch.bfloat16, enabled=half_precision()):
        label_logits, event_logits = network.logits(network(*_inputs(items, chance)))
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
    new = [one for module in (network.pair, network.label, network.event) for one in module.parameters()]
    groups.append({"params": [*new, network.roles], "lr": 10 * recipe.learning_rate})
    below = [network.positions.weight, network.names.weight, *network.norm.parameters()]
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
        A fine-tuned one whose answers are learned from beside the labels; without ``start`` the
        network begins as its lowest layers if they have the same width.

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
    network = Network(recipe)
    if start is not None:
        restore(network, start)
    elif teacher is not None:
        network.begin_as(teacher)
    tokenizer = Tokenizer(network.tokenizer)
    read = start.fitted_on if start else frozenset()
    new: list[LabelledSentence] = []
    old: list[LabelledSentence] = []
    for sentence in sentences:
        (old if text_digest(sentence.text) in read else new).append(sentence)
    known = _items(old, tokenizer)
    items = _items(new, tokenizer) + known
    whence = [start and hashlib.sha256(start.encoder).hexdigest(), teacher and _digest(teacher)]
    identity = hashlib.sha256(repr((asdict(recipe), items, whence)).encode()).hexdigest()
    readings = _cut(items, _READ_AT_ONCE) if teacher else []
    plan = [step for epoch in range(recipe.epochs) for step in _epoch(items, len(known), recipe, epoch)]
    if teacher is not None:
        if start is not None:
            teacher = abridged(teacher, network.tokenizer)
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
        loss = _loss(network, step, recipe, random.Random(f"{recipe.seed} names {done}"))  # noqa: S311
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
        raise ArtifactError(
            f"{path} is no teacher that  country-relations teach  of this release wrote ({error})"
        ) from None
    if missing != [_WORDS] or unknown:
        raise ArtifactError(f"{path} is a teacher of another release: make it anew with  country-relations teach")
    return network.eval()


def judge(network: Network, sentences: Sequence[LabelledSentence]) -> Scores:
    """Score a network by itself on labelled sentences, without the classifier that goes over an encoder."""
    items = _items(sentences, Tokenizer(network.tokenizer))
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


def abridged(network: Network, tokenizer: bytes) -> Network:
    """Copy a network with the words of a smaller tokenizer, by its numbers.

    Parameters
    ----------
    network : Network
        Has the pretrained tokenizer.
    tokenizer : bytes
        As `training.pretrained.trimmed` makes one.

    Returns
    -------
    Network
    """
    copied = copy.deepcopy(network)
    copied.tokenizer = tokenizer
    copied.words = nn.Embedding.from_pretrained(network.words.weight[pretrained.numbers(tokenizer)], freeze=True)
    return copied


def _trimmed(tokenizer: bytes, sentences: Sequence[LabelledSentence]) -> bytes:
    """A tokenizer with its frequent word pieces and those that some sentences use most."""
    splitter = Tokenizer(tokenizer)
    count: Counter[int] = Counter()
    for one in sentences:
        count.update(splitter.encode(one.text, one.pairs[0].pair.actors).pieces)
    often = sorted(count, key=lambda piece: (-count[piece], piece))
    return pretrained.trimmed(tokenizer, set(often[:_KEPT]))


def _evened(network: Network, sentences: Sequence[LabelledSentence]) -> Network:
    """Copy a network with the inputs of its linear layers evened out, by what they are for some sentences."""
    copied = copy.deepcopy(network).eval()
    most: dict[_Linear, Tensor] = {}

    def note(module: nn.Module, taken: tuple[Tensor], _: object) -> None:
        assert isinstance(module, _Linear)
        seen = taken[0].abs().flatten(0, -2).amax(0)
        most[module] = torch.maximum(most.get(module, seen), seen)

    hooks = [module.register_forward_hook(note) for module in copied.modules() if isinstance(module, _Linear)]
    items = _items(sentences[:: -(-len(sentences) // _MEASURED)], Tokenizer(copied.tokenizer))
    with torch.no_grad():
        for step in _cut(items, _READ_AT_ONCE):
            copied(*_inputs(step))
    for hook in hooks:
        hook.remove()
    for module, seen in most.items():
        module.even(seen)
    return copied


def export(
    network: Network, fast: Model, sentences: Sequence[LabelledSentence], start: Encoder | None = None
) -> Encoder:
    """Write a network as ONNX with weights of 8 bits, and without words that news hardly uses.

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

    if start is None:
        network = abridged(network, _trimmed(network.tokenizer, sentences))
    network = _evened(network, sentences)
    batch = _example(network.tokenizer)
    rows, pairs, length = (torch.export.Dim(name) for name in ("sentences", "pairs", "length"))
    shapes = ({0: rows, 1: length}, {0: rows, 1: length}, {0: pairs}, {0: pairs}, {0: pairs})
    with TemporaryDirectory() as folder:
        whole, small = Path(folder) / "whole.onnx", Path(folder) / "small.onnx"
        torch.onnx.export(
            _Exported(network).eval(),
            _tensors(batch),
            str(whole),
            input_names=[field.name for field in fields(batch)],
            output_names=["vectors"],
            dynamo=True,
            dynamic_shapes=shapes,
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
    return Encoder(content, network.tokenizer, width, fast, read | {text_digest(one.text) for one in sentences})
