"""The ways that the benchmark compares give the same log-likelihoods."""

import pytest
from tiny import load

from benchmarks import checkpoints, rivals, scoring
from benchmarks.pairs import pairs

pytestmark = pytest.mark.slow  # half a minute in all


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    checkpoints.save(checkpoints.SMALL, folder)
    return folder


@pytest.fixture(scope="module")
def samples():
    return pairs(2, 2, checkpoints.SMALL.image)


@pytest.fixture(scope="module")
def expected(folder, samples):
    return rivals.engine(load(folder))(samples)


@pytest.mark.parametrize("way", [rivals.plain, rivals.labels])
def test_they_agree(way, folder, samples, expected):
    assert way(load(folder))(samples) == pytest.approx(expected, abs=scoring.AGREE)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_minicons_agrees(folder, samples, expected, batch_size):
    pytest.importorskip("minicons.scorer")
    found = rivals.minicons(folder)(samples, batch_size)
    assert found == pytest.approx(expected, abs=scoring.AGREE)


def test_a_way_that_is_far_off_is_an_error_but_for_minicons():
    scoring.check({scoring.ENGINE: [1.0, 2.0], f"{scoring.MINICONS}, batches of 1": [1.0, 5.0]})
    with pytest.raises(ValueError, match="plain loop is 3 nats apart"):
        scoring.check({scoring.ENGINE: [1.0, 2.0], scoring.PLAIN: [1.0, 5.0]})
