"""What a run is, at a glance: how many models and samples, what failed, what to open."""

from html import escape
from pathlib import Path
from typing import NamedTuple

import polars as pl

from modelmap import tables
from modelmap.figures.picture import link
from modelmap.figures.report import Chapter, Section, facts
from modelmap.figures.table import table

# What to open for what, by the file's name.
GUIDE = {
    "map.html": "explore the map: search, zoom, who is nearest to whom",
    "findings.html": "the map's numbers in tables, with what each of them says",
    "map_tsne.svg": "the picture for a paper (.pdf, .png beside it)",
    "distances.parquet": "every pair of models: KL estimate with its interval, and its marks",
    "neighbors.parquet": "the neighbors of each model, with the probability to be the nearest",
    "coordinates.parquet": "the vectors q of models, for computations of your own",
    "status.tsv": "how every model fared, with provenance",
}
MOST_FAILED = 20


class MapFacts(NamedTuple):
    """What is known of a map before anything is drawn."""

    models: int
    models_kept: int
    samples: int
    samples_kept: int
    groups: int
    distances: dict  # footer of distances.parquet
    embeddings: dict  # method -> footer of its file


def read_facts(models, samples, distances, embeddings):
    """Read the facts of a map.

    Parameters
    ----------
    models, samples, distances : paths of its files
    embeddings : dict of method to path

    Returns
    -------
    MapFacts
    """
    all_models = tables.read(models, tables.MATRIX_MODELS, columns=["kept"])["kept"]
    all_samples = tables.read(samples, tables.MATRIX_SAMPLES, columns=["kept", "group"])
    kept = all_samples.filter("kept")
    return MapFacts(
        models=len(all_models),
        models_kept=int(all_models.sum()),
        samples=all_samples.height,
        samples_kept=kept.height,
        groups=kept["group"].n_unique(),
        distances=tables.provenance(distances),
        embeddings={method: tables.provenance(path) for method, path in embeddings.items()},
    )


def summary(status, maps, *, families, zoo, files, page):
    """Make the first chapter.

    Parameters
    ----------
    status : DataFrame of gather.STATUS
    maps : dict of name to MapFacts
    families : dict of model to family, where the sheet tells it
    zoo : bool
        Whether models of the zoo are among them, of whose families more is known.
    files : list of Path
        What the report was made of.
    page : Path
        Where it will lie, for links.

    Returns
    -------
    Chapter
    """
    asked = status.filter(pl.col("status") != "not applicable")
    ok = asked.filter(pl.col("status") == "ok")
    models, datasets = set(asked["model"]), set(asked["dataset"])
    n_families = len({families.get(model) for model in models} - {None, ""})
    lead = (
        f"<p class=lead>{_count(len(models), 'model')} "
        f"{f'of {n_families} families ' * (n_families > 1)}"
        f"on {_count(len(datasets), 'dataset')}: {ok.height:,} of {_count(asked.height, 'score')} "
        f"{'is' if 1 in (ok.height, asked.height) else 'are'} ok. "
        "Each model is a point by the log-likelihoods that it gives to the same texts; near "
        "models predict alike.</p>"
    )
    # the map of mutual information has the dataset's samples once more
    counting = [m.samples_kept for name, m in maps.items() if name in datasets and m.models_kept]
    numbers = [
        (f"{len(models):,}", "models"),
        (f"{sum(counting):,}", "samples that count"),
        (len(maps), "map" if len(maps) == 1 else "maps"),
        (f"{asked.height - ok.height:,}", "failed"),
    ]
    parts = [
        Section("glance", "At a glance", table(_glance(maps), "At a glance") + _EXPLAINED),
        Section("failed", "What failed", _failed(asked)),
        Section("open", "What to open", _guide(files, page)),
    ]
    return Chapter("summary", "Summary", lead + facts(numbers) + _warning(zoo), parts)


def numbers_of(found):
    """What opens the chapter of a map (HTML), from its MapFacts."""
    distances, tsne = found.distances, found.embeddings["tsne"]
    numbers = [
        (_of(found.models_kept, found.models), "models"),
        (_of(found.samples_kept, found.samples), f"samples in {_count(found.groups, 'group')}"),
        (f"{distances['n_pairs']:,}", "pairs of models"),
        (distances["n_beyond_kl_limit"], "of them beyond the KL limit"),
        (distances["n_below_noise_floor"], "of them below noise"),
    ]
    if tsne.get("neighbor_overlap") is not None:
        kept = f"{100 * tsne['neighbor_overlap']:.0f} %"
        numbers.append((kept, f"of {tsne['n_neighbors']} nearest are nearest on t-SNE"))
    shown = [(n if isinstance(n, str) else f"{n:,}", what) for n, what in numbers if n is not None]
    return facts(shown)


_EXPLAINED = (
    "<p class=caption>below noise: pairs no farther apart than rounding moves both models. beyond "
    "KL limit: pairs so far apart that half a squared distance overstates a divergence. kept by "
    "t-SNE: share of a model's nearest that are its nearest on the picture, and what chance would "
    "keep.</p>"
)
_NOT = (
    "<b>Distances across a t-SNE or UMAP picture mean little</b>: read who is near whom, not how "
    "far apart groups lie, nor how large they are. For distances there is the heat map.",
    "<b>A distance beyond the KL limit is no number of nats.</b> It still orders pairs.",
    "<b>Families are not independent models.</b> p values here permute whole families and "
    "lineages; with a handful of families no small p is possible.",
    "<b>A low loss is no quality</b>: texts that read like what a model was trained on are "
    "likelier to it.",
)
_DIALECTS = (
    "<b>The zoo's families are dialects</b>: tiny models that differ mostly by the scenes, words "
    "and styles they were trained on. They show that the machinery finds what is there, and "
    "nothing about the large models that lend them their names."
)


def _warning(zoo):
    items = "".join(f"<li>{said}</li>" for said in (*_NOT, *([_DIALECTS] if zoo else [])))
    return f"<aside class=warn><h3>What not to conclude</h3><ul>{items}</ul></aside>"


def _glance(maps):
    rows = []
    for name, found in maps.items():
        distances, tsne = found.distances, found.embeddings["tsne"]
        rows.append(
            {
                "map": name,
                "models": found.models_kept,
                "models left out": found.models - found.models_kept,
                "samples": found.samples_kept,
                "samples left out": found.samples - found.samples_kept,
                "groups": found.groups,
                "pairs": distances["n_pairs"],
                "below noise": distances["n_below_noise_floor"],
                "beyond KL limit": distances["n_beyond_kl_limit"],
                "kept by t-SNE": _kept(tsne),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _of(part, whole):
    return f"{part:,}" if part == whole else f"{part:,} of {whole:,}"


def _kept(facts):
    """The share of neighbors that a picture keeps, in words."""
    if facts.get("neighbor_overlap") is None:
        return facts.get("absent") or "\u2013"
    kept, chance = (f"{100 * facts[key]:.0f} %" for key in ("neighbor_overlap", "chance"))
    return f"{kept} of {facts['n_neighbors']} (chance {chance})"


def _failed(asked):
    """Models without scores."""
    bad = asked.filter(pl.col("status") != "ok").select("model", "dataset", "status", "reason")
    if not bad.height:
        return "<p>Nothing.</p>"
    more = f"<p>And {bad.height - MOST_FAILED:,} more: see below.</p>"
    return table(bad.head(MOST_FAILED), "What failed") + more * (bad.height > MOST_FAILED)


def _guide(files, page):
    """Links to the files that one opens, by what for."""
    rows = "".join(
        f"<tr><td>{link(file, page, Path(file).relative_to(page.parent).as_posix())}</td>"
        f"<td>{escape(said)}</td></tr>"
        for name, said in GUIDE.items()
        for file in dict.fromkeys(files)
        if file.name == name
    )
    return f'<div class="wide"><table><tbody>{rows}</tbody></table></div>'


def _count(n, what):
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
