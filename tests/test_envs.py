"""The same pins for pip and for conda, and what is pinned is what runs."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

ENVS = Path(__file__).parents[1] / "envs"
LINES = (ENVS / "requirements.txt").read_text().splitlines()
PINS = [line for line in LINES if line and not line.startswith("#")]


CONDA = yaml.safe_load((ENVS / "modelmap.yaml").read_text())
RULES = ENVS.parent / "workflow/rules"


def test_conda_users_get_the_same_pins():
    assert CONDA["dependencies"][-1]["pip"] == PINS


def test_conda_knows_every_key():
    """Another key is an error or ignored, and pip must itself be asked for."""
    assert CONDA.keys() <= {"name", "channels", "dependencies", "variables"}
    assert all(isinstance(channel, str) for channel in CONDA["channels"])
    *packages, pip = CONDA["dependencies"]
    assert packages == ["python=3.11", "pip"]
    assert pip.keys() == {"pip"}


@pytest.mark.parametrize("path", sorted(RULES.glob("*.smk")), ids=lambda path: path.stem)
def test_every_job_with_a_script_has_the_environment(path):
    """Also those that `snakemake --lint` cannot see: rules that a config leaves out."""
    rules = re.split(r"^ *rule \w+:", path.read_text(), flags=re.M)[1:]
    for rule in rules:
        if "script:" in rule:
            assert re.search(r'conda:\n +"\.\./\.\./envs/modelmap\.yaml"', rule), rule


@pytest.mark.parametrize("pin", PINS)
def test_the_pinned_version_is_installed(pin):
    name, expected = pin.split("==")
    assert version(name).split("+")[0] == expected
