"""The benchmark of geometry runs: every step on few models, and the whole as it is called."""

import re
import sys

import pytest
from planted import plant

from benchmarks import geometry

pytestmark = pytest.mark.slow

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


def test_a_step_is_measured_in_a_process_of_its_own(folder):
    measured = geometry.measure("center", folder)
    assert measured.keys() == {"seconds", "cpu_seconds", "gb"}


@pytest.mark.slow  # UMAP is compiled
def test_it_prints_every_step_the_whole_and_the_growth(monkeypatch, capsys):
    def here(name, folder, *, plain=False):
        return geometry.measure_here(name, plain, folder)

    monkeypatch.setattr(geometry, "measure", here)  # not each in a process of its own: 2 minutes
    monkeypatch.setattr(sys, "argv", ["geometry.py", "--quick"])
    geometry.main()
    printed = capsys.readouterr().out
    for step in [*geometry.STEPS, *geometry.LARGE]:
        assert re.search(rf"^\| {re.escape(step.name)} \|( \d+\.\d+ \|){{3}}", printed, re.M)
    assert re.search(r"^all: .*\*\*\d+ s, \d\.\d\d GB\*\* \(limit 180 s, 4 GB\)", printed, re.M)
    assert re.search(r"^- distances, from 64 to 128 models: \d+\.\d × time", printed, re.M)
