"""Weights between checkpoints: the corners are the checkpoints, the middle is their merge."""

import math

import numpy as np
import pytest
import torch
from tiny import load

from modelmap.scoring import pipeline
from modelmap.zoo import merging, training
from modelmap.zoo.interpolation import GRID, angle, interpolate


@pytest.fixture(scope="module")
def corners(tmp_path_factory):
    """Three checkpoints of one architecture and tokenizer."""
    folder, texts = tmp_path_factory.mktemp("corners"), ["user\nassistant\na red circle"] * 20
    for seed in range(3):
        training.save(training.build("smolvlm", texts, 20, seed=seed), folder / f"{seed}")
    return [folder / f"{seed}" for seed in range(3)]


def likelihoods(model, samples):
    return pipeline.repeatedly(model, samples, batch_tokens=512)()


def test_the_corners_are_the_checkpoints(corners, samples):
    models, between = [load(path) for path in corners], load(corners[0])
    score = pipeline.repeatedly(between, samples, batch_tokens=512)
    for model, (a, b) in zip(models, [(0, 0), (1, 0), (0, 1)], strict=True):
        interpolate(between.network, [m.network for m in models], a, b)
        for own, other in zip(
            between.network.parameters(), model.network.parameters(), strict=True
        ):
            torch.testing.assert_close(own, other, rtol=0, atol=0)
        np.testing.assert_array_equal(score(), likelihoods(model, samples))
    assert len(GRID) == 36


def test_half_way_between_two_is_their_merge(corners, samples, tmp_path):
    merging.merge(corners[:2], tmp_path / "merge")
    between = load(corners[2])
    interpolate(between.network, [load(path).network for path in corners], 0.5, 0)
    np.testing.assert_allclose(
        likelihoods(between, samples), likelihoods(load(tmp_path / "merge"), samples), atol=1e-4
    )


def test_scored_repeatedly_is_scored(corners, samples):
    model = load(corners[0])
    rows = pipeline.score(model, samples, batch_tokens=512)
    np.testing.assert_allclose(
        likelihoods(model, samples), [row["log_likelihood"] for row in rows], atol=1e-5
    )


def test_the_angle_is_that_of_all_weights_as_one_vector():
    networks = [torch.nn.Linear(2, 1, bias=False) for _ in range(3)]
    weights = [(1, 1), (3, 1), (1 + math.cos(1), 1 + math.sin(1))]
    for network, values in zip(networks, weights, strict=True):
        network.weight.data = torch.tensor([values], dtype=torch.float)
    assert angle(networks) == pytest.approx(math.degrees(1), abs=1e-4)
    assert angle([networks[0], networks[1], networks[1]]) == pytest.approx(0, abs=1e-2)


def test_another_architecture_is_refused():
    networks = [torch.nn.Linear(2, 1), torch.nn.Linear(2, 1), torch.nn.Linear(3, 1)]
    with pytest.raises(ValueError, match="expected weights of one architecture, found"):
        angle(networks)
