"""
Before any job: who else is at work in this folder, can it be written to, what is scored already?
"""

from modelmap import keeping, runs, tables

OTHERS = []  # what there is to tell of other runs in this folder

# Snakemake's own report is drawn by a second Snakemake, within a job, which locks nothing.
if workflow.is_main_process and "--nolock" not in sys.argv:
    try:
        OTHERS = runs.enter(".snakemake")
    except OSError as error:
        OTHERS = [f"{os.getcwd()} cannot be written to, so nothing can be run here: {error}"]
    for line in [*OTHERS, *runs.unrecorded(".snakemake", "results")]:
        print(line, file=sys.stderr)


def check_scores(file, params):
    """Refuse to note scores as made with settings that they were not made with."""
    made = {"settings": params.settings}
    if Path(file).exists() and not tables.is_made_by(file, tables.SCORES, made):
        raise WorkflowError(
            f"{file} was made with other settings than the config and the sheet have now: delete "
            "it to score it anew, or restore them"
        )


def keep_scores(file, _):
    """Keep scores, which Snakemake is about to delete, for the job that makes them anew.

    Scores of the same samples, model and settings are then there at once (see score.py). What the
    user forces is scored anew.
    """
    chosen = workflow.dag_settings
    forced = {*chosen.forcerun, *(chosen.targets if chosen.forcetargets else ())}
    if chosen.forceall or forced & {"score", file}:
        keeping.forget(file)
    elif Path(file).exists():
        keeping.put_aside(file)


def look_before_work():
    """Stop where results cannot be written; keep scores that are about to be made anew."""
    jobs = list(workflow.dag.needrun_jobs())
    try:
        runs.expect_writable(file for job in jobs for file in [*job.output, *job.log])
        for job in jobs:
            if job.rule.name == "score":
                (check_scores if workflow.touch else keep_scores)(job.output[0], job.params)
    except (runs.NotWritable, OSError) as error:
        raise WorkflowError(str(error)) from None
