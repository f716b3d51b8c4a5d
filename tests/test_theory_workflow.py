"""The target `theory` runs on a small zoo; `map` leaves it out, and it leaves scores alone."""

import json
import os

import polars as pl
import pytest
import yaml
from workflow_runs import ROOT, copy_project, planned, run, write_sheet

pytestmark = pytest.mark.slow

SHEET = [
    {"model": f"my-{name}", "repo": f"zoo:{name}", "family": name.split("-")[0]}
    for name in ("llava-base", "llava-sft", "llava-mpo", "smolvlm-base")
]
SCENES = {"source": "scenes", "n_samples": 24}
CONFIG = {
    "models": "models.tsv",
    "datasets": {"scenes": SCENES},
    "map": {"n_bootstrap": 20, "tsne": {"max_iter": 250}},
    "theory": {"n_samples": 6, "max_tokens": 12},
}


def test_theory_is_checked_when_asked_for(tmp_path):
    folder = copy_project(tmp_path)
    write_sheet(folder / "models.tsv", SHEET)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    configured = ("--configfile", "config.yaml")
    assert not {"write_texts", "interpolate"} & planned(folder, *configured).keys()
    run(folder, *configured, "--", "theory")
    made = folder / "results/theory/scenes"
    tables = {path.stem: pl.read_csv(path, separator="\t") for path in made.glob("*.tsv")}
    assert tables["token_kl"].height == 3  # of one tokenizer
    assert tables["text_kl"].height == 6
    assert tables["text_kl"]["estimate"].null_count() == 0
    assert tables["writers"]["n_texts"].to_list() == [6] * 4
    assert tables["interpolation"].height == 36
    assert tables["interpolation_summary"]["origin"].to_list() == ["my-llava-base"]
    assert not list(made.rglob("*.npy"))
    assert (made / "text_kl.svg").exists()
    assert planned(folder, *configured, "--", "theory") == {}

    # one model more is judged by all; the others do not write again
    write_sheet(folder / "models.tsv", [*SHEET, {"model": "new", "repo": "zoo:gemma3-base"}])
    jobs = planned(folder, *configured, "--", "theory")
    assert (jobs["score"], jobs["write_texts"], jobs["judge_texts"]) == (1, 1, 5)
    assert "interpolate" not in jobs
    # other names draw anew, other variants score anew: nobody writes or judges again
    write_sheet(folder / "models.tsv", [row | {"label": row["model"][3:]} for row in SHEET])
    assert planned(folder, *configured, "--", "theory") == {"compare_divergences": 1, "theory": 1}
    more = CONFIG | {"datasets": {"scenes": SCENES | {"variants": ["given", "blank"]}}}
    (folder / "config.yaml").write_text(yaml.safe_dump(more))
    jobs = planned(folder, *configured, "--", "theory")
    assert jobs["score"] == 4
    assert not jobs.keys() & {"write_texts", "judge_texts", "measure_divergences", "interpolate"}


# What a run that is done would have left, as far as a plan looks at it
MAP = ["resources/samples/photos.parquet", "results/map/photos/distances.parquet"]
MAP += [f"results/matrix/photos{name}.parquet" for name in ("", ".samples", ".models")]
OF_A_MODEL = ["resources/models/{}.json", "results/scores/photos/{}/1-of-1.parquet"]
FROM_A_HUB = [
    {"model": "a", "repo": "org/a"},
    {"model": "b", "repo": "org/b", "convert": "internvl_chat"},
]
PHOTOS = {"models": "models.tsv", "datasets": {"photos": {"source": "folder", "path": "photos"}}}


def test_behind_a_finished_map_theory_scores_nothing(tmp_path):
    write_sheet(tmp_path / "models.tsv", FROM_A_HUB)
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(PHOTOS))
    for name in [*MAP, *(file.format(row["model"]) for row in FROM_A_HUB for file in OF_A_MODEL)]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"status": "ok"}) if path.suffix == ".json" else "")
        os.utime(path, (1e9, 1e9))
    arguments = ("--configfile", "my.yaml", "--", "theory")
    assert planned(tmp_path, *arguments, snakefile=ROOT / "Snakefile") == {
        "fetch": 4,
        "convert": 2,
        "write_texts": 2,
        "judge_texts": 2,
        "measure_divergences": 1,
        "compare_divergences": 1,
        "interpolate": 1,
        "theory": 1,
    }
