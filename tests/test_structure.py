"""Tables of structure: what was planted, under the names of the sheet."""

import numpy as np
import polars as pl
import pytest

from modelmap import structure
from modelmap.geometry.centering import double_center

N = 240
GROUPS = np.arange(N) // 2


def sheet_of(n_families=6):
    """A base, two recipes and a merge in each family."""
    rows = []
    for family in range(n_families):
        base = f"f{family}_base"
        for recipe, parent in (
            ("base", ""),
            ("sft", base),
            ("mpo", f"f{family}_sft"),
            ("merge", f"{base},f{family}_sft"),
        ):
            rows.append(
                {
                    "model": f"f{family}_{recipe}",
                    "family": f"f{family}",
                    "recipe": recipe,
                    "parent": parent,
                    "language_model": "llama" if family % 2 else "qwen",
                    "vision_encoder": None,
                    "tokenizer": f"t{family}",
                    "released": f"202{family // 2}-0{family + 1}",
                }
            )
    return sorted(rows, key=lambda row: row["model"])


def planted(n_families=6, seed=0):
    """Log-likelihoods: far families, and one shift that every sft shares."""
    rng = np.random.default_rng(seed)
    direction = 2 * rng.normal(size=N)
    L = {}
    for family in range(n_families):
        base = 6 * rng.normal(size=N)
        sft = base + direction + rng.normal(size=N)
        L |= {f"f{family}_base": base, f"f{family}_sft": sft}
        L[f"f{family}_mpo"] = sft + rng.normal(size=N)
        L[f"f{family}_merge"] = (base + sft) / 2 + 0.5 * rng.normal(size=N)
    return L


def place(L, sheet):
    names = sorted(L)
    rows = np.array([L[name] for name in names]).reshape(len(names), N)
    return structure.placed(names, double_center(rows) if names else rows, sheet), rows


@pytest.fixture(scope="module")
def on():
    return place(planted(), sheet_of())[0]


# The tree


def test_the_tree_has_every_model_and_says_how_it_was_made(on):
    newick, nodes, note = structure.grow(on, GROUPS, n_bootstrap=40)
    assert newick.endswith(";\n")
    assert newick.count("'f0_base'") == 1
    assert nodes.filter(pl.col("model").is_not_null())["model"].to_list() == on.models
    assert nodes["parent"].null_count() == 1
    assert nodes["support"].drop_nulls().is_between(0, 1).all()
    assert "40 resamples" in note
    assert "negative" in note  # merges lie between their parents


def test_families_are_branches_of_full_support(on):
    _, nodes, _ = structure.grow(on, GROUPS, n_bootstrap=40)
    parent = dict(nodes.select("node", "parent").iter_rows())
    below = {node: set() for node in parent}
    for node, model in nodes.filter(pl.col("model").is_not_null())["node", "model"].iter_rows():
        while node is not None:
            below[node].add(model)
            node = parent[node]
    support = dict(nodes.select("node", "support").iter_rows())
    found = {frozenset(models): support[node] for node, models in below.items()}
    for family in range(6):
        members = frozenset(name for name in on.models if name.startswith(f"f{family}_"))
        assert found[members] == 1


def test_of_many_models_fewer_resamples_are_drawn(on, monkeypatch):
    monkeypatch.setattr(structure, "RESAMPLES", {"most": 7 * 24**3, "least": 5})
    assert "7 resamples" in structure.grow(on, GROUPS, n_bootstrap=40)[2]
    monkeypatch.setattr(structure, "RESAMPLES", {"most": 1, "least": 5})
    assert "5 resamples" in structure.grow(on, GROUPS, n_bootstrap=40)[2]


def test_of_very_many_models_the_tree_has_no_support_and_of_more_there_is_none(on, monkeypatch):
    newick, nodes, _ = structure.grow(on, GROUPS, n_bootstrap=5)
    monkeypatch.setattr(structure, "MOST_WITH_SUPPORT", 23)
    _, bare, note = structure.grow(on, GROUPS, n_bootstrap=5)
    assert bare.drop("support").equals(nodes.drop("support"))
    assert bare["support"].null_count() == bare.height
    assert "without support, which is asked of 23 models at most" in note
    monkeypatch.setattr(structure, "MOST_OF_A_TREE", 23)
    newick, nodes, note = structure.grow(on, GROUPS, n_bootstrap=5)
    assert newick == f"[{note}];\n"
    assert note.startswith("No tree is grown of 24 models, only of up to 23")
    assert nodes.is_empty()


def test_of_many_models_fewer_permutations_are_drawn(on, monkeypatch):
    monkeypatch.setattr(structure, "PERMUTATIONS", {"most": 24**2 * 12, "least": 5})
    found = dict(structure.variance(on, n_permutations=40)["factor", "n_permutations"].iter_rows())
    assert found["language_model"] == 6  # two levels
    assert found["released"] == 12
    assert found["tokenizer"] == 5
    table, *_ = structure.recipes(on, on.Q[0], {}, n_permutations=40)
    assert table["n_permutations"].to_list() == [24**2 * 12 // 18**2] * 3


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_models_make_files_that_say_so(n):
    L = dict(list(planted().items())[:n])
    few, rows = place(L, sheet_of())
    newick, nodes, note = structure.grow(few, GROUPS, n_bootstrap=5)
    assert newick == f"[A tree needs at least 3 models with scores, there are {n}.];\n"
    assert note in newick
    assert nodes.is_empty()
    difficulty = rows.sum(axis=0)
    table, arrows, _ = structure.recipes(few, difficulty, {}, n_permutations=5)
    assert table.height == arrows.height == max(n - 1, 0)
    assert structure.suspect_pairs(few, level=0.95).height == max(n - 1, 0)
    variance = structure.variance(few, n_permutations=5)
    assert variance["factor"].to_list() == list(structure.FACTORS)
    assert variance["r2"].null_count() == len(structure.FACTORS)


# Undeclared parents


def test_an_undeclared_child_is_suspected():
    L = planted(12)
    L["stranger"] = L["f3_mpo"] + 0.3 * np.random.default_rng(1).normal(size=N)
    sheet = sheet_of(12)
    sheet.append(sheet[0] | {"model": "stranger", "family": "s", "parent": "", "recipe": None})
    found = structure.suspect_pairs(place(L, sheet)[0], level=0.95)
    suspect = found.row(0, named=True)
    assert (suspect["model_a"], suspect["model_b"]) == ("f3_mpo", "stranger")
    assert suspect["suspect"]
    assert not suspect["declared"]
    assert suspect["closer"] > 50
    assert found["suspect"].sum() == 1


def test_declared_pairs_stand_beside_as_a_ruler(on):
    found = structure.suspect_pairs(on, level=0.95)
    declared = found.filter("declared")
    assert declared.height == 6 * 4  # a merge has two parents
    assert declared["p"].null_count() == declared.height
    assert (declared["closer"] > 1).all()
    assert not found["suspect"].any()
    row = declared.filter(model_a="f0_base", model_b="f0_sft").row(0, named=True)
    i, j = on.models.index("f0_base"), on.models.index("f0_sft")
    assert row["kl_nats"] == pytest.approx(np.var(on.Q[i] - on.Q[j]) / 2)


# Recipes


def test_the_planted_direction_is_the_recipes_own(on):
    difficulty = np.random.default_rng(2).normal(size=N)
    table, arrows, shares = structure.recipes(on, difficulty, {}, n_permutations=500)
    found = {row["recipe"]: row for row in table.rows(named=True)}
    assert list(found) == ["merge", "mpo", "sft"]
    assert found["sft"]["cosine"] == pytest.approx(0.8, abs=0.05)
    assert found["sft"]["p"] < 0.01
    assert found["mpo"]["p"] > 0.05
    assert found["mpo"]["length_nats"] == pytest.approx(1, abs=0.1)
    assert found["sft"]["n_shifts"] == found["sft"]["n_lineages"] == 6
    assert max(row["difficulty_share"] for row in found.values()) < 0.1
    assert arrows.height == 18
    assert sum(shares) > 0.4
    to_the_right = arrows.filter(recipe="sft")["x"]
    assert (to_the_right > 1).all()


def test_a_shift_along_difficulty_is_no_direction():
    rng = np.random.default_rng(3)
    difficulty, L = rng.normal(size=N), planted()
    for name in L:
        if name.endswith("mpo"):
            L[name] = L[name] + 5 * difficulty
    table, *_ = structure.recipes(place(L, sheet_of())[0], difficulty, {}, n_permutations=200)
    row = table.filter(recipe="mpo").row(0, named=True)
    assert row["difficulty_share"] > 0.8
    assert abs(row["cosine"]) < 0.2


def test_noise_raises_cosines(on):
    difficulty = np.random.default_rng(4).normal(size=N)
    plain, noisy = (
        structure.recipes(on, difficulty, noise, n_permutations=5)[0].filter(recipe="sft")["cosine"]
        for noise in ({}, dict.fromkeys(on.models, 0.5))
    )
    assert noisy[0] > plain[0] + 0.1


# Variance


def test_shares_tell_families_from_what_only_names_them(on):
    table = structure.variance(on, n_permutations=200)
    found = {row["factor"]: row for row in table.rows(named=True)}
    assert found["tokenizer"]["r2"] > 0.7
    assert found["tokenizer"]["p"] == 1  # one per family
    assert found["language_model"]["r2_unique"] == pytest.approx(0, abs=1e-9)
    assert found["vision_encoder"]["n_models"] == 0
    assert found["vision_encoder"]["r2"] is None
    assert (found["released"]["n_levels"], found["released"]["n_models"]) == (0, 24)
    assert found["recipe"]["permuted"] == "models within lineages"
    assert found["recipe"]["p"] < 0.02
    assert found["recipe"]["r2_unique"] == pytest.approx(found["recipe"]["r2"], abs=1e-9)


def test_models_without_a_value_are_left_out_of_its_share():
    sheet = sheet_of()
    for row in sheet[:5]:
        row["language_model"] = None
    table = structure.variance(place(planted(), sheet)[0], n_permutations=10)
    assert table["n_models"].to_list() == [19, 0, 24, 24, 24]


def test_the_order_of_the_sheet_changes_nothing(on):
    again = place(planted(), sheet_of()[::-1])[0]
    assert structure.suspect_pairs(on, level=0.9).equals(structure.suspect_pairs(again, level=0.9))
    assert structure.variance(on, n_permutations=10).equals(
        structure.variance(again, n_permutations=10)
    )
