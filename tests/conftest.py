"""Tiny checkpoints with random weights, and samples to score with them."""

import os
import time

# As Snakemake has it for a job of one thread: several tests run side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest  # noqa: E402
from browser import browser  # noqa: E402, F401
from tiny import Sample, load, noise  # noqa: E402

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


@pytest.fixture
def slept(monkeypatch):
    """The seconds that were waited: all at once."""
    seconds = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


@pytest.fixture
def local_hub(tmp_path, monkeypatch, slept):
    """A hub, and huggingface_hub as if it had been imported with that hub's environment."""
    from huggingface_hub import constants
    from local_hub import LocalHub

    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with LocalHub() as server:
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield server


@pytest.fixture
def retrieve(local_hub):
    """Resolve and fetch a model that is to be ok."""
    from modelmap import hub

    def retrieve(repo="org/tiny", **options):
        found = hub.resolve(repo, **options)
        assert found["status"] == "ok", found
        hub.fetch(found)
        assert hub.missing_files(found) == []
        return found

    return retrieve
