"""A small project to break: its own images and checkpoint, scored in many batches."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml
from families import build
from tiny import noise
from workflow_runs import ROOT, write_sheet

from modelmap import tables

SCORES = "results/scores/photos/llava/1-of-1.parquet"
MATRIX = "results/matrix/photos.parquet"
N_IMAGES, N_TEXTS = 60, 4
CONFIG = {
    "models": "models.tsv",
    "datasets": {"photos": {"source": "folder", "path": "photos", "variants": ["given", "blank"]}},
    "score": {"batch_tokens": 100},
}


def make_project(folder):
    """Write images, a checkpoint, a sheet and a config to `folder`; nothing is run."""
    (folder / "photos").mkdir(parents=True)
    lines = []
    for i in range(N_IMAGES):
        noise(32 + i % 5 * 8, 48, seed=i).save(folder / f"photos/{i}.png")
        texts = [f"picture {i} " + "red " * (1 + (i + k) % 7) for k in range(N_TEXTS)]
        lines.append(json.dumps({"file_name": f"{i}.png", "texts": texts}))
    (folder / "photos/metadata.jsonl").write_text("\n".join(lines) + "\n")
    build.save("llava", folder / "llava")
    write_sheet(folder / "models.tsv", [{"model": "llava", "repo": "./llava"}])
    block = CONFIG["datasets"]["photos"] | {"targets_per_image": N_TEXTS}
    (folder / "my.yaml").write_text(yaml.safe_dump(CONFIG | {"datasets": {"photos": block}}))
    return folder


def command(*arguments):
    """Snakemake for the scores' matrix, and what stands before it."""
    files = ["--snakefile", ROOT / "Snakefile"]
    files += [] if "--configfile" in arguments else ["--configfile", "my.yaml"]
    arguments = arguments if "--" in arguments else [*arguments, "--", MATRIX]
    return [sys.executable, "-m", "snakemake", "--cores", "1", *map(str, [*files, *arguments])]


def snakemake(folder, *arguments):
    """Run Snakemake in `folder`; return the finished process, its output in `stdout`."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def run(folder, *arguments):
    """Run Snakemake, which must succeed and ask for nothing; return what it says."""
    done = snakemake(folder, *arguments)
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


@contextlib.contextmanager
def running(folder):
    """Snakemake at work in `folder`, its output in the file `output`; killed at the end."""
    with (folder / "output").open("w") as output:
        controller = subprocess.Popen(
            command(),
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that all of it can be killed at once
        )
    try:
        yield controller
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(controller.pid, signal.SIGKILL)
        controller.wait()


@contextlib.contextmanager
def scoring(folder, n_parts):
    """Snakemake and its score job, paused once it has `n_parts` more parts: (controller, pid)."""
    enough = len(parts(folder)) + n_parts
    with running(folder) as controller:
        wait(lambda: len(parts(folder)) >= enough, controller)
        job = score_job(folder)
        os.kill(job, signal.SIGSTOP)
        yield controller, job


def wait(until, process=None):
    """Wait until something is so, for as long as a process runs, and no more than minutes."""
    end = time.monotonic() + 300
    while not until():
        assert process is None or process.poll() is None, "it has ended"
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.002)


def parts(folder):
    """The finished batches of the score job."""
    return sorted(Path(folder, SCORES).with_suffix(".parts").glob("*/*.json"))


def score_job(folder):
    """The process that scores in `folder`."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            of_python = b"python" in words[0] and any(word.endswith(b"score.py") for word in words)
            if of_python and (process / "cwd").resolve() == folder.resolve():
                return int(process.name)
    raise AssertionError(f"nothing scores in {folder}")


def scores(folder):
    """(rows, facts) of the score file."""
    file = Path(folder, SCORES)
    return tables.read(file, tables.SCORES).rows(), tables.provenance(file)
