"""The benchmark of geometry runs: every step on few models, and the whole as it is called."""

import re
import subprocess
import sys

import pytest
from planted import plant

from benchmarks import geometry

SLOW = pytest.mark.slow  # compiles for 10 s
STEPS = [
    pytest.param(step, plain, marks=[SLOW] if "UMAP" in step.name else [])
    for step in [*geometry.STEPS, *geometry.LARGE]
    for plain in (False, True)
    if step.plain or not plain
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    plant(folder, 64, 300)
    return folder


@pytest.mark.parametrize(("step", "plain"), STEPS, ids=lambda x: getattr(x, "name", x))
def test_a_step_runs_and_is_measured(step, plain, folder):
    measured = geometry.measure_here(step.name, plain, folder)
    assert measured["seconds"] > 0
    assert measured["cpu_seconds"] > 0
    assert 0.05 < measured["gb"] < 10


@pytest.mark.slow  # two minutes: each step in a process of its own
def test_it_prints_every_step_the_whole_and_the_growth():
    command = [sys.executable, geometry.HERE, "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for step in [*geometry.STEPS, *geometry.LARGE]:
        assert re.search(rf"^\| {re.escape(step.name)} \|( \d+\.\d+ \|){{3}}", done.stdout, re.M)
    assert re.search(r"^all: .*\*\*\d+ s, \d\.\d\d GB\*\* \(limit 180 s, 4 GB\)", done.stdout, re.M)
    assert re.search(r"^- distances, from 64 to 128 models: \d+\.\d × time", done.stdout, re.M)
