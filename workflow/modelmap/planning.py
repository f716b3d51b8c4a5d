"""What a run will cost, as a table: bytes to download and to keep, GPU memory, GPU-hours.

What goes in are plain dicts.

A model: `model`; `download_bytes` still to fetch and `disk_bytes` of all its files, both None where
unknown; `note`, why there is no (full) estimate, or None.

A job, one model on one dataset: `model`, `dataset`, `done`; `n_images` and `n_pairs` to score;
`tflop` of all of them (1e12 operations, see `tflop`) and `memory_bytes` of the GPU,
both None where there is no estimate; `note`, why not, or None.

GB are 1e9 bytes, of disks and of GPUs.
"""

import polars as pl

# An H100 SXM: in bfloat16, 80 % of the 989 TFLOP/s of its data sheet is what large matrix products
# get; and half of that is left of a whole model.
PEAK_TFLOPS, UTILIZATION = 790, 0.5
N_PARAPHRASED = 500  # samples scored under each paraphrase, as datasets.samples has it

COLUMNS = {
    "model": pl.String,
    "jobs": pl.Int64,  # still to do
    "jobs_done": pl.Int64,
    "download_gb": pl.Float64,  # still to fetch
    "disk_gb": pl.Float64,  # of all its files, fetched or not
    "gpu_memory_gb": pl.Float64,  # of its largest job
    "pairs": pl.Int64,  # to score, all variants
    "tflop_per_image": pl.Float64,  # 1e12 operations, with all targets and variants of an image
    "gpu_hours": pl.Float64,
    "note": pl.String,
}
SHOWN = {
    "download_gb": ("download, GB", ",.1f"),
    "disk_gb": ("disk, GB", ",.1f"),
    "gpu_memory_gb": ("GPU memory, GB", ",.1f"),
    "pairs": ("pairs", ",d"),
    "tflop_per_image": ("TFLOP/image", ",.3g"),
    "gpu_hours": ("GPU-hours", ",.2f"),
}


def size(block, *, rows=None):
    """How many images and targets a dataset has, both None where that is not known yet.

    Parameters
    ----------
    block : its block in the config
    rows : DataFrame of its samples' groups, if they are made; else a drawn pair is taken to have
        an image of its own, which is the most there can be
    """
    if rows is not None:
        return {"n_images": rows["group"].n_unique(), "n_targets": rows.height}
    n, options = block["n_samples"], block["options"]
    several = len(options) if isinstance(options, list) and not block["answer_only"] else 1
    return {"n_images": n, "n_targets": n and n * several}


def workload(*, n_images, n_targets, variants, n_paraphrases):
    """How many pairs a dataset makes, and how many conditions (a prompt with its image) they have.

    Targets that are shuffled onto an image find it computed; a blank one is taken to be as many
    as there are images, though blanks of one size are one; without an image there is one prompt.

    Returns
    -------
    dict : n_images, n_pairs, n_conditions
    """
    asked_again = n_paraphrases * min(N_PARAPHRASED, n_targets)
    n_conditions = n_images * (1 + ("blank" in variants)) + ("none" in variants)
    return {
        "n_images": n_images,
        "n_pairs": n_targets * len(variants) + asked_again,
        "n_conditions": n_conditions + asked_again,
    }


def tflop(cost, *, n_conditions, n_targets):
    """1e12 operations of `n_targets` targets in all, behind `n_conditions` prompts.

    `cost` : the fields of models.cost.Cost
    """
    n_prompts = n_conditions if cost["shares_prefix"] else n_targets
    prompts = n_prompts * (cost["tflop_image"] + cost["tflop_prompt"])
    return prompts + n_targets * cost["tflop_target"]


def job(model, dataset, *, estimate, n_images, n_targets, block, done):
    """One job of the plan, see above.

    Parameters
    ----------
    estimate : (fields of models.cost.Cost or None, note or None)
    n_images, n_targets : see `size`
    block : the dataset's block in the config
    done : bool
    """
    cost, note = estimate
    found = {"model": model, "dataset": dataset, "done": done, "note": note}
    if n_targets is None:
        advice = f"set n_samples, or make resources/samples/{dataset}.parquet"
        found["note"] = note or f"how many samples there are is not known yet; {advice}"
    about = {"variants": block["variants"], "n_paraphrases": len(block["paraphrases"])}
    load = workload(n_images=n_images or 0, n_targets=n_targets or 0, **about)
    found |= {"n_images": load["n_images"], "n_pairs": load["n_pairs"]}
    if cost is None or n_targets is None:
        return found | {"tflop": None, "memory_bytes": None}
    operations = tflop(cost, n_conditions=load["n_conditions"], n_targets=load["n_pairs"])
    return found | {"tflop": operations, "memory_bytes": cost["memory_bytes"]}


def table(models, jobs, *, peak_tflops=PEAK_TFLOPS, utilization=UTILIZATION):
    """One row per model, in their order, with COLUMNS; null where nothing can be told.

    Parameters
    ----------
    models, jobs : iterables of dict, see above
    peak_tflops : of the GPU, 1e12 operations per second
    utilization : the share of it that scoring gets
    """
    of = {model["model"]: [] for model in models}
    for job in jobs:
        of[job["model"]].append(job)
    rows = [_row(model, of[model["model"]], 3600 * peak_tflops * utilization) for model in models]
    return pl.DataFrame(rows, schema=COLUMNS)


def text(plan, *, n_datasets, peak_tflops=PEAK_TFLOPS, utilization=UTILIZATION):
    """The table of `table` for people: its totals in the first line, a row per model, notes."""
    rate = f"{utilization:.0%} of {peak_tflops:,g} TFLOP/s".replace("%", " %")
    download, hours = (plan[name].sum() for name in ("download_gb", "gpu_hours"))
    n_done, largest = plan["jobs_done"].sum(), plan["gpu_memory_gb"].max() or 0
    done = f" ({n_done} done)" if n_done else ""
    hours = f"{hours:,.1f}" if hours >= 1 else f"{hours:.2g}"
    least = "" if plan["note"].is_null().all() else "at least "
    first = (
        f"{_number(plan.height, 'model')} x {_number(n_datasets, 'dataset')}: "
        f"{_number(plan['jobs'].sum(), 'job')} to do{done}, {least}{download:,.0f} GB to download, "
        f"up to {largest:,.0f} GB of GPU memory, {least}{hours} GPU-hours at {rate}"
    )
    header = ["model", *(title for title, _ in SHOWN.values())]
    rows = [
        [row["model"], *(_shown(row[name], form) for name, (_, form) in SHOWN.items())]
        for row in plan.iter_rows(named=True)
    ]
    notes = [f"  {model}: {note}" for model, note in plan.select("model", "note").rows() if note]
    if notes:
        notes = ["", "Not in these figures, or not wholly:", *notes]
    return "\n".join([first, "", *_aligned([header, *rows]), *notes])


def _row(model, jobs, tflop_per_hour):
    due = [job for job in jobs if not job["done"]]
    told = [job for job in due if job["tflop"] is not None]
    tflop, n_images = (sum(job[key] for job in told) for key in ("tflop", "n_images"))
    notes = (
        [model["note"]]
        if model["note"]
        else [job["note"] and f"{job['dataset']}: {job['note']}" for job in due]
    )
    return {
        "model": model["model"],
        "jobs": len(due),
        "jobs_done": len(jobs) - len(due),
        "download_gb": _gb(model["download_bytes"]),
        "disk_gb": _gb(model["disk_bytes"]),
        "gpu_memory_gb": _gb(max((job["memory_bytes"] for job in told), default=None)),
        "pairs": sum(job["n_pairs"] for job in due),
        "tflop_per_image": tflop / n_images if n_images else None,
        "gpu_hours": tflop / tflop_per_hour if told or not due else None,
        "note": "; ".join(filter(None, notes)) or None,
    }


def _gb(n_bytes):
    return None if n_bytes is None else n_bytes / 1e9


def _number(n, noun):
    return f"{n:,} {noun}" + "s" * (n != 1)


def _shown(value, form):
    return "?" if value is None else f"{value:{form}}"


def _aligned(rows):
    """Lines of a table: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
