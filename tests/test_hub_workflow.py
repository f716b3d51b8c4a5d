"""A map of models on a hub: what is fetched when, what fails, what is asked for again."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hub_project import PHOTOS, HubProject
from local_hub import LocalHub
from workflow_runs import ROOT

from modelmap import tables
from modelmap.models.torchvision import make_importable

make_importable()  # before transformers looks for it

from modelmap.zoo import training  # noqa: E402

pytestmark = pytest.mark.slow

SHEET = [
    {"model": "llava", "repo": "org/llava"},
    {"model": "gemma3", "repo": "org/older-name", "revision": "v1"},
    {"model": "qwen2_vl", "repo": "org/qwen2_vl"},  # its download is interrupted
    {"model": "smolvlm", "repo": "org/smolvlm"},  # gated
    {"model": "llama", "repo": "org/llama"},
    {"model": "late", "repo": "org/late"},  # not there yet
]
TOKEN, CLOSED = "hf_theToken", "hf_tokenThatOpensNothing"
STATUS, WEIGHTS = "results/status.tsv", "model.safetensors"
COORDINATES = "results/map/photos/coordinates.parquet"
BY_THE_HUB = {"retrieve", "fetch", "score"}


@pytest.fixture(scope="module")
def late(tmp_path_factory):
    folder = tmp_path_factory.mktemp("late")
    training.save(training.build("llava", ["a red circle"] * 20, 40, seed=9), folder)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory, checkpoints):
    folder = tmp_path_factory.mktemp("project")
    llama = training.build("llama", ["a red circle"] * 20, 40, seed=5)
    training.save(llama, folder / "llama")
    with LocalHub() as hub, pytest.MonkeyPatch.context() as patch:
        for name, value in hub.environment(folder / "home").items():
            patch.setenv(name, value)
        for name in ("llava", "qwen2_vl"):
            hub.add(f"org/{name}", checkpoints / name)
        hub.add("org/older-name", checkpoints / "gemma3").push(checkpoints / "gemma3", "v1")
        hub.rename("org/older-name", "org/gemma3")
        hub.add("org/smolvlm", checkpoints / "smolvlm", access="gated", token=TOKEN)
        hub.add("org/llama", folder / "llama")
        yield HubProject(folder, hub)


@pytest.fixture(scope="module")
def finished(project):
    """(the first run, its requests): on_missing is error."""
    Path(project.folder, "home").mkdir()
    Path(project.folder, "home", "token").write_text(CLOSED)
    commit = project.hub.repos["models", "org/qwen2_vl"].refs["main"]
    project.hub.interrupt(f"{commit}/{WEIGHTS}", after=100_000)
    project.configure(SHEET, on_missing="error")
    done, requests = project.snakemake(), project.hub.requests.copy()
    project.run("snakemake_report")
    return done, requests


@pytest.fixture(scope="module")
def scored(project, finished, late):
    """(the plan of a plain rerun once both are to be had, that of retry); retry has run."""
    project.configure(SHEET)
    Path(project.folder, "home", "token").write_text(TOKEN)
    project.hub.add("org/late", late)
    plans = project.plan(STATUS), project.plan("retry")
    project.run("retry", "--until", "status", "center")
    return plans


@pytest.fixture
def changed(project, scored):
    """Tell which score files were written since the test began."""
    before = project.scores()
    return lambda: {
        file for file, written in project.scores().items() if before.get(file) != written
    }


def on_the_map(project):
    return tables.read(project.folder / COORDINATES, tables.COORDINATES)["model"].to_list()


def cached_weights(project):
    return [file for file in (project.folder / "home/hub").rglob(WEIGHTS) if file.exists()]


def test_the_others_are_on_the_map_and_two_rows_say_why_not(project, finished):
    status = project.status()
    assert {model: said for model, (said, _) in status.items()} == {
        "gemma3": "ok",
        "late": "missing",
        "llama": "not applicable",
        "llava": "ok",
        "qwen2_vl": "ok",
        "smolvlm": "gated",
    }
    assert "org/late is not on the hub" in status["late"][1]
    assert "accept the terms at https://huggingface.co/org/smolvlm" in status["smolvlm"][1]
    assert status["gemma3"][1] == "renamed on the hub to org/gemma3"
    assert on_the_map(project) == ["gemma3", "llava", "qwen2_vl"]
    assert (project.folder / "results/map/photos/map.html").exists()


def test_an_interrupted_download_is_taken_up_again(project, finished, checkpoints):
    path = f"org/qwen2_vl/resolve/{project.found('qwen2_vl')['commit']}/{WEIGHTS}"
    sent = [r.n_bytes for r in finished[1] if r.method == "GET" and r.path.endswith(path)]
    n_bytes = (checkpoints / "qwen2_vl" / WEIGHTS).stat().st_size
    assert sent == [100_000, n_bytes]  # it goes on in steps of 10 MB


def test_on_missing_error_says_which_and_makes_all_else(project, finished):
    done, _ = finished
    assert done.returncode != 0
    for model, (said, reason) in project.status().items():
        assert (f"{model} on photos: {said}: {reason}" in done.stdout) == (
            said in ("missing", "gated")
        )
    project.configure(SHEET)
    assert project.plan().keys() <= {"draw_report"}


def test_a_second_run_plans_nothing_and_asks_nothing(project, finished):
    project.configure(SHEET, on_missing="error")
    assert project.plan().keys() <= {"complete"}
    project.configure(SHEET)
    project.run(STATUS)
    assert project.hub.requests == []


def test_what_a_model_is_made_of_is_on_record(project, finished, checkpoints):
    found, files = project.found("llava"), list((checkpoints / "llava").iterdir())
    assert found["commit"] == project.hub.repos["models", "org/llava"].refs["main"]
    assert sorted(found["files"]) == sorted(file.name for file in files)
    content = (checkpoints / "llava" / WEIGHTS).read_bytes()
    assert found["hashes"][WEIGHTS] == hashlib.sha256(content).hexdigest()
    assert Path(found["local_path"]).name == found["commit"]


def test_what_failed_is_asked_for_again_by_retry_alone(project, scored):
    plain, retry = scored
    assert plain == {}
    assert {retry[rule] for rule in BY_THE_HUB} == {2}
    assert {"gather", "plot_map", "draw_page", "draw_report"} <= retry.keys()
    status = project.status()
    assert [status[name][0] for name in ("late", "smolvlm")] == ["ok", "ok"]
    assert on_the_map(project) == ["gemma3", "late", "llava", "qwen2_vl", "smolvlm"]
    assert project.plan(STATUS, COORDINATES) == {}
    assert not project.plan("retry").keys() & BY_THE_HUB


def test_the_token_stands_in_no_file(project, scored):
    """Nor in what was printed, which Snakemake keeps in .snakemake/log; of neither token."""
    token = Path(project.folder, "home", "token")
    files = [file for file in project.folder.rglob("*") if file.is_file() and file != token]
    kinds = {file.relative_to(project.folder).parts[0] for file in files}
    assert {".snakemake", "home", "logs", "resources", "results"} <= kinds
    results = project.folder / "results"
    assert {results / "report.html", results / "snakemake_report.html"} <= {*files}
    for text in (TOKEN, CLOSED):
        assert [file for file in files if text.encode() in file.read_bytes()] == []
    assert token.read_text() == TOKEN


def test_weights_that_are_removed_come_back_where_scores_are_to_be_made(
    project, changed, monkeypatch
):
    project.configure(SHEET)
    assert "6 models are scored and 0 are not; freed 0.0 GB" in project.run("remove_weights")
    assert cached_weights(project) == []
    assert project.plan(STATUS) == {}

    project.configure(
        [row | {"attention": "eager"} if i == 1 else row for i, row in enumerate(SHEET)]
    )
    assert project.plan(STATUS) == {"fetch": 1, "score": 1, "status": 1}
    project.run(STATUS)
    assert changed() == {"photos/gemma3/1-of-1.parquet"}
    # by the job that fetches, and none by the one that scores
    asked = {request.path.rpartition("/")[2] for request in project.hub.requests}
    assert asked == {WEIGHTS}
    assert len(cached_weights(project)) == 1

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    before = project.scores()
    project.configure(SHEET)
    project.run(STATUS)
    assert project.scores() != before
    assert project.status()["gemma3"][0] == "ok"
    assert project.hub.requests == []


def test_a_second_dataset_scores_nothing_of_the_first_anew(project, changed):
    project.configure(SHEET)
    project.run("remove_weights")
    texts = {"source": "stdlib", "n_samples": 4, "models": ["llama", "llava"]}
    project.configure(SHEET, datasets=PHOTOS | {"texts": texts})
    project.run(STATUS)
    assert project.hub.downloads() == [WEIGHTS, WEIGHTS]
    assert changed() == {"texts/llama/1-of-1.parquet", "texts/llava/1-of-1.parquet"}
    assert {said for said, _ in project.status("texts").values()} == {"ok", "not applicable"}


def test_a_new_commit_counts_once_the_sheet_names_it(project, changed, late):
    project.configure(SHEET)
    project.run(STATUS)
    commit = project.hub.repos["models", "org/llava"].push(late)
    project.hub.repos["models", "org/gemma3"].push(late, "v1")
    assert project.plan(STATUS) == {}
    project.configure([SHEET[0] | {"revision": commit}, *SHEET[1:]])
    project.run(STATUS)
    assert changed() == {"photos/llava/1-of-1.parquet"}
    assert project.found("llava")["commit"] == commit
    assert project.status()["llava"] == ("ok", None)


def kill_while_it_fetches(project, path):
    """Start the workflow, and kill all its processes while the file at `path` is downloaded."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", STATUS, "--configfile", "my.yaml"]
    command += ["--snakefile", str(ROOT / "Snakefile")]
    with (project.folder / "killed.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=project.folder, stdout=log, stderr=log, start_new_session=True
        )
    while not any(r.path.endswith(path) and r.method == "GET" for r in project.hub.requests):
        assert process.poll() is None, (project.folder / "killed.log").read_text()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_killed_run_and_a_hub_that_fails_cost_only_what_they_hit(tmp_path, project, checkpoints):
    hub, project = project.hub, HubProject(tmp_path, project.hub)
    rows = [{"model": "llava", "repo": "org/tall"}, {"model": "gemma3", "repo": "org/weak"}]
    project.configure(rows)
    commit = hub.add("org/tall", checkpoints / "llava").refs["main"]
    hub.add("org/weak", checkpoints / "gemma3")
    hub.fail("org/weak")  # HTTP 500 for ever
    hub.stall(f"{commit}/{WEIGHTS}", after=100_000)
    kill_while_it_fetches(project, f"org/tall/resolve/{commit}/{WEIGHTS}")

    done = project.snakemake(STATUS)
    if "the --unlock argument" in done.stdout:
        project.run("--unlock")
        done = project.snakemake(STATUS)
    assert done.returncode != 0
    assert "org/weak: the hub cannot be reached (HTTP 500" in done.stdout
    assert "Traceback" not in done.stdout
    kept = project.scores()
    assert kept.keys() == {"photos/llava/1-of-1.parquet"}

    hub.recover()
    assert project.plan(STATUS) == {"retrieve": 1, "fetch": 1, "score": 1, "status": 1}
    project.run(STATUS)
    assert project.scores().items() > kept.items()
    assert project.status() == {"llava": ("ok", None), "gemma3": ("ok", None)}
