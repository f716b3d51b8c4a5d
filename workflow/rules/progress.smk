"""
Tell how far a run is while it runs, and at its end what it made, what failed and what to open.

Nothing is made for it: the controller asks Snakemake which jobs are done, and reads the logs of score
jobs that are at work (modelmap/progress.py). What is told at the end stands in modelmap/summary.py.
"""

import time
from collections import Counter

from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

from modelmap import progress, summary

# What a person calls the stages, by the file that a rule stands in; all others make maps.
STAGES = {
    "zoo": "train",
    "samples": "retrieve",
    "models": "retrieve",
    "scores": "score",
    "theory": "theory",
    "plan": "plan",
    "report": "report",
}
PAGES = ("map.html", "report.html")  # that a summary names, the first one first
RUN = {}  # what is known of the run since it began


def stage_of(job):
    """The stage that a job belongs to."""
    return STAGES.get(Path(job.rule.snakefile).stem, "maps")


def name_of(job):
    """What a job does, in few words."""
    return " ".join([job.rule.name, "/".join(job.wildcards)]).strip()


def scored_by(job):
    """What a score job is a part of: a model on a dataset."""
    return job.wildcards.model, job.wildcards.dataset


def score_jobs(jobs):
    """Those of the jobs that score, as modelmap.progress wants them."""
    jobs = [job for job in jobs if job.rule.name == "score"]
    sizes = {job.wildcards.model: MODELS[job.wildcards.model]["params_b"] for job in jobs}
    known = all(sizes.values())
    return {
        job: progress.ScoreJob(
            job.wildcards.model,
            job.wildcards.dataset,
            share=1 / MODELS[job.wildcards.model]["shards"],
            size=sizes[job.wildcards.model] if known else 1.0,
            log=job.log[0],
        )
        for job in jobs
    }


def begin_telling():
    """From now on tell how far the run is, unless nobody wants to know."""
    if workflow.touch:
        return
    jobs = [job for job in workflow.dag.needrun_jobs() if job.log]  # targets have none
    by_stage = {}
    for job in jobs:
        by_stage.setdefault(stage_of(job), []).append(job)
    RUN.update(
        begin=time.monotonic(),
        jobs=jobs,
        n_in={stage: len(members) for stage, members in by_stage.items()},
        left=by_stage,
        since={},
        n_scores=len({scored_by(job) for job in workflow.dag.jobs if job.rule.name == "score"}),
        scoring=progress.Scoring(score_jobs(jobs), time.time()),
    )
    quiet = {*(workflow.output_settings.quiet or ())}
    if not quiet & {Quietness.PROGRESS, Quietness.ALL}:
        RUN["watch"] = watch(quiet)


def watch(quiet):
    """Tell again and again how far the run is: in a line that is renewed, or in lines."""
    # none where the user has a logger plugin write to the screen
    (handler,) = [h for h in logger.handlers if h.name == "DefaultStreamHandler"] or [None]
    if handler and Quietness.RULES in quiet:
        handler.addFilter(says_more_than_that_jobs_start)
    if handler and handler.stream.isatty() and os.environ.get("TERM") != "dumb":
        terminal = RUN["terminal"] = progress.Terminal(handler.stream)
        handler.setStream(terminal)
        return progress.Watch(lambda: terminal.renew(how_far()), progress.on_terminal)
    extra = {"quietness": Quietness.PROGRESS}
    return progress.Watch(lambda: logger.info(how_far(), extra=extra), progress.elsewhere)


def says_more_than_that_jobs_start(record):
    """Whether a message tells of more than that some jobs are chosen and start."""
    chosen = record.msg == "Select jobs to execute..."
    return not chosen and getattr(record, "event", None) != LogEvent.JOB_STARTED


def singly(jobs):
    """Jobs, those of groups each by itself."""
    return [job for some in list(jobs) for job in (some if some.is_group() else [some])]


def look():
    """Look what has been done since the last time; return the jobs at work and those that failed."""
    running, failed = singly(workflow.scheduler.running), {*singly(workflow.scheduler.failed)}
    scoring = RUN["scoring"]
    ended = [job for job in scoring.open if job in failed or workflow.dag.finished(job)]
    scoring.look(running, ended, time.monotonic())
    return running, failed


def how_far():
    """How far the run is, as one line."""
    running, failed = look()
    now, scoring = time.monotonic(), RUN["scoring"]
    RUN["since"] = {job: RUN["since"].get(job, now) for job in running}
    stages = {}
    for stage, left in RUN["left"].items():
        left[:] = [job for job in left if not workflow.dag.finished(job)]
        stages[stage] = RUN["n_in"][stage] - len(left), RUN["n_in"][stage]
    if "score" in stages:
        left = {*scoring.open, *(job for job in failed if job.rule.name == "score")}
        stages["score"] = RUN["n_scores"] - len({*map(scored_by, left)}), RUN["n_scores"]
    under_way = dict.fromkeys(stage_of(job) for job in running)
    only = running[0] if len(running) == 1 and running[0].log else None
    return progress.line(
        progress.State(
            now - RUN["begin"],
            {stage: stages[stage] for stage in stages if stage in under_way},
            "models x datasets" if len(SCORED) > 1 else "models",
            scoring.pace({dataset: n_pairs_on(dataset) for dataset in SCORED}),
            len(failed),
            (only.log[0], now - RUN["since"][only]) if only else None,
        )
    )


def tell_the_end(outcome):
    """Tell what the run made, what failed and what to open."""
    if workflow.touch:
        return
    if "watch" in RUN:
        RUN["watch"].end()
    if "terminal" in RUN:
        RUN["terminal"].clear()
    _, failed = look()
    jobs = {*RUN["jobs"]}
    ended = summary.Run(
        outcome,
        time.monotonic() - RUN["begin"],
        made_by([job for job in jobs if workflow.dag.finished(job)]),
        failed=[failure(job) for job in sorted(failed, key=name_of)],
        n_not_done=sum(not workflow.dag.finished(job) for job in jobs.difference(failed)),
        status=status_rows(),
        files=files_to_open(),
    )
    logger.info(summary.summary(ended))


def made_by(jobs):
    """What jobs of this run made, in words."""
    made = Counter(job.rule.name for job in jobs)
    n_scored = len({job.wildcards.model for job in jobs if job in RUN["scoring"].done})
    n_trained = made["pretrain"] + made["train"]
    n_maps = sum(file.endswith("map.html") for file in pages_of(jobs))
    told = {
        summary.counted(n_trained, "model trained", "models trained"): n_trained,
        summary.counted(n_scored, "model scored", "models scored"): n_scored,
        summary.counted(n_maps, "map drawn", "maps drawn"): n_maps,
    }
    return [what for what, n in told.items() if n]


def failure(job):
    """A job that failed, for a summary."""
    return summary.Failed(name_of(job), job.log[0], summary.end_of(job.log[0]))


def is_made(job):
    """Whether what a job makes is there, as the config wants it."""
    return workflow.dag.noneedrun_finished(job)


def status_rows():
    """How the models of this config fared, as far as the table of status tells of this run."""
    made = [job for job in workflow.dag.jobs if job.rule.name == "status" and is_made(job)]
    return summary.read_status(made[0].output.table) if made else []


def files_to_open():
    """The files to look at first: one that was asked for, pages, else all that was asked for."""
    made = [job for job in workflow.dag.jobs if is_made(job)]
    pages = sorted((PAGES.index(os.path.basename(file)), file) for file in pages_of(made))
    plans = [job.params.text for job in made if job.rule.name == "plan"]
    wanted = {f for job in workflow.dag.targetjobs for f in (job.output or job.input)}
    asked = sorted({str(file) for job in made for file in job.output if file in wanted})
    first = asked if len(asked) == 1 else []
    return [*dict.fromkeys(first + [file for _, file in pages] + plans)] or asked


def pages_of(jobs):
    """The pages among the files that jobs make."""
    return [str(f) for job in jobs for f in job.output if os.path.basename(f) in PAGES]


def naming_files(record):
    """Have the message that nothing is to be done name the files that there are."""
    if record.msg == NOTHING_TO_BE_DONE_MSG and not workflow.dryrun:
        record.msg = "\n".join([record.msg, *summary.result(status_rows(), files_to_open())])
    return True


if workflow.is_main_process:
    logger.addFilter(naming_files)
