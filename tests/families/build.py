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
    latest,
    latest_more,
    latest_ocr,
    llava_like,
    mixture,
    more_llava_like,
    more_qwen_like,
    older,
    others,
    qwen_like,
    recent,
    tiled,
    timm_like,
)

MODULES = [
    captioners,
    gemma_like,
    hybrid,
    idefics_like,
    language,
    latest,
    latest_more,
    latest_ocr,
    llava_like,
    mixture,
    more_llava_like,
    more_qwen_like,
    older,
    others,
    qwen_like,
    recent,
    tiled,
    timm_like,
]
BUILDERS = {name: builder for module in MODULES for name, builder in module.BUILDERS.items()}
ENCODER_DECODERS = captioners.ENCODER_DECODERS
CANNOT = {name: why for module in MODULES for name, why in getattr(module, "CANNOT", {}).items()}


def save(name, folder, seed=0):
    """Write a checkpoint of the family `name` with random weights to `folder`."""
    torch.manual_seed(seed)
    network, processor = (BUILDERS | ENCODER_DECODERS)[name]()
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
