"""Scores side by side: by name and not by place, and only what is complete counts."""

import math
import random

import numpy as np
import polars as pl
import pytest
from score_frames import IDS, N, gathered, make_samples, make_scores, noise

from modelmap import tables
from modelmap.gather import (
    STATUS,
    Incomplete,
    Rows,
    cells,
    expect_all_ok,
    mean_losses,
    origin,
    prompt_floor,
    status,
    weighted,
)


def by_model(result):
    return {row["model"]: row for row in result.models}


# Order


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_of_models_and_of_rows_changes_nothing(seed):
    scores = {
        name: pl.concat([make_scores(noise(i)), make_scores(noise(i + 9), variant="shuffled")])
        for i, name in enumerate(["b", "a", "C"])
    }
    first = gathered(scores)
    names = random.Random(seed).sample(list(scores), 3)
    mixed = {name: scores[name].sample(fraction=1, shuffle=True, seed=seed) for name in names}
    second = gathered(mixed)
    assert first.names == second.names == ["C", "a", "b"]
    np.testing.assert_array_equal(first.L, second.L)
    assert first.samples.equals(second.samples)
    assert first.models == second.models


def test_columns_follow_the_samples():
    order = random.Random(0).sample(range(N), N)
    scores = {"a": make_scores(noise(0)), "b": make_scores(noise(1), missing=[4])}
    straight, mixed = gathered(scores), gathered(scores, make_samples()[order])
    np.testing.assert_array_equal(mixed.L, straight.L[:, order])
    assert mixed.samples.equals(straight.samples[order])


def test_cells_are_those_of_the_variant_that_are_ok():
    frame = pl.concat(
        [make_scores(noise(0), missing=[1]), make_scores(noise(1), variant="blank", missing=[2])]
    )
    extra = make_scores(noise(2)).with_columns(sample_id="other " + pl.col("sample_id"))
    frame = pl.concat([frame, extra])
    for variant, values, missing in (("given", noise(0), 1), ("blank", noise(1), 2)):
        (row,) = cells([frame], IDS, variant=variant)
        assert math.isnan(row[missing])
        kept = np.arange(N) != missing
        np.testing.assert_array_equal(row[kept], values[kept])
    assert np.isnan(cells([frame], IDS, variant="none")).all()
    (tokens,) = cells([frame], IDS, variant="given", column="n_tokens")
    assert math.isnan(tokens[1])
    assert tokens[2] == 3 + 2 % 5


def test_cells_of_no_model():
    assert cells([], IDS, variant="given").shape == (0, N)


# What counts


def test_models_that_miss_much_go_first_then_samples_that_others_miss():
    scores = {
        "all": make_scores(noise(0)),
        "two": make_scores(noise(1), missing=[7, 8]),
        "three": make_scores(noise(2), missing=[8, 20, 30]),
    }
    found = gathered(scores)
    models = by_model(found)
    assert {name: row["kept"] for name, row in models.items()} == {
        "all": True,
        "two": True,
        "three": False,
    }
    assert models["three"]["reason"] == "3 of 100 samples missing, at most 2%"
    assert {name: row["samples_ok"] for name, row in models.items()} == {
        "all": 100,
        "two": 98,
        "three": 97,
    }
    left_out = found.samples.filter(~pl.col("kept"))
    assert left_out["sample_id"].to_list() == ["s7", "s8"]
    assert set(left_out["reason"]) == {"missing in a model that is kept"}
    assert found.samples.filter("kept")["reason"].null_count() == N - 2
    kept = [found.names.index(name) for name in ("all", "two")]
    assert np.isfinite(found.L[kept][:, found.samples["kept"].to_numpy()]).all()


def test_a_model_without_scores_is_in_no_table():
    found = gathered({"a": make_scores(noise(0)), "refused": make_scores(noise(0)).clear()})
    assert found.names == ["a"]
    assert [row["model"] for row in found.models] == ["a"]
    assert found.samples["kept"].all()


def test_no_model_at_all():
    found = gathered({"refused": make_scores(noise(0)).clear()})
    assert (found.names, found.models, found.L.shape) == ([], [], (0, N))


def test_the_three_tables_are_what_the_contracts_say(tmp_path):
    scores = {
        "a": pl.concat([make_scores(noise(0)), make_scores(noise(1), variant="shuffled")]),
        "b": make_scores(noise(2), missing=[1]),
        "c": make_scores(noise(2), missing=range(50)),
    }
    found = gathered(scores)
    tables.write_vectors(tmp_path / "matrix", tables.MATRIX, found.names, found.L)
    tables.write(tmp_path / "samples", tables.MATRIX_SAMPLES, found.samples)
    tables.write(tmp_path / "models", tables.MATRIX_MODELS, found.models)
    names, samples, L = tables.read_kept(
        **{name: tmp_path / name for name in ("matrix", "samples", "models")}
    )
    assert names == ["a", "b"]
    assert L.shape == (2, N - 1) == (2, samples.height)
    assert np.isfinite(L).all()


# Mean losses


def test_mean_losses_by_hand():
    L = np.array([[-1.0, -3.0], [-2.0, -6.0]])
    n_tokens, n_bytes = np.array([[1, 3], [2, 2]]), np.array([4, 12])
    found = mean_losses(L, n_tokens, n_bytes)
    np.testing.assert_allclose(found["nats_per_sample"], [2, 4])
    np.testing.assert_allclose(found["nats_per_token"], [1, 2])
    np.testing.assert_allclose(found["bits_per_byte"] * math.log(2), [0.25, 0.5])


def test_mean_losses_are_over_the_samples_that_count():
    scores = {"a": make_scores(noise(0)), "b": make_scores(noise(1), missing=[0, 50])}
    kept = [i for i in range(N) if i not in (0, 50)]
    row = by_model(gathered(scores))["a"]
    total = -noise(0)[kept].sum()
    assert row["nats_per_sample"] == pytest.approx(total / 98)
    assert row["nats_per_token"] == pytest.approx(total / sum(3 + i % 5 for i in kept))
    n_bits = sum(10 + i % 7 for i in kept) * math.log(2)
    assert row["bits_per_byte"] == pytest.approx(total / n_bits)


def test_a_model_left_out_has_no_mean_loss():
    row = by_model(gathered({"a": make_scores(noise(0), missing=range(3))}))["a"]
    assert {"nats_per_sample", "image_gap"}.isdisjoint(row)


def test_the_samples_of_a_subset_count_by_what_they_stand_for():
    """As if each were there as often: means are weighted, and weights are about one."""
    counts = np.random.default_rng(3).integers(1, 4, N)
    subset = pl.DataFrame({"sample_id": IDS, "weight": np.sqrt(counts)})
    samples = weighted(make_samples(), subset, int(counts.sum()))
    scores = {"a": pl.concat([make_scores(noise(0)), make_scores(noise(1), variant="shuffled")])}
    found = gathered(scores, samples)
    assert (found.samples["weight"] ** 2).mean() == pytest.approx(1)
    (row,) = found.models
    repeated = mean_losses(
        np.repeat(noise(0), counts)[None],
        np.repeat([3 + i % 5 for i in range(N)], counts)[None],
        np.repeat([10 + i % 7 for i in range(N)], counts),
    )
    for unit, value in repeated.items():
        assert row[unit] == pytest.approx(value[0])
    assert row["image_gap"] == pytest.approx(np.average(noise(0) - noise(1), weights=counts))
    assert "weight" not in gathered(scores).samples.columns
    with pytest.raises(Incomplete, match='1 of 100 samples that are not .* 99: .* is "s7"'):
        weighted(make_samples().filter(pl.col("sample_id") != "s7"), subset, 200)


# Rows that are not scored here


def test_rows_that_are_not_scored_stand_among_scores_wherever_they_come_from():
    """As if they had been scored, but for what only scores tell."""
    scores = {name: make_scores(noise(i)) for i, name in enumerate("abc")}
    scores["b"] = make_scores(noise(1), missing=[3])
    order = random.Random(0).sample(range(N), N)
    L = np.array([noise(2), np.where(np.arange(N) == 3, math.nan, noise(1))])
    facts = {"c": {"nats_per_token": 4.0, "noise_nats2": 0.5}}
    rows = Rows(["c", "b"], L[:, order], [IDS[i] for i in order], facts)
    every, some = gathered(scores), gathered({"a": scores["a"]}, rows=rows)
    assert some.names == every.names == ["a", "b", "c"]
    np.testing.assert_array_equal(some.L, every.L)
    assert some.samples.equals(every.samples)
    alike = ("model", "kept", "reason", "samples_ok", "nats_per_sample", "bits_per_byte")
    for one, other in zip(some.models, every.models, strict=True):
        assert {key: one[key] for key in alike} == {key: other[key] for key in alike}
    assert some.models[0] == every.models[0]
    assert some.models[1]["nats_per_token"] is None
    assert (some.models[2]["nats_per_token"], some.models[2]["noise_nats2"]) == (4.0, 0.5)


def test_of_a_model_both_scored_and_given_the_given_row_counts():
    rows = Rows(["a"], noise(5)[None], IDS, {})
    found = gathered({name: make_scores(noise(i)) for i, name in enumerate("ab")}, rows=rows)
    np.testing.assert_array_equal(found.L, [noise(5), noise(1)])


def test_rows_that_miss_much_are_left_out_and_infinite_cells_are_missing():
    L = np.array([noise(0), noise(1)])
    L[0, :3], L[1, 9] = math.inf, -math.inf
    found = gathered({}, rows=Rows(["a", "b"], L, IDS, {}))
    assert [row["kept"] for row in found.models] == [False, True]
    assert found.models[0]["reason"] == "3 of 100 samples missing, at most 2%"
    assert found.samples.filter(~pl.col("kept"))["sample_id"].to_list() == ["s9"]


def test_where_bytes_are_unknown_so_are_bits_per_byte():
    samples = make_samples().with_columns(n_bytes=pl.lit(None, pl.Int32))
    (row,) = gathered({"a": make_scores(noise(0))}, samples).models
    assert row["bits_per_byte"] is None
    assert row["nats_per_sample"] == pytest.approx(-noise(0).mean())


# The image gap


def with_gap(gap, missing=()):
    given = noise(0)
    shuffled = make_scores(given - gap, variant="shuffled", missing=missing)
    return {"a": pl.concat([make_scores(given), shuffled])}


def test_a_planted_image_gap_is_recovered():
    gap = np.random.default_rng(0).normal(0.7, 0.5, N)
    row = by_model(gathered(with_gap(gap)))["a"]
    assert row["image_gap"] == pytest.approx(gap.mean())
    assert row["image_gap_low"] < 0.7 < row["image_gap_high"]
    wide = by_model(gathered(with_gap(gap), level=0.999))["a"]
    assert wide["image_gap_low"] < row["image_gap_low"]
    assert row["image_gap_high"] < wide["image_gap_high"]


def test_what_captions_of_one_image_share_makes_the_interval_wider():
    shared = np.repeat(np.random.default_rng(0).normal(0.7, 0.5, N // 2), 2)
    grouped = by_model(gathered(with_gap(shared)))["a"]
    apart = by_model(gathered(with_gap(shared), make_samples(groups=IDS)))["a"]
    width, other = (row["image_gap_high"] - row["image_gap_low"] for row in (grouped, apart))
    assert width == pytest.approx(math.sqrt(2) * other, rel=0.05)


def test_the_image_gap_is_over_the_samples_that_have_both():
    gap = np.where(np.arange(N) < 50, 1.0, 9.0)
    row = by_model(gathered(with_gap(gap, missing=range(50, N))))["a"]
    assert row["image_gap"] == pytest.approx(1)


def test_without_shuffled_images_there_is_no_image_gap():
    assert "image_gap" not in by_model(gathered({"a": make_scores(noise(0))}))["a"]


def test_one_image_gives_no_interval():
    row = by_model(gathered(with_gap(np.ones(N)), make_samples(groups=["g"] * N)))["a"]
    assert row["image_gap"] == pytest.approx(1)
    assert (row["image_gap_low"], row["image_gap_high"]) == (None, None)


# Status


def test_status_over_shards():
    halves = [
        make_scores(noise(0), missing=[3, 4])[: N // 2],
        make_scores(noise(0), missing=[60], status="too_long")[N // 2 :],
    ]
    shuffled = make_scores(noise(0), missing=range(9), variant="shuffled")
    about = {"checkpoint": {"repo": "a/b", "commit": "c", "reason": None}, "dtype": "bfloat16"}
    footers = [
        {"status": "ok", "seconds": 2.5, "peak_memory": 7, "peak_device_memory": 5} | about,
        {"status": "ok", "seconds": 1.0, "peak_memory": 9} | about,
    ]
    assert status(footers, pl.concat([*halves, shuffled])) == {
        "status": "incomplete",  # 3 % are missing, at most 2 % may
        "reason": "2 non_finite, 1 too_long",
        "samples_ok": 97,
        "samples_missing": 3,
        "seconds": 3.5,
        "peak_memory": 9,
        "peak_device_memory": 5,
        "repo": "a/b",
        "commit": "c",
        "dtype": "bfloat16",
        "attention": None,
        "device": None,
    }


def test_the_origin_of_a_score_is_what_its_first_shard_says():
    check = {"check": "finite", "value": 1.0, "limit": 1.0, "verdict": "pass"}
    checkpoint = {"repo": "some/model", "commit": None, "reason": None}
    footer = {"checkpoint": checkpoint, "dtype": "float32", "versions": {"torch": "2"}}
    found = origin([footer | {"gate": [check]}, footer])
    assert found["gate"] == [check]
    assert found["facts"] == {"repo": "some/model", "dtype": "float32", "torch": "2"}
    assert origin([{"checkpoint": checkpoint}]) == {
        "gate": [],
        "facts": {"repo": "some/model"},
    }


def test_a_remark_about_a_checkpoint_is_told_though_all_is_well():
    checkpoint = {"repo": "a/b", "commit": "c", "reason": "renamed on the hub to c/d"}
    found = status([{"status": "ok", "checkpoint": checkpoint}], make_scores(noise(0)))
    assert (found["status"], found["reason"]) == ("ok", "renamed on the hub to c/d")


def test_status_of_a_model_that_failed_for_good():
    checkpoint = {"repo": "a/b", "commit": None, "reason": "asks for a token"}
    footers = [{"status": "ok"}, {"status": "gated", "reason": "asks for a token"}]
    footers = [footer | {"checkpoint": checkpoint} for footer in footers]
    found = status(footers, make_scores(noise(0)).clear())
    assert (found["status"], found["reason"]) == ("gated", "asks for a token")
    assert (found["samples_ok"], found["samples_missing"]) == (0, 0)
    pl.DataFrame([{"model": "a", "dataset": "d"} | found], STATUS)


def test_every_model_that_failed_is_named():
    rows = [
        {"model": "a", "dataset": "d", "status": "ok"},
        {"model": "b", "dataset": "d", "status": "refused", "reason": "no image"},
        {"model": "c", "dataset": "d", "status": "not applicable"},
        {"model": "d", "dataset": "e", "status": "missing", "reason": "404"},
    ]
    with pytest.raises(Incomplete) as error:
        expect_all_ok(pl.DataFrame(rows, STATUS))
    assert str(error.value).split("\n")[1:] == [
        "b on d: refused: no image",
        "d on e: missing: 404",
    ]
    expect_all_ok(pl.DataFrame(rows[::2], STATUS))


# Floors


def test_the_noise_of_shards_is_averaged_by_their_samples():
    shards = [
        {"n_samples": 10, "noise_nats2": 0.2},
        {"n_samples": 30, "noise_nats2": 0.6},
        {"n_samples": 1, "noise_nats2": None},
        None,
    ]
    scores = {name: make_scores(noise(i)) for i, name in enumerate("ab")}
    rows = gathered(scores, noise={"a": shards, "b": [None]}).models
    assert rows[0]["noise_nats2"] == pytest.approx(0.5)
    assert rows[1]["noise_nats2"] is None


def test_the_prompt_floor_is_the_variance_of_what_a_wording_moves():
    values, moved = noise(0), noise(1)
    asked = [make_scores(values), make_scores(values + moved, variant="paraphrase-1")]
    asked += [make_scores(values + 7, variant="paraphrase-2")]  # a shift of all is no distance
    assert prompt_floor(pl.concat(asked)) == pytest.approx(moved.var() / 2)
    assert prompt_floor(asked[0]) is None
