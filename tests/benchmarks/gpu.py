"""This engine on models of real shape: how much of what a GPU can do it gets out of it."""

import gc
import math
import os
import time
from dataclasses import dataclass
from itertools import islice
from statistics import median

import torch
import transformers
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks import flops, shapes
from benchmarks.pairs import pairs
from modelmap.scoring.pipeline import AHEAD, plan, score_batches

IMAGE = 640, 480
N_IMAGES = {1: 128, 5: 64}  # captions an image -> images of a round, which is repeated
N_BATCHES = 2000  # never reached
PRODUCT = 8192  # rows and columns of the matrices that tell a GPU's rate


@dataclass(frozen=True)
class Measured:
    """What was measured of a model in the steady state.

    pairs_per_second : image-caption pairs
    per_pair : flops.Flops of a pair, on average
    waiting : share of the time in which nothing ran on the device
    """

    n_captions: int
    pairs_per_second: float
    per_pair: flops.Flops
    waiting: float

    def utilization(self, rate):
        """Operations per second, as a share of `rate`."""
        return self.pairs_per_second * self.per_pair.total / rate


def table(some_shapes, *, quick, log, device="cuda", shrink=False):
    """Measure models of these shapes, as a Markdown table."""
    if device == "cuda" and not torch.cuda.is_available():
        return "No GPU: torch finds none."
    transformers.logging.set_verbosity_error()
    rate = product_rate(device, 256 if shrink else PRODUCT)
    name = torch.cuda.get_device_name() if device == "cuda" else device
    lines = [
        f"{name}: {rate / 1e12:.3g} TFLOP/s in a product of bfloat16 matrices. Utilization is of "
        "this rate.",
        "",
        "| model | captions an image | pairs/s | TFLOP a pair: vision + text | utilization "
        "| GPU waits |",
        "|---|---|---|---|---|---|",
    ]
    seconds = 0 if shrink else 5 if quick else 20
    for shape in some_shapes:
        if device == "cuda" and not fits(shape):
            lines.append(f"| {shape.name} | does not fit this GPU | | | | |")
            continue
        model = shapes.build(shape, device, shrink=shrink)
        for n_captions, n_images in N_IMAGES.items():
            n_images = 2 if shrink else n_images
            found = measure(model, n_images, n_captions, seconds=seconds)
            lines.append(_line(shape, found, rate))
            log(lines[-1])
        del model
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()
    return "\n".join(lines)


def _line(shape, found, rate):
    vision, text = (part / 1e12 for part in found.per_pair)
    return (
        f"| {shape.name} | {found.n_captions} | {found.pairs_per_second:.1f} "
        f"| {vision:.2f} + {text:.2f} | {found.utilization(rate):.0%} | {found.waiting:.0%} |"
    )


def fits(shape):
    """Whether the weights and half as much again have room on the GPU."""
    with torch.device("meta"):
        n_parameters = shapes.network(shape.config).num_parameters()
    free, _ = torch.cuda.mem_get_info()
    return 1.5 * 2 * n_parameters < free


def measure(model, n_images, n_captions, *, seconds, batch_tokens=None, workers=None):
    """Score the same pairs round and round; measure once the pipeline is full.

    The workers' head start is left out, for it would hide that they are too slow.

    Parameters
    ----------
    seconds : how long the speed is measured, and a tenth of it the waiting; at least one batch
    batch_tokens, workers : None: what the model suggests, as many as there are cores
    """
    on_gpu = model.device.type == "cuda"
    if workers is None:
        workers = min(16, max(1, os.cpu_count() - 1)) if on_gpu else 0
    samples = pairs(n_images, n_captions, IMAGE)
    batches = plan(model, samples, batch_tokens=batch_tokens or model.suggested_batch_tokens)
    per_batch = flops.of_batches(model, samples, batches)
    n_rounds = math.ceil(N_BATCHES / len(batches))
    running = score_batches(model, samples, batches * n_rounds, workers=workers)
    work = per_batch * n_rounds
    n_before = AHEAD * workers + 2
    for _ in islice(running, n_before):
        pass
    n_batches, n_pairs, took = _run(running, seconds)
    done = work[n_before : n_before + n_batches]
    waiting = waiting_share(model.device, lambda: _run(running, seconds / 10))
    running.close()
    return Measured(
        n_captions,
        n_pairs / took,
        flops.Flops(*(sum(part) / n_pairs for part in zip(*done, strict=True))),
        waiting,
    )


def _run(running, seconds):
    """Take scored batches for some time: (batches, pairs, seconds)."""
    begin, n_batches, n_pairs = time.perf_counter(), 0, 0
    for rows, _ in running:
        n_batches, n_pairs = n_batches + 1, n_pairs + len(rows)
        if time.perf_counter() - begin >= seconds:
            break
    return n_batches, n_pairs, time.perf_counter() - begin


def waiting_share(device, run):
    """The share of time, from the first kernel of `run` to its last, in which none ran.

    The profiler delays launches a little, and so does not understate it. Without a GPU, the
    operators on the CPU are what runs.
    """
    on_gpu = device.type == "cuda"
    activity = ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU
    kind = DeviceType.CUDA if on_gpu else DeviceType.CPU
    with profile(activities=[activity]) as profiler:
        run()
        if on_gpu:
            torch.cuda.synchronize()
    spans = [
        (event.time_range.start, event.time_range.end)
        for event in profiler.events()
        if event.device_type == kind and not event.is_user_annotation
    ]
    return gaps(spans)


def gaps(spans):
    """The share of time from the first begin to the last end that no span (begin, end) covers."""
    if not spans:
        return math.nan
    spans = sorted(spans)
    begin = until = spans[0][0]
    idle = 0
    for start, end in spans:
        idle += max(0, start - until)
        until = max(until, end)
    return idle / (until - begin)


def product_rate(device, n):
    """Operations per second in a product of two n x n matrices of random bfloat16."""
    a, b = torch.randn(2, n, n, device=device, dtype=torch.bfloat16)
    seconds = []
    for _ in range(13):
        begin = time.perf_counter()
        a @ b
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begin)
    return 2 * n**3 / median(seconds[3:])
