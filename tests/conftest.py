"""What all tests share: the application with the shipped model, a client that knows the contract, small labels."""

import gzip
import hashlib
import json
import re
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
import tokenizers
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from werkzeug.exceptions import HTTPException

from relations import artifact
from relations.artifact import Manifest, current_versions
from relations.domain import LABELS
from relations.encoder import MASK, MAX_PIECES, NAMES
from service.app import create_app
from service.config import Settings
from training import comparison, corpus, fit, registry
from training.comparison import Outcome, Prediction

SENTENCES = 150
WHOLE = ("application/json", "application/problem+json")
LARGE = 100_000
"""Bytes of an answer whose fields are not checked: that takes seconds, and smaller ones have them all."""


def closed(value):
    """Return a document whose answers may have no field that it does not tell of; clients must bear new ones."""
    if isinstance(value, list):
        return [closed(one) for one in value]
    if not isinstance(value, dict):
        return value
    told = {key: closed(one) for key, one in value.items()}
    return told | {"additionalProperties": False} if "properties" in told and "type" in told else told


class Contract:
    """Holds answers against the OpenAPI document of their application."""

    def __init__(self, app):
        api = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
        self.document = closed(json.loads(json.dumps(api.spec.to_dict())))
        self.resolver = Registry().resolver_with_root(DRAFT202012.create_resource(self.document))

    def check(self, rule, method, response):
        """Fail unless the document tells of the answer's status, media type and body."""
        operation = self.document["paths"].get(rule, {}).get("get" if method == "HEAD" else method.lower())
        if operation is None:
            return
        place = f"{method} {rule} {response.status_code}"
        assert str(response.status_code) in operation["responses"], f"{place} is not in the document"
        told = operation["responses"][str(response.status_code)]
        if "$ref" in told:
            told = self.resolver.lookup(told["$ref"]).contents
        if "content" not in told:
            return
        assert response.mimetype in told["content"], f"{place}: {response.mimetype} is not in the document"
        if method == "HEAD" or response.mimetype not in WHOLE or len(response.data) > LARGE:
            return
        data = gzip.decompress(response.data) if response.content_encoding == "gzip" else response.data
        schema = told["content"][response.mimetype]["schema"]
        # The document around it, for its references.
        Draft202012Validator(self.document | schema).validate(json.loads(data))


contract = cache(Contract)


class ContractClient(FlaskClient):
    """A client that checks each answer which it passes on."""

    def open(self, *args, **kwargs):
        """Send a request."""
        response = super().open(*args, **kwargs)
        try:
            rule, _ = self.application.url_map.bind_to_environ(response.request.environ).match(return_rule=True)
        except HTTPException:
            return response
        contract(self.application).check(rule.rule, response.request.method, response)
        return response


@pytest.fixture(scope="session", autouse=True)
def _contract_clients():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "test_client_class", ContractClient)
        yield


@pytest.fixture(scope="session")
def app() -> Flask:
    """Build the service as it ships; once, since the model takes its time to load."""
    return create_app(Settings())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Speak to the service without a server."""
    return app.test_client()


@pytest.fixture(scope="session")
def small_labels(tmp_path_factory) -> Path:
    """Take every so-maniest row of the corpus and lexicon that ship, and the whole gazetteer; read only."""
    folder = tmp_path_factory.mktemp("small") / "labels"
    shutil.copytree(corpus.DEFAULT_FOLDER, folder, ignore=shutil.ignore_patterns("corpus", "lexicon.tsv"))
    rows = [line for path in corpus.files(corpus.DEFAULT_FOLDER) for line in path.read_bytes().splitlines()]
    (folder / "corpus").mkdir()
    (folder / "corpus" / "part.jsonl").write_bytes(b"\n".join(rows[:: len(rows) // SENTENCES][:SENTENCES]) + b"\n")
    header, *entries = (corpus.DEFAULT_FOLDER / "lexicon.tsv").read_text(encoding="utf-8").splitlines()
    (folder / "lexicon.tsv").write_text("\n".join([header, *entries[::25]]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tiny_encoder(small_labels) -> tuple[bytes, bytes, int]:
    """Write an encoder that was fitted to nothing: its ONNX file, its tokenizer.json and the width of its vectors.

    A word's state is its embedding or its actor's name and, next to nothing, its place. The marks of source and
    target and the mean of the words go through one random layer.
    """
    chance, inner, width = np.random.default_rng(0), 16, 12
    rows = (small_labels / "corpus" / "part.jsonl").read_text(encoding="utf-8").splitlines()
    texts = " ".join(json.loads(row)["text"] for row in rows)
    words = ["[PAD]", "[UNK]", MASK, *sorted(set(re.findall(r"\w+|[^\w\s]", texts.lower())))]
    splitter = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]")
    )
    splitter.normalizer = tokenizers.normalizers.Lowercase()
    splitter.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    numbers = {
        "word_table": chance.normal(size=(len(words), inner)),
        "name_table": chance.normal(size=(1 + NAMES, inner)),
        "place_table": chance.normal(0, 0.1, size=(MAX_PIECES, inner)),
        "layer": chance.normal(0, 0.2, size=(3 * inner, width)),
    }
    model = onnx.parser.parse_model(f"""
        <ir_version: 10, opset_import: ["" : 21]>
        encoder (int64[s, l] pieces, int64[s, l] names, int64[p] sentence, int64[p, 2] marks, int64[p, 2] places)
            => (float[p, 2, {width}] vectors)
        <int64 zero = {{0}}, int64[1] axis = {{1}}, int64[1] last = {{2}}, int64[1] first_axis = {{0}}>
        {{
            embedded = Gather(word_table, pieces)
            called = Gather(name_table, names)
            is_named = Greater(names, zero)
            where_named = Unsqueeze(is_named, last)
            seen = Where(where_named, called, embedded)
            shape = Shape(pieces)
            length = Slice(shape, axis, last)
            column = Slice(place_table, first_axis, length)
            states = Add(seen, column)
            is_word = Greater(pieces, zero)
            word = Cast<to = 1>(is_word)
            count = ReduceSum<keepdims = 1>(word, axis)
            weight = Unsqueeze(word, last)
            weighted = Mul(states, weight)
            sum = ReduceSum<keepdims = 0>(weighted, axis)
            means = Div(sum, count)
            whole = Gather(means, sentence)
            mark_name = Gather(name_table, marks)
            mark_place = Gather(place_table, places)
            mark = Add(mark_name, mark_place)
            first, second = Split<axis = 1, num_outputs = 2>(mark)
            first_mark = Squeeze(first, axis)
            second_mark = Squeeze(second, axis)
            there = Concat<axis = 1>(first_mark, second_mark, whole)
            back = Concat<axis = 1>(second_mark, first_mark, whole)
            there_row = Unsqueeze(there, axis)
            back_row = Unsqueeze(back, axis)
            both = Concat<axis = 1>(there_row, back_row)
            layered = MatMul(both, layer)
            vectors = Tanh(layered)
        }}
    """)
    model.graph.initializer.extend(
        onnx.numpy_helper.from_array(values.astype(np.float32), name) for name, values in numbers.items()
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(), splitter.to_str().encode(), width


@pytest.fixture
def labels(small_labels, tmp_path) -> Path:
    """Copy the small labels folder, to be changed."""
    return Path(shutil.copytree(small_labels, tmp_path / "labels"))


@pytest.fixture(scope="session")
def _two_versions(small_labels, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("versions") / "root"
    for version, strength in (("first", 1.0), ("second", 2.0)):
        fit.train(small_labels, root, fit.Parameters(C=strength), lambda _: None, version)
    return root


@pytest.fixture
def two_versions(_two_versions, tmp_path) -> Path:
    """Copy a folder with two small models, to be changed: `first`, which is served, and `second`."""
    return Path(shutil.copytree(_two_versions, tmp_path / "versions"))


@pytest.fixture(scope="session")
def publish():
    """Publish versions that hold no real model, with judgements as asked: a letter a pair or case, x is wrong."""

    def write(root, name, right="....", passed="..", tiers=("fast",), **changes):
        content = name.encode()
        predicted = [
            Prediction(f"{k:016x}", "FRA", "IRN", "support", [0.1, 0.8, 0.1] if one == "x" else [0.1, 0.1, 0.8])
            for k, one in enumerate(right)
        ]
        behaved = [Outcome("made_up", f"Case {k}.", "FRA>IRN support", one != "x") for k, one in enumerate(passed)]

        def build(folder):
            for tier in tiers:
                manifest = Manifest(
                    name="test",
                    version=name,
                    tier=tier,
                    sha256=hashlib.sha256(content).hexdigest(),
                    labels_sha256="0" * 64,
                    classes=list(LABELS),
                    metrics={"held_out": {"pairs": len(right), "accuracy": 0.5, "macro_f1": 0.25, "kappa": 0.1}},
                    versions=current_versions(),
                    trained_at="2024-01-01T00:00:00+00:00",
                )
                artifact.save(folder / tier, content, replace(manifest, **changes))
                comparison.save(folder / tier, predicted, behaved)

        registry.publish(root, name, build)

    return write
