"""Floating-point operations of scoring, by formula: what a model's matrix products take.

- A matrix of n weights takes 2n operations for each token that passes through it: each patch in
  the vision tower, each image token in the projector, each token of prompt and tail in the
  decoder, each predicted token in the head.
- Attention takes 4d for each pair of a query and a key in each layer, d being the width of all
  heads together. All pairs are counted, as is usual, though a causal kernel leaves out nearly
  half of them: a few percent of a real model's total.
- A shared prompt counts once, padding never: it is the work that is asked for, not the work done.
"""

from typing import NamedTuple

from torch import nn

WITH_CLASS_TOKEN = "clip_vision_model", "internvl_vision"  # one more token in each image


class Flops(NamedTuple):
    """Operations in the vision tower with its projector, and in the decoder with its head."""

    vision: float
    text: float

    @property
    def total(self):
        """Both together."""
        return self.vision + self.text


def of_batches(model, samples, batches):
    """Operations of each planned batch of samples, whose images are all of one size."""
    image = of_image(model, samples[0])
    lengths = model.lengths(samples)
    found = []
    for batch in batches:
        rows = [lengths[i][:2] for i in batch.members]
        n_images = len(rows) if batch.of is None else batch.of[-1] + 1
        text = of_rows(model, rows) if batch.of is None else of_shared(model, rows, batch.of)
        found.append(Flops(n_images * image, text))
    return found


def of_image(model, sample):
    """Operations of the vision tower and its projector for the image of one sample."""
    batch = model.encode([sample])
    core = model.network.model
    config = model.network.config.vision_config
    tower, projector = parts(core)
    n_tokens, n_pairs = _vision_tokens(config, batch.inputs)
    inside = any(module is projector for module in tower.modules())
    weights = _weights(tower) - (_weights(projector) if inside else 0)
    linear = weights * n_tokens + _weights(projector) * batch.n_image_tokens[0]
    return 2 * linear + 4 * config.hidden_size * n_pairs


def of_rows(model, rows):
    """Operations of the decoder for rows (prompt, tail), each behind a prompt of its own."""
    n_tokens = sum(prompt + tail for prompt, tail in rows)
    n_pairs = sum((prompt + tail) ** 2 for prompt, tail in rows)
    return _text(model, n_tokens, n_pairs, sum(tail for _, tail in rows))


def of_shared(model, rows, of):
    """Operations of the decoder for rows (prompt, tail) of which each continues prompt `of`.

    The tail's last token is only predicted, and its first from the prompt.
    """
    prompts = list({prompt: row[0] for prompt, row in zip(of, rows, strict=True)}.values())
    inner = [(prompt, tail - 1) for prompt, tail in rows]
    n_tokens = sum(prompts) + sum(tail for _, tail in inner)
    n_pairs = sum(n * n for n in prompts) + sum(n * (prompt + n) for prompt, n in inner)
    return _text(model, n_tokens, n_pairs, len(prompts) + sum(tail for _, tail in inner))


def parts(core):
    """The vision tower and the projector of a network's core."""
    if hasattr(core, "visual"):
        return core.visual, core.visual.merger
    if hasattr(core, "connector"):
        return core.vision_model, core.connector
    return core.vision_tower, core.multi_modal_projector


def of_pairs(model, n_pairs):
    """Operations of the decoder's attention for pairs of a query and a key."""
    config = model.network.config.get_text_config()
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 4 * config.num_attention_heads * head_dim * config.num_hidden_layers * n_pairs


def _text(model, n_tokens, n_pairs, n_predicted):
    linear = _weights(model.network.get_decoder()) * n_tokens
    linear += model.network.get_output_embeddings().weight.numel() * n_predicted
    return 2 * linear + of_pairs(model, n_pairs)


def _vision_tokens(config, inputs):
    """Tokens of the image in the tower, and pairs of them that attend, over all layers."""
    if "image_grid_thw" in inputs:
        _, height, width = inputs["image_grid_thw"][0].tolist()
        window = config.window_size // config.patch_size
        windowed = _squares(height, window) * _squares(width, window)
        n_full = len(config.fullatt_block_indexes)
        n_tokens = height * width
        return n_tokens, n_full * n_tokens**2 + (config.depth - n_full) * windowed
    *tiles, _, height, width = inputs["pixel_values"].shape
    n_tiles = tiles[0] if len(tiles) == 1 else tiles[0] * tiles[1]
    patch = config.patch_size if isinstance(config.patch_size, int) else config.patch_size[0]
    n_tokens = (height // patch) * (width // patch) + (config.model_type in WITH_CLASS_TOKEN)
    return n_tiles * n_tokens, config.num_hidden_layers * n_tiles * n_tokens**2


def _squares(length, window):
    """The sum of squares of the windows into which a length is cut."""
    n_whole, rest = divmod(length, window)
    return n_whole * window**2 + rest**2


def _weights(module):
    """Weights of matrix products: no embeddings, which are looked up or added."""
    products = [m for m in module.modules() if isinstance(m, (nn.Linear, nn.Conv2d, nn.Conv3d))]
    named = [p for n, p in module.named_parameters() if n.endswith("projection_weight")]
    return sum(weight.numel() for weight in [*(m.weight for m in products), *named])
