"""No two jobs hold one GPU, unless told; a job that is killed holds none."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
import yaml
from families import build
from tiny import noise
from workflow_runs import copy_project, run, write_sheet

from modelmap import gpus

WORKFLOW = os.path.dirname(os.path.dirname(gpus.__file__))
JOB = """
    import sys
    from pathlib import Path
    from modelmap import gpus
    gpus.DEVICES, gpus.LOCKS = Path(sys.argv[1], "dev"), Path(sys.argv[1], "locks")
    print("has", *gpus.hold(int(sys.argv[2]), jobs_per_gpu=int(sys.argv[3])), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start a job on a machine of `start.n_gpus` GPUs; end all at the end."""
    monkeypatch.delenv(gpus.VISIBLE, raising=False)
    jobs = []

    def start(n=1, jobs_per_gpu=1, visible=None):
        devices = tmp_path / "dev"
        devices.mkdir(exist_ok=True)
        for i in range(start.n_gpus):
            (devices / f"nvidia{i}").touch()
        (devices / "nvidiactl").touch()  # no GPU
        environment = os.environ | {"PYTHONPATH": WORKFLOW}
        environment |= {} if visible is None else {gpus.VISIBLE: visible}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        command = [sys.executable, "-c", textwrap.dedent(JOB), tmp_path, str(n), str(jobs_per_gpu)]
        jobs.append(subprocess.Popen(command, env=environment, **pipes))
        return jobs[-1]

    start.n_gpus = 2
    yield start
    for job in jobs:
        job.kill()
        job.communicate()


def has(job):
    """The GPUs that a job says it holds, once it does; "waiting" if it says that it waits."""
    for line in job.stdout:
        word, *rest = line.split()
        if word in ("has", "waiting"):
            return rest if word == "has" else word
    raise AssertionError("the job ended")


def test_every_job_has_a_gpu_of_its_own(start):
    start.n_gpus = 3
    assert sorted(has(start()) + has(start()) + has(start())) == ["0", "1", "2"]


def test_one_job_more_waits_until_another_is_killed_and_has_its_gpu(start):
    first, second = start(), start()
    (gpu,), (other,) = has(first), has(second)
    third = start()
    assert has(third) == "waiting"
    first.send_signal(signal.SIGKILL)
    assert has(third) == [gpu] != [other]


def test_of_several_gpus_a_job_has_all_or_waits(start):
    start.n_gpus = 3
    first = start(n=2)
    assert has(first) == ["0", "1"]
    second = start(n=2)
    assert has(second) == "waiting"
    assert has(start()) == ["2"]  # nobody holds what he does not use
    first.kill()
    assert has(second) == ["0", "1"]


def test_where_there_are_fewer_a_job_has_all_there_are(start):
    assert has(start(n=8)) == ["0", "1"]


def test_jobs_share_a_gpu_only_if_told_and_then_spread(start):
    jobs = [start(jobs_per_gpu=2) for _ in range(2)]
    assert sorted(gpu for job in jobs for gpu in has(job)) == ["0", "1"]
    jobs = [start(jobs_per_gpu=2) for _ in range(2)]
    assert sorted(gpu for job in jobs for gpu in has(job)) == ["0", "1"]
    assert has(start(jobs_per_gpu=2)) == "waiting"


def test_what_a_scheduler_has_given_is_taken_without_a_lock(start):
    assert has(start(visible="1")) == ["1"]
    assert has(start(visible="1")) == ["1"]
    assert has(start(n=2, visible="GPU-a,GPU-b")) == ["GPU-a", "GPU-b"]


def test_of_more_that_are_visible_each_job_has_its_own(start):
    first, second = (has(start(visible="5,MIG-x/1/0")) for _ in range(2))
    assert sorted(first + second) == ["5", "MIG-x/1/0"]
    assert has(start(visible="5,MIG-x/1/0")) == "waiting"


@pytest.mark.parametrize("visible", [None, "", "-1", "-1,0"])
def test_without_a_gpu_nothing_is_held(start, visible):
    start.n_gpus = 0
    assert has(start(visible=visible)) == []


def test_a_job_on_the_cpu_takes_no_gpu(start):
    assert has(start(n=0)) == ["0", "1"]  # it may see them, and locks none
    assert has(start(n=2)) == ["0", "1"]


@pytest.mark.parametrize("kind", ["a link", "a file"])
def test_a_folder_that_somebody_else_may_have_made_is_not_used(tmp_path, monkeypatch, kind):
    locks, elsewhere = tmp_path / "locks", tmp_path / "elsewhere"
    elsewhere.mkdir()
    locks.symlink_to(elsewhere) if kind == "a link" else locks.touch()
    monkeypatch.setattr(gpus, "LOCKS", locks)
    monkeypatch.setenv(gpus.VISIBLE, "0,1")
    with pytest.raises(gpus.NoLocks, match="no locks on GPUs"):
        gpus.hold(1)
    assert not list(elsewhere.iterdir())


@pytest.mark.slow
def test_snakemake_runs_as_many_jobs_as_there_are_gpus(tmp_path, monkeypatch):
    folder = copy_project(tmp_path)
    build.save("llava", folder / "checkpoint")
    images = folder / "images"
    images.mkdir()
    names = [f"{i}.png" for i in range(4)]
    for i, name in enumerate(names):
        noise(32, 32, seed=i).save(images / name)
    lines = (f'{{"file_name": "{name}", "text": "a {i}"}}' for i, name in enumerate(names))
    (images / "metadata.jsonl").write_text("\n".join(lines))
    models = [f"m{i}" for i in range(3)] + ["large"]
    rows = [{"model": model, "repo": "./checkpoint"} for model in models]
    write_sheet(folder / "models.tsv", [*rows[:-1], rows[-1] | {"gpus": 2}])
    datasets = {"pictures": {"source": "folder", "path": "images"}}
    config = {"models": "models.tsv", "datasets": datasets, "score": {"dtype": "float32"}}
    (folder / "my.yaml").write_text(yaml.safe_dump(config))
    there = [f"{os.getpid()}-{letter}" for letter in "abc"]  # locks are shared by all of the user's
    monkeypatch.setenv(gpus.VISIBLE, ",".join(there))
    target = "results/matrix/pictures.parquet"
    told = run(folder, "--cores", "4", "--configfile", "my.yaml", "--", target)
    assert "gpu=2" in told
    held = {}
    for model in models:
        line = (folder / f"logs/score/pictures/{model}/1-of-1.log").read_text().splitlines()[0]
        assert line.startswith("holding GPU ")  # none had to wait: Snakemake counts
        held[model] = line.split()[2].split(",")
    assert len(held.pop("large")) == 2
    assert {len(gpu) for gpu in held.values()} == {1}
    assert {gpu for found in held.values() for gpu in found} <= {*there}
