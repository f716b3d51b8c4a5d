"""The GPU's part of the benchmark runs, on shrunk models without a GPU, and counts right."""

import math

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import flops, gpu, shapes
from benchmarks.pairs import pairs
from modelmap.scoring.pipeline import plan, score_batches

pytestmark = pytest.mark.slow  # half a minute in all


@pytest.fixture(params=shapes.SHAPES, ids=lambda shape: shape.name)
def model(request):
    return shapes.build(request.param, "cpu", shrink=True)


def counted(model, samples, batches):
    """Operations of each part that torch counts."""
    tower, projector = flops.parts(model.network.model)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        for rows, _ in score_batches(model, samples, batches):
            assert {row["status"] for row in rows} == {"ok"}
    found = {name: sum(count.values()) for name, count in counter.get_flop_counts().items()}
    names = {module: name for name, module in model.network.named_modules()}
    root = type(model.network).__name__
    vision = found[f"{root}.{names[tower]}"]
    if not names[projector].startswith(names[tower]):
        vision += found[f"{root}.{names[projector]}"]
    return flops.Flops(vision, found["Global"] - vision)


def test_the_formula_counts_what_torch_counts(model):
    samples = pairs(2, 2, gpu.IMAGE)[:3]  # two share an image, one is alone
    batches = plan(model, samples, batch_tokens=8192)
    assert {batch.of is None for batch in batches} == {True, False}
    formula = flops.of_batches(model, samples, batches)
    found = counted(model, samples, batches)
    assert sum(part.vision for part in formula) == pytest.approx(found.vision, rel=0.02)
    assert sum(part.text for part in formula) == pytest.approx(found.text, rel=0.02)


def test_it_runs_and_its_numbers_are_finite(model):
    measured = gpu.measure(model, 2, 2, seconds=0)
    assert 0 < measured.pairs_per_second < math.inf
    assert 0 < measured.utilization(gpu.product_rate("cpu", 64)) < math.inf
    assert 0 <= measured.waiting < 1


def test_the_table_has_a_line_for_each_number_of_captions():
    lines = gpu.table([shapes.QWEN_3B], quick=True, log=str, device="cpu", shrink=True)
    assert lines.count("Qwen2.5-VL-3B") == len(gpu.N_IMAGES)


def test_real_shapes_have_the_published_number_of_parameters():
    published = [3.75e9, 8.29e9, 7.06e9, 12.2e9, 0.507e9, 7.94e9]
    for shape, number in zip(shapes.SHAPES, published, strict=True):
        with torch.device("meta"):
            network = shapes.network(shape.config)
        assert network.num_parameters() == pytest.approx(number, rel=0.005)


def test_gaps_are_what_no_span_covers():
    assert gpu.gaps([(0, 4), (1, 2), (6, 10)]) == 0.2
    assert gpu.gaps([(3, 5), (0, 3)]) == 0
