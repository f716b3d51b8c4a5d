"""The zoo is what docs say it is."""

from pathlib import Path

import polars as pl
import pytest
import yaml

from modelmap.datasets import scenes
from modelmap.datasets.stdlib import KINDS
from modelmap.zoo.architectures import ARCHITECTURES, LANGUAGE_ARCHITECTURES

ROOT = Path(__file__).parents[2]
ZOO = yaml.safe_load((ROOT / "workflow/modelmap/zoo/recipes.yaml").read_text())
MODELS = ZOO["models"]


def test_the_sheet_has_every_model():
    sheet = pl.read_csv(ROOT / "config/models.tsv", separator="\t")
    assert len(MODELS) == 24
    assert sheet["repo"].sort().to_list() == sorted(f"zoo:{name}" for name in MODELS)


def test_the_sheet_tells_the_lineage_of_the_recipes():
    sheet = pl.read_csv(ROOT / "config/models.tsv", separator="\t", infer_schema=False)
    for row in sheet.rows(named=True):
        recipe = MODELS[row["repo"].removeprefix("zoo:")]
        assert (row["parent"] or "").split(",") == recipe.get("parents", [""])
        assert row["recipe"] == recipe["recipe"].replace("pretrain", "base")


@pytest.mark.parametrize("world", ZOO["worlds"])
def test_every_world_holds_every_kind(world):
    shares = ZOO["worlds"][world]
    assert set(shares["kinds"]) == set(scenes.KINDS)
    assert min(shares["kinds"].values()) >= 0.05
    for part in ("kinds", "styles"):
        assert sum(shares[part].values()) == pytest.approx(1)


@pytest.mark.parametrize("name", MODELS)
def test_parents_stand_before_their_children(name):
    before = list(MODELS)[: list(MODELS).index(name)]
    assert set(MODELS[name].get("parents", [])) <= set(before)


def test_crossed_models_differ_in_one_thing():
    def differences(a, b):
        return {key for key in MODELS[a] if MODELS[a][key] != MODELS[b][key]}

    assert differences("llava-base", "llava-seed2") == {"seed"}
    assert differences("gemma3-like-llava", "llava-base") == {"architecture", "seed"}
    assert differences("qwen2_vl-tokenizer", "qwen2_vl-base") == {"tokenizer", "seed"}
    assert differences("llava-mpo-random", "llava-mpo") == {"recipe"}


def test_contrasts_name_models_of_the_zoo():
    assert {pair[side] for pair in ZOO["contrasts"] for side in "ab"} <= set(MODELS)


def test_every_architecture_is_used():
    used = {recipe.get("architecture") for recipe in MODELS.values()} - {None}
    assert used == {*ARCHITECTURES, *LANGUAGE_ARCHITECTURES}


def test_there_are_two_language_models_of_each_kind_of_text():
    texts = [recipe["texts"] for recipe in MODELS.values() if recipe["recipe"] == "pretrain"]
    assert sorted(texts) == sorted(KINDS * 2)
