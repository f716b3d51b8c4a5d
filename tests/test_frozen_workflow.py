"""A map is frozen, models join it: those on it stay, and need neither sheet nor scores."""

import shutil

import numpy as np
import polars as pl
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from workflow_runs import copy_project, planned, run, snakemake, write_sheet

from modelmap import tables

pytestmark = pytest.mark.slow

OLD = [
    {"model": f"{family}-{recipe}", "repo": f"zoo:{family}-{recipe}", "family": family}
    for family in ("llava", "smolvlm")
    for recipe in ("base", "sft")
]
NEW = {"model": "gemma3", "repo": "zoo:gemma3-base", "family": "gemma3", "parent": "llava-base"}
VARIANTS = ["given", "shuffled", "shuffled-2", "shuffled-3", "shuffled-4"]
CONFIG = {
    "models": "models.tsv",
    "datasets": {"scenes": {"source": "scenes", "n_samples": 24, "variants": VARIANTS}},
    "map": {"n_bootstrap": 20, "tsne": {"max_iter": 250}, "clip": 0.02},
}
MAPS, METHODS = ("scenes", "scenes.pmi"), ("tsne", "umap", "pca", "mds")
REFERENCE = "results/map/{map}/reference.parquet"


def configure(folder, sheet, **changes):
    write_sheet(folder / "models.tsv", sheet)
    config = CONFIG | {"map": CONFIG["map"] | changes}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def made(folder):
    """(map, what) -> models and their numbers: coordinates, and places by every method."""
    found = {}
    for name in MAPS:
        of = folder / "results/map" / name
        found[name, "q"] = dict(
            zip(*tables.read_vectors(of / "coordinates.parquet", tables.COORDINATES), strict=True)
        )
        for method in METHODS:
            table = tables.read(of / f"embedding_{method}.parquet", tables.EMBEDDING)
            rows = table.select("model", "x", "y").rows()
            found[name, method] = {model: np.array(xy) for model, *xy in rows}
    return found


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """A project whose maps were frozen, then joined by a model, with one old model in the sheet."""
    folder = copy_project(tmp_path_factory.mktemp("project"))
    configure(folder, OLD)
    run(folder, "freeze", "--configfile", "config.yaml")
    before = made(folder)
    for row in OLD:  # nothing is left of them but the frozen maps
        shutil.rmtree(folder / "results/scores/scenes" / row["model"])
        shutil.rmtree(folder / f"resources/zoo/{row['repo'][4:]}")
    configure(folder, [OLD[0], NEW], reference=REFERENCE)
    jobs = planned(folder, "--configfile", "config.yaml")
    run(folder, "--configfile", "config.yaml")
    return folder, before, jobs


def test_models_on_the_map_are_not_scored_again(frozen):
    _, _, jobs = frozen
    assert jobs["train"] == jobs["retrieve"] == jobs["score"] == 1
    assert jobs["redraw"] == len(MAPS)


def test_where_models_on_the_map_are_from_is_told_and_nothing_of_them_is_missing(frozen):
    folder, *_ = frozen
    status = pl.read_csv(folder / "results/status.tsv", separator="\t")
    rows = status.select("model", "status", "reason").rows_by_key("model", unique=True)
    assert rows.keys() == {*(row["model"] for row in OLD), "gemma3"}
    for row in OLD:
        assert rows[row["model"]] == (
            "ok",
            "on the frozen map results/map/scenes/reference.parquet",
        )
    assert rows["gemma3"] == ("ok", None)
    gates = (folder / "results/gate/scenes").glob("*.parquet")
    assert [file.stem for file in gates] == ["gemma3"]


def test_a_model_that_one_map_of_a_dataset_lacks_is_scored_for_that_one(frozen):
    folder, *_ = frozen
    file = folder / "results/map/scenes.pmi/reference.parquet"
    whole = file.read_bytes()
    table = tables.read_table(file, tables.REFERENCE)
    pq.write_table(table.filter(pc.field("model") != OLD[0]["model"]), file)
    jobs = planned(folder, "--configfile", "config.yaml")
    file.write_bytes(whole)
    assert jobs["score"] == 1
    assert jobs["inform"] == 1
    assert "gather" not in jobs


def test_where_no_model_is_new_nothing_is_scored(frozen):
    folder, *_ = frozen
    configure(folder, OLD, reference=REFERENCE)
    jobs = planned(folder, "--configfile", "config.yaml")
    configure(folder, [OLD[0], NEW], reference=REFERENCE)
    assert jobs["gather"] == jobs["inform"] == 1
    assert not jobs.keys() & {"train", "retrieve", "fetch", "score"}


def test_models_on_the_map_stay_to_the_last_bit_and_a_new_one_joins(frozen):
    folder, before, _ = frozen
    for key, after in made(folder).items():
        assert after.keys() == before[key].keys() | {"gemma3"}
        assert len(before[key]) == len(OLD)
        for model, numbers in before[key].items():
            np.testing.assert_array_equal(after[model], numbers)
        assert np.isfinite(after["gemma3"]).all()


def test_what_the_sheet_said_of_them_is_still_known(frozen):
    folder, *_ = frozen
    for file in ("map_pca.svg", "drift.svg", "map.html"):
        assert "smolvlm" in (folder / "results/map/scenes" / file).read_text()
    models = tables.read(folder / "results/matrix/scenes.models.parquet", tables.MATRIX_MODELS)
    assert models["model"].to_list() == sorted([*(row["model"] for row in OLD), "gemma3"])
    assert models["nats_per_token"].null_count() == models["image_gap"].null_count() == 0


def test_drift_tells_of_every_model_and_method(frozen):
    folder, *_ = frozen
    for name in MAPS:
        drifted = pl.read_csv(folder / f"results/map/{name}/drift.tsv", separator="\t")
        assert sorted(set(drifted["method"])) == sorted(METHODS)
        assert drifted.filter("joined")["model"].unique().to_list() == ["gemma3"]
        assert drifted["moved"].is_finite().all()
        summary = pl.read_csv(folder / f"results/map/{name}/drift_summary.tsv", separator="\t")
        assert summary["n_frozen"].to_list() == [len(OLD)] * len(METHODS)
    report = (folder / "results/report.html").read_text()
    assert report.count("What new models would move") == 2 * len(MAPS)  # and in the contents


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": "gone/{map}.parquet"}, "gone/scenes.parquet does not exist"),
        ({"reference": "one.parquet"}, "expected a file for each map: {map} in it stands for"),
        ({"reference": "models{map}"}, "modelsscenes does not exist"),
        ({"reference": "results/matrix/{map}.parquet"}, "expected reference of version"),
        ({"reference": "results/map/{map}/map.html"}, "map.html is no frozen map"),
        ({"reference": REFERENCE, "clip": 0.1}, "map.clip: found 0.1, but the frozen map"),
        ({"reference": REFERENCE, "umap": {"n_neighbors": 4}}, "map.umap.n_neighbors: found 4"),
    ],
)
def test_a_file_that_will_not_do_is_told_before_any_job(frozen, changes, message):
    folder, *_ = frozen
    configure(folder, [OLD[0], NEW], **changes)
    done = snakemake(folder, "--configfile", "config.yaml", "--dry-run")
    configure(folder, [OLD[0], NEW], reference=REFERENCE)
    assert done.returncode != 0
    assert message in done.stdout
    assert "Traceback" not in done.stdout


def test_information_made_of_other_variants_is_told_before_any_job(frozen):
    folder, *_ = frozen
    config = yaml.safe_load((folder / "config.yaml").read_text())
    block, options = config["datasets"]["scenes"], ("--configfile", "config.yaml", "--dry-run")
    block["variants"] = [*VARIANTS, "shuffled-5"]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(folder, *options)
    block["variants"] = [*VARIANTS[::-1], "blank"]  # is no part of it
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    other = snakemake(folder, *options)
    configure(folder, [OLD[0], NEW], reference=REFERENCE)
    assert done.returncode != 0
    assert "datasets.scenes.variants: found" in done.stdout
    assert "scenes.pmi/reference.parquet" in done.stdout
    assert other.returncode == 0, other.stdout


def test_a_map_that_stands_on_a_frozen_one_is_not_frozen_again(frozen):
    folder, *_ = frozen
    done = snakemake(folder, "freeze", "--configfile", "config.yaml", "--dry-run")
    assert done.returncode != 0
    assert "leave map.reference out" in done.stdout


def test_nothing_is_left_to_do(frozen):
    folder, *_ = frozen
    assert planned(folder, "--configfile", "config.yaml") == {}


def test_other_samples_are_told(frozen):
    folder, *_ = frozen
    config = CONFIG | {"map": CONFIG["map"] | {"reference": REFERENCE}}
    config["datasets"] = {"scenes": CONFIG["datasets"]["scenes"] | {"seed": 7}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    done = snakemake(folder, "results/matrix/scenes.parquet", "--configfile", "config.yaml")
    configure(folder, [OLD[0], NEW], reference=REFERENCE)
    assert done.returncode != 0
    assert "samples are not among this" in (folder / "logs/gather/scenes.log").read_text()
