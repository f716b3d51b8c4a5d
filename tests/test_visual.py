"""What an image or a prompt is worth to each model, sample by sample."""

import math

import numpy as np
import polars as pl
import pytest
from score_frames import gathered, make_samples, make_scores, noise

from modelmap.gather import informed, visual


def test_the_first_tokens_share_of_the_variance():
    """A quarter of each log-likelihood is its first token's, so a quarter of the variance is."""
    scores = {"a": make_scores(noise(0), missing=[3])}
    (row,) = gathered(scores, samples=make_samples(images=False)).models
    assert row["first_token_share"] == pytest.approx(0.25, rel=1e-6)
    (row,) = gathered(scores).models
    assert "first_token_share" not in row


def test_what_a_prompt_tells_is_the_difference_to_the_text_by_itself():
    given, alone = noise(0), noise(1)
    scores = {
        "a": pl.concat(
            [make_scores(given), make_scores(alone, variant="no_prompt", missing=range(1))]
        ),
        "b": pl.concat(
            [make_scores(given), make_scores(alone, variant="no_prompt", missing=range(9))]
        ),
    }
    samples = make_samples(images=False)
    models = pl.DataFrame([{"nats_per_sample": 1.0} | row for row in gathered(scores).models])
    found = informed(samples, scores, models)
    assert np.allclose(found.L[0, 1:], (given - alone)[1:])
    assert [row["kept"] for row in found.models] == [True, False]
    assert found.models[1]["reason"] == "9 of 100 samples missing, at most 2%"
    assert found.samples["kept"].to_list() == [False] + [True] * 99
    assert {row["noise_nats2"] for row in found.models} == {None}


def shown(values, variants):
    return pl.concat(
        [make_scores(v, variant=name) for name, v in zip(variants, values, strict=True)]
    )


@pytest.mark.parametrize("measure", ["blank_gap", "pmi"])
def test_of_no_model_there_are_no_rows(measure):
    """All failed, or all stand on a frozen map."""
    names, values = visual(
        make_samples(), {"refused": make_scores(noise(0)).clear()}, measure=measure
    )
    assert names == []
    assert values.shape == (0, 100)


def test_a_gap_is_the_difference_of_two_variants_and_missing_where_one_is():
    given, gray = noise(0), noise(1)
    scores = {
        "m": pl.concat([make_scores(given), make_scores(gray, missing=[3], variant="blank")]),
        "refused": make_scores(given).clear(),
    }
    names, values = visual(make_samples(), scores, measure="blank_gap")
    assert names == ["m"]
    assert np.isnan(values[0, 3])
    expected = np.delete(given - gray, 3)
    np.testing.assert_allclose(np.delete(values[0], 3), expected)


def test_mutual_information_is_at_most_the_logarithm_of_the_number_of_images():
    variants = ["given", "shuffled", "shuffled-2", "shuffled-3", "shuffled-4"]
    values = [noise(i) for i in range(5)]
    _, pmi = visual(make_samples(), {"m": shown(values, variants)}, measure="pmi")
    assert pmi.max() <= math.log(5) + 1e-12
    mean = np.log(np.mean(np.exp(values), axis=0))
    np.testing.assert_allclose(pmi[0], values[0] - mean)


def test_a_blind_model_has_no_mutual_information():
    variants = ["given", "shuffled", "shuffled-2", "shuffled-3", "shuffled-4"]
    _, pmi = visual(make_samples(), {"m": shown([noise(0)] * 5, variants)}, measure="pmi")
    np.testing.assert_allclose(pmi, 0, atol=1e-12)
