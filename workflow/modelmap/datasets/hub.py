"""Source `hub`: a dataset of the Hugging Face hub, pinned to the commit that is noted.

Where the rows picked are fewer than there are, they are streamed up to the last of them, so that
only what is picked is kept; else the split is downloaded into the user's cache. So it is, too,
where nothing tells how many rows there are and the block does not say `among`.
"""

from contextlib import contextmanager
from pathlib import Path

import datasets
from datasets.exceptions import DatasetsError
from datasets.utils.file_utils import xopen
from huggingface_hub import HfApi, constants, errors

from modelmap.datasets import columns
from modelmap.datasets.problems import InvalidDataset
from modelmap.hub_errors import Refusal, Unreachable, ask, explained, without_secrets

CACHES = ("HF_DATASETS_CACHE", "DOWNLOADED_DATASETS_PATH", "EXTRACTED_DATASETS_PATH")
OF_THE_HUB = (errors.HTTPError, ConnectionError)  # what its library raises where it does not answer


class Source:
    """One split of a dataset; of it, the first `among` rows.

    Raises
    ------
    InvalidDataset
        If there is no such dataset, configuration, split or column, or no access to it.
    Unreachable
        If the hub does not answer.
    """

    def __init__(self, block):
        self.block, self.table = block, None
        commit = _commit(block)
        self.facts = {"commit": commit}
        with _one_message(block):
            found = datasets.load_dataset_builder(
                block["path"], block["config_name"], revision=commit
            )
            splits = found.info.splits or datasets.get_dataset_split_names(
                block["path"], block["config_name"], revision=commit
            )
        split = block["split"] or (list(splits)[0] if len(splits) == 1 else None)
        if split not in splits:
            raise _invalid(block, f"split is {split!r}, expected one of {', '.join(splits)}")
        self.where = f"{block['path']} ({split})"
        if found.info.features:
            columns.expect(block, list(found.info.features), self.where)
        self.call = {"path": block["path"], "name": block["config_name"], "split": split}
        self.call["revision"] = commit
        stated = found.info.splits[split].num_examples if found.info.splits else None
        self.n = min(filter(None, (stated, block["among"])), default=None)
        self.is_part = self.n != stated
        if self.n is None:
            print(f"{self.where} does not tell how many rows it has: all of it is downloaded")
            self.is_part, self.n = False, len(self._downloaded())

    def __len__(self):
        return self.n

    def rows(self, picks):
        """The rows (columns of tables.SAMPLES) of `picks`: row -> numbers of its texts."""
        with _one_message(self.block):
            if self.table is None and (self.is_part or len(picks) < self.n):
                table = datasets.load_dataset(**self.call, streaming=True)
            else:
                table = self._downloaded().to_iterable_dataset()
            return columns.take(self.block, self._records(table, picks), picks, self.where)

    def _records(self, table, picks):
        """(number, columns) of each row; an image that is a file of the dataset is read."""
        image = self.block["image"]
        if table.features is not None:
            columns.expect(self.block, list(table.features), self.where)
            table = table.decode(False).select_columns(columns.wanted(self.block))
        for number, record in enumerate(table):
            if number == 0:  # streamed, JSON tells its columns no earlier
                columns.expect(self.block, list(record), self.where)
            if number in picks and image is not None:
                record[image] = _with_bytes(record[image], self.facts["commit"])
            yield number, record

    def _downloaded(self):
        if self.table is None:
            with _one_message(self.block):
                self.table = datasets.load_dataset(**self.call)
        return self.table


def _commit(block):
    """The commit that a block's revision is now; the user may read it."""
    api, path, revision = HfApi(), block["path"], block["revision"]
    try:
        found = ask(_repo(block), revision, lambda: api.dataset_info(path, revision=revision))
        if found.gated:
            ask(_repo(block), revision, lambda: api.auth_check(path, repo_type="dataset"))
    except Refusal as refusal:
        raise _invalid(block, refusal.reason) from None
    return found.sha


@contextmanager
def _one_message(block):
    """Raise what `datasets` raises as an InvalidDataset, or as Unreachable where the hub is."""
    try:
        yield
    except (InvalidDataset, Unreachable):
        raise
    except (*OF_THE_HUB, DatasetsError, ValueError, RuntimeError, FileNotFoundError) as error:
        while error.__cause__ and not isinstance(error, OF_THE_HUB):
            error = error.__cause__
        if not isinstance(error, OF_THE_HUB):
            raise _invalid(block, f"{type(error).__name__}: {error}") from error
        failure = explained(_repo(block), block["revision"], error)
        if isinstance(failure, Refusal):
            failure = _invalid(block, failure.reason)
        raise failure from None


def _invalid(block, what):
    return InvalidDataset(
        f"{block['path']}: {without_secrets(what).removeprefix(_repo(block) + ' ')}"
    )


def _repo(block):
    return f"datasets/{block['path']}"  # as in the addresses of the hub's pages


def _with_bytes(image, commit):
    """An image as its bytes where it is a file of the dataset, else as it is."""
    path = image.get("path") if isinstance(image, dict) and not image.get("bytes") else None
    if not path or not _is_of_the_dataset(path, commit):
        return image
    with xopen(path, "rb") as file:
        return file.read()


def _is_of_the_dataset(path, commit):
    """Whether a path that stands in a record leads to a file of the dataset at its commit.

    Either the library has put it there, or whoever made the dataset: then it may name any file of
    this machine, or of a hub that the user's token opens.
    """
    *archives, file = path.split("::")
    if not all(archive.startswith("zip://") for archive in archives):
        return False
    if "://" in file:
        return file.startswith("hf://datasets/") and f"@{commit}/" in file
    caches = (constants.HF_HUB_CACHE, *(getattr(datasets.config, name) for name in CACHES))
    file = Path(file).resolve()
    return any(file.is_relative_to(Path(cache).expanduser().resolve()) for cache in caches)
