"""Tables of stability: what was planted, beside chance, and what cannot be compared says why."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from modelmap.geometry import similarity
from modelmap.geometry.centering import double_center
from modelmap.stability import measures, redrawn
from modelmap.stability.datasets import datasets
from modelmap.stability.measures import How, map_of
from modelmap.stability.samples import ALL, AS_MANY, samples, strata

K, N = 20, 240
GROUPS = np.arange(N) // 2
NAMES = [f"m{i:02d}" for i in range(K)]
SHEET = [{"model": name, "family": f"f{i // 4}"} for i, name in enumerate(NAMES)]
HOW = How(n_repeats=6, n_neighbors=10, n_components=10, random_state=0)
TSNE = {"perplexity": 4, "metric": "euclidean", "max_iter": 250, "random_state": 5}
UMAP = {"n_neighbors": 4, "min_dist": 0.1, "random_state": 5}


def planted(seed=0, noise=0.5, places=None, n_samples=N):
    """Coordinates of five families of four in five dimensions."""
    rng = np.random.default_rng(seed)
    at = np.random.default_rng(99).normal(size=(K, 5)) if places is None else places
    at = at + 3 * np.random.default_rng(98).normal(size=(5, 5))[np.arange(K) // 4]
    return double_center(
        at @ rng.normal(size=(5, n_samples)) + noise * rng.normal(size=(K, n_samples))
    )


def a_map(Q=None, groups=GROUPS, names=NAMES, sheet=SHEET):
    return map_of(list(names), planted() if Q is None else Q, groups, sheet)


def noise(n_samples=N, seed=1):
    return np.random.default_rng(seed).normal(size=(K, n_samples))


# Samples


def test_more_samples_agree_more():
    table, verdict = samples(a_map(), HOW)
    assert set(table["n_groups"]) == {7, 15, 30, 60}
    assert set(table["against"]) == {AS_MANY, ALL}
    assert set(table["measure"]) == set(measures.NAMES)
    for measure in measures.NAMES:
        values = table.filter(measure=measure, against=AS_MANY)["value"]
        assert values[-1] > values[0]
        assert values[-1] > 0.85
    assert table.filter(n_groups=60)["n_samples"].unique().to_list() == [120]
    halves = table.filter(n_groups=60).partition_by("against")
    assert_frame_equal(*(half.drop("against") for half in halves))  # then all others are as many
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    assert verdict.startswith("Other samples give much the same map: two disjoint sets of 120 have")


def test_noise_agrees_by_chance():
    table, verdict = samples(a_map(noise()), HOW)
    assert table["above_chance"].abs().max() < 0.2
    assert "give another map" in verdict


def test_groups_stay_whole():
    """Captions of one image agree however unlike the images are."""
    images = np.repeat(noise(N // 6), 6, axis=1) + 0.1 * noise(seed=2)
    grouped, single = (
        samples(a_map(images, groups), HOW)[0].filter(measure="cka", against=AS_MANY)["value"][-1]
        for groups in (np.arange(N) // 6, np.arange(N))
    )
    assert single > 0.5
    assert abs(grouped) < 0.2


def test_of_many_models_fewer_sets_are_drawn(monkeypatch):
    assert samples(a_map(), HOW)[0]["n_draws"].unique().to_list() == [6]
    monkeypatch.setattr(measures, "DRAWS", {"most": 4 * 5 * K**3, "least": 2})
    assert samples(a_map(), HOW)[0]["n_draws"].unique().to_list() == [4]
    monkeypatch.setattr(measures, "DRAWS", {"most": 1, "least": 2})
    assert samples(a_map(), HOW)[0]["n_draws"].unique().to_list() == [2]


def test_a_weight_is_as_good_as_a_group_that_is_there_several_times():
    L, times = planted(), np.repeat(np.random.default_rng(3).integers(1, 5, N // 2), 2)
    Q = double_center(L, weights=np.sqrt(times))
    weighted = map_of(NAMES, Q, GROUPS, SHEET, np.sqrt(times))
    several = a_map(np.repeat(L, times, axis=1), np.repeat(GROUPS, times))
    for chosen in (np.full(N, True), GROUPS < 30):
        np.testing.assert_allclose(
            similarity.gram(weighted.moments(chosen)),
            similarity.gram(several.moments(np.repeat(chosen, times))),
        )


# Strata


def two_kinds(share):
    """Half of the groups show other places of the models, as far as `share` says."""
    kinds = np.where(GROUPS % 2 == 0, "a", "b")
    places = np.random.default_rng(97).normal(size=(K, 5)) * 8
    other = (1 - share) * planted(3) + share * planted(4, places=places)
    return np.where(kinds == "a", planted(3), other), kinds.tolist()


def test_kinds_of_samples_that_agree_reach_the_ceiling():
    Q, kinds = two_kinds(0)
    table, _ = strata(a_map(Q), kinds, HOW)
    assert table["value"].to_numpy() == pytest.approx(table["ceiling"].to_numpy(), abs=0.06)
    assert table.select("n_samples_a", "n_samples_b").unique().row(0) == (120, 120)


def test_kinds_of_samples_that_differ_do_not():
    Q, kinds = two_kinds(1)
    kinds[:6] = [None] * 6
    table, verdict = strata(a_map(Q), kinds, HOW)
    assert (table["value"] < table["ceiling_low"]).all()
    assert table["n_samples_a"].unique().to_list() == [116]
    assert "at worst: a and b have CKA" in verdict


def test_kinds_with_too_few_groups_are_left_out():
    kinds = ["a"] * 100 + ["b"] * 132 + ["c"] * 8
    table, _ = strata(a_map(), kinds, HOW)
    assert table.select("stratum_a", "stratum_b").unique().rows() == [("a", "b")]
    table, verdict = strata(a_map(), [None] * N, HOW)
    assert table.is_empty()
    assert verdict.endswith("here 0.")


# Drawn again


@pytest.fixture(scope="module")
def drawn():
    """Pictures of the planted map, and t-SNE of it from other seeds."""
    on = a_map()
    rows = {
        method: redrawn._drawn(on.models, on.Q, method, settings, {})
        for method, settings in (("tsne", TSNE), ("pca", {}))
    }
    pictures = redrawn.pictures(
        ((m, pl.DataFrame(r)) for m, r in (rows | {"umap": []}).items()), on.models
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redrawn, "STARTS", {"tsne": redrawn.STARTS["tsne"]})  # UMAP compiles for 12 s
        again = pl.DataFrame(redrawn.restarts(on.models, on.Q, {"tsne": TSNE}, {}))
    return on, pictures, again


def test_pictures_are_of_methods_that_made_one(drawn):
    _, pictures, _ = drawn
    assert {method: xy.shape for method, xy in pictures.items()} == dict.fromkeys(
        ("tsne", "pca"), (K, 2)
    )


def test_leaving_out_a_family_of_its_own_changes_the_components():
    """One family lies far along an axis of its own: what is left turns to other axes."""
    Q = 0.1 * noise()
    Q[:4] += 20 * noise(seed=3)[0]
    Q += np.random.default_rng(4).normal(size=(K, 6)) @ noise(seed=5)[:6]
    table, verdict = redrawn.models(a_map(double_center(Q)), {}, TSNE, {}, HOW)
    family = table.filter(by=redrawn.FAMILY)
    assert family["left_out"].to_list() == [f"f{i}" for i in range(5)]
    assert set(table["n_left_out"]) == {4}
    assert family["above_chance"].arg_min() == 0
    assert family["value"][0] < 0.7 < family["value"][1:].min()
    assert "without f0, first components: Procrustes" in verdict


def test_tsne_of_the_rest_is_compared_too(drawn):
    on, pictures, _ = drawn
    table, verdict = redrawn.models(on, pictures, TSNE, {}, HOW)
    assert table.filter(of=redrawn.TSNE).height == table.filter(of=redrawn.PCA).height == 10
    assert table.filter(of=redrawn.TSNE)["value"].min() > 0.6
    assert "t-SNE: overlap" in verdict


def test_what_everything_hangs_on_cannot_be_left_out():
    sheet = [row | {"family": "one"} for row in SHEET]
    table, verdict = redrawn.models(a_map(sheet=sheet), {}, TSNE, {}, HOW)
    assert table.is_empty()
    assert "No family can be left out of 20 models" in verdict


def test_every_two_seeds_are_compared(drawn):
    on, pictures, again = drawn
    assert again["random_state"].unique(maintain_order=True).to_list() == [6, 7, 8, 9]
    table, verdict = redrawn.seeds(on, pictures, again, HOW)
    assert table.height == 5 * 4 / 2
    assert table.filter(pl.col("seed_a").is_null())["seed_b"].to_list() == [6, 7, 8, 9]
    first, second = (again.filter(random_state=seed)["x", "y"].to_numpy() for seed in (6, 7))
    assert np.abs(first - second).max() > 1  # random starts do differ
    told = f"t-SNE {table['value'].mean():.2f} (least {table['value'].min():.2f})"
    assert told in verdict


def test_from_its_own_start_the_seed_of_tsne_changes_nothing(drawn):
    on, pictures, _ = drawn
    rows = redrawn._drawn(on.models, on.Q, "tsne", TSNE | {"random_state": 77}, {})
    same = redrawn.pictures([("tsne", pl.DataFrame(rows))], on.models)["tsne"]
    np.testing.assert_allclose(same, pictures["tsne"], rtol=1e-3, atol=1e-2)


def test_every_two_methods_are_compared(drawn):
    on, pictures, _ = drawn
    table, verdict = redrawn.methods(on, pictures | {"umap": pictures["pca"]}, HOW)
    assert table.height == 6
    assert table.filter(method_a="PCA", method_b="UMAP")["value"].to_list() == [1]
    assert table["chance"].unique().to_list() == [pytest.approx(5 / 19)]
    assert "Of the 5 nearest models by distance" in verdict


# Many models


def test_of_many_models_some_stand_for_all(drawn, monkeypatch):
    """The same ones for any order of the models; what is compared is of them alone."""
    monkeypatch.setattr(measures, "MOST", 12)
    whole, pictures, again = drawn
    on = whole.some(0)
    assert len(on.models) == 12
    np.testing.assert_array_equal(on.Q, whole.Q[[NAMES.index(name) for name in on.models]])
    shuffled = np.random.default_rng(5).permutation(K)
    mixed = a_map(whole.Q[shuffled], names=[NAMES[i] for i in shuffled])
    assert mixed.some(0).models == on.models
    assert on.aside == " Of 20 models 12 drawn at random are compared."
    assert whole.of(NAMES[:12]).some(0).aside == ""

    xy = pl.DataFrame(
        {"model": whole.models, "x": pictures["pca"][:, 0], "y": pictures["pca"][:, 1]}
    )
    some = redrawn.pictures([("pca", xy)], on.models)
    assert some["pca"].shape == (12, 2)
    table, _ = redrawn.seeds(on, {}, again, HOW)
    assert table["chance"].unique().to_list() == [pytest.approx(3 / 11)]
    left_out, _ = redrawn.models(on, pictures, TSNE, {}, HOW)
    assert set(left_out["of"]) == {redrawn.PCA}
    table, verdict = datasets({"a": whole, "b": a_map(planted(7))}, HOW)
    assert verdict.endswith(on.aside)
    assert table["n_models"].to_list() == [20] * 3


# Datasets


def test_maps_are_compared_over_the_models_they_share():
    few = [2, 5, 9, 13, 14, 18]
    maps = {
        "one": a_map(),
        "two": a_map(planted(7)[few], names=[NAMES[i] for i in few]),
        "noise": a_map(noise()),
        "apart": a_map(planted(8)[:3], names=NAMES[:3]),
    }
    table, verdict = datasets(maps, HOW)
    assert table.filter(map_a="one", map_b="two")["n_models"].to_list() == [6] * 3
    assert table.filter(map_a="one", map_b="two", measure="cka")["value"][0] > 0.8
    related = table.filter(map_a="noise", map_b="one")
    assert related["above_chance"].abs().max() < 0.2
    (absent,) = table.filter(map_a="apart", map_b="two").rows(named=True)
    assert absent["note"] == "1 model in common; at least 4 are needed"
    assert absent["value"] is None
    assert "another map, at worst" in verdict


def test_one_map_or_none_in_common_says_so():
    assert "one map only" in datasets({"one": a_map()}, HOW)[1]
    maps = {"a": a_map(planted()[:4], names=NAMES[:4]), "b": a_map(planted()[4:], names=NAMES[4:])}
    table, verdict = datasets(maps, HOW)
    assert table.height == 1
    assert "a and b: 0 models in common" in verdict


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_a_map_that_cannot_be_halved_leaves_no_ceiling(names):
    one_group = a_map(planted(7), groups=np.zeros(N, dtype=int))
    table, verdict = datasets(dict(zip(names, (a_map(), one_group), strict=True)), HOW)
    assert verdict.endswith("halves of one map have CKA unknown.")
    assert table.height == 3
    assert table["ceiling"].null_count() == 3


def test_family_permutations_tell_shared_places_from_shared_families():
    sheet = [{"model": name, "family": f"f{i // 2}"} for i, name in enumerate(NAMES)]
    maps = {
        "a": a_map(sheet=sheet),
        "b": a_map(planted(7), sheet=sheet),
        "c": a_map(np.repeat(noise()[:10], 2, axis=0) + 0.3 * noise(seed=6), sheet=sheet),
    }
    found = datasets(maps, HOW)[0].filter(measure="cka").select("map_a", "map_b", "p")
    alike = {(a, b): p < 0.05 for a, b, p in found.iter_rows()}
    assert alike == {("a", "b"): True, ("a", "c"): False, ("b", "c"): False}


# All


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_few_models_say_so(n):
    on = a_map(planted()[:n], names=NAMES[:n])
    again = pl.DataFrame(schema={"method": pl.String, "random_state": pl.Int64})
    for table, verdict in (
        samples(on, HOW),
        strata(on, ["a", "b"] * (N // 2), HOW),
        redrawn.models(on, {}, TSNE, {}, HOW),
        redrawn.seeds(on, {}, again, HOW),
        redrawn.methods(on, {}, HOW),
    ):
        assert table.is_empty()
        assert verdict.endswith(f"at least 4 models with scores, there are {n}.")


def test_no_samples_say_so():
    on = a_map(np.zeros((K, 0)), [])
    assert samples(on, HOW)[1] == redrawn.methods(on, {}, HOW)[1]
    assert datasets({"a": on, "b": a_map()}, HOW)[0]["note"][0] == samples(on, HOW)[1]
    assert samples(on, HOW)[1] == "No sample counts for all models."


def test_too_few_groups_say_so():
    table, verdict = samples(a_map(groups=np.arange(N) // 30), HOW)
    assert table.is_empty()
    assert verdict == "Samples are split where they have at least 10 groups, there are 8."


def test_equal_models_are_unknown():
    table, verdict = samples(a_map(np.zeros((K, N))), HOW)
    assert table.filter(measure="cka")["value"].null_count() == 2 * 4
    assert "no map to compare: two disjoint sets of 120 have CKA unknown" in verdict


def test_the_order_of_models_or_of_samples_changes_nothing():
    Q, kinds = two_kinds(0.5)
    rng = np.random.default_rng(9)
    models, columns = rng.permutation(K), rng.permutation(N)
    on = a_map(Q)
    mixed = a_map(
        Q[np.ix_(models, columns)], GROUPS[columns], [NAMES[i] for i in models], SHEET[::-1]
    )
    mixed_kinds = [kinds[i] for i in columns]
    for straight, other in (
        (samples(on, HOW), samples(mixed, HOW)),
        (strata(on, kinds, HOW), strata(mixed, mixed_kinds, HOW)),
        (redrawn.models(on, {}, TSNE, {}, HOW), redrawn.models(mixed, {}, TSNE, {}, HOW)),
        (
            datasets({"a": on, "b": a_map()}, HOW),
            datasets({"b": a_map(), "a": mixed}, HOW),
        ),
    ):
        assert_frame_equal(straight[0], other[0])
        assert straight[1] == other[1]
