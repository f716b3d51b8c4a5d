"""A shard that was killed goes on where it was, and nothing is scored twice."""

import dataclasses
import json
import zlib

import pytest
import torch
from tiny import Sample, load, noise

from modelmap import progress
from modelmap.scoring.shard import score_shard

N_SAMPLES = 12


@pytest.fixture(scope="module")
def llava(checkpoints):
    return load(checkpoints / "llava")


@pytest.fixture
def shard():
    return [
        Sample(f"s{i}", "red " * (i + 1), noise(48, 48, seed=i), variant=variant)
        for variant in ("given", "blank")
        for i in range(N_SAMPLES)
    ]


class Counting:
    """A model that counts the samples it encodes, and stops after some batches."""

    def __init__(self, model, stop_after=None, largest=None):
        self.model, self.stop_after, self.largest = model, stop_after, largest
        self.batches = []

    def __getattr__(self, name):
        return getattr(self.model, name)

    def encode(self, samples, of=None):
        if self.stop_after is not None and len(self.batches) == self.stop_after:
            raise KeyboardInterrupt
        self.batches.append([(s.sample_id, s.variant) for s in samples])
        return self.model.encode(samples, of)

    def tail_logits(self, batch):
        if self.largest and len(batch.rows) > self.largest:
            raise torch.OutOfMemoryError("too many rows")
        return self.model.tail_logits(batch)


def run(model, shard, parts, **options):
    settings = {"batch_tokens": 300, "workers": 0, "parts": parts, "key": "k"}
    return score_shard(model, shard, **settings | options)


def test_rows_come_in_the_order_of_the_samples(llava, shard, tmp_path):
    rows, _ = run(llava, shard, tmp_path)
    names = [(row["sample_id"], row["variant"]) for row in rows]
    assert names == [(sample.sample_id, sample.variant) for sample in shard]


@pytest.mark.parametrize("stop_after", [0, 1, 3])
def test_a_killed_shard_resumes_and_ends_with_the_same_bits(llava, shard, tmp_path, stop_after):
    undisturbed, facts = run(llava, shard, tmp_path / "a")
    killed = Counting(llava, stop_after)
    with pytest.raises(KeyboardInterrupt):
        run(killed, shard, tmp_path / "b")
    again = Counting(llava)
    rows, resumed = run(again, shard, tmp_path / "b")
    assert rows == undisturbed
    assert resumed["plan"] == facts["plan"]
    assert resumed["n_resumed"] == stop_after
    assert len(killed.batches) + len(again.batches) == facts["n_batches"]


@pytest.mark.parametrize(
    "change",
    [
        lambda shard: {"key": "another model"},
        lambda shard: {"batch_tokens": 200},
        lambda shard: {"shard": [dataclasses.replace(s, target=s.target + "!") for s in shard]},
        lambda shard: {"shard": [dataclasses.replace(s, content=b"new") for s in shard]},
    ],
)
def test_parts_of_another_model_plan_or_sample_are_not_used(llava, shard, tmp_path, change):
    run(llava, shard, tmp_path)
    again = Counting(llava)
    _, facts = run(again, **{"shard": shard, "parts": tmp_path} | change(shard))
    assert facts["n_resumed"] == 0
    assert again.batches


def other(content):
    """A part of other samples, whole in itself."""
    part = json.loads(content.partition(b"\n")[2])
    part["rows"][0]["sample_id"] = "another"
    text = json.dumps(part).encode()
    return b"%08x\n%b" % (zlib.crc32(text), text)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:9],
        lambda content: b"\xff\x00" * 100,
        lambda content: content.replace(b"-1", b"-2", 1),  # a number that can be read
        lambda content: content.partition(b"\n")[2],  # as an earlier version wrote it
        other,
    ],
)
def test_a_corrupt_part_is_told_and_scored_again(llava, shard, tmp_path, capsys, spoil):
    undisturbed, facts = run(llava, shard, tmp_path)
    part = sorted(tmp_path.glob("*/*.json"))[1]
    content = part.read_bytes()
    assert spoil(content) != content
    part.write_bytes(spoil(content))
    again = Counting(llava)
    rows, resumed = run(again, shard, tmp_path)
    assert rows == undisturbed
    assert resumed["n_resumed"] == facts["n_batches"] - 1
    assert len(again.batches) == 1
    assert f"{part} is not as it was written" in capsys.readouterr().err
    assert part.read_bytes() == content


def test_short_of_memory_batches_are_halved_and_it_is_told(llava, shard, tmp_path):
    rows, _ = run(llava, shard, tmp_path / "a")
    halved, facts = run(Counting(llava, largest=2), shard, tmp_path / "b")
    assert facts["n_halvings"] > 0
    for row, other in zip(rows, halved, strict=True):
        assert row["log_likelihood"] == pytest.approx(other["log_likelihood"], rel=1e-6, abs=1e-5)


def test_a_sample_that_does_not_fit_by_itself_costs_its_own_row(llava, shard, tmp_path):
    class Full(Counting):
        def tail_logits(self, batch):
            raise torch.OutOfMemoryError("no memory")

    rows, _ = run(Full(llava), shard, tmp_path)
    assert {row["status"] for row in rows} == {"failed"}


def test_a_row_longer_than_the_network_is_marked(llava, shard, tmp_path):
    long = [*shard[:2], Sample("long", "red " * 3000, noise(48, 48))]
    rows, _ = run(llava, long, tmp_path)
    assert [row["status"] for row in rows] == ["ok", "ok", "too_long"]
    assert rows[2]["log_likelihood"] is None


def test_an_image_the_processor_refuses_costs_one_row(checkpoints, tmp_path):
    """Qwen2-VL's processor takes no image 200 times as wide as it is high."""
    sizes = [(48, 48), (4000, 10), (64, 64)]
    shard = [Sample(f"s{i}", "red", noise(*size)) for i, size in enumerate(sizes)]
    rows, _ = run(load(checkpoints / "qwen2_vl"), shard, tmp_path)
    assert [row["status"] for row in rows] == ["ok", "image_error", "ok"]


def test_how_far_a_shard_is_is_read_as_it_is_said(llava, shard, tmp_path, capsys):
    """By the controller, from the job's log."""
    with pytest.raises(KeyboardInterrupt):
        run(Counting(llava, stop_after=3), shard, tmp_path)
    run(llava, shard, tmp_path)
    (tmp_path / "log").write_text(capsys.readouterr().err)
    done, kept, rate = progress.said(tmp_path / "log", since=0)
    assert done == len(shard)
    assert 0 < kept < done
    assert rate > 0
