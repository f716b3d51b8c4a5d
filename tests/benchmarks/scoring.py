"""Measure scoring: `python tests/benchmarks/scoring.py [--gpu] [--quick]` prints Markdown.

Without --gpu: ways to the same log-likelihoods, on one checkpoint and the same pairs, one after
another and that several times over. With --gpu: this engine on models of real shape, against what
the GPU can do.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[2] / "workflow")]

from tiny import load  # noqa: E402

from benchmarks import checkpoints, gpu, rivals, shapes  # noqa: E402
from benchmarks.pairs import pairs  # noqa: E402

SLICED = "plain loop, softmax of the caption alone"
ENGINE, PLAIN, LABELS, MINICONS = "this engine", "plain loop", "labels, batches of 8", "minicons"
BASELINE = PLAIN
MINICONS_SIZES = 1, 4, 8, 16
AGREE = 1e-3  # nats per caption that ways may be apart
N_IMAGES = {  # (size, captions an image) -> images
    (checkpoints.MID, 1): 24,
    (checkpoints.MID, 5): 8,
    (checkpoints.TIED, 1): 24,
    (checkpoints.TIED, 5): 8,
    (checkpoints.SMALL, 1): 192,
    (checkpoints.SMALL, 5): 64,
}
REPETITIONS = 3
PACKAGES = "torch", "transformers", "minicons"


def main():
    """Measure, and print the table."""
    options = _options()
    print(describe_run(HERE, PACKAGES), end="\n\n")
    if options.gpu:
        print(gpu.table(shapes.SHAPES, quick=options.quick, log=log))
    else:
        print(compare_all(quick=options.quick, threads=options.threads))


def describe_run(script, packages):
    """Machine, versions and command, as a Markdown list."""
    versions = [f"Python {platform.python_version()}", *map(_version, packages)]
    command = " ".join(["python", os.path.relpath(script), *sys.argv[1:]])
    return f"- machine: {_machine()}\n- versions: {', '.join(versions)}\n- command: `{command}`"


def compare_all(*, quick, threads):
    """Compare the ways on every size and number of captions, as a Markdown table."""
    lines = [
        f"Threads: {threads}. Ratios are against the {BASELINE} (1.00), medians of "
        f"{1 if quick else REPETITIONS}.",
        "",
        "| model | captions an image | way | pairs/s | ratio | apart from the engine, nats |",
        "|---|---|---|---|---|---|",
    ]
    for size in (checkpoints.MID, checkpoints.TIED, checkpoints.SMALL):
        with tempfile.TemporaryDirectory() as folder:
            n_parameters = checkpoints.save(size, folder)
            name = f"{size.name}, {n_parameters / 1e6:.0f}M, {size.n_image_tokens} image tokens"
            model = load(folder, threads=threads)
            lines += compare(name, size, model, rivals.minicons(folder), quick=quick)
    return "\n".join(lines)


def compare(name, size, model, minicons, *, quick):
    """Rows of the table for one checkpoint."""
    rows = []
    for n_captions in (1, 5):
        n_images = max(2, N_IMAGES[size, n_captions] // (4 if quick else 1))
        samples = pairs(n_images, n_captions, size.image)
        ways = {
            ENGINE: rivals.engine(model),
            PLAIN: rivals.plain(model),
            SLICED: rivals.plain(model, everywhere=False),
            LABELS: rivals.labels(model),
        }
        if minicons:
            best = best_batch_size(minicons, samples)
            ways[f"{MINICONS}, batches of {best}"] = partial(minicons, batch_size=best)
        values, seconds = measure(ways, samples, 1 if quick else REPETITIONS)
        check(values)
        for way, took in seconds.items():
            speed, ratio = len(samples) / took, seconds[BASELINE] / took
            apart = largest_difference(values[way], values[ENGINE])
            rows.append([name, n_captions, way, f"{speed:.2f}", f"{ratio:.2f}", f"{apart:.1g}"])
        if not minicons:
            rows.append([name, n_captions, f"{MINICONS}: not installed", "", "", ""])
    return [f"| {' | '.join(map(str, row))} |" for row in rows]


def check(values):
    """Raise ValueError if ways differ; of minicons the table says by how much."""
    for way, found in values.items():
        apart = largest_difference(found, values[ENGINE])
        if not apart <= AGREE and not way.startswith(MINICONS):
            raise ValueError(f"{way} is {apart:.2g} nats apart from {ENGINE}")


def best_batch_size(minicons, samples):
    """The batch size at which minicons is fastest on these samples."""
    some = samples[: 2 * max(MINICONS_SIZES)]
    minicons(some[:2], 2)
    seconds = {size: timed(partial(minicons, batch_size=size), some)[1] for size in MINICONS_SIZES}
    log("minicons, pairs/s: " + ", ".join(f"{n}: {len(some) / s:.2f}" for n, s in seconds.items()))
    return min(seconds, key=seconds.get)


def measure(ways, samples, repetitions):
    """Let the ways take turns; of each its values and its median of seconds."""
    values, seconds = {}, {way: [] for way in ways}
    for run in ways.values():
        run(samples[:2])
    for _ in range(repetitions):
        for way, run in ways.items():
            values[way], took = timed(run, samples)
            seconds[way].append(took)
            log(f"{way}: {len(samples)} pairs in {took:.2f} s")
    return values, {way: median(taken) for way, taken in seconds.items()}


def timed(run, samples):
    """What `run` makes of the samples, and how many seconds it takes."""
    begin = time.perf_counter()
    values = run(samples)
    return values, time.perf_counter() - begin


def largest_difference(values, others):
    """The largest difference, in nats, of one sample's values."""
    return max(abs(a - b) for a, b in zip(values, others, strict=True))


def log(text):
    """Say how far it is."""
    print(text, file=sys.stderr, flush=True)


def _options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", action="store_true", help="models of real shape on a GPU")
    parser.add_argument("--quick", action="store_true", help="fewer pairs, measured once")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    return parser.parse_args()


def _version(package):
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package}: not installed"


def _machine():
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
