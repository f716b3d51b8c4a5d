"""What a job asks for grows with the model, the samples and the attempt; the unknown is not 0."""

import json
import re

import pytest
from workflow_runs import ROOT, run, write_sheet

from modelmap import resources

MEMORY = {"weights": 16.0, "samples_mb": 100.0, "threads": 8, "device": "gpu", "attempt": 1}
TIME = {"weights": 16.0, "n_pairs": 10_000, "device": "gpu", "attempt": 1}


def test_weights_are_those_of_the_files_else_two_bytes_a_parameter_else_of_eight_billion():
    assert resources.weights_gb(14.2e9, 72) == pytest.approx(14.2)
    assert resources.weights_gb(None, 72) == 144
    assert resources.weights_gb(None, None) == 16
    assert resources.weights_gb(0, 72) == 0  # a model that is not there: nothing is loaded


def test_the_rule_that_the_schema_states():
    assert resources.memory_mb(**MEMORY) == 4000 + 7 * 600 + 4 * 100 + 1500 * 16
    assert resources.memory_mb(**MEMORY | {"device": "cpu"}) == 4000 + 7 * 600 + 4 * 100 + 3000 * 16
    assert resources.minutes(**TIME) == 50  # 20 + 0.2 * 16 + 10,000 * 16 * 0.01 / 60, rounded up
    assert resources.minutes(**TIME | {"device": "cpu"}) == 2690


@pytest.mark.parametrize(
    ("function", "about", "key"),
    [(resources.memory_mb, MEMORY, key) for key in ("weights", "samples_mb", "threads", "attempt")]
    + [(resources.minutes, TIME, key) for key in ("weights", "n_pairs", "attempt")],
)
def test_more_of_anything_asks_for_more(function, about, key):
    assert function(**about | {key: 3 * about[key]}) > function(**about)


@pytest.mark.parametrize(
    ("function", "about"), [(resources.memory_mb, MEMORY), (resources.minutes, TIME)]
)
def test_the_third_attempt_asks_for_three_times_as_much(function, about):
    assert function(**about | {"attempt": 3}) == 3 * function(**about)


@pytest.mark.slow
def test_the_profile_asks_for_what_the_sheet_says_else_by_what_is_known_of_the_model(tmp_path):
    rows = [
        {"model": "known", "repo": "org/known", "params_b": 1},
        {"model": "told", "repo": "org/told", "params_b": 30},
        {"model": "given", "repo": "org/given", "mem_mb": 1234, "runtime": 7},
    ]
    write_sheet(tmp_path / "models.tsv", rows)
    (tmp_path / "resources/models").mkdir(parents=True)
    (tmp_path / "resources/models/known.json").write_text(
        json.dumps({"status": "ok", "n_bytes": 10e9})
    )
    (tmp_path / "my.yaml").write_text(
        "models: models.tsv\n"
        "datasets: {scenes: {source: scenes, n_samples: 3000, variants: [given, none]}}\n"
    )
    profile = ("--workflow-profile", "slurm", "--configfile", "my.yaml", "--cores", "8")
    scores = [f"results/scores/scenes/{row['model']}/1-of-1.parquet" for row in rows]
    text = run(tmp_path, "--dry-run", *profile, "--", *scores, snakefile=ROOT / "Snakefile")
    jobs = re.findall(r"^rule score:.*?model=(\w+).*?^    resources: (.*?)$", text, re.M | re.S)
    asked = {model: dict(part.split("=") for part in said.split(", ")) for model, said in jobs}
    wanted = {"known": (23_200, 32), "told": (98_200, 92), "given": (1234, 7)}
    for model, (mem_mb, runtime) in wanted.items():
        found = asked[model]
        assert (found["mem_mb"], found["runtime"]) == (str(mem_mb), str(runtime)), model
        assert (found["gpu"], found["nodes"]) == ("1", "1")
    assert text.count("threads: 8") == 3
