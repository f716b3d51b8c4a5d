"""
On a SLURM cluster, before any job: what a Snakemake that was killed left in the queue is cancelled.
"""

from modelmap import slurm


def cancel_left_behind():
    """Cancel jobs of an earlier run in this folder which this one is about to submit anew."""
    if workflow.executor_plugin.name != "slurm" or OTHERS:  # they may be those of another run
        return
    due = [
        slurm.what_is(job.rule.name, job.wildcards)
        for job in workflow.dag.needrun_jobs()
        if not job.is_local
    ]
    try:
        left = slurm.cancel_left_behind(workflow.workdir_init, due)
    except (slurm.StillThere, slurm.NoAnswer) as error:
        raise WorkflowError(str(error)) from None
    if left:
        print(f"Cancelled {len(left)} jobs of a run that was killed:", *left, file=sys.stderr)
