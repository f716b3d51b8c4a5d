"""Tiny checkpoints with random weights, and samples to score with them."""

import pytest
from tiny import Sample, load, noise

TEXTS = ["user\nassistant\nDescribe the image.", "a red circle", "There are two blue squares."]


@pytest.fixture(scope="session")
def samples():
    """Targets of many kinds, behind images of different sizes."""
    targets = [
        "a red circle",
        "A small green triangle is placed at the top left of a gray background.",
        "STOP",
        "  two  blanks",
        "ünïcödé and 漢字 and 🙂",
        "x",
        "line\nbreak.",
        "There are two blue squares.",
    ]
    sizes = [(48, 48), (64, 32), (40, 96), (48, 48), (120, 60), (33, 47), (16, 16), (64, 64)]
    return [
        Sample(f"s{i}", target, noise(*size, seed=i))
        for i, (target, size) in enumerate(zip(targets, sizes, strict=True))
    ]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """A folder with a checkpoint of every family, random weights."""
    from modelmap.zoo import architectures, training

    folder = tmp_path_factory.mktemp("checkpoints")
    for seed, architecture in enumerate(architectures.ARCHITECTURES):
        model = training.build(architecture, TEXTS * 20, 40, seed=seed)
        training.save(model, folder / architecture)
    return folder


@pytest.fixture(scope="session", params=["gemma3", "llava", "qwen2_vl", "smolvlm"])
def model(request, checkpoints):
    """A model of each family, read back from its checkpoint."""
    return load(checkpoints / request.param)
