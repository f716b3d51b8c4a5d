"""The target `theory` runs on a small zoo, and `map` leaves it out."""

import polars as pl
import pytest
import yaml
from workflow_runs import copy_project, planned, run, write_sheet

pytestmark = pytest.mark.slow

SHEET = [
    {"model": f"my-{name}", "repo": f"zoo:{name}", "family": name.split("-")[0]}
    for name in ("llava-base", "llava-sft", "llava-mpo", "smolvlm-base")
]
CONFIG = {
    "models": "models.tsv",
    "datasets": {"scenes": {"source": "scenes", "n_samples": 24}},
    "map": {"n_bootstrap": 20, "tsne": {"max_iter": 250}},
    "theory": {"n_samples": 6, "max_tokens": 12},
}


def test_theory_is_checked_when_asked_for(tmp_path):
    folder = copy_project(tmp_path)
    write_sheet(folder / "models.tsv", SHEET)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    configured = ("--configfile", "config.yaml")
    assert not {"write_texts", "interpolate"} & planned(folder, *configured).keys()
    run(folder, *configured, "theory")
    made = folder / "results/theory/scenes"
    tables = {path.stem: pl.read_csv(path, separator="\t") for path in made.glob("*.tsv")}
    assert tables["token_kl"].height == 3  # of one tokenizer
    assert tables["text_kl"].height == 6
    assert tables["text_kl"]["estimate"].null_count() == 0
    assert tables["writers"]["n_texts"].to_list() == [6] * 4
    assert tables["interpolation"].height == 36
    assert tables["interpolation_summary"]["origin"].to_list() == ["my-llava-base"]
    assert not list(made.glob("texts/*.npy"))
    assert (made / "text_kl.svg").exists()
    assert planned(folder, *configured, "theory") == {}
