"""The record of a dataset: what is counted of its tokens, when it is one stream, and which models fit it."""

import json

import torch

from dlrun.config import assemble, compose
from dlrun.data.base import Schema, Split
from dlrun.describe.record import Description, Part, count_tokens, describe, models
from dlrun.text.vocab import Vocab


def made(inputs: str = "text", **parts: int) -> Description:
    return Description("d", "own", inputs, "lm", {name: Part(count) for name, count in parts.items()})


def test_a_stream_is_one_text_in_each_part() -> None:
    assert made(train=1, val=1).is_stream
    assert not made(train=2, val=1).is_stream and not made("table", train=1).is_stream


def test_tokens_of_each_part_and_those_that_are_unknown() -> None:
    vocab = Vocab(["<unk>", "a", "b"], tokenization="char", unknown="<unk>")
    splits = {
        "train": Split(torch.tensor([1, 2, 1]), offsets=torch.tensor([0, 3])),
        "val": Split(torch.tensor([0, 1]), offsets=torch.tensor([0, 2])),
    }
    found = made(train=1, val=1)
    count_tokens(found, splits, Schema({"vocab_size": 3}, "text", vocab=vocab))
    assert found.parts == {"train": Part(1, 3, 0), "val": Part(1, 2, 1)}
    assert (found.tokens[0].unit, found.tokens[0].frequent) == ("characters", [("a", 2 / 3), ("b", 1 / 3)])


def test_both_languages_of_pairs_are_counted_together() -> None:
    vocab = Vocab(["<pad>", "<bos>", "<eos>", "<unk>", "a"], tokenization="word", unknown="<unk>")
    pairs = Split(torch.tensor([[4, 3, 2]]), torch.tensor([[3, 2]]))
    found = made("pair", train=1)
    count_tokens(found, {"train": pairs}, Schema({"target_len": 2}, "pair", "text", vocab=vocab, target_vocab=vocab))
    assert found.parts["train"] == Part(1, 5, 2) and [each.of for each in found.tokens] == ["source", "target"]


def spec_of(*words: str) -> assemble.RunSpec:
    return assemble.check(compose.Composer(compose.read([*words, "folder=somewhere"])).one().config)


def test_the_home_model_stands_first() -> None:
    spec = spec_of("data=synthetic_linear")
    found = models(spec, "regress", {"in_features", "outputs"})
    assert found[0] == "linear" and "mlp" in found and "lenet" not in found
    assert models(spec, "regress", set()) == []


def test_a_description_is_plain_values() -> None:
    found = describe(spec_of("data=synthetic_linear", "data.n=50"), replaceable=True)
    assert (found.source, found.inputs, found.task) == ("generated", "table", "regress")
    assert {name: part.examples for name, part in found.parts.items()} == {"train": 40, "val": 5, "test": 5}
    assert [each.name for each in found.columns] == ["x1", "x2"] and found.numbers[0].name == "y"
    assert json.loads(json.dumps(found.values()))["models"]["regress"][0] == "linear"


def test_a_function_has_no_parts_and_no_examples() -> None:
    found = describe(spec_of("data=quadratic", "model=point"), replaceable=True)
    assert (found.parts, found.examples, found.twice) == ({}, [], None) and "point" in found.models["minimize"]
