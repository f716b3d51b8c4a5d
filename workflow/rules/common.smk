"""
Shared by all rules: the validated config and model sheet, and the functions that read them.
"""

import csv
import json
import re
from functools import cache
from glob import glob

import yaml

from modelmap import blocks, foreign, protocols, reference, sheet, tables, validation

SCHEMAS = ROOT / "workflow/schemas"
ZOO = yaml.safe_load((ROOT / "workflow/modelmap/zoo/recipes.yaml").read_text())

try:
    CONFIG_FILES = workflow.config_settings.configfiles or [ROOT / "config/config.yaml"]
    config.update(validation.validate_config(config, CONFIG_FILES, SCHEMAS))
    MATRICES = foreign.models_of(config, CONFIG_FILES)
    ELSEWHERE = {model for names in MATRICES.values() for model in names}
    SHEET = sheet.read_models(config["models"], SCHEMAS, zoo=ZOO["models"], given=ELSEWHERE)
    blocks.check_datasets(config, SHEET, CONFIG_FILES, SCHEMAS, matrices=MATRICES)
    protocols.check_protocol(config, CONFIG_FILES, SCHEMAS)
    if config["benchmarks"]["table"]:
        sheet.check_benchmark_names(SHEET, config["models"], config["benchmarks"]["table"])
except validation.InvalidInput as error:
    raise WorkflowError(str(error)) from None

# The config that another Snakemake may read; and the map's settings as they hold.
GIVEN = protocols.unfixed(config)
config["map"] = protocols.applied(config["map"])

MODELS = {row["model"]: row for row in SHEET if row["repo"]}  # the others stand in a matrix alone
DATASETS = config["datasets"]
SCORED = [dataset for dataset in DATASETS if dataset not in MATRICES]
PROMPT = "Describe the image."  # where nobody says another
CHECKPOINT = (
    "config.json",
    "model.safetensors",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "generation_config.json",
)
LANGUAGE_CHECKPOINT = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
)
SUFFIXES = (".json", ".safetensors", ".jinja", ".txt", ".model")


def one_of(names):
    """A wildcard constraint: exactly one of these names."""
    return "|".join(map(re.escape, names))


def has_information(dataset):
    """Whether the mutual information of text and its image, or prompt, is among the variants."""
    variants = DATASETS[dataset]["variants"]
    n_shuffled = sum(variant.startswith("shuffled") for variant in variants)
    return n_shuffled >= 4 or "no_prompt" in variants


# Beside the map of a dataset's log-likelihoods there may be one of their mutual information.
INFORMATION = [f"{dataset}.pmi" for dataset in DATASETS if has_information(dataset)]

# The frozen map of each map, where the config names any, and the models on them.
try:
    REFERENCES = reference.check_references(config, [*DATASETS, *INFORMATION], CONFIG_FILES)
    ON_REFERENCES = reference.metadata(REFERENCES.values())
except validation.InvalidInput as error:
    raise WorkflowError(str(error)) from None


# The datasets that subsets are made of.
WHOLE = [dataset for dataset, block in DATASETS.items() if block["subset"] is None]


wildcard_constraints:
    dataset=one_of(DATASETS),
    map=one_of([*DATASETS, *INFORMATION]),
    model=one_of(MODELS),
    shard=r"\d+-of-\d+",
    zoo=one_of(ZOO["models"]),


def is_blind(model):
    """Whether a model is one of the zoo's that are known to take no images."""
    return recipe_of(model) == "pretrain"


def recipe_of(model):
    """The recipe of a model of the zoo; None of any other."""
    before, _, name = MODELS[model]["repo"].partition(":")
    return ZOO["models"][name]["recipe"] if before == "zoo" else None


def models_of(dataset):
    """The models scored on a dataset, by name: the order of the sheet changes nothing."""
    block = DATASETS[dataset]
    if dataset in MATRICES:
        scored = models_of(block["samples_from"]) if block["samples_from"] else []
        chosen = set(scored if block["models"] is None else block["models"])
        return [model for model in scored if model in chosen and model not in MATRICES[dataset]]
    chosen, images = block["models"], blocks.shows_images(block)
    if chosen is None:
        chosen = [model for model in MODELS if not (images and is_blind(model))]
    return sorted(chosen)


def not_applicable():
    """[model, dataset, why] of every model of the sheet that a dataset leaves out."""
    return [
        [row["model"], dataset, why_not(row, dataset)]
        for dataset in DATASETS
        for row in sorted(SHEET, key=lambda row: row["model"])
        if row["model"] not in {*models_of(dataset), *given_on(dataset)}
    ]


def why_not(row, dataset):
    """Why a dataset leaves out a model of the sheet."""
    block = DATASETS[dataset]
    if not row["repo"]:
        return "no repo: its log-likelihoods stand in a matrix"
    if block["models"] is not None:
        return "not among the dataset's models in the config"
    if dataset not in MATRICES:
        return "a language model: it takes no images"
    if block["samples_from"]:
        return f"not scored on {block['samples_from']}, whose samples these are"
    return 'not in the matrix; "samples_from" would place it among its models'


def per_dataset(*patterns):
    """The files of every dataset."""
    return expand(patterns, dataset=DATASETS)


def per_map(*patterns):
    """The files of every map."""
    return expand(patterns, map=[*DATASETS, *INFORMATION])


def metadata(*columns):
    """Columns of the sheet for figures and tables: a change draws anew, and scores nothing.

    Of models that are on a frozen map alone, what was said of them then.
    """
    rows = {name: {"label": name, "parent": ""} for name in ELSEWHERE} | ON_REFERENCES
    rows |= {row["model"]: row | {"parent": ",".join(row["parent"])} for row in SHEET}
    told = [{"model": name} | rows[name] for name in sorted(rows)]
    return [{column: row.get(column) for column in ("model", *columns)} for row in told]


def frozen_map(name):
    """The frozen map that a map stands on, as a list of one file or none."""
    return [REFERENCES[name]] if REFERENCES else []


def to_freeze(wildcards):
    """What `freeze` writes; nothing where the maps stand on frozen ones."""
    if REFERENCES:
        raise WorkflowError(
            "freeze: these maps stand on frozen ones (map.reference), which go on taking models; "
            "to freeze what is drawn anew, leave map.reference out"
        )
    return per_map("results/map/{map}/reference.parquet")


# The zoo


def examined():
    """Models of the sheet that the zoo makes and that see images: name -> its name in the zoo."""
    return {
        model: MODELS[model]["repo"].removeprefix("zoo:")
        for model in sorted(MODELS)
        if recipe_of(model) not in (None, "pretrain")
    }


def contrasts(wildcards):
    """Pairs of zoo models that differ in one thing: dicts of a, b and what they show."""
    repo = {row["repo"].removeprefix("zoo:"): name for name, row in MODELS.items()}
    return [
        pair | {side: repo[pair[side]] for side in "ab"}
        for pair in ZOO["contrasts"]
        if {pair["a"], pair["b"]} <= repo.keys()
    ]


def recipe(wildcards):
    """All that decides the weights of a zoo model, but for those of its parents."""
    entry = ZOO["models"][wildcards.zoo]
    named = {key: ZOO[f"{key}s"][entry[key]] for key in ("world", "tokenizer") if key in entry}
    return entry | {"world_name": entry.get("world")} | named | {"questions": ZOO["questions"]}


def parents(wildcards):
    return expand(
        "resources/zoo/{parent}/model.safetensors",
        parent=ZOO["models"][wildcards.zoo].get("parents", []),
    )


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

    (How they are shown, and by whom; a subset is a file, and watched as such; and which samples go
    with a matrix of others.)
    """
    other = ("prompt", "paraphrases", "variants", "models", "subset", "samples_from")
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
    return sorted(str(file) for file in files if file.suffix in SUFFIXES)


def is_remote(model):
    """Whether something of a model comes from a hub."""
    adapter = MODELS[model]["adapter"]
    return checkpoint_path(model) is None or bool(adapter and not folder(adapter))


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


# Scores


def scores_of(dataset, models=None):
    """The score files of a dataset (of some models), in the order of the models' names."""
    scored = DATASETS[dataset]["samples_from"] if dataset in MATRICES else dataset
    return [
        f"results/scores/{scored}/{model}/{k}-of-{MODELS[model]['shards']}.parquet"
        for model in models_of(dataset)
        if models is None or model in models
        for k in range(1, MODELS[model]["shards"] + 1)
    ]


def score_threads():
    """CPU threads of a scoring job: on a GPU they prepare its batches."""
    return 8 if HAS_GPU and config["score"]["device"] != "cpu" else 1


def gaps(dataset):
    """The tables of what other images cost on a dataset."""
    variants = DATASETS[dataset]["variants"]
    return [name for name, variant in blocks.GAPS.items() if variant in variants]


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


def not_of_the_zoo():
    """The models of the sheet that the workflow does not train itself."""
    return [model for model in sorted(MODELS) if recipe_of(model) is None]


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


def one_job_weights(wildcards):
    """What says that a model can be loaded, for a job that is one per (dataset, model)."""
    return expand(weights(wildcards), **dict(wildcards.items()), shard="1-of-1")


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
