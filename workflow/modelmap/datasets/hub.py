"""Source `hub`: a dataset of the Hugging Face hub, pinned to the commit that is noted.

Where the rows picked are fewer than there are, they are streamed, so that only what is read lies on
the disk; else the split is downloaded into the user's cache.
"""

import datasets
from huggingface_hub import HfApi

from modelmap.datasets import columns
from modelmap.datasets.problems import InvalidDataset


class Source:
    """One split of a dataset.

    Raises
    ------
    InvalidDataset
        If there is no such dataset, configuration, split or column.
    """

    def __init__(self, block):
        self.block = block
        self.where = f"{block['path']} ({block['split'] or 'its split'})"
        try:
            commit = HfApi().dataset_info(block["path"], revision=block["revision"]).sha
            found = datasets.load_dataset_builder(
                block["path"], block["config_name"], revision=commit
            )
            splits = found.info.splits or datasets.get_dataset_split_names(
                block["path"], block["config_name"], revision=commit
            )
        except (ValueError, OSError) as error:  # all that `datasets` and the hub raise
            raise InvalidDataset(f"{block['path']}: {type(error).__name__}: {error}") from error
        self.facts = {"commit": commit}
        split = block["split"] or (list(splits)[0] if len(splits) == 1 else None)
        if split not in splits:
            raise InvalidDataset(
                f"{block['path']}: split is {split!r}, expected one of {', '.join(splits)}"
            )
        self.call = {"path": block["path"], "name": block["config_name"], "split": split}
        self.call["revision"] = commit
        self.table = None
        n = found.info.splits[split].num_examples if found.info.splits else None
        self.n = n or len(self._downloaded())

    def __len__(self):
        return self.n

    def rows(self, picks):
        """The rows (columns of tables.SAMPLES) of `picks`: row -> numbers of its texts."""
        if self.table is None and len(picks) < self.n:
            table = datasets.load_dataset(**self.call, streaming=True)
        else:
            table = self._downloaded()
        if table.features is not None:
            columns.expect(self.block, list(table.features), self.where)
            table = _undecoded(table)
        return columns.take(self.block, enumerate(table), picks, self.where)

    def _downloaded(self):
        if self.table is None:
            self.table = datasets.load_dataset(**self.call)
        return self.table


def _undecoded(table):
    """The table with images as the bytes of their files."""
    for name, feature in table.features.items():
        if isinstance(feature, datasets.Image):
            table = table.cast_column(name, datasets.Image(decode=False))
    return table
