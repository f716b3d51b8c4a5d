"""Datasets read by blocks such as a config has, and a hub that the library `datasets` knows."""

from pathlib import Path

import pytest

SCHEMAS = Path(__file__).parents[2] / "workflow" / "schemas"


@pytest.fixture(scope="session")
def read():
    """Read the rows of the dataset with a block of these keys; a block that is refused fails."""
    from modelmap.blocks import check_datasets
    from modelmap.datasets import samples
    from modelmap.validation import validate_config

    def read(*, facts=False, **keys):
        config = {"models": "models.tsv", "datasets": {"s": keys}}
        config = validate_config(config, [], SCHEMAS)
        check_datasets(config, [], [], SCHEMAS, matrices={})
        found = samples.read(config["datasets"]["s"])
        return found if facts else found[0]

    return read


@pytest.fixture
def problem(read):
    """What is said of a dataset that cannot be read."""
    from modelmap.datasets.problems import InvalidDataset

    def problem(**keys):
        with pytest.raises(InvalidDataset) as error:
            read(**keys)
        return str(error.value)

    return problem


@pytest.fixture
def datasets_hub(local_hub, tmp_path, monkeypatch):
    """A hub, and `datasets` as if it had been imported with that hub's environment."""
    import datasets
    from huggingface_hub import HfFileSystem

    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", local_hub.url)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    monkeypatch.setattr(datasets.config, "USE_PARQUET_EXPORT", False)  # another server's
    HfFileSystem.clear_instance_cache()
    return local_hub
