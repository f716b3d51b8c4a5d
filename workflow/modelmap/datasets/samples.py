"""From a dataset's rows to samples: drawing, partner images, shards, variants."""

import random
from dataclasses import dataclass
from importlib import import_module

from PIL import Image

from modelmap.datasets import images
from modelmap.datasets.problems import InvalidDataset

GRAY = (128, 128, 128)
N_PARAPHRASED = 500  # samples that are scored under other wordings of the prompt


def read(block, subset=None):
    """Read a dataset's rows (the columns of tables.SAMPLES) from its source.

    `block["source"]` names the module here that reads it. `n_samples` pairs of an image and a
    text are drawn at random with `seed` and kept in order (None: all); of questions with options
    as many questions, each with all its options. Of these a subset keeps the ones that it names.

    Parameters
    ----------
    block : dict, the dataset's block of the config
    subset : dict of file and ids (sample_id of all it holds); None or empty: none

    Returns
    -------
    rows : list of dict
    facts : dict, what the source says of itself, for the provenance

    Raises
    ------
    InvalidDataset
        If there are fewer than asked for, the source is not as it should be, or an id of the
        subset is none of the samples.
    """
    source = import_module(f"{__package__}.{block['source']}").Source(block)
    asks, n_targets = block["options"] is not None, block["targets_per_image"]
    n, wanted = len(source) * (1 if asks else n_targets), block["n_samples"]
    what = "questions" if asks else "pairs"
    if wanted is not None and wanted > n:
        raise InvalidDataset(f"n_samples is {wanted}, but {_where(block)} has only {n} {what}")
    drawn = range(n) if wanted is None else random.Random(block["seed"]).sample(range(n), wanted)
    picks = {}
    for i in sorted(drawn):
        if asks:
            picks[i] = None
        else:
            picks.setdefault(i // n_targets, []).append(i % n_targets)
    rows = source.rows(picks)
    if not rows:
        raise InvalidDataset(f"{_where(block)}: no rows")
    if subset:
        rows = _only(rows, subset, block)
    return with_partners(rows, seed=block["seed"]), source.facts


def _only(rows, subset, block):
    """The rows that a subset names."""
    file, ids = subset["file"], set(subset["ids"])
    if not ids:
        raise InvalidDataset(f"{file}: holds no sample; expected at least one")
    if missing := ids - {row["sample_id"] for row in rows}:
        first = next(i for i in subset["ids"] if i in missing)
        raise InvalidDataset(
            f"{file}: {len(missing)} of {len(ids)} samples are not among the {len(rows)} of "
            f'{_where(block)}, the first is "{first}"; give the dataset the keys (n_samples, seed, '
            "…) of the one that the subset was chosen from"
        )
    return [row for row in rows if row["sample_id"] in ids]


def _where(block):
    """What a message calls the place that a block's samples come from."""
    path = block["path"]
    return path["images"] if isinstance(path, dict) else path or block["source"]


def with_partners(rows, *, seed):
    """Give each row `n_bytes` and the sample whose image its shuffled variant shows.

    Groups are put in order of image size, at random within a size, and each takes the image of
    the next, the last that of the first: another group's, mostly of the same size, and the same
    for every model. With a single group there is none, and none without an image.
    """
    first = {}
    for row in (row for row in rows if row["image"] is not None):
        first.setdefault(row["group"], row)
    order = sorted(first)
    random.Random(seed).shuffle(order)
    order.sort(key=lambda group: (first[group]["width"], first[group]["height"]))
    partner = dict(zip(order, order[1:] + order[:1], strict=True)) if len(order) > 1 else {}
    return [
        row
        | {
            "n_bytes": len(row["target"].encode()),
            "shuffled_from": (
                first[partner[row["group"]]]["sample_id"] if row["group"] in partner else None
            ),
        }
        for row in rows
    ]


@dataclass(frozen=True)
class Sample:
    """One target to score, under one variant. The image is decoded when it is asked for."""

    sample_id: str
    variant: str
    prompt: str
    target: str
    size: tuple | None
    content: bytes | None

    @property
    def condition(self):
        """What the target is conditioned on: equal for samples with the same prompt and image."""
        return self.prompt, self.size, self.content

    @property
    def image(self):
        """The image as the model sees it; None if it sees none."""
        if self.size is None:
            return None
        if self.variant == "blank":
            return Image.new("RGB", self.size, GRAY)
        return images.decode(self.content)


def shard(rows, name):
    """The rows of shard `name`, "k-of-n": every n-th group, groups whole."""
    k, n = map(int, name.split("-of-"))
    groups = {group: i for i, group in enumerate(dict.fromkeys(row["group"] for row in rows))}
    return [row for row in rows if groups[row["group"]] % n == k - 1]


def variants(rows, names, *, prompt, everything):
    """The samples of `rows` under each variant in `names`.

    Parameters
    ----------
    names : given, shuffled, shuffled-2 and so on (the next image of the ring), blank, none;
        no_prompt: the text by itself
    prompt : what is asked where a row has no prompt of its own
    everything : all rows of the dataset, among which the shuffled images are found

    Raises
    ------
    InvalidDataset
        If images are to be shuffled and there are too few.
    """
    by_id = {row["sample_id"]: row for row in everything}
    return [_sample(row, _shown(row, name, by_id), name, prompt) for name in names for row in rows]


def paraphrased(rows, prompts, *, everything):
    """Some samples of `rows` under other wordings of the dataset's prompt, their own image shown.

    They are spread evenly over the dataset, whatever the shards; the variants are paraphrase-1
    and so on. A row with a prompt of its own has none.

    Parameters
    ----------
    prompts : list of str
    everything : all rows of the dataset
    """
    asked = [row["sample_id"] for row in everything if row["prompt"] is None]
    chosen = set(_spread(asked, N_PARAPHRASED))
    return [
        _sample(row, row, f"paraphrase-{k}", prompt)
        for k, prompt in enumerate(prompts, 1)
        for row in rows
        if row["sample_id"] in chosen
    ]


def _shown(row, variant, by_id):
    """The row whose image a variant shows: shuffled-k the k-th next in the ring of partners."""
    name, _, k = variant.partition("-")
    if name != "shuffled":
        return row
    shown = row
    for step in range(1, int(k or 1) + 1):
        shown = by_id.get(shown["shuffled_from"])
        if shown is None or shown["group"] == row["group"]:
            needed = "two" if step == 1 else step + 1
            raise InvalidDataset(f"the variant {variant} needs at least {needed} images")
    return shown


def probes(rows, n, *, prompt):
    """At most `n` samples of different groups, evenly spaced: (given, shuffled).

    `shuffled` is None where there is no other image.
    """
    some = one_per_group(rows, n)
    given = variants(some, ["given"], prompt=prompt, everything=rows)
    if some[0]["shuffled_from"] is None:
        return given, None
    return given, variants(some, ["shuffled"], prompt=prompt, everything=rows)


def one_per_group(rows, n):
    """At most `n` rows of different groups, evenly spaced."""
    return _spread(list({row["group"]: row for row in reversed(rows)}.values())[::-1], n)


def _spread(items, n):
    """At most `n` of the items, evenly spaced."""
    return [items[i * len(items) // n] for i in range(n)] if len(items) > n else items


def _sample(row, shown, variant, prompt):
    bare = variant in ("none", "no_prompt") or shown["image"] is None
    asked = prompt if row["prompt"] is None else row["prompt"]
    return Sample(
        sample_id=row["sample_id"],
        variant=variant,
        prompt="" if variant == "no_prompt" else asked,
        target=row["target"],
        size=None if bare else (shown["width"], shown["height"]),
        content=None if bare or variant == "blank" else shown["image"],
    )
