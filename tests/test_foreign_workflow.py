"""A matrix of others goes through the whole workflow; models scored here stand among its own."""

import shutil

import numpy as np
import polars as pl
import pytest
import yaml
from html_page import Page
from test_bad_input import write_photos
from tiny import noise
from workflow_runs import ROOT, planned, run, snakemake, write_sheet

from modelmap import tables

pytestmark = pytest.mark.slow

SNAKEFILE = ROOT / "Snakefile"
FAMILIES = ["ape", "bear", "cat"]
HOSTILE = "../../</script><img src=x onerror=alert(1)>"
NAMES = [*(f"org-{i}/{FAMILIES[i % 3]} v{i}" for i in range(11)), HOSTILE]
SHEET = [{"model": name, "family": FAMILIES[i % 3]} for i, name in enumerate(NAMES[:9])]
CONFIG = {
    "models": "models.tsv",
    "datasets": {"others": {"source": "matrix", "path": "others.parquet"}},
    "map": {"n_bootstrap": 20, "tsne": {"max_iter": 250}},
}


def configure(folder, sheet=SHEET, config=CONFIG):
    write_sheet(folder / "models.tsv", sheet)
    (folder / "my.yaml").write_text(yaml.safe_dump(config))


def planted(n_samples):
    """Twelve models in three families, nats."""
    rng = np.random.default_rng(0)
    family = rng.normal(-200, 6, (3, n_samples))
    return np.array([family[i % 3] + rng.normal(0, 2, n_samples) for i in range(12)])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    columns = {"model": NAMES, "log_likelihood": planted(60).tolist()}
    pl.DataFrame(columns).write_parquet(folder / "others.parquet")
    configure(folder)
    run(folder, "--configfile", "my.yaml", snakefile=SNAKEFILE)
    return folder


def test_a_matrix_makes_a_whole_map_without_any_model(project):
    folder = project / "results/map/others"
    nearest = tables.read(folder / "neighbors.parquet", tables.NEIGHBORS).filter(rank=1)
    family = {name: FAMILIES[i % 3] for i, name in enumerate(NAMES)}
    assert len(nearest) == 12
    assert all(family[a] == family[b] for a, b in nearest.select("model", "neighbor").rows())
    status = pl.read_csv(project / "results/status.tsv", separator="\t")
    assert status.select("model", "dataset", "status", "reason", "samples_ok").rows() == [
        (name, "others", "ok", "from others.parquet", 60) for name in sorted(NAMES)
    ]
    found = pl.read_csv(folder / "families.tsv", separator="\t")
    assert set(found["model"]) == set(NAMES[:9])  # the others are a family each
    told = found.filter(pl.col("nearest").is_in(NAMES[:9]))
    assert told.height
    assert told["same_family"].all()
    pairs = tables.read(folder / "distances.parquet", tables.DISTANCES)
    assert pairs["kl_bits_per_byte"].is_null().all()
    assert "'org-0/ape v0'" in (folder / "tree.nwk").read_text()
    report = "".join(Page((project / "results/report.html").read_text()).text)
    assert all(name in report for name in NAMES)
    assert "12 models of 3 families on 1 dataset" in report
    assert ("drawn by the workflow at commit" in report) == (ROOT / ".git").exists()
    assert planned(project, "--configfile", "my.yaml", snakefile=SNAKEFILE) == {}


def test_a_name_ends_no_script_and_is_no_path(project):
    """Snakemake's report holds the params of all jobs, names of models among them, as JSON."""
    target = ("--configfile", "my.yaml", "--", "snakemake_report")
    said = run(project, *target, snakefile=SNAKEFILE)
    assert "Open\n  results/snakemake_report.html\n  results/map/others/map.html" in said
    report = (project / "results/snakemake_report.html").read_text()
    assert r"../../\u003c/script>\u003cimg src=x onerror=alert(1)>" in report
    pages = [*project.rglob("results/**/*.html")]
    assert len(pages) >= 5
    for page in pages:
        assert "onerror" not in {name for _, names in Page(page.read_text()).tags for name in names}
    assert not list(project.rglob("*onerror*"))


def test_theory_says_that_of_a_matrix_nobody_writes_texts(project):
    done = snakemake(project, "--configfile", "my.yaml", "--", "theory", snakefile=SNAKEFILE)
    assert done.returncode != 0
    assert "theory: every dataset of this config is a matrix of others" in done.stdout
    config = CONFIG | {"datasets": CONFIG["datasets"] | {"scenes": {"source": "scenes"}}}
    rows = [*SHEET, {"model": "own", "repo": "zoo:llava-base"}]
    configure(project, rows, config)
    jobs = planned(project, "--configfile", "my.yaml", "--", "theory", snakefile=SNAKEFILE)
    configure(project)
    assert jobs["compare_divergences"] == 1  # of scenes alone


def test_a_family_in_the_sheet_gathers_nothing_anew(project):
    configure(project, [*SHEET, {"model": NAMES[9], "family": "ape"}])
    jobs = planned(project, "--configfile", "my.yaml", snakefile=SNAKEFILE)
    configure(project)
    assert "plot_map" in jobs
    assert not jobs.keys() & {"gather", "center", "measure_distances", "embed", "status"}


def test_a_row_that_is_neither_in_the_matrix_nor_has_a_repo_stops_before_any_job(project):
    configure(project, [*SHEET, {"model": "org-9/ape v", "family": "ape"}])
    done = snakemake(project, "-n", "--configfile", "my.yaml", snakefile=SNAKEFILE)
    configure(project)
    assert done.returncode != 0
    assert 'or name a model of a matrix; did you mean "org-9/ape v9"?' in done.stdout
    assert "Traceback" not in done.stdout


def write_matrix(folder, ids):
    values = planted(len(ids))
    columns = {"sample_id": ids, "good": values[0], "flat": np.full(len(ids), -9.0)}
    columns |= {"twice": values[1]}
    pl.DataFrame(columns).write_csv(folder / "others.csv")
    return columns


def test_models_scored_on_the_same_samples_are_placed_among_a_matrix(tmp_path, checkpoints):
    names = [f"{i}.png" for i in range(8)]
    write_photos(tmp_path, [{"file_name": name, "text": f"picture {name}"} for name in names])
    for i, name in enumerate(names):
        noise(32, 48, seed=i).save(tmp_path / "photos" / name)
    for name in ("llava", "gemma3"):
        shutil.copytree(checkpoints / name, tmp_path / name)
    others = {"source": "matrix", "path": "others.csv", "samples_from": "photos"}
    alone = {"source": "matrix", "path": "others.csv", "models": ["good", "flat"]}
    photos = {"source": "folder", "path": "photos"}
    sheet = [{"model": "mine", "repo": "./llava"}, {"model": "twice", "repo": "./gemma3"}]
    sheet += [{"model": "gone", "repo": "./gone"}, {"model": "good", "family": "x"}]
    datasets = {"photos": photos, "others": others, "alone": alone}
    configure(tmp_path, sheet, CONFIG | {"datasets": datasets})
    targets = ["results/status.tsv", "results/map/others/coordinates.parquet"]
    options = ["--configfile", "my.yaml"]

    write_matrix(tmp_path, [*names[:-1], "8.png"])
    done = snakemake(tmp_path, *targets, *options, snakefile=SNAKEFILE)
    assert done.returncode != 0
    assert 'sample "8.png" of the matrix is none of dataset photos' in done.stdout
    assert "Traceback" not in done.stdout

    used = names[::-1][:6]
    columns = write_matrix(tmp_path, used)
    run(tmp_path, *targets, *options, snakefile=SNAKEFILE)
    matrix = tmp_path / "results/matrix"
    models, L = tables.read_vectors(matrix / "others.parquet", tables.MATRIX)
    samples = tables.read(matrix / "others.samples.parquet", tables.MATRIX_SAMPLES)
    assert models == ["flat", "good", "mine", "twice"]
    assert samples["sample_id"].to_list() == used[::-1]
    assert samples["n_bytes"].to_list() == [len("picture 0.png")] * 6
    np.testing.assert_array_equal(L[[1, 3]], [columns[n][::-1] for n in ("good", "twice")])
    scored = tables.read_scores([tmp_path / "results/scores/photos/mine/1-of-1.parquet"])["mine"]
    scored = dict(scored.select("sample_id", "log_likelihood").rows())
    np.testing.assert_array_equal(L[2], [scored[name] for name in used[::-1]])
    status = pl.read_csv(tmp_path / "results/status.tsv", separator="\t")
    said = {row["model"]: row for row in status.filter(dataset="others").rows(named=True)}
    assert said["flat"]["reason"] == "from others.csv; -9 nats for every sample"
    assert said["twice"]["reason"] == "from others.csv; also scored on photos, which does not count"
    assert said["mine"]["reason"] == "scored on photos"
    assert (said["mine"]["status"], said["mine"]["samples_ok"]) == ("ok", 6)
    assert said["gone"]["status"] == "missing"
    left = status.filter(dataset="alone").select("model", "status", "reason").rows()
    why = "not among the dataset's models in the config"
    assert left == [
        ("flat", "ok", "from others.csv; -9 nats for every sample"),
        ("gone", "not applicable", why),
        ("good", "ok", "from others.csv"),
        ("mine", "not applicable", why),
        ("twice", "not applicable", why),
    ]
    assert status.filter(dataset="photos", model="good")["reason"].item() == (
        "no repo: its log-likelihoods stand in a matrix"
    )
