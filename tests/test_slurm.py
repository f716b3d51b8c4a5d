"""The workflow on a real SLURM cluster of one node, where everything goes wrong that can."""

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
import slurm_cluster
import yaml
from tiny import noise
from workflow_runs import ROOT, planned, run, write_sheet

from modelmap import tables

MODELS = ("gemma3", "llava", "smolvlm")
MATRIX, DISTANCES = "results/matrix/photos.parquet", "results/map/photos/distances.parquet"
ENOUGH = 3  # finished batches of a job before it is disturbed
LIMIT = 420  # seconds until all of it must have happened, on a busy machine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(slurm_cluster.why_not()), reason=str(slurm_cluster.why_not())),
]


def write_project(folder, checkpoints):
    """Photographs, checkpoints with random weights, their sheet and a config."""
    r, words = random.Random(0), ["a", "red", "circle", "and", "two", "blue", "squares"]
    (folder / "photos").mkdir(parents=True)
    lines = []
    for i in range(400):
        noise(8 * r.randint(1, 5), 8 * r.randint(1, 5), seed=i).save(folder / f"photos/{i}.png")
        text = " ".join(r.choices(words, k=r.randint(1, 12)))
        lines.append(json.dumps({"file_name": f"{i}.png", "text": text}) + "\n")
    (folder / "photos/metadata.jsonl").write_text("".join(lines))
    for model in MODELS:
        shutil.copytree(checkpoints / model, folder / "checkpoints" / model)
    write_models(folder)
    photos = {"source": "folder", "path": "photos", "variants": ["given", "none"]}
    config = {"models": "models.tsv", "datasets": {"photos": photos}}
    config |= {"score": {"batch_tokens": 120}, "map": {"n_bootstrap": 20}}
    (folder / "my.yaml").write_text(yaml.safe_dump(config))


def write_models(folder, **columns):
    """The sheet; `columns`: model -> what else stands in its row."""
    rows = [{"model": m, "repo": f"./checkpoints/{m}"} | columns.get(m, {}) for m in MODELS]
    write_sheet(folder / "models.tsv", rows)


def local(folder, *arguments, function=run):
    options = ("--configfile", "my.yaml", *arguments)
    return function(folder, *options, snakefile=ROOT / "Snakefile")


class Controller:
    """Snakemake with profiles/slurm, in the background."""

    def __init__(self, cluster, folder):
        self.cluster, self.folder = cluster, folder
        self.before = {job["id"] for job in cluster.jobs()}
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--workflow-profile", "slurm", "--configfile", "my.yaml"]
        # as on the local machine, for the same bits; and polled often, for speed
        command += ["--set-threads", "score=1", "--slurm-init-seconds-before-status-checks", "3"]
        self.log = folder / "controller.log"
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                [*command, "--", MATRIX],
                cwd=folder,
                env=cluster.environment,
                stdout=out,
                stderr=out,
            )

    def do(self, *steps):
        """Go through generators side by side: each yields while it waits for something."""
        end = time.monotonic() + LIMIT
        while steps:
            self._expect(time.monotonic() < end and self.process.poll() is None)
            self.now = self.jobs()
            steps = [step for step in steps if next(step, "done") != "done"]
            time.sleep(0.25)

    def wait(self):
        """Wait until it ends well."""
        end = time.monotonic() + LIMIT
        while self.process.poll() is None:
            self._expect(time.monotonic() < end)
            time.sleep(0.1)
        self._expect(self.process.returncode == 0)

    def _expect(self, fine):
        if not fine:
            self.process.kill()
            pytest.fail(self.log.read_text())

    def jobs(self, model=None):
        """The jobs it has submitted (that score a model), first to last."""
        jobs = [job for job in self.cluster.jobs() if job["id"] not in self.before]
        return [job for job in jobs if model in (None, score_of(job))]

    def state(self, model, attempt):
        """The state of an attempt, while `do` goes on; None of one to come."""
        jobs = [job for job in self.now if score_of(job) == model][attempt - 1 :]
        return jobs[0]["state"] if jobs else None

    def scoring(self, model, attempt):
        """Wait until an attempt has finished batches of its own; return its job."""
        before = n_parts(self.folder, model)
        while n_parts(self.folder, model) < before + ENOUGH:
            yield
        while self.state(model, attempt) != "RUNNING":
            yield
        return self.jobs(model)[-1]["id"]

    def ended(self, model, attempt):
        """Wait until an attempt has ended."""
        while self.state(model, attempt) in (None, "PENDING", "RUNNING", "COMPLETING"):
            yield


def score_of(job):
    """The model that a job scores; None of another job."""
    before, _, model = job["what"].removesuffix("_1-of-1").partition("_photos_")
    return model if before == "rule_score_wildcards" else None


def n_parts(folder, model):
    """How many batches of a model are finished and kept."""
    return len(list(folder.glob(f"results/scores/photos/{model}/1-of-1.parts/*/*.json")))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with slurm_cluster.Cluster(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def folder(tmp_path_factory, checkpoints):
    """A project that has its samples, and knows its models."""
    folder = tmp_path_factory.mktemp("projects") / "disturbed"
    write_project(folder, checkpoints)
    models = [f"resources/models/{model}.json" for model in MODELS]
    local(folder, "--", "resources/samples/photos.parquet", *models)
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder):
    """The same, on this machine without SLURM, meanwhile: gives its folder when it has ended."""
    other = shutil.copytree(folder, folder.with_name("undisturbed"))
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(local, other, "--", DISTANCES)
        yield lambda: done.result() and other


@pytest.fixture(scope="module")
def killed(cluster, folder, undisturbed):
    """Kill a controller while two of its jobs run and one waits: jobs left, batches finished."""
    controller = Controller(cluster, folder)

    def kill():
        states = []
        while states != ["PENDING", "RUNNING", "RUNNING"]:
            yield
            states = sorted(job["state"] for job in controller.now)
        while max(n_parts(folder, model) for model in MODELS) < ENOUGH:
            yield
        for job in controller.jobs():
            if job["state"] == "RUNNING":
                cluster.signal_tasks(job["id"], signal.SIGSTOP)  # it would end before it is told to
        controller.process.kill()

    controller.do(kill())
    assert controller.process.wait() == -signal.SIGKILL
    return [job["id"] for job in controller.jobs()], n_parts(folder, "gemma3")


@pytest.fixture(scope="module")
def disturbed(cluster, folder, killed):
    """Run again, and disturb all that score: the controller, and what each had finished last."""
    write_models(folder, llava={"mem_mb": 500}, smolvlm={"runtime": 7})
    controller, kept = Controller(cluster, folder), {}

    def without_memory_then_without_the_model():
        yield from controller.ended("llava", attempt=1)
        checkpoint = (folder / "checkpoints/llava").rename(folder / "on another node")
        yield from controller.ended("llava", attempt=2)
        checkpoint.rename(folder / "checkpoints/llava")

    def requeued():
        job = yield from controller.scoring("gemma3", attempt=1)
        cluster.call("scontrol", "requeue", job)
        while controller.state("gemma3", attempt=1) != "PENDING":
            yield
        kept["gemma3"] = n_parts(folder, "gemma3")

    def cancelled_then_hung():
        job = yield from controller.scoring("smolvlm", attempt=1)
        cluster.call("scancel", job)
        yield from controller.ended("smolvlm", attempt=1)
        job = yield from controller.scoring("smolvlm", attempt=2)
        cluster.signal_tasks(job, signal.SIGSTOP)
        cluster.call("scontrol", "update", f"JobId={job}", "EndTime=now+1")
        yield from controller.ended("smolvlm", attempt=2)
        kept["smolvlm"] = n_parts(folder, "smolvlm")

    controller.do(without_memory_then_without_the_model(), requeued(), cancelled_then_hung())
    controller.wait()
    return controller, kept


def test_jobs_that_a_killed_controller_left_are_cancelled_before_others_do_them(
    cluster, killed, disturbed
):
    left, _ = killed
    controller, _ = disturbed
    assert (
        f"Cancelled 3 jobs of a run that was killed: {' '.join(left)}" in controller.log.read_text()
    )
    states = {job["id"]: job["state"] for job in cluster.jobs()}
    assert {states[job] for job in left} == {"CANCELLED"}


def test_every_job_but_local_ones_goes_through_sbatch_with_its_gpu(cluster, disturbed):
    controller, _ = disturbed
    jobs = controller.jobs()
    assert {job["what"] for job in jobs if not score_of(job)} == {"rule_gather_wildcards_photos"}
    assert {score_of(job) for job in jobs} == {*MODELS, None}
    gpus = {bool(score_of(job)): job["gpus"] for job in jobs}
    assert gpus == {True: "gres:gpu:1", False: "N/A"}


def test_no_two_jobs_hold_one_gpu_or_do_one_thing_at_a_time(cluster, disturbed):
    """Both GPUs were in use at once."""
    what = {job["id"]: score_of(job) for job in cluster.jobs()}
    held, most = [], 0
    for event, job, gpu in cluster.tasks():
        if event == "end":
            held.remove((job, gpu))
            continue
        assert (gpu in ("0", "1")) == bool(what[job]), (job, gpu)
        others = [(other, theirs) for other, theirs in held if other != job]
        assert gpu not in [theirs for _, theirs in others if theirs in ("0", "1")]
        assert what[job] is None or what[job] not in [what[other] for other, _ in others]
        held.append((job, gpu))
        most = max(most, len({gpu for _, gpu in held} & {"0", "1"}))
    assert most == 2


def test_a_job_that_failed_is_tried_again_and_asks_for_more(disturbed):
    controller, _ = disturbed
    jobs = controller.jobs("llava")
    assert [job["memory"] for job in jobs] == ["500M", "1000M", "1500M"]
    assert [job["state"] for job in jobs][1:] == ["FAILED", "COMPLETED"]
    assert jobs[0]["state"] in ("FAILED", "OUT_OF_MEMORY")
    slurm_log = f"logs/slurm/rule_score/photos_llava_1-of-1/{jobs[0]['id']}.log"
    assert "exceeded memory limit" in (controller.folder / slurm_log).read_text()


def test_a_node_without_the_model_fails_the_job_and_says_so(disturbed):
    controller, _ = disturbed
    assert re.search(r"Error: checkpoints/llava/\S+ is not on", controller.log.read_text())


def test_a_job_that_was_cancelled_and_one_out_of_time_finish_in_their_next_attempts(disturbed):
    controller, _ = disturbed
    jobs = controller.jobs("smolvlm")
    assert [job["state"] for job in jobs] == ["CANCELLED", "TIMEOUT", "COMPLETED"]
    assert (jobs[0]["minutes"], jobs[2]["minutes"]) == ("7:00", "21:00")


def test_a_job_that_was_requeued_finishes_as_the_same_job(disturbed):
    controller, _ = disturbed
    (job,) = controller.jobs("gemma3")
    assert (job["state"], job["restarts"]) == ("COMPLETED", "1")


def test_what_is_finished_is_not_scored_twice(folder, killed, disturbed):
    _, when_killed = killed
    _, kept = disturbed
    assert kept["gemma3"] >= when_killed + ENOUGH
    assert kept["smolvlm"] >= 2 * ENOUGH
    for model, n in kept.items():
        facts = tables.provenance(folder / f"results/scores/photos/{model}/1-of-1.parquet")
        assert facts["n_resumed"] == n < facts["n_batches"]
    assert not any(n_parts(folder, model) for model in MODELS)


def test_the_map_is_that_of_a_run_without_slurm_to_the_last_bit(folder, disturbed, undisturbed):
    other = undisturbed()
    for name in (MATRIX, "results/matrix/photos.models.parquet"):
        assert pl.read_parquet(folder / name).equals(pl.read_parquet(other / name)), name
    todo = ("--", DISTANCES)
    assert local(folder, *todo, function=planned) == {"center": 1, "measure_distances": 1}
    local(folder, *todo)
    assert pl.read_parquet(folder / DISTANCES).equals(pl.read_parquet(other / DISTANCES))
