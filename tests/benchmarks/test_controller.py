"""Planning many models: exactly what must run is planned, and each model costs as much as the last.

Real dry runs over a finished run of 60 models on four datasets, whose records Snakemake itself has
written (see `controller.finish`). Time is measured by the benchmark; here jobs and calls count.
"""

import pytest

from benchmarks import controller

pytestmark = pytest.mark.slow

N = 60
N_DATASETS = len(controller.DATASETS)
# What a job may touch without computing anything: figures and tables of results.
DRAWING = {"plot_map", "plot_heatmap", "draw_page", "find", "stratify", "relate", "correlate"}
DRAWING |= {"predict", "choose", "draw_report", "stabilize", "compare_datasets"}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A project before its first run, and what that plans."""
    project = controller.Project(tmp_path_factory.mktemp("scale") / "project", N)
    return project, project.measure("--dry-run", count=True)


@pytest.fixture(scope="module")
def project(fresh):
    """The same, finished."""
    project, _ = fresh
    project.finish()
    return project


def edited(project, changes):
    """The sheet with some rows edited."""
    return [row | changes.get(i, {}) for i, row in enumerate(project.rows)]


def scoring(jobs):
    """Those that take long."""
    return {rule: jobs[rule] for rule in ("retrieve", "fetch", "score", "gather") if rule in jobs}


def test_a_first_run_has_one_job_a_model_and_two_a_score(fresh):
    jobs = fresh[1]["jobs"]
    scores = N * N_DATASETS
    expected = {"retrieve": N, "fetch": scores, "score": scores, "gather": N_DATASETS}
    assert scoring(jobs) == expected
    assert sum(jobs.values()) - sum(expected.values()) < 100


def test_planning_imports_no_torch(fresh):
    assert not fresh[1]["torch"]


def test_nothing_is_left_to_do_in_whatever_order(project):
    assert project.plan(project.rows[::-1])["jobs"] == {}


def test_editing_metadata_draws_at_most(project):
    rows = edited(project, {6: {"family": "other"}, 7: {"label": "L"}, 8: {"released": "2020"}})
    assert project.plan(rows)["jobs"].keys() <= DRAWING | {"all"}


def test_editing_rows_plans_their_jobs_alone(project):
    changes = {
        6: {"prompt": "What is it?"},  # of images: not on the texts
        7: {"dtype": "float32"},
        8: {"revision": "v2"},
    }
    n_scores = N_DATASETS - 1 + 2 * N_DATASETS
    expected = {"retrieve": 1, "fetch": n_scores, "score": n_scores, "gather": N_DATASETS}
    assert scoring(project.plan(edited(project, changes))["jobs"]) == expected


def test_adding_a_model_plans_its_jobs_alone(project):
    expected = {"retrieve": 1, "fetch": N_DATASETS, "score": N_DATASETS, "gather": N_DATASETS}
    assert scoring(project.plan([*project.rows, controller.row(N)])["jobs"]) == expected


def test_a_target_of_no_model_is_refused_in_words(project):
    with pytest.raises(RuntimeError, match="models.tsv has no model nobody with a repo"):
        project.measure("--dry-run", "results/scores/texts/nobody/1-of-1.parquet")


def test_each_model_costs_planning_as_much_as_the_last(fresh, tmp_path):
    """Calls of all functions, Snakemake's and ours, and of ours alone."""
    counts = [
        controller.Project(tmp_path / str(n), n).measure("--dry-run", count=True)["calls"]
        for n in (N // 3, 2 * N // 3)
    ]
    for part in ("all", "ours"):
        few, some, many = (count[part] for count in [*counts, fresh[1]["calls"]])
        assert many - some == pytest.approx(some - few, rel=0.03), part


def test_what_is_printed():
    jobs = {"score": 1200, "gather": 2}
    took = {"seconds": 3.04, "cpu_seconds": 2.0, "gb": 0.256, "jobs": jobs}
    found = {"a first run": [took, took | {"cpu_seconds": 0.5}], "nothing to do": [took]}
    *_, first, nothing = controller.table(found, 1000).splitlines()
    assert first == "| a first run | 1,202 | 3.0 | 2.0 | 0.26 | 1,202 | 0.5 | 0.26 | 4.0 |"
    assert nothing == "| nothing to do | 1,202 | 3.0 | 2.0 | 0.26 |  |  |  |  |"
    assert controller.most(found) == "longest: **3.0 s, 0.26 GB** (limit 15 s, 1 GB)"
