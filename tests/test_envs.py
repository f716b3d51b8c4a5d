"""The same pins for pip and for conda, and what is pinned is what runs."""

from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

ENVS = Path(__file__).parents[1] / "envs"
LINES = (ENVS / "requirements.txt").read_text().splitlines()
PINS = [line for line in LINES if line and not line.startswith("#")]


def test_conda_users_get_the_same_pins():
    environment = yaml.safe_load((ENVS / "modelmap.yaml").read_text())
    assert environment["dependencies"][-1]["pip"] == PINS


@pytest.mark.parametrize("pin", PINS)
def test_the_pinned_version_is_installed(pin):
    name, expected = pin.split("==")
    assert version(name).split("+")[0] == expected
