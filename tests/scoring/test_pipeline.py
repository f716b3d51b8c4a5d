"""Many samples through a model: the plan decides the numbers, and nothing else does."""

import pytest
from tiny import Sample, load, noise

from modelmap.datasets import images, samples
from modelmap.scoring import pipeline

TEXTS = ["a red circle", "There are two blue squares.", "x", "A small triangle, top left."]


@pytest.fixture(scope="module")
def qwen2_vl(checkpoints):
    return load(checkpoints / "qwen2_vl")


@pytest.fixture(scope="module")
def mixed():
    """With an image and without, sharing one and not, some that the processor refuses."""
    sizes = [(48, 48), (64, 32), (48, 48), (40, 96)]
    shown = [noise(*size, seed=i) for i, size in enumerate(sizes)]
    found = []
    for i in range(32):
        image = shown[i % 4] if i % 3 else noise(48, 40, seed=100 + i)
        found.append(Sample(f"s{i}", TEXTS[i % 4] * (1 + i % 5), image if i % 7 else None))
    found[5] = Sample("wide", "red", noise(4000, 10))
    found[12] = Sample("wider", "red", noise(8000, 10))
    found[20] = Sample("empty", "", shown[0])
    found[23] = Sample("long", "red " * 3000, shown[0])
    return found


def scored(model, some, workers):
    """(planned batches, rows of each)."""
    batches = pipeline.plan(model, some, batch_tokens=400)
    found = pipeline.score_batches(model, some, batches, workers=workers)
    return batches, [rows for rows, _ in found]


def test_worker_processes_change_no_bit_of_any_row(qwen2_vl, mixed):
    _, by_workers = scored(qwen2_vl, mixed, workers=2)
    _, alone = scored(qwen2_vl, mixed, workers=0)
    assert by_workers == alone
    statuses = [row["status"] for rows in alone for row in rows]
    assert {status: statuses.count(status) for status in set(statuses)} == {
        "ok": 28,
        "image_error": 2,
        "target_error": 1,
    }


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_results_come_in_the_order_of_the_plan(qwen2_vl, mixed, workers):
    batches, found = scored(qwen2_vl, mixed, workers)
    assert len(batches) > 5
    assert [[row["sample_id"] for row in rows] for rows in found] == [
        [mixed[i].sample_id for i in batch.members] for batch in batches
    ]


def test_at_once_rows_come_in_the_order_of_the_samples(qwen2_vl, mixed):
    rows = pipeline.score(qwen2_vl, mixed, batch_tokens=400)
    assert [row["sample_id"] for row in rows] == [sample.sample_id for sample in mixed]
    assert [row["sample_id"] for row in rows if row["status"] == "too_long"] == ["long"]


@pytest.mark.parametrize("batch_tokens", [1, 300, 10**6])
def test_samples_with_and_without_an_image_are_never_in_one_batch(qwen2_vl, mixed, batch_tokens):
    batches = pipeline.plan(qwen2_vl, mixed, batch_tokens=batch_tokens)
    fit = [i for i, sample in enumerate(mixed) if sample.sample_id != "long"]
    assert sorted(i for batch in batches for i in batch.members) == fit
    for batch in batches:
        assert len({mixed[i].size is None for i in batch.members}) == 1


class Counting:
    """A model that counts the prompts and the images that it encodes."""

    def __init__(self, model):
        self.model, self.n_prompts, self.n_images = model, 0, 0

    def __getattr__(self, name):
        return getattr(self.model, name)

    def encode(self, some, of=None):
        batch = self.model.encode(some, of)
        self.n_prompts += len(batch.inputs["input_ids"])
        self.n_images += len(batch.inputs["pixel_values"])
        return batch


@pytest.fixture(scope="module")
def dataset():
    """Two captions of each of six images."""
    files = [images.encode(noise(48, 48, seed=i)) for i in range(6)]
    rows = [
        {"sample_id": f"{g}-{k}", "group": f"g{g}", "image": file, "prompt": None, "target": text}
        | {"width": 48, "height": 48}
        for g, file in enumerate(files)
        for k, text in enumerate(TEXTS[:2])
    ]
    return samples.with_partners(rows, seed=0)


@pytest.mark.parametrize("n_captions", [1, 2])
def test_samples_that_show_the_same_image_share_one_prompt(checkpoints, dataset, n_captions):
    rows = [row for row in dataset if int(row["sample_id"][-1]) < n_captions]
    shown = samples.variants(rows, ["given", "shuffled"], prompt="Describe.", everything=rows)
    shared = Counting(load(checkpoints / "llava"))
    together = pipeline.score(shared, shown, batch_tokens=10**5)
    assert shared.n_prompts == shared.n_images == 6
    apart = Counting(load(checkpoints / "llava", share_prefix=False))
    alone = pipeline.score(apart, shown, batch_tokens=10**5)
    assert apart.n_prompts == apart.n_images == len(shown) == 12 * n_captions
    for row, other in zip(together, alone, strict=True):
        assert (row["sample_id"], row["variant"]) == (other["sample_id"], other["variant"])
        assert row["log_likelihood"] == pytest.approx(other["log_likelihood"], rel=1e-6, abs=1e-4)
