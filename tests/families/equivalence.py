"""What every family must keep, each as a number of nats by which it is broken.

A check takes a Family under test and returns how far apart two ways to the same score are, or
None where there is no second way. table.py measures all of them for docs/families.md.
"""

import dataclasses
from functools import cached_property

import torch
from tiny import Sample, load, noise

from families import build
from modelmap.models import attention
from modelmap.scoring import gate
from modelmap.scoring.likelihood import Launched, token_log_likelihoods

TARGETS = [
    "a red circle",
    "A small green triangle is placed at the top left of a gray background.",
    "x",
    "ünïcödé and 漢字 and 🙂",
    "There are two blue squares.",
    "  two  blanks",
]
SIZES = [(32, 32), (80, 40), (40, 96), (120, 60), (32, 32), (33, 47)]


class Tiny:
    """A tiny checkpoint of a family, read back from its folder, and samples for it."""

    def __init__(self, name, folder):
        build.save(name, folder)
        self.name, self.folder = name, folder
        self.model = load(folder)
        sizes = SIZES if self.model.sees_images else [None] * len(SIZES)
        self.samples = [
            Sample(f"s{i}", target, size and noise(*size, seed=i))
            for i, (target, size) in enumerate(zip(TARGETS, sizes, strict=True))
        ]

    @cached_property
    def alone(self):
        """The scores, each sample by itself."""
        return [self.score([sample])[0] for sample in self.samples]

    def score(self, samples, of=None, model=None):
        """The scores of one batch; unlike the engine it does not fall back to single samples."""
        model = model or self.model
        return Launched(model, samples, model.encode(samples, of)).rows()

    def inputs(self, batch):
        """What the network takes, in its own precision."""
        return {key: self.model._to_device(value) for key, value in batch.inputs.items()}

    def without(self, **facts):
        """The model, treated as of a family with other facts."""
        family = dataclasses.replace(self.model.family, **facts)
        return dataclasses.replace(self.model, family=family)


def batched(tiny):
    """Together, behind images of different sizes, against one by one."""
    return _apart(tiny.score(tiny.samples), tiny.alone)


def padding(tiny):
    """Beside a much longer row."""
    long = dataclasses.replace(tiny.samples[0], target=TARGETS[1] * 5)
    return _apart(tiny.score([*tiny.samples, long])[:-1], tiny.alone)


def shared(tiny):
    """Several targets behind each of several images, the images computed once."""
    if not tiny.model.family.shares_prefix:
        return None
    of = [0, 0, 0, 1, 1, 2]  # uneven, so that a mere repeat will not do
    images = [noise(48, 48, seed=100 + i) for i in range(3)]
    samples = [
        dataclasses.replace(sample, image=images[i] if sample.image else None)
        for sample, i in zip(tiny.samples, of, strict=True)
    ]
    shareable = [not tiny.model.row(sample)[1].straddle for sample in samples]
    assert all(shareable)
    return _apart(tiny.score(samples, of), [tiny.score([sample])[0] for sample in samples])


def head(tiny):
    """The head on the targets' columns alone, against logits everywhere."""
    off = []
    for sample in tiny.samples:
        batch = tiny.model.encode([sample])
        values = token_log_likelihoods(tiny.model, batch)
        with torch.inference_mode():
            inputs = tiny.inputs(batch)
            logits = tiny.model.network(**inputs, use_cache=False).logits.float()
        there = logits.take_along_dim(batch.positions()[..., None], 1).log_softmax(-1)
        full = there.gather(-1, batch.tails[..., None])[..., 0]
        off.append(float((values - full).double().sum().abs()))
    return max(off)


def loss(tiny):
    """Minus transformers' own loss times the number of tokens."""
    off = []
    for sample, row in zip(tiny.samples, tiny.alone, strict=True):
        batch = tiny.model.encode([sample])
        start, n = int(batch.starts[0]), row["n_tokens"]
        labels = torch.full_like(batch.inputs["input_ids"], -100)
        labels[0, start : start + n] = torch.tensor(row["token_ids"])
        with torch.inference_mode():
            found = tiny.model.network(**tiny.inputs(batch), labels=labels).loss.item()
        off.append(abs(row["log_likelihood"] + found * n))
    return max(off)


def mask(tiny):
    """Right padding without a mask, against the same behind one."""
    if tiny.model.family.needs_mask:
        return None
    return _apart(tiny.score(tiny.samples, model=tiny.without(needs_mask=True)), tiny.alone)


def packed(tiny):
    """Attention within packed images at once, against the family's own loop."""
    if tiny.model.family.vision_attention != "packed":
        return None
    vision = tiny.model.network.config.vision_config
    assert vision._attn_implementation == attention.NAME
    vision._attn_implementation = "sdpa"
    try:
        return _apart(tiny.score(tiny.samples), tiny.alone)
    finally:
        vision._attn_implementation = attention.NAME


def text(tiny):
    """Without an image, and by itself: together against one by one."""
    if tiny.model.family.needs_image:
        return None
    prompts = [tiny.samples[0].prompt, ""] * 3
    bare = [
        dataclasses.replace(sample, image=None, prompt=prompt)
        for sample, prompt in zip(tiny.samples, prompts, strict=True)
    ]
    assert gate._causal(tiny.model, bare)["verdict"] == "pass"
    return _apart(tiny.score(bare), [tiny.score([sample])[0] for sample in bare])


def causal(tiny):
    """How far the logits before a target's last token move when it is replaced."""
    return gate._causal(tiny.model, tiny.samples)["value"]


def lengths(tiny):
    """Tokens planned without looking at a pixel, against those encoded."""
    planned = [prompt for prompt, _, _ in tiny.model.lengths(tiny.samples)]
    encoded = [int(tiny.model.encode([sample]).starts[0]) for sample in tiny.samples]
    return float(max(abs(a - b) for a, b in zip(planned, encoded, strict=True)))


CHECKS = {
    check.__name__: check
    for check in (batched, padding, shared, head, loss, mask, packed, text, causal, lengths)
}


# (family, check): why it fails, in the family's own code
_TILES = (
    "its processor stacks images, and cannot where they have different numbers of tiles "
    "(image_processing_perception_lm.py); the engine then scores them one by one"
)
EXPECTED_FAILURES = {
    ("perception_lm", "batched"): _TILES,
    ("perception_lm", "padding"): _TILES,
    ("perception_lm", "mask"): _TILES,
}


def limit(tiny, check):
    """How far apart two ways may be: by rounding, in nats; or the limit that the check has."""
    fixed = {"causal": 1e-3, "lengths": 0.0}
    rounding = 1e-6 * max(abs(row["log_likelihood"]) for row in tiny.alone) + 1e-4
    return fixed.get(check, rounding)


def effect_of_the_image(tiny):
    """The largest change of a score when another image is shown."""
    shown = [
        dataclasses.replace(sample, image=noise(*sample.size, seed=50 + i))
        for i, sample in enumerate(tiny.samples)
    ]
    return _apart([tiny.score([sample])[0] for sample in shown], tiny.alone)


def _apart(rows, others):
    statuses = {row["status"] for row in [*rows, *others]}
    if statuses != {"ok"}:
        raise ValueError(f"rows are {sorted(statuses)}")
    pairs = zip(rows, others, strict=True)
    return max(abs(a["log_likelihood"] - b["log_likelihood"]) for a, b in pairs)
