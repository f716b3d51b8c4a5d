"""The zoo's language models know their own kind of text better than the other."""

import math

import pytest
from tiny import load

from modelmap.datasets import samples, stdlib
from modelmap.scoring import pipeline
from modelmap.zoo import training
from modelmap.zoo.architectures import LANGUAGE_ARCHITECTURES

RECIPE = {"n_merges": 60, "seed": 0, "batch": 4, "steps": 24, "n_texts": 96, "learning_rate": 3e-3}


def make(folder, **changes):
    training.pretrain({**RECIPE, **changes}, folder, draw_texts=stdlib.draw_texts, threads=1)
    return folder


def bits_per_byte(folder, rows):
    """Loss on each kind of text."""
    shown = samples.variants(rows, ["given"], prompt="", everything=rows)
    scores = pipeline.score(load(folder), shown, batch_tokens=4096)
    assert {row["status"] for row in scores} == {"ok"}
    found = {}
    for kind in stdlib.KINDS:
        some = [i for i, row in enumerate(rows) if row["stratum"] == kind]
        nats = -sum(scores[i]["log_likelihood"] for i in some)
        found[kind] = nats / math.log(2) / sum(rows[i]["n_bytes"] for i in some)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("architecture", LANGUAGE_ARCHITECTURES)
def test_code_and_english_part(tmp_path, architecture):
    block = {"source": "stdlib", "path": None, "n_samples": 24, "seed": 0}
    rows, _ = samples.read(block | {"targets_per_image": 1, "options": None})
    found = {
        kind: bits_per_byte(make(tmp_path / kind, texts=kind, architecture=architecture), rows)
        for kind in stdlib.KINDS
    }
    english, code = (found[kind] for kind in ("English", "code"))
    assert english["English"] < english["code"]
    assert english["English"] < code["English"]
    assert code["code"] < english["code"]


@pytest.mark.parametrize("architecture", LANGUAGE_ARCHITECTURES)
def test_the_same_seed_gives_the_same_weights(tmp_path, architecture):
    few = {"texts": "code", "architecture": architecture, "steps": 2, "n_texts": 8}
    a, again, b = (
        (make(tmp_path / name, **few, seed=seed) / "model.safetensors").read_bytes()
        for name, seed in (("a", 0), ("again", 0), ("b", 1))
    )
    assert a == again != b
