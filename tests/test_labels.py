"""What stands together is told by kind of label, and what cannot be asked says why."""

import numpy as np
import pytest
from polars.testing import assert_frame_equal

from modelmap import labels, structure
from modelmap.geometry.centering import double_center


def sheet_of(n=24, **columns):
    """Families of three in backbones of six; two models a lineage."""
    rows = [
        {
            "model": f"m{i:02d}",
            "family": f"f{i // 6}",
            "parent": f"m{i - 1:02d}" if i % 2 else "",
            "language_model": f"l{i // 12}",
            "vision_encoder": None,
            "tokenizer": "t",
        }
        for i in range(n)
    ]
    for column, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            row[column] = value
    return rows


def place(sheet, seed=0):
    """Models around the centers of their families, of no backbone, and of their lineages."""
    rng = np.random.default_rng(seed)
    names = sorted(row["model"] for row in sheet)
    family = np.array([int(name[1:]) // 6 for name in names], dtype=int)
    L = 3 * rng.normal(size=(4, 80))[family] + rng.normal(size=(len(names), 80))
    return structure.placed(names, double_center(L) if names else L, sheet)


def ask(on):
    return {row["label"]: row for row in labels.labels(on, n_permutations=200).rows(named=True)}


def test_planted_families_stand_together():
    found = ask(place(sheet_of()))
    assert list(found) == list(labels.LABELS)
    family = found["family"]
    assert (family["accuracy"], family["n_models"], family["note"]) == (1, 24, None)
    assert family["p"] < 0.02
    assert family["null_mean"] < 0.5
    assert family["silhouette"] > 0.4
    assert found["language_model"]["accuracy"] == 1
    assert found["language_model"]["silhouette"] < family["silhouette"]


def test_what_cannot_be_asked_says_why():
    found = ask(place(sheet_of(vision_encoder=[f"v{i // 2}" for i in range(24)])))
    assert found["vision_encoder"]["note"] == "no model has its label in another lineage"
    assert found["vision_encoder"]["p"] is None
    assert found["tokenizer"]["note"] == "all models have the same label"
    assert found["tokenizer"]["silhouette"] is None
    assert ask(place(sheet_of()))["vision_encoder"]["note"] == "told of no model"


def test_models_without_a_label_are_left_out():
    backbones = [None] * 6 + [f"l{i // 12}" for i in range(6, 24)]
    assert ask(place(sheet_of(language_model=backbones)))["language_model"]["n_models"] == 18


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_models_say_so(n):
    found = ask(place(sheet_of(n)))
    assert {row["accuracy"] for row in found.values()} == {None}
    assert all(row["note"] for row in found.values())


def test_the_order_of_the_sheet_changes_nothing():
    sheet = sheet_of()
    tables = [labels.labels(place(rows), n_permutations=50) for rows in (sheet, sheet[::-1])]
    assert_frame_equal(*tables)
