"""Hydra's errors in our words: which key or choice there is not, and which was meant."""

import pytest

from dlrun.config import complaints

KNOWN: dict[str, object] = {
    "seed": 0,
    "optim": {"_target_": "torch.optim.SGD", "lr": 0.1, "weight_decay": 0.0},
    "model": {"_target_": "dlrun.model.linear.Linear"},
    "choices": {"model": "linear"},
}


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("optim.lrr", "optim has no key lrr. Did you mean lr? Possible: lr, weight_decay."),
        ("sed", "There is no key sed. Did you mean seed? Possible: model, optim, seed."),
        ("opitm.lr", "There is no key opitm.lr: there is no opitm. Did you mean optim? Possible: model, optim, seed."),
        ("seed.first", "There is no key seed.first: seed is one value. Type seed=…"),
        ("optim.lr.first", "There is no key optim.lr.first: optim.lr is one value. Type optim.lr=…"),
        ("optim", "optim is a group of keys. Type one of them: optim._target_, optim.lr, optim.weight_decay"),
        ("task.steps", "task.steps is now task.seq_len. Type task.seq_len=…"),
        ("model.weight", "model has no key weight. It has none."),
        ("epochs", "There is no key epochs. Type trainer.epochs=…"),  # of another place
    ],
)
def test_an_unknown_key(key: str, said: str) -> None:
    assert complaints.unknown_key(key, KNOWN) == said


@pytest.mark.parametrize(
    ("missing", "options", "said"),
    [
        ("model/lsmt", ["lstm", "_shared"], "There is no model lsmt. Did you mean lstm? Possible: lstm."),
        ("mine/deep/x", ["y"], "There is no mine/deep x. Possible: y."),
        ("model/translator", [], "model=translator is now model=transformer. Type model=transformer"),
        ("config", [], ""),
    ],
)
def test_a_choice_that_is_not_there(missing: str, options: list[str], said: str) -> None:
    assert complaints.missing_config(missing, options) == said


def test_what_hydra_says_of_a_value() -> None:
    def known() -> dict[str, object]:
        return KNOWN

    wrong = Exception("Could not append to config. An item is already at 'optim.lr'.")
    assert complaints.composition(wrong, known) == "optim.lr exists already; type optim.lr=… without the +."
    missing = Exception("Could not override 'optim.lrr'.\nTo append to your config use +optim.lrr=1")
    assert complaints.composition(missing, known) == complaints.unknown_key("optim.lrr", KNOWN)
    other = Exception(
        "Value 'x' is no number\nSet the environment variable HYDRA_FULL_ERROR=1\n    full_key: optim.lr\n"
    )
    assert complaints.composition(other, known) == "optim.lr: Value 'x' is no number"
