"""A saved command, once more: choices and values of keys are believed, the rest is typed again."""

import json
from collections.abc import Callable

import pytest

from dlrun.errors import UserError
from dlrun.sweep import again
from dlrun.sweep.folder import Job, SweepDir

Ended = Callable[..., tuple[SweepDir, list[Job]]]


def saved(sweep: SweepDir, command: list[str]) -> SweepDir:
    path = sweep.path / "sweep.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"command": command}))
    return sweep


def test_of_a_saved_command_choices_and_values_are_believed_alone(ended: Ended) -> None:
    """The rest could run code, or read files from elsewhere: it comes from what is typed now."""
    sweep = saved(
        ended({})[0],
        [
            *("model=rnn,lstm", "++model.hidden=8", "~tuned", "optim.lr=0.1,0.01", "hydra/sweeper=optuna"),
            *("hydra.sweeper.trials=3", "hydra/launcher=ray", "task.steps=3,5", "folder=a b"),
            *("hydra/launcher=joblib", "hydra.run.dir=x", "optim@hydra.callbacks.x=sgd", "experiment=../../evil"),
            *(
                "hydra.searchpath=[file://evil]",
                "hydra.sweeper._target_=os.system",
                "--experimental-rerun",
                "x y",
                "no",
            ),
        ],
    )
    assert again.command_of(sweep, [], None) == [
        *("model=rnn,lstm", "++model.hidden=8", "~tuned", "optim.lr=0.1,0.01", "hydra/sweeper=optuna"),
        *("hydra.sweeper.trials=3", "hydra/launcher=ray", "task.seq_len=3,5", "folder=a b"),
    ]


@pytest.mark.parametrize("words", [["--config-dir", "conf"], ["--config-dir=conf"], ["-cd", "conf"]])
def test_code_and_configs_of_ones_own_are_said_again(words: list[str], ended: Ended) -> None:
    sweep = saved(ended({})[0], ["trusted=[mine,yours]", "model=mine", *words])
    with pytest.raises(UserError, match="If they are yours: --trust mine --trust yours --config-dir conf$"):
        again.command_of(sweep, ["mine", "yours"], None)
    with pytest.raises(UserError, match="If it is yours: --trust yours$"):
        again.command_of(sweep, ["mine"], "here")
    typed = ["model=mine", "trusted=[mine,yours]", "--config-dir", "here"]
    assert again.command_of(sweep, ["mine", "yours"], "here") == typed


def test_more_jobs_take_the_place_of_a_keys_values() -> None:
    command = ["model=lstm", "optim.lr=0.1,0.01"]
    assert again.extended(command, ["optim.lr=0.3", "seed=1,2"]) == ["model=lstm", "optim.lr=0.3", "seed=1,2"]
    for wrong in ("optim.lr", "hydra.sweeper.trials=5", "+trusted=[mine]"):
        with pytest.raises(UserError, match=f"--extend {wrong.replace('+', '.').replace('[', '.')}"):
            again.extended(command, [wrong])
