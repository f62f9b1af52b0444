"""Inputs of every kind, drawn and damaged, are held to one law (`law.py`).

`python tests/fuzz/long.py --minutes 30` tries as many as that time allows.
"""

import long
import pytest
from kinds import KINDS, SAME, profile, try_out


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.fast])
def test_the_law_holds(name):
    try_out(KINDS[name], profile(KINDS[name].fast, **SAME))


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_the_law_holds_for_longer(name):
    try_out(KINDS[name], profile(KINDS[name].slow, **SAME))


def test_a_kind_that_there_is_not_is_bad_input(capsys):
    with pytest.raises(SystemExit) as stop:
        long.main(["--kind", "chairs"])
    assert stop.value.code == 2
    assert "invalid choice: 'chairs'" in capsys.readouterr().err
