"""
What jobs read and are told, by wildcards: samples, checkpoints, scores. Functions alone; rules call
them.
"""

import csv
import json
from functools import cache
from glob import glob

# Samples


def source_files(wildcards):
    """The files that a dataset is read from. (The images of a folder are not watched.)"""
    source, path = (DATASETS[wildcards.dataset][key] for key in ("source", "path"))
    files = {
        "folder": lambda: [Path(path) / "metadata.jsonl"],
        "coco": lambda: [Path(path["annotations"])],
        "parquet": lambda: map(Path, sorted(glob(path, recursive=True))),
    }
    return [str(file) for file in files.get(source, list)() if file.exists()]


def subset_of(wildcards):
    """The file of the samples that a dataset consists of, with weights; none of a whole one."""
    file = DATASETS[wildcards.dataset]["subset"]
    return [file] if file else []


def drawn(dataset):
    """What decides which samples a dataset has: its block, but for what decides something else.

    (How they are shown, and by whom; a subset is a file, and watched as such; which samples go with
    a matrix of others; and what pages show.)
    """
    other = ("prompt", "paraphrases", "variants", "models", "subset", "samples_from", "show_images")
    return {key: value for key, value in DATASETS[dataset].items() if key not in other}


# Checkpoints


def folder(repo):
    """The folder that a column of the sheet names; None of a hub id, or of nothing."""
    is_folder = repo and (Path(repo).is_dir() or repo.startswith(("./", "../", "/")))
    return repo if is_folder else None


def checkpoint_path(model):
    """The folder of a model's checkpoint; None for a hub id."""
    repo = MODELS[model]["repo"]
    return f"resources/zoo/{repo.removeprefix('zoo:')}" if recipe_of(model) else folder(repo)


def checkpoint_files(wildcards):
    """The files of a checkpoint, watched: one trained anew in its place is scored anew."""
    path = checkpoint_path(wildcards.model)
    names = LANGUAGE_CHECKPOINT if is_blind(wildcards.model) else CHECKPOINT
    made = [f"{path}/{name}" for name in names] if recipe_of(wildcards.model) else files_in(path)
    return made + files_in(folder(MODELS[wildcards.model]["adapter"]))


def files_in(path):
    """The files of a folder that a model is read from."""
    files = Path(path).iterdir() if path and Path(path).is_dir() else []
    return sorted(str(file) for file in files if file.suffix in SUFFIXES and file.is_file())


def is_remote(model):
    """Whether something of a model comes from a hub."""
    adapter = MODELS[model]["adapter"]
    return checkpoint_path(model) is None or bool(adapter and not folder(adapter))


def not_of_a_hub(model):
    """Whether some of a model is read from a folder of this machine, and not from a hub's cache."""
    row = MODELS[model]
    return bool(checkpoint_path(model) or folder(row["adapter"]) or row["convert"])


def fetched(wildcards):
    """What says that a model's weights are here, for one score job."""
    file = "resources/fetched/{dataset}/{model}/{shard}"
    return [file] if is_remote(wildcards.model) else []


def weights(wildcards):
    """What says that a model can be loaded, for one score job."""
    file = "resources/converted/{dataset}/{model}/{shard}"
    return [file] if MODELS[wildcards.model]["convert"] else fetched(wildcards)


@cache  # Snakemake asks again when the job begins, and has then deleted what is read here
def attempt(model):
    """How often a model was asked for: the target `retry` asks once more for what failed."""
    try:
        found = json.loads(Path(f"resources/models/{model}.json").read_text())
    except (FileNotFoundError, ValueError):  # not yet, or killed while it was written
        return 1
    again = workflow.dag_settings and "retry" in workflow.dag_settings.targets
    failed = again and (found["status"] != "ok" or model in failed_before())
    return found.get("attempt", 1) + bool(failed)


@cache
def failed_before():
    """The models that failed on some dataset, as the last run's table of status has it."""
    file = Path("results/status.tsv")
    if not file.exists():
        return set()
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    good = ("ok", "incomplete", "not applicable")  # another try would give the same rows
    return {row["model"] for row in rows if row["status"] not in good}


# Matrices of others


def given_on(dataset):
    """The models on a dataset's map whose log-likelihoods its matrix gives, by name."""
    chosen = DATASETS[dataset]["models"]
    names = sorted(MATRICES.get(dataset, []))
    return [name for name in names if chosen is None or name in chosen]


def matrix_files(dataset):
    """The files of others that log-likelihoods are read from; none of a dataset that is scored."""
    return foreign.files(DATASETS[dataset]["path"]) if dataset in MATRICES else []


def samples_of(dataset):
    """The samples that models are scored on; none of a matrix that nothing is placed on."""
    scored = DATASETS[dataset]["samples_from"] if dataset in MATRICES else dataset
    return [f"resources/samples/{scored}.parquet"] if scored else []


def shows_images(dataset):
    """Whether pages may show images of a dataset's samples."""
    block = DATASETS[DATASETS[dataset]["samples_from"] or dataset]
    told = block["source"] == "scenes" if block["show_images"] is None else block["show_images"]
    return told and blocks.shows_images(block)


def notes_of_page(name):
    """How a map's page speaks of its samples.

    near (what near models do), values (what the numbers of two models are), more (what the one with
    the larger number does), beyond (what of them the map leaves out) and images (why there are
    none).
    """
    dataset = name.removesuffix(".pmi")
    has_images = blocks.shows_images(DATASETS[DATASETS[dataset]["samples_from"] or dataset])
    hidden = has_images and not shows_images(dataset)
    images = "Images are left out: show_images of the dataset is not set." if hidden else ""
    if name not in INFORMATION:
        near, values, more = "find the same samples likely", "log-likelihood", "finds it likelier"
    else:
        condition = "image" if has_images else "prompt"
        near, values = f"gain by the same {condition}s", f"mutual information with the {condition}"
        more = f"gains more by the {condition}"
    beyond = " and ".join(["mean", *sorted(config["map"]["adjust"])])
    return {"near": near, "values": values, "more": more, "beyond": beyond, "images": images}


# Scores


def scores_of(dataset, models=None):
    """The score files of a dataset (of some models), in the order of the models' names."""
    scored = DATASETS[dataset]["samples_from"] if dataset in MATRICES else dataset
    chosen = scored_on(dataset) if models is None else scored_on(dataset).intersection(models)
    return [
        f"results/scores/{scored}/{model}/{k}-of-{MODELS[model]['shards']}.parquet"
        for model in sorted(chosen)
        for k in range(1, MODELS[model]["shards"] + 1)
    ]


def scores_for(name):
    """The score files of the models that a map has beside those of its frozen one."""
    dataset = name.removesuffix(".pmi")
    return scores_of(dataset, {*models_of(dataset)} - FROZEN.get(name, set()))


def not_scored(name):
    """What to say of the models on a map that were not scored for it: dict of model to note."""
    given = given_on(name.removesuffix(".pmi"))
    frozen = sorted(FROZEN.get(name, []))  # params are compared as text: always in one order
    return dict.fromkeys(given, "log-likelihoods that others have computed") | dict.fromkeys(
        frozen, "on the frozen map; not scored in this run"
    )


def gpus_of(wildcards):
    """GPUs of a job: those of its row, as far as this machine, if it is to run here, has so many."""
    if config["score"]["device"] == "cpu":
        return 0
    wanted = MODELS[wildcards.model]["gpus"]
    return min(wanted, GPU_PLACES) if GPU_PLACES and workflow.local_exec else wanted


def score_threads():
    """CPU threads of a scoring job: on a GPU they prepare its batches."""
    if not GPU_PLACES or config["score"]["device"] == "cpu":
        return 1
    cores = workflow.resource_settings.cores or 8 * GPU_PLACES
    return max(1, min(8, cores // GPU_PLACES))


def gaps(dataset):
    """The tables of what other images cost on a dataset."""
    variants = DATASETS[dataset]["variants"]
    return [name for name, variant in blocks.GAPS.items() if variant in variants]


def shown():
    """What models were shown: see modelmap.report.methods."""
    scored = [DATASETS[dataset] for dataset in SCORED]
    pmi = [DATASETS[name.removesuffix(".pmi")]["variants"] for name in INFORMATION]
    return {
        "gaps": any(map(gaps, DATASETS)),
        "images": any(map(blocks.shows_images, scored)),
        "texts": not all(map(blocks.shows_images, scored)),
        "information": sorted({"prompt" if "no_prompt" in v else "images" for v in pmi}),
    }


def questions():
    """The datasets whose options tell how many questions a model answers right."""
    return [
        dataset
        for dataset, block in DATASETS.items()
        if block["options"] is not None and not block["answer_only"]
    ]


def prompt_of(model, dataset):
    """What is asked where a sample has no prompt of its own."""
    block = DATASETS[dataset]
    asked = [block["prompt"], PROMPT if blocks.shows_images(block) else ""]
    if blocks.shows_images(block):
        asked.insert(0, MODELS[model]["prompt"])
    return next(prompt for prompt in asked if prompt is not None)


def settings_of(model, dataset):
    """What changes the numbers of one model on one dataset, and nothing else."""
    row, score, block = MODELS[model], config["score"], DATASETS[dataset]
    return {
        "repo": row["repo"],
        "revision": row["revision"],
        "adapter": row["adapter"],
        "dtype": row["dtype"] or score["dtype"],
        "attention": row["attention"] or score["attention"],
        "prompt": prompt_of(model, dataset),
        "image_options": row["image_options"],
        "variants": block["variants"],
        "paraphrases": block["paraphrases"],
        "share_prefix": score["share_prefix"],
        "require_image_use": score["require_image_use"],
    }


# Plan


def scored_somewhere():
    """The models that are scored on any dataset, by name."""
    return sorted({model for dataset in SCORED for model in models_of(dataset)})


def not_of_the_zoo():
    """The models scored that the workflow does not train itself."""
    return [model for model in scored_somewhere() if recipe_of(model) is None]


def usual_sample(model, dataset):
    """A sample as most of a dataset are, before they are there: of MS-COCO's size and length."""
    block, images = DATASETS[dataset], blocks.shows_images(DATASETS[dataset])
    n_shuffled = sum(variant.startswith("shuffled") for variant in block["variants"])
    n_options = len(block["options"]) if isinstance(block["options"], list) else None
    words = "A person in a red jacket is standing on the snow. " * 100
    n_bytes = len("A man with a red helmet on a small moped on a dirt road.") if images else 1024
    size = ((48, 48) if block["source"] == "scenes" else (640, 480)) if images else None
    return {
        "prompt": prompt_of(model, dataset),
        "target": words[: min(block["max_bytes"] or n_bytes, n_bytes)],
        "size": size,
        "n_targets": (n_options or block["targets_per_image"]) * (1 + n_shuffled),
    }


# Theory


def weights_of(job):
    """What says that a model can be loaded, for one of the jobs that theory has of a model.

    A file of its own: with that of a score job, which is gone, the score would be made anew.
    """
    return lambda wildcards: expand(weights(wildcards), **dict(wildcards.items()), shard=job)


def settings_of_theory(wildcards):
    """What changes what a model writes, and how likely it finds texts."""
    settings = settings_of(wildcards.model, wildcards.dataset)
    others = ("variants", "paraphrases", "require_image_use")
    return {key: value for key, value in settings.items() if key not in others}


def of_models(kind, wildcards, ending="parquet"):
    """A file of every model on a dataset: texts or judged."""
    here = f"results/theory/{wildcards.dataset}/{kind}"
    return [f"{here}/{model}.{ending}" for model in models_of(wildcards.dataset)]


def to_check(wildcards):
    """What `theory` makes."""
    if not CHECKED:
        raise WorkflowError(
            "theory: every dataset of this config is a matrix of others (source: matrix), and "
            "theory is checked by models that write texts; add a dataset that is scored"
        )
    return THEORY


def interpolated(wildcards):
    """Models of the sheet between whose weights the zoo interpolates: dicts of three names."""
    known = {
        zoo: model for model, zoo in examined().items() if model in models_of(wildcards.dataset)
    }
    return [
        {role: known[zoo] for role, zoo in corners.items()}
        for corners in ZOO["interpolations"]
        if set(corners.values()) <= known.keys()
    ]


def interpolated_checkpoints(wildcards):
    """The weights of those models."""
    models = {model for corners in interpolated(wildcards) for model in corners.values()}
    return [f"{checkpoint_path(model)}/model.safetensors" for model in sorted(models)]


def results_of(shown):
    """[file, caption, kind, what, of] of what rules make of maps or datasets.

    See modelmap/report/sections.py; `shown` are pairs of a rule and names.
    """
    found = []
    for rule, names in shown:
        for of in names:
            for file, flagged in zip(rule.output, rule.rule.output):  # the former lost its flags
                if said := flagged.flags.get("report"):
                    caption = Path(said.caption.get_filename()).stem
                    path = str(file).format(map=of, dataset=of)
                    found.append([path, caption, said.labels["as"], said.labels["what"], of])
    return found
