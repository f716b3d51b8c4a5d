"""Tiny models and samples for tests."""

import json
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
    settings |= {"image_options": None, "share_prefix": "auto", "threads": 1, "remote_code": False}
    return loading.load(path, **settings | options)


def write_checkpoint(folder, n_shards=1, seed=0, **files):
    """Write what looks like a checkpoint, 1,000 parameters a shard.

    `files`: what is in other files, text or JSON; None leaves one out.
    """
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    files = {"config.json": {"model_type": "llava"}, "tokenizer.json": {"version": 1}} | files
    shards = [f"model-{i:05}-of-{n_shards:05}.safetensors" for i in range(1, n_shards + 1)]
    shards = shards if n_shards > 1 else ["model.safetensors"] * n_shards
    for i, shard in enumerate(shards):
        weights = np.random.default_rng([seed, i]).random(1000, dtype=np.float32)
        save_file({f"w{i}": weights}, folder / shard)
    if n_shards > 1:
        weight_map = {f"w{i}": shard for i, shard in enumerate(shards)}
        files["model.safetensors.index.json"] = {"weight_map": weight_map}
    for name, content in files.items():
        if content is not None:
            (folder / name).parent.mkdir(exist_ok=True)
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / name).write_text(text)
    return folder
