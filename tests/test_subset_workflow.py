"""A subset is chosen of a scored dataset, and another dataset made of it has its distances."""

import math
import shutil

import polars as pl
import pytest
import yaml
from workflow_runs import copy_project, planned, run, snakemake, write_sheet

from modelmap import tables

pytestmark = pytest.mark.slow

SHEET = [
    {"model": name, "repo": f"zoo:{name}-base", "family": name}
    for name in ("gemma3", "llava", "qwen2_vl", "smolvlm")
]
FILE = "kl-0.5.parquet"
SCENES = {"source": "scenes", "n_samples": 120}
CONFIG = {
    "models": "models.tsv",
    "datasets": {"scenes": SCENES},
    "map": {"n_bootstrap": 20},
    "subsets": {"sizes": [0.2, 0.5], "methods": ["kl"], "n_repeats": 20},
}
BOTH = {"scenes": SCENES, "few": SCENES | {"subset": FILE}}
MADE = ("distances.parquet", "tree.nwk", "strata.svg")
MAPS = [f"results/map/{dataset}/{file}" for dataset in BOTH for file in MADE]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A dataset, subsets of it, and the map of a dataset that is one of these."""
    folder = copy_project(tmp_path_factory.mktemp("project"))
    write_sheet(folder / "models.tsv", SHEET)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    run(folder, "--configfile", "config.yaml", "--", "subsets")
    shutil.copy(folder / "results/subsets/scenes" / FILE, folder)
    (folder / "both.yaml").write_text(yaml.safe_dump(CONFIG | {"datasets": BOTH}))
    run(folder, "--configfile", "both.yaml", "--", "subsets", *MAPS)
    return folder


def matrix_of(project, dataset, kind, schema):
    return tables.read(project / f"results/matrix/{dataset}{kind}.parquet", schema)


def test_the_dataset_has_the_samples_of_its_subset_alone(project):
    subset = tables.read(project / FILE, tables.SUBSET)
    assert subset["count"].sum() == tables.provenance(project / FILE)["n_drawn"] == 60
    samples = tables.read(project / "resources/samples/few.parquet", tables.SAMPLES)
    assert samples["sample_id"].to_list() == subset["sample_id"].to_list()
    weights = matrix_of(project, "few", ".samples", tables.MATRIX_SAMPLES)["weight"]
    scale = math.sqrt(subset.height / 120)
    assert weights.to_list() == pytest.approx((subset["weight"] * scale).to_list())
    whole = matrix_of(project, "scenes", ".samples", tables.MATRIX_SAMPLES)
    assert whole["weight"].null_count() == 120


def test_its_distances_are_off_as_much_as_was_told(project):
    few, whole = (
        tables.read(project / f"results/map/{dataset}/distances.parquet", tables.DISTANCES)
        for dataset in ("few", "scenes")
    )
    assert few.select("model_a", "model_b").equals(whole.select("model_a", "model_b"))
    off = few["d2_nats2"] - whole["d2_nats2"]
    error = math.sqrt((off**2).sum() / (whole["d2_nats2"] ** 2).sum())
    told = pl.read_csv(project / "results/subsets/scenes/errors.tsv", separator="\t")
    (expected,) = told.filter(evaluated_on="all", method="kl", size=0.5)["tau1_expected"]
    assert 0 < error < 3 * expected < 0.6
    footer = tables.provenance(project / "results/map/few/coordinates.parquet")
    assert footer["weighted"] is True


def test_its_mean_losses_stand_for_those_of_the_whole(project):
    few, whole = (
        matrix_of(project, dataset, ".models", tables.MATRIX_MODELS)["nats_per_sample"]
        for dataset in ("few", "scenes")
    )
    assert few.to_list() == pytest.approx(whole.to_list(), rel=0.15)


def test_choosing_again_scores_nothing(project):
    again = ("--configfile", "both.yaml", "--forcerun", "choose", "--", "subsets", *MAPS)
    assert set(planned(project, *again)) == {"choose", "subsets"}


def test_no_subset_is_made_of_a_subset(project):
    made = {path.parent.name for path in (project / "results/subsets").rglob("errors.tsv")}
    assert made == {"scenes"}


def test_another_draw_of_samples_is_told_with_the_first_that_is_missing(project):
    other = {"scenes": SCENES, "few": SCENES | {"subset": FILE, "seed": 7}}
    (project / "other.yaml").write_text(yaml.safe_dump(CONFIG | {"datasets": other}))
    target = "resources/samples/few.parquet"
    assert planned(project, "--configfile", "other.yaml", "--", target) == {"sample": 1}
    done = snakemake(project, "--configfile", "other.yaml", "--", target)
    assert done.returncode != 0
    assert f"Error: {FILE}: " in done.stdout
    assert "are not among the 120 of scenes, the first is" in done.stdout
    assert "Traceback" not in done.stdout.split("Error: ")[1].split("[")[0]
