"""Exactly what must run again does, shown by real dry runs over a finished run."""

import os
import re
import time

import polars as pl
import pytest
import yaml
from terminal import run_on_terminal, seen
from workflow_runs import copy_project, planned, run, snakemake, write_sheet

pytestmark = pytest.mark.slow

SHEET = [
    {"model": "llava", "repo": "zoo:llava-base", "family": "llava", "recipe": "base"},
    {"model": "llava-sft", "repo": "zoo:llava-sft", "family": "llava", "parent": "llava"},
    {"model": "smolvlm", "repo": "zoo:smolvlm-base", "family": "smolvlm"},
    {"model": "gemma3", "repo": "zoo:gemma3-base", "family": "gemma3"},
]
MORE = {"model": "qwen", "repo": "zoo:qwen2_vl-base", "family": "qwen2_vl"}
CONFIG = {
    "models": "models.tsv",
    "datasets": {
        "scenes": {"source": "scenes", "n_samples": 24, "variants": ["given", "shuffled"]}
    },
    "map": {"n_bootstrap": 20, "tsne": {"max_iter": 250}},
    "benchmarks": {
        "table": "resources/zoo/benchmarks.tsv",
        "n_bootstrap": 20,
        "n_permutations": 20,
    },
}
# What a job may touch without computing anything: figures and tables of results.
DRAWING = {"plot_map", "plot_heatmap", "draw_page", "find", "stratify", "relate"}
DRAWING |= {"correlate", "predict", "choose", "draw_report", "stabilize", "compare_datasets"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project whose workflow has run once, on a small zoo."""
    folder = copy_project(tmp_path_factory.mktemp("project"))
    configure(folder)
    sent = run_on_terminal(folder, "--configfile", "config.yaml", "--quiet", "rules")
    (folder / "terminal").write_text(sent, newline="")
    return folder


@pytest.fixture
def project(finished):
    """The same, as it was."""
    yield finished
    configure(finished)


def configure(folder, sheet=SHEET, **changes):
    """Write config and sheet; `changes` replace whole blocks."""
    write_sheet(folder / "models.tsv", sheet)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG | changes))


def plan(folder):
    return planned(folder, "--configfile", "config.yaml")


def test_a_terminal_shows_how_far_a_run_is_and_at_its_end_what_to_open(project):
    with (project / "terminal").open(newline="") as file:
        sent = re.sub(r"\x1b\[\d*m", "", file.read())  # without colors
    renewed = re.findall(r"\[\d+ s\] [^\r\n\x1b]*", sent)
    assert any(re.search(r"train \d/\d jobs", line) for line in renewed)
    assert any("score" in line and "4 models" in line for line in renewed)
    lines = seen(sent)
    assert not any(line.startswith("[1") and " s] " in line for line in lines)  # none is left
    assert len([line for line in lines if re.fullmatch(r"Finished jobid: \d+ \(Rule: \w+\)", line)])
    n_jobs = int(re.search(r"^total +(\d+)$", "\n".join(lines), re.M)[1])
    steps = [line for line in lines if re.fullmatch(rf"\d+ of {n_jobs} steps \(.*%\) done", line)]
    assert len(steps) == n_jobs  # every message of Snakemake's is whole
    assert not any("Select jobs" in line or "Execute" in line for line in lines)
    at = next(i for i, line in enumerate(lines) if line.startswith("Done in"))
    assert re.fullmatch(r"Done in .*: \d models trained, 4 models scored, 1 map drawn\.", lines[at])
    told = ["Models that count: 4 of 4 on scenes.", "Open"]
    assert lines[at + 1 : at + 5] == [
        *told,
        "  results/map/scenes/map.html",
        "  results/report.html",
    ]


def test_what_there_is_to_open_is_told_where_nothing_is_to_be_done(project):
    said = run(project, "--configfile", "config.yaml")
    assert "Nothing to be done" in said
    assert said.rstrip().endswith("Open\n  results/map/scenes/map.html\n  results/report.html")
    for quiet in (["--dry-run"], ["--quiet", "all"]):
        assert "Open" not in run(project, "--configfile", "config.yaml", *quiet)


def test_everything_is_there(project):
    made = {str(p.relative_to(project)) for p in (project / "results").rglob("*") if p.is_file()}
    expected = {"results/status.tsv", "results/report.html", "results/matrix/scenes.parquet"}
    expected |= {f"results/scores/scenes/{row['model']}/1-of-1.parquet" for row in SHEET}
    for name in ("coordinates", "distances", "neighbors", "embedding_tsne", "embedding_mds"):
        expected.add(f"results/map/scenes/{name}.parquet")
    for stem in ("map_tsne", "map_umap_all", "map_mds", "pca_variance", "heatmap"):
        expected |= {f"results/map/scenes/{stem}.{ending}" for ending in ("svg", "png", "pdf")}
    expected |= {"results/map/scenes/map.html", "results/map/scenes/findings.html"}
    for stem in ("scenes/samples", "scenes/models", "scenes/seeds", "scenes/methods", "datasets"):
        expected |= {f"results/stability/{stem}.{end}" for end in ("tsv", "svg", "png", "pdf")}
    names = ("correlation", "correlation_strata", "coverage", "prediction", "leakage")
    expected |= {f"results/benchmarks/scenes/{name}.tsv" for name in names}
    expected |= {f"results/map/scenes/{name}.tsv" for name in ("labels", "suspects", "variance")}
    expected |= {f"results/gate/scenes/{row['model']}.parquet" for row in SHEET}
    assert expected <= made
    assert not list(project.glob("results/scores/**/*.parts"))


def test_every_model_is_ok(project):
    table = pl.read_csv(project / "results/status.tsv", separator="\t")
    assert table["status"].to_list() == ["ok"] * len(SHEET)
    assert table["samples_ok"].to_list() == [24] * len(SHEET)


def test_nothing_is_left_to_do(project):
    assert plan(project) == {}


def test_reordering_the_sheet_does_nothing(project):
    configure(project, SHEET[::-1])
    assert plan(project) == {}


def test_adding_a_model_scores_that_model_alone(project):
    configure(project, [*SHEET, MORE])
    jobs = plan(project)
    assert jobs["train"] == jobs["retrieve"] == jobs["score"] == jobs["gather"] == 1


def test_removing_a_model_scores_nothing_and_adding_it_back_neither(project):
    configure(project, SHEET[:-1])
    jobs = plan(project)
    assert not jobs.keys() & {"train", "retrieve", "score"}
    assert jobs["gather"] == 1
    run(project, "--configfile", "config.yaml")
    configure(project)
    jobs = plan(project)
    assert not jobs.keys() & {"train", "retrieve", "score"}
    run(project, "--configfile", "config.yaml")


@pytest.mark.parametrize(
    ("column", "value"),
    [("label", "Another <label>"), ("family", "other"), ("generation", "2"), ("params_b", "0.4")],
)
def test_editing_metadata_draws_at_most(project, column, value):
    configure(project, [SHEET[0] | {column: value}, *SHEET[1:]])
    assert plan(project).keys() <= DRAWING


def test_editing_a_prompt_scores_that_model_alone(project):
    configure(project, [SHEET[0] | {"prompt": "What is it?"}, *SHEET[1:]])
    jobs = plan(project)
    assert jobs["score"] == 1
    assert not jobs.keys() & {"train", "retrieve"}


@pytest.mark.parametrize("change", [{"batch_tokens": 777}, {"device": "cpu"}])
def test_how_it_is_computed_is_no_reason_to_compute_again(project, change):
    configure(project, score=change)
    assert plan(project).keys() <= {"draw_report"}


def test_what_changes_numbers_is(project):
    configure(project, score={"dtype": "bfloat16"})
    assert plan(project)["score"] == len(SHEET)


def test_changing_the_embedding_scores_nothing(project):
    configure(project, map=CONFIG["map"] | {"umap": {"n_neighbors": 3}})
    jobs = plan(project)
    assert jobs["embed"] == 1
    assert not jobs.keys() & {"score", "gather", "center", "measure_distances"}


def test_touching_every_script_and_module_does_nothing(project):
    """As a fresh checkout over finished results does."""
    later = time.time() + 10
    for path in [project / "Snakefile", *(project / "workflow").rglob("*")]:
        os.utime(path, (later, later))
    assert plan(project) == {}


def test_an_edited_text_of_the_report_draws_the_report(project):
    text = project / "workflow/report/map.rst"
    before, at = text.read_text(), text.stat()
    try:
        text.write_text(before + "More.\n")
        assert plan(project) == {"draw_report": 1}
    finally:
        text.write_text(before)
        os.utime(text, ns=(at.st_atime_ns, at.st_mtime_ns))


def test_a_checkpoint_changed_in_place_is_scored_anew(project):
    weights = project / "resources/zoo/smolvlm-base/model.safetensors"
    before = weights.stat()
    content = weights.read_bytes()
    try:
        weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        jobs = plan(project)
        assert jobs["retrieve"] == jobs["score"] == 1
        assert "train" not in jobs
    finally:
        weights.write_bytes(content)
        os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_dataset_may_have_models_of_its_own(project):
    scenes = CONFIG["datasets"]["scenes"] | {"models": ["llava", "smolvlm", "gemma3"]}
    configure(project, datasets={"scenes": scenes})
    run(project, "results/status.tsv", "--configfile", "config.yaml")
    table = pl.read_csv(project / "results/status.tsv", separator="\t")
    assert table.filter(model="llava-sft")["status"].to_list() == ["not applicable"]
    configure(project)
    run(project, "--configfile", "config.yaml")


def test_on_missing_error_fails_at_the_end_and_keeps_the_map(project):
    configure(project, [*SHEET, {"model": "gone", "repo": "./gone"}], on_missing="error")
    done = snakemake(project, "--configfile", "config.yaml")
    assert done.returncode != 0
    assert "gone on scenes: missing: the folder ./gone does not exist" in done.stdout
    table = pl.read_csv(project / "results/status.tsv", separator="\t")
    assert table["status"].value_counts().sort("status").rows() == [("missing", 1), ("ok", 4)]
    configure(project)
    run(project, "--configfile", "config.yaml")
