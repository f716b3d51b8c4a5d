"""Ways to the same log-likelihoods: this engine's, and what people use instead.

Each is made of a model (or of its checkpoint's folder) and gives a callable: samples in, their
log-likelihoods in nats out, in the same order.
"""

from dataclasses import replace

import torch
from torch.nn.functional import cross_entropy, pad

from modelmap.scoring.pipeline import score

IGNORED = -100  # the label of a token that is not scored


def engine(model):
    """This engine, with nothing known of the samples beforehand."""

    def run(samples):
        fresh = replace(model, _prompts={}, _rows={})
        rows = score(fresh, samples, batch_tokens=model.suggested_batch_tokens)
        return [row["log_likelihood"] for row in rows]

    return run


def plain(model, *, everywhere=True):
    """One pair at a time, with logits everywhere.

    Parameters
    ----------
    everywhere : take their log-softmax everywhere too, as is mostly done, and not in the
        caption's columns alone
    """
    network, processor = model.network, model.processor

    @torch.inference_mode()
    def run(samples):
        values = []
        for sample in samples:
            inputs = processor(
                images=sample.image,
                text=render(processor, sample.prompt) + sample.target,
                return_tensors="pt",
            ).to(network.device)
            logits = network(**inputs).logits[0]
            n = _n_tokens(processor, sample.target)
            if everywhere:
                likelihoods = logits.float().log_softmax(-1)[-n - 1 : -1]
            else:
                likelihoods = logits[-n - 1 : -1].float().log_softmax(-1)
            target = inputs["input_ids"][0, -n:, None]
            values.append(likelihoods.gather(-1, target).sum().item())
        return values

    return run


def labels(model, batch_size=8):
    """Padded batches with labels: what is no caption is ignored by the cross-entropy."""
    network, processor = model.network, model.processor

    @torch.inference_mode()
    def run(samples):
        values = []
        for batch in _batches(samples, batch_size):
            inputs = processor(
                images=[sample.image for sample in batch],
                text=[render(processor, sample.prompt) + sample.target for sample in batch],
                padding=True,
                return_tensors="pt",
            ).to(network.device)
            wanted = pad(_labels(processor, inputs, batch)[:, 1:], (0, 1), value=IGNORED)
            logits = network(**inputs).logits.float()
            losses = cross_entropy(
                logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="none"
            )
            values += (-losses.view(len(batch), -1).sum(1)).tolist()
        return values

    return run


def minicons(folder):
    """minicons' VLMScorer on the checkpoint in `folder`; None where it is not installed.

    Out of the box it gives means over tokens and puts a blank before the caption; asked for sums
    and for no separator, it scores the same tokens.
    """
    try:
        from minicons.scorer import VLMScorer
    except ImportError:
        return None
    scorer = VLMScorer(str(folder), device="cpu")

    def run(samples, batch_size):
        values = []
        for batch in _batches(samples, batch_size):
            values += scorer.conditional_score(
                [render(scorer.tokenizer, sample.prompt) for sample in batch],
                [sample.target for sample in batch],
                image=[sample.image for sample in batch],
                separator="",
                reduction=lambda tokens: tokens.sum().item(),
            )
        return values

    return run


def render(processor, prompt):
    """The user's turn, up to where the caption begins."""
    content = [{"type": "image"}, {"type": "text", "text": prompt}]
    return processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True
    )


def _n_tokens(processor, caption):
    return len(processor.tokenizer(caption, add_special_tokens=False)["input_ids"])


def _labels(processor, inputs, samples):
    """The captions' token ids where they stand, right-padded; IGNORED elsewhere."""
    wanted = torch.full_like(inputs["input_ids"], IGNORED)
    for i, (sample, end) in enumerate(
        zip(samples, inputs["attention_mask"].sum(1).tolist(), strict=True)
    ):
        begin = end - _n_tokens(processor, sample.target)
        wanted[i, begin:end] = inputs["input_ids"][i, begin:end]
    return wanted


def _batches(samples, size):
    return [samples[i : i + size] for i in range(0, len(samples), size)]
