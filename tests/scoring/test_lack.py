"""Without memory or room on the disk a job fails, and blames neither model nor sample."""

import contextlib
import errno
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_disk import grow, small_disk
from tiny import Sample, load, noise

from modelmap import memory, tables
from modelmap.scoring import job
from modelmap.scoring.shard import score_shard

N_SAMPLES = 24
PAGE = resource.getpagesize()


@pytest.fixture(scope="module")
def llava(checkpoints):
    return load(checkpoints / "llava")


@pytest.fixture(scope="module")
def shard():
    return [Sample(f"s{i}", "red " * (i + 1), noise(48, 48, seed=i)) for i in range(N_SAMPLES)]


@contextlib.contextmanager
def little_memory(n_bytes):
    """Let this process have so much more memory and no more."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    has = int(Path("/proc/self/statm").read_text().split()[0]) * PAGE
    resource.setrlimit(resource.RLIMIT_AS, (has + n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


class Greedy:
    """A model that asks the allocator for 1 GB before its `n`-th batch."""

    def __init__(self, model, n):
        self.model, self.n = model, n

    def __getattr__(self, name):
        return getattr(self.model, name)

    def tail_logits(self, batch):
        self.n -= 1
        if self.n == 0:
            torch.empty(2**30, dtype=torch.uint8)
        return self.model.tail_logits(batch)


def score(model, shard, parts):
    return score_shard(model, shard, batch_tokens=300, workers=0, parts=parts, key="k")


# Memory


def test_a_shard_without_memory_stops_and_goes_on_with_the_same_bits(llava, shard, tmp_path):
    undisturbed, _ = score(llava, shard, tmp_path / "a")
    with little_memory(2**28), pytest.raises(MemoryError, match="can't allocate memory"):
        score(Greedy(llava, 4), shard, tmp_path / "b")
    rows, facts = score(llava, shard, tmp_path / "b")
    assert rows == undisturbed
    assert (facts["n_resumed"], facts["n_halvings"]) == (3, 0)


@pytest.mark.parametrize("n", range(1, 13))  # in every check of the gate, and behind it
def test_a_model_is_not_refused_for_lack_of_memory(llava, shard, tmp_path, n):
    probes = (shard[:8], shard[8:16])
    with little_memory(2**28), pytest.raises(MemoryError, match="can't allocate memory"):
        job.gate_and_score(
            Greedy(llava, n),
            shard,
            probes,
            batch_tokens=2048,
            workers=0,
            require_image_use=False,
            parts=tmp_path,
            key="k",
        )


def test_a_checkpoint_is_not_corrupt_for_lack_of_memory(checkpoints):
    load(checkpoints / "llava")
    with little_memory(0), pytest.raises(MemoryError):
        load(checkpoints / "llava")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate me"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("unable to mmap 7 bytes from file </m>: Cannot allocate memory (12)"),
        RuntimeError("can't start new thread"),
    ],
    ids=str,
)
def test_lack_of_memory_is_known_by_what_it_says(error):
    error = RuntimeError(f"{error}mory") if str(error).endswith(" me") else error
    with pytest.raises(MemoryError):
        memory.expect_enough(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2"),
        OSError(errno.ENOSPC, "No space left"),
        KeyError("bad_alloc"),  # a name that a checkpoint has chosen
    ],
)
def test_other_errors_are_no_lack_of_memory(error):
    memory.expect_enough(error)


# The disk


def test_a_shard_on_a_full_disk_stops_and_goes_on_with_the_same_bits(llava, shard, tmp_path):
    undisturbed, whole = score(llava, shard, tmp_path / "a")
    with small_disk(tmp_path / "disk", 6 * PAGE) as disk:
        with pytest.raises(OSError, match=r"No space left on device: '.*\.json'"):
            score(llava, shard, disk / "parts")
        files = [file for file in disk.rglob("*") if file.is_file()]
        assert 0 < len(files) < whole["n_batches"]
        assert {file.suffix for file in files} == {".json"}
        grow(disk, "1m")
        rows, facts = score(llava, shard, disk / "parts")
        assert facts["n_resumed"] == len(files)
    assert rows == undisturbed


def test_a_table_on_a_full_disk_leaves_the_old_one_and_nothing_else(tmp_path):
    old = [{"check": "old", "value": 1.0, "limit": 1.0, "verdict": "pass"}]
    new = [old[0] | {"check": f"{i}" * 50} for i in range(100_000)]
    with small_disk(tmp_path / "disk", 16 * PAGE) as disk:
        path = disk / "gate.parquet"
        tables.write(path, tables.GATE, old)
        with pytest.raises(OSError, match="No space left on device") as raised:
            tables.write(path, tables.GATE, new)
        assert raised.value.errno == errno.ENOSPC
        assert str(path) in str(raised.value)
        assert [file.name for file in disk.iterdir()] == ["gate.parquet"]
        assert tables.read(path, tables.GATE)["check"].to_list() == ["old"]
        grow(disk, "8m")
        tables.write(path, tables.GATE, new)
        assert tables.read(path, tables.GATE).height == len(new)


# What is said

FAIL = "import sys; from modelmap.log import log_to; log_to('log'); {}"


def fail(folder, code):
    """Run a job that fails: what it says on the terminal."""
    return subprocess.run(
        [sys.executable, "-c", FAIL.format(code)],
        cwd=folder,
        env={"PYTHONPATH": str(Path(memory.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    ).stderr


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise MemoryError('no more')", "Error: out of memory: no more\nWhat is finished is kept"),
        (
            "raise OSError(28, 'No space left on device', 'results/x')",
            "Error: [Errno 28] No space left on device: 'results/x'\nWhat is finished is kept.",
        ),
    ],
)
def test_the_log_says_what_is_lacking_and_what_to_do(tmp_path, code, said):
    assert fail(tmp_path, code) == ""
    assert said in (tmp_path / "log").read_text()


def test_where_not_even_the_log_can_be_written_the_terminal_says_it(tmp_path):
    with small_disk(tmp_path / "disk", 4 * PAGE) as disk:
        said = fail(disk, "open('full', 'wb').write(bytes(2**20))")
    assert "No space left on device" in said
    assert "Make room, and run again" in said
