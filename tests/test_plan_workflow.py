"""The plan of a run says what is still to do: nothing that is done, all that a change undoes."""

import polars as pl
import pytest
import yaml
from workflow_runs import ROOT, run, write_sheet

from modelmap.zoo import training

TEXTS = ["user\nassistant\nDescribe the image.", "a red circle"] * 20
BLOCK = {"source": "scenes", "n_samples": 6}


def planned(folder, block=BLOCK, **score):
    """Write the config, plan, and return the rows of the plan by model."""
    config = {"models": "m.tsv", "datasets": {"d": block}, "score": score}
    (folder / "my.yaml").write_text(yaml.safe_dump(config))
    said = run(folder, "--configfile", "my.yaml", "--", "plan", snakefile=ROOT / "Snakefile")
    assert "Open\n  results/plan.txt\n" in said
    plan = pl.read_csv(folder / "results/plan.tsv", separator="\t")
    return {row["model"]: row for row in plan.rows(named=True)}


@pytest.mark.slow
def test_the_plan_is_what_is_still_to_do(tmp_path):
    training.save(training.build("llava", TEXTS, 40, seed=0), tmp_path / "llava")
    rows = [{"model": "a", "repo": "./llava"}, {"model": "gone", "repo": "./gone"}]
    write_sheet(tmp_path / "m.tsv", rows)
    before = planned(tmp_path)
    assert (before["a"]["jobs"], before["a"]["pairs"]) == (1, 6)
    assert before["a"]["gpu_hours"] > 0
    assert before["gone"]["gpu_hours"] is None
    assert "the folder ./gone does not exist" in (tmp_path / "results/plan.txt").read_text()
    target = ("--", "results/status.tsv")
    said = run(tmp_path, "--configfile", "my.yaml", *target, snakefile=ROOT / "Snakefile")
    assert ": 1 model scored.\n" in said
    assert "  gone on d: missing: the folder ./gone does not exist" in said
    done = planned(tmp_path)["a"]
    assert (done["jobs"], done["jobs_done"], done["gpu_hours"]) == (0, 1, 0)
    more = planned(tmp_path, BLOCK | {"variants": ["given", "blank"]})["a"]
    assert (more["jobs"], more["pairs"]) == (1, 12)
    assert planned(tmp_path, BLOCK | {"n_samples": 9})["a"]["pairs"] == 9
