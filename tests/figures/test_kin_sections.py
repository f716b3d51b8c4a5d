"""What the page of findings says of kin: in words, and where there is nothing to tell, that."""

import polars as pl

from modelmap import labels, structure
from modelmap.figures.kin import kin_sections

EMPTY = {"labels": labels.TOGETHER, "suspects": structure.SUSPECTS}
EMPTY |= {"recipes": structure.RECIPES, "variance": structure.VARIANCE}
EMPTY = {name: pl.DataFrame(schema=schema) for name, schema in EMPTY.items()}


def say(**tables):
    rows = {name: pl.DataFrame(rows, EMPTY[name].schema) for name, rows in tables.items()}
    return dict(zip(EMPTY, kin_sections(**(EMPTY | rows)), strict=True))


def suspect(a, b, suspect=True, p=0.01):
    return {"model_a": a, "model_b": b, "kl_nats": 1.0, "closer": 9.5, "declared": False} | {
        "p": p,
        "suspect": suspect,
    }


def test_suspects_are_counted_and_listed():
    text = say(suspects=[suspect("a", "b"), suspect("c", "d"), suspect("e", "f", False, 0.4)])
    assert "<b>2 pairs</b> of models from different lineages are closer" in text["suspects"]
    assert all(f'<td class="text">{name}</td>' in text["suspects"] for name in "abcdef")
    one = say(suspects=[suspect("a", "b")])["suspects"]
    assert "<b>1 pair</b> of models from different lineages is closer" in one


def test_without_a_suspect_it_says_so():
    nothing = "No pair of models from different lineages is closer to each other than chance"
    assert nothing in say(suspects=[suspect("e", "f", False, 0.4)])["suspects"]
    assert nothing in say()["suspects"]


def test_recipes_with_a_direction_are_named():
    told = (("sft", 0.02), ("<b>", 0.06))  # of which the latter had p = 0.03
    rows = [{"recipe": r, "n_shifts": 4, "p": p / 2, "p_adjusted": p} for r, p in told]
    text = say(recipes=rows)["recipes"]
    assert "A direction of its own (adjusted p ≤ 0.05): <b>sft</b>." in text
    assert "&lt;b&gt;" in text
    assert "No recipe shows a direction" in say(recipes=rows[1:])["recipes"]
    assert "No recipe shows a direction" in say(recipes=[{"recipe": "sft"}])["recipes"]
    assert say()["recipes"] == ""


def test_only_what_is_known_explains_variance():
    rows = [{"factor": "recipe", "n_models": 9, "r2": 0.25}, {"factor": "released", "n_models": 0}]
    text = say(variance=rows)["variance"]
    assert ">recipe<" in text
    assert ">released<" not in text


def test_labels_that_cannot_be_asked_say_why():
    row = {"label": "tokenizer", "n_models": 0, "note": "told of no model"}
    assert "told of no model" in say(labels=[row])["labels"]
