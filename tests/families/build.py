"""Build a tiny checkpoint of any family."""

import torch

from modelmap.models.torchvision import make_importable

make_importable()  # before transformers looks for it

from families import (  # noqa: E402
    captioners,
    gemma_like,
    hybrid,
    idefics_like,
    language,
    llava_like,
    qwen_like,
    tiled,
)

MODULES = [llava_like, tiled, idefics_like, qwen_like, gemma_like, hybrid, captioners, language]
BUILDERS = {name: builder for module in MODULES for name, builder in module.BUILDERS.items()}
ENCODER_DECODERS = captioners.ENCODER_DECODERS
BUILDERS |= ENCODER_DECODERS


def save(name, folder, seed=0):
    """Write a checkpoint of the family `name` with random weights to `folder`."""
    torch.manual_seed(seed)
    network, processor = BUILDERS[name]()
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
