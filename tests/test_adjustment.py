"""What length and difficulty have in distances: told always, taken out where asked."""

import numpy as np
import polars as pl
import pytest

from modelmap.adjustment import ALL_PAIRS, SCHEMA, UnknownLength, adjust
from modelmap.geometry.centering import double_center
from modelmap.geometry.divergence import squared_distances

MODELS = ["a", "b", "c", "d", "e"]


@pytest.fixture
def case():
    """Coordinates; a model with a slope on bytes, and one that is sharper."""
    rng = np.random.default_rng(0)
    n_bytes, difficulty = rng.integers(20, 200, size=300), rng.normal(-40, 10, size=300)
    L = difficulty + rng.normal(size=(5, 300))
    L[1] += 0.1 * n_bytes
    L[2] += 0.3 * difficulty
    facts = {"n_bytes": n_bytes, "difficulty": L.mean(axis=0)}
    return double_center(L), facts


def adjusted(case, off):
    Q, facts = case
    return adjust(MODELS, Q, **facts, off=off)


def test_shares_are_those_before_anything_was_taken_out(case):
    tables = [adjusted(case, off)[1] for off in ([], ["length"], ["difficulty", "length"])]
    for table in tables:
        assert table.drop("removed").equals(tables[0].drop("removed"))
    assert [table["removed"].unique().to_list() for table in tables] == [
        [None],
        ["length"],
        ["both"],
    ]
    assert dict(tables[0].schema) == SCHEMA
    assert tables[0]["model"].to_list() == [ALL_PAIRS, *MODELS]


def test_what_was_planted_is_told(case):
    _, table = adjusted(case, [])
    share = {row["model"]: row for row in table.rows(named=True)}
    for model, of in (("b", "length"), ("c", "difficulty")):
        assert max(MODELS, key=lambda name, of=of: share[name][of]) == model
        assert share[model][of] > 0.4
    assert all(row["both"] >= max(row["length"], row["difficulty"]) for row in share.values())
    assert table["note"].is_null().all()


@pytest.mark.parametrize("off", [["length"], ["difficulty"], ["difficulty", "length"]])
def test_the_share_told_is_the_share_taken(case, off):
    Q, table = adjusted(case, off)
    column = off[0] if len(off) == 1 else "both"
    left = squared_distances(Q).sum() / squared_distances(case[0]).sum()
    assert table[column][0] == pytest.approx(1 - left)


def test_nothing_asked_leaves_the_coordinates(case):
    assert adjusted(case, [])[0] is case[0]


def test_unknown_length_is_marked_and_cannot_be_taken_out(case):
    case[1]["n_bytes"] = None
    _, table = adjusted(case, ["difficulty"])
    assert table["length"].is_null().all()
    assert table["both"].is_null().all()
    assert table["difficulty"].is_not_null().all()
    assert table["note"].unique().to_list() == ["the bytes of the samples are not known"]
    with pytest.raises(UnknownLength, match=r"map.adjust: found length.*give n_bytes"):
        adjusted(case, ["length"])


@pytest.mark.parametrize("k", [0, 1])
def test_without_two_models_shares_are_absent(k):
    facts = {"n_bytes": np.arange(4), "difficulty": np.zeros(4)}
    _, table = adjust(MODELS[:k], np.zeros((k, 4)), **facts, off=["length"])
    assert table.height == 1 + k
    assert table.select(pl.col(pl.Float64).is_null().all()).row(0) == (True, True, True)
    assert table["note"].unique().to_list() == ["no two models differ"]
