"""
Shared by all rules: the validated config and model sheet, and what each dataset is scored by.
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
QUESTIONS = "zoo-questions"  # scored like a dataset, but makes the zoo's benchmark, not a map


wildcard_constraints:
    dataset="|".join(map(re.escape, [*DATASETS, QUESTIONS])),
    model="|".join(map(re.escape, MODELS)),
    shard=r"\d+-of-\d+",


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
