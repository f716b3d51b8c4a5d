"""A process that is killed outright loses at most the batch that it was computing."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import killed_job
import pytest
from families import build

N_KILLS = 10
TESTS = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(map(str, (TESTS, TESTS.with_name("workflow"))))
}


def start(checkpoint, folder):
    """Start a process that waits to be told to begin."""
    command = [sys.executable, killed_job.__file__, checkpoint, folder]
    errors = (folder / "stderr").open("a")
    return subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.PIPE, stderr=errors)


def begin(process):
    process.stdin.write(b"\n")
    process.stdin.close()


def lines(folder):
    journal = folder / "journal"
    return journal.read_text().splitlines() if journal.exists() else []


def kill(process, folder, n_batches, delay):
    """Kill it with SIGKILL, `delay` seconds after it has begun with `n_batches` batches."""
    enough = len(lines(folder)) + n_batches
    begin(process)
    while len(lines(folder)) < enough:
        assert process.poll() is None, (folder / "stderr").read_text()
        time.sleep(0.001)
    time.sleep(delay)
    process.kill()
    assert process.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_a_shard_killed_at_ten_moments_ends_with_the_same_bits_and_repeats_a_batch_each(tmp_path):
    checkpoint, undisturbed, folder = (tmp_path / name for name in ("llava", "once", "killed"))
    for path in (undisturbed, folder):
        path.mkdir()
    build.save("llava", checkpoint)
    following = start(checkpoint, folder)
    rows, facts = killed_job.main(checkpoint, undisturbed)
    assert {row["status"] for row in rows} == {"ok"}
    assert 0 < facts["n_shared_batches"] < facts["n_batches"]

    r, ends = random.Random(1), []
    for _ in range(N_KILLS):
        process, following = following, start(checkpoint, folder)  # which imports meanwhile
        kill(process, folder, r.randint(1, 40), r.uniform(0, 0.02))
        ends.append(len(lines(folder)))
    begin(following)
    assert following.wait() == 0, (folder / "stderr").read_text()

    assert json.loads((folder / "rows.json").read_text()) == rows
    assert not list(folder.glob("parts/*/*.tmp"))
    batches = [json.loads(line)[0] for line in lines(folder)]
    done = set()
    for n, batch in enumerate(batches):
        again = batches[n - 1] if n in ends else []  # what was computed when the kill came
        assert len(batch) == len(set(batch))
        assert done.intersection(batch) <= set(again)
        done.update(batch)
    assert done == {f"{row['sample_id']}/{row['variant']}" for row in rows}
