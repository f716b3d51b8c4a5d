"""
Before any job: who else is at work in this folder, can it be written to, what is scored already?
"""

from modelmap import runs, tables

if workflow.is_main_process:
    try:
        for told in [*runs.enter(".snakemake"), *runs.unrecorded(".snakemake", "results")]:
            print(told, file=sys.stderr)
    except OSError as error:
        raise WorkflowError(f"{os.getcwd()} cannot be written to: {error}") from None


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
    whole, chosen = Path(file).with_suffix(".whole"), workflow.dag_settings
    forced = {*chosen.forcerun, *(chosen.targets if chosen.forcetargets else ())}
    if chosen.forceall or forced & {"score", file}:
        whole.unlink(missing_ok=True)
    elif Path(file).exists():
        tables.link(file, whole)


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
