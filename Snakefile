"""Map models by the log-likelihood they give to the same samples."""

import gc
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.0")

# Of thousands of models a plan is millions of objects that stay: to look through them again and
# again takes a tenth of the time.
gc.set_threshold(100_000, 50, 100)

# Rules and scripts import `modelmap` from workflow/; nothing is installed.
ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT / "workflow"))

# A config file of the user's replaces the embedded default. (Snakemake itself would merge them
# key by key, and the default's datasets would creep into every run.)
if not workflow.config_settings.configfiles:

    configfile: str(ROOT / "config/config.yaml")


include: "workflow/rules/start.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/slurm.smk"
include: "workflow/rules/zoo.smk"
include: "workflow/rules/samples.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/scores.smk"
include: "workflow/rules/matrix.smk"
include: "workflow/rules/structure.smk"
include: "workflow/rules/map.smk"
include: "workflow/rules/stability.smk"
include: "workflow/rules/frozen.smk"
include: "workflow/rules/benchmarks.smk"
include: "workflow/rules/subsets.smk"
include: "workflow/rules/theory.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/plan.smk"
include: "workflow/rules/progress.smk"


onstart:
    look_before_work()
    cancel_left_behind()
    begin_telling()


onsuccess:
    tell_the_end("Done")


onerror:
    tell_the_end("Failed" if workflow.scheduler.failed else "Stopped")


rule all:
    default_target: True
    input:
        rules.map.input,
        rules.stability.input,
        rules.benchmarks.input,
        rules.subsets.input,
        rules.report.input,
        "results/complete" if config["on_missing"] == "error" else [],


# `all`, where models that failed are asked for once more (see `attempt`)
rule retry:
    input:
        rules.all.input,
