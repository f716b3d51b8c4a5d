"""Tiny models and samples for tests."""

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Sample:
    """What scoring wants to know of a sample."""

    sample_id: str
    target: str
    image: object = None
    prompt: str = "Describe the image."
    variant: str = "given"
    content: bytes = b""

    @property
    def size(self):
        return None if self.image is None else self.image.size

    @property
    def condition(self):
        pixels = None if self.image is None else self.image.tobytes()
        return self.prompt, self.size, pixels, self.content


def noise(width, height, seed=0):
    """An image of noise."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def load(path, **options):
    """Load a checkpoint on the CPU in float32."""
    from modelmap.models import loading

    settings = {"adapter": None, "dtype": "float32", "device": "cpu", "attention": "auto"}
    settings |= {"image_options": None, "share_prefix": "auto", "threads": 1}
    return loading.load(path, **settings | options)
