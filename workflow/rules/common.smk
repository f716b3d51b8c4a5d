"""
Shared by all rules: the validated config and model sheet, and the functions that read them.
"""

import re
from functools import cache

import yaml

from modelmap import blocks, foreign, gpus, protocols, reference, sheet, tables, validation

SCHEMAS = ROOT / "workflow/schemas"
ZOO = yaml.safe_load((ROOT / "workflow/modelmap/zoo/recipes.yaml").read_text())

try:
    CONFIG_FILES = workflow.config_settings.configfiles or [ROOT / "config/config.yaml"]
    config.update(validation.validate_config(config, CONFIG_FILES, SCHEMAS))
    MATRICES = foreign.models_of(config, CONFIG_FILES)
    ELSEWHERE = {model for names in MATRICES.values() for model in names}
    SHEET = sheet.read_models(
        config["models"],
        SCHEMAS,
        zoo=ZOO["models"],
        given=ELSEWHERE,
        parents=reference.models_of(config),
    )
    blocks.check_datasets(config, SHEET, CONFIG_FILES, SCHEMAS, matrices=MATRICES)
    protocols.check_protocol(config, CONFIG_FILES, SCHEMAS)
    if config["benchmarks"]["table"]:
        sheet.check_benchmark_names(SHEET, config["models"], config["benchmarks"]["table"])
except validation.InvalidInput as error:
    raise WorkflowError(str(error)) from None

# The config that another Snakemake may read; and the map's settings as they hold.
GIVEN = protocols.unfixed(config)
config["map"] = protocols.applied(config["map"])

# As many jobs at a time as this machine's GPUs take: each then holds its own (modelmap.gpus). A
# number of `gpu` alone would limit nothing.
GPU_PLACES = len(gpus.visible()) * config["score"]["jobs_per_gpu"]
if GPU_PLACES:
    workflow.global_resources.setdefault("gpu", GPU_PLACES)


class Rows(dict):
    """Rows of the sheet by model; asked for another, it says so."""

    def __missing__(self, model):
        raise WorkflowError(f"{config['models']} has no model {model} with a repo")


MODELS = Rows({row["model"]: row for row in SHEET if row["repo"]})  # others: in a matrix alone
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
    variants = reference.information_variants(DATASETS[dataset])
    return variants == ["no_prompt"] or len(variants) >= 4


# Beside the map of a dataset's log-likelihoods there may be one of their mutual information.
INFORMATION = [f"{dataset}.pmi" for dataset in DATASETS if has_information(dataset)]

# The frozen map of each map, where the config names any, and the models on them.
try:
    REFERENCES = reference.check_references(config, [*DATASETS, *INFORMATION], CONFIG_FILES)
    ON_REFERENCES = reference.metadata(REFERENCES.values())
    FROZEN = {name: reference.names(path) for name, path in REFERENCES.items()}
except validation.InvalidInput as error:
    raise WorkflowError(str(error)) from None


# The datasets that subsets are made of.
WHOLE = [dataset for dataset, block in DATASETS.items() if block["subset"] is None]


wildcard_constraints:
    dataset=one_of(DATASETS),
    map=one_of([*DATASETS, *INFORMATION]),
    # Not one_of(MODELS): Snakemake searches the whole constraint for every file of every job.
    model=r"[A-Za-z0-9][A-Za-z0-9._-]*",
    shard=r"\d+-of-\d+",
    zoo=one_of(ZOO["models"]),


def is_blind(model):
    """Whether a model is one of the zoo's that are known to take no images."""
    return recipe_of(model) == "pretrain"


def recipe_of(model):
    """The recipe of a model of the zoo; None of any other."""
    before, _, name = MODELS[model]["repo"].partition(":")
    return ZOO["models"][name]["recipe"] if before == "zoo" else None


def chosen_on(dataset):
    """The models of the sheet that the config has on a dataset, by name, beside a matrix's own."""
    block = DATASETS[dataset]
    if dataset in MATRICES:
        scored = chosen_on(block["samples_from"]) if block["samples_from"] else []
        chosen = set(scored if block["models"] is None else block["models"])
        return [model for model in scored if model in chosen and model not in MATRICES[dataset]]
    chosen, images = block["models"], blocks.shows_images(block)
    if chosen is None:
        chosen = [model for model in MODELS if not (images and is_blind(model))]
    return sorted(chosen)


@cache
def models_of(dataset):
    """The models scored on a dataset, by name: those that a map made of the scores has not got.

    The map of the dataset, of its mutual information, or of a matrix of others on its samples.
    """
    maps = [name for name in (dataset, f"{dataset}.pmi") if name in [*DATASETS, *INFORMATION]]
    matrices = [name for name in MATRICES if DATASETS[name]["samples_from"] == dataset]
    wanted = {model for name in matrices for model in models_of(name)}
    for name in maps:
        wanted |= {*chosen_on(dataset)} - FROZEN.get(name, set())
    return sorted(wanted)


@cache
def scored_on(dataset):
    """The same as a set: thousands of jobs ask."""
    return frozenset(models_of(dataset))


def on_frozen_maps():
    """[model, dataset, where] of every model that a dataset's map has, but for scores."""
    return [
        [model, dataset, f"on the frozen map {REFERENCES[dataset]}"]
        for dataset in DATASETS
        for model in sorted(FROZEN.get(dataset, set()) - {*models_of(dataset), *given_on(dataset)})
    ]


def not_applicable():
    """[model, dataset, why] of every model of the sheet that a dataset leaves out."""
    rows = {row["model"]: row for row in SHEET}
    return [
        [model, dataset, why_not(rows[model], dataset)]
        for dataset in DATASETS
        for model in sorted(rows.keys() - on_map(dataset))
    ]


def on_map(dataset):
    """The models that a dataset's map has, wherever their log-likelihoods come from."""
    return {*models_of(dataset), *given_on(dataset), *FROZEN.get(dataset, [])}


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
    return [{column: row.get(column) for column in ("model", *columns)} for row in told()]


@cache
def told():
    """What is said of every model, by name."""
    rows = {name: {"label": name, "parent": ""} for name in ELSEWHERE} | ON_REFERENCES
    rows |= {row["model"]: row | {"parent": ",".join(row["parent"])} for row in SHEET}
    return [{"model": name} | rows[name] for name in sorted(rows)]


def frozen_map(name):
    """The frozen map that a map stands on, as a list of one file or none."""
    return [REFERENCES[name]] if REFERENCES else []


def of_the_dataset(name):
    """What of a dataset's block a frozen map keeps."""
    block = DATASETS[name.removesuffix(".pmi")]
    variants = reference.information_variants(block) if name in INFORMATION else None
    return {"prompt": block["prompt"], "variants": variants}


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
