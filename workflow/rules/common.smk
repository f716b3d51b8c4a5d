"""
Shared by all rules: the validated config and model sheet, and the functions that read them.
"""

import re

import yaml

from modelmap import sheet, tables, validation

SCHEMAS = ROOT / "workflow/schemas"
ZOO = yaml.safe_load((ROOT / "workflow/modelmap/zoo/recipes.yaml").read_text())

try:
    CONFIG_FILES = workflow.config_settings.configfiles or [ROOT / "config/config.yaml"]
    config.update(validation.validate_config(config, CONFIG_FILES, SCHEMAS))
    SHEET = sheet.read_models(config["models"], SCHEMAS, zoo=ZOO["models"])
    validation.check_datasets(config, SHEET, CONFIG_FILES)
except validation.InvalidInput as error:
    raise WorkflowError(str(error)) from None

MODELS = {row["model"]: row for row in SHEET}
DATASETS = config["datasets"]
QUESTIONS = "zoo-questions"  # scored like a dataset; makes the zoo's benchmark, and no map
CHECKPOINT = (
    "config.json",
    "model.safetensors",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "generation_config.json",
)
VISUAL = {"image_gap": "shuffled", "blank_gap": "blank", "text_gap": "none"}
SUFFIXES = (".json", ".safetensors", ".jinja", ".txt", ".model")


def one_of(names):
    """A wildcard constraint: exactly one of these names."""
    return "|".join(map(re.escape, names))


wildcard_constraints:
    dataset=one_of([*DATASETS, QUESTIONS]),
    model=one_of(MODELS),
    shard=r"\d+-of-\d+",
    zoo=one_of(ZOO["models"]),


def models_of(dataset):
    """The models scored on a dataset, by name: the order of the sheet changes nothing."""
    chosen = DATASETS[dataset]["models"] if dataset in DATASETS else zoo_models()
    return sorted(MODELS if chosen is None else chosen)


def per_dataset(*patterns):
    """The files of every dataset."""
    return expand(patterns, dataset=DATASETS)


def metadata(*columns):
    """Columns of the sheet for figures and tables: a change draws anew, and scores nothing."""
    rows = [MODELS[name] | {"parent": ",".join(MODELS[name]["parent"])} for name in sorted(MODELS)]
    return [{column: row[column] for column in ("model", *columns)} for row in rows]


# The zoo


def zoo_models():
    """Models of the sheet that the zoo makes."""
    return [name for name, row in MODELS.items() if row["repo"].startswith("zoo:")]


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
    """The file that lists a folder's images. (The images themselves are not watched.)"""
    block = DATASETS[wildcards.dataset]
    file = Path(block["path"]) / "metadata.jsonl" if block["source"] == "folder" else None
    return [str(file)] if file and file.exists() else []


# Checkpoints


def checkpoint_path(model):
    """The folder of a model's checkpoint; None for a hub id."""
    repo = MODELS[model]["repo"]
    if repo.startswith("zoo:"):
        return f"resources/zoo/{repo.removeprefix('zoo:')}"
    if Path(repo).is_dir() or repo.startswith(("./", "../", "/")):
        return repo
    return None


def checkpoint_files(wildcards):
    """The files of a checkpoint, watched: one trained anew in its place is scored anew."""
    path = checkpoint_path(wildcards.model)
    if MODELS[wildcards.model]["repo"].startswith("zoo:"):
        made = [f"{path}/{file}" for file in CHECKPOINT]
        return made + files_in(MODELS[wildcards.model]["adapter"])
    return files_in(path) + files_in(MODELS[wildcards.model]["adapter"])


def files_in(path):
    """The files of a folder that a model is read from."""
    files = Path(path).iterdir() if path and Path(path).is_dir() else []
    return sorted(str(file) for file in files if file.suffix in SUFFIXES)


# Scores


def scores_of(dataset):
    """The score files of a dataset, in the order of the models' names."""
    return [
        f"results/scores/{dataset}/{model}/{k}-of-{MODELS[model]['shards']}.parquet"
        for model in models_of(dataset)
        for k in range(1, MODELS[model]["shards"] + 1)
    ]


def score_threads():
    """CPU threads of a scoring job: on a GPU they prepare its batches."""
    return 8 if HAS_GPU and config["score"]["device"] != "cpu" else 1


def visual_measures(dataset):
    """The tables that compare images of a dataset's variants."""
    variants = DATASETS[dataset]["variants"]
    found = [name for name, variant in VISUAL.items() if variant in variants]
    shuffled = [variant for variant in variants if variant.startswith("shuffled")]
    return found + ["pmi"] * (len(shuffled) >= 4)


def score_settings(wildcards):
    """What changes the numbers of one model on one dataset, and nothing else."""
    row, score = MODELS[wildcards.model], config["score"]
    asks = wildcards.dataset == QUESTIONS  # every question is a prompt of its own
    dataset = (
        {"prompt": "", "variants": ["given", "blank"], "paraphrases": []}
        if asks
        else DATASETS[wildcards.dataset]
    )
    return {
        "repo": row["repo"],
        "revision": row["revision"],
        "adapter": row["adapter"],
        "dtype": row["dtype"] or score["dtype"],
        "attention": row["attention"] or score["attention"],
        "prompt": dataset["prompt"] if asks else row["prompt"] or dataset["prompt"],
        "image_options": row["image_options"],
        "variants": dataset["variants"],
        "paraphrases": dataset["paraphrases"],
        "share_prefix": score["share_prefix"],
        "require_image_use": score["require_image_use"],
    }
