"""`dlrun --help` and each verb's own: what can be typed, as it is now."""

import pytest
from runs import Cli

from dlrun.config import catalogue
from dlrun.verbs import VERBS


def test_it_names_verbs_choices_keys_and_flags(cli: Cli) -> None:
    code, out, err = cli("--help")
    assert (code, err) == (0, "")
    for verb in VERBS:
        assert f"\n  {verb} " in out
    for group in catalogue.GROUPS:
        assert f"  {group}=" in out and all(name in out for name in catalogue.choices(group))
    assert "trainer.epochs" in out and "passes over the training part; null: no such end (now 10)" in out
    for word in ("batch_size", "launcher.workers", "device.precision", "--dry-run", "--json", "-m (--multirun)"):
        assert word in out
    assert "tuned" not in out and "${" not in out


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"train"}))
def test_every_verb_has_a_help_of_its_own(verb: str, cli: Cli, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli(verb, "--help")
    shown = capfd.readouterr().out
    assert ended.value.code == 0 and shown.startswith(f"usage: dlrun {verb} ")
    described = shown.partition("\n\n")[2].partition("\n\n")[0]
    assert described[:1].isupper() and described.rstrip()[-1] in ".…"
