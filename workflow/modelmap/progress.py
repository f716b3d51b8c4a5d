"""How far a run is, in a line: from what Snakemake knows and what score jobs say in their logs."""

import os
import re
import threading
import time
from collections import Counter, deque
from typing import NamedTuple

TAIL = 16_384  # bytes: in the last ones of a log stands how far its job is
# As scoring.shard says it.
SAYS = re.compile(rb"(\d+)/(\d+) samples(?:, (\d+) of them kept)?, (\d+\.\d+) samples/s")
LONGEST = 1800  # seconds that a pace is measured over: what was longer ago may have been other work
ENOUGH = 60  # seconds of scoring before anything is said of the time left
ALONE = 60  # seconds after which a job that all wait for is named
ERASE = "\r\x1b[K"


class ScoreJob(NamedTuple):
    """A score job of this run; `share` of its dataset's pairs, `size` of its model in any unit."""

    model: str
    dataset: str
    share: float
    size: float
    log: str


class Said(NamedTuple):
    """What a score job says: samples done, those of them that an earlier job did, samples/s."""

    done: int
    kept: int
    rate: float


def said(log, since):
    """How far a score job is by its log; None where it says nothing, or nothing since a time."""
    try:
        with open(log, "rb") as file:
            about = os.fstat(file.fileno())
            if about.st_mtime < since:  # an earlier run's: this job waits in a queue
                return None
            file.seek(max(0, about.st_size - TAIL))
            found = SAYS.findall(file.read())
    except OSError:  # it has not begun
        return None
    if not found:
        return None
    done, _, kept, rate = found[-1]
    return Said(int(done), int(kept or 0), float(rate))


class Pace(NamedTuple):
    """Samples scored in a second by all jobs together, and seconds until all are; None: unknown."""

    rate: float
    left: float | None


class Scoring:
    """What the score jobs of a run have done since it began.

    Samples that are there already (a killed job's batches, scores that are kept) count as done,
    and not as done now: no pace is told from them.

    Parameters
    ----------
    jobs : dict, what Snakemake calls a job -> ScoreJob
    since : float, seconds of the epoch when the run began: logs that are older say nothing
    """

    def __init__(self, jobs, since):
        self.since = since
        self.open = dict(jobs)  # those that have not ended
        self.done = {}  # job -> samples; not of jobs that refused a model or kept what there was
        self.n_scored = 0
        self._weighted = Counter()  # dataset -> samples scored, each as many as its model is large
        self._busy = Counter()  # dataset -> seconds that jobs took for them
        self._history = deque()

    def look(self, at_work, ended, now):
        """Read the logs of the jobs that are at work, and of those that have ended since.

        `now` : seconds of a clock that never goes back
        """
        for key in {*at_work, *ended} & self.open.keys():
            self._read(key, now)
        for key in ended:
            self.open.pop(key, None)
        if self._history:
            self._history.append((now, self.n_scored, self._weighted.copy()))
            while len(self._history) > 2 and self._history[1][0] < now - LONGEST:
                self._history.popleft()

    def _read(self, key, now):
        job = self.open[key]
        found = said(job.log, self.since)
        if found is None:
            return
        more = max(0, found.done - self.done.get(key, found.kept))
        seconds = more / found.rate if found.rate else 0.0
        if not self._history:
            self._history.append((now - seconds, 0, Counter()))
        self.done[key] = found.done
        self.n_scored += more
        self._weighted[job.dataset] += more * job.size
        self._busy[job.dataset] += seconds

    def pace(self, n_pairs):
        """Tell how fast the scoring is and how long it will take; None before anything is scored.

        What is left of a dataset takes as long for a sample as what was scored of it took, or of
        the others where nothing was yet; of a model twice as large twice as long.

        Parameters
        ----------
        n_pairs : dict, dataset -> how many samples a model has to score of it
        """
        if not self._history:
            return None
        (begin, n_before, before), (end, n, after) = self._history[0], self._history[-1]
        seconds = end - begin
        if n == n_before or not seconds:
            return None
        rate = (n - n_before) / seconds
        if seconds < ENOUGH:
            return Pace(rate, None)
        usual = self._busy.total() / self._weighted.total()
        cost = {d: self._busy[d] / w for d, w in self._weighted.items() if w}
        work = sum(cost[d] * (w - before[d]) for d, w in after.items() if w)
        left = sum(
            cost.get(job.dataset, usual)
            * job.size
            * max(0, n_pairs[job.dataset] * job.share - self.done.get(key, 0))
            for key, job in self.open.items()
        )
        return Pace(rate, left / work * seconds if work else None)


class State(NamedTuple):
    """How far a run is.

    stages : dict, stage that is under way -> (jobs that are done, all); of "score" models instead,
        each as often as there are datasets it is scored on
    scored : what is counted of "score"
    alone : (log, seconds) of the only job at work; None if there are others
    """

    seconds: float
    stages: dict
    scored: str
    pace: Pace | None
    n_failed: int
    alone: tuple | None


def line(state):
    """One line for a person who waits."""
    parts = []
    for stage, (done, total) in state.stages.items():
        what = state.scored if stage == "score" else "jobs"
        parts.append(f"{stage} {done:,}/{total:,} {what}")
        if stage == "score" and state.pace:
            parts[-1] += f", {number(state.pace.rate)} samples/s"
            if state.pace.left and round(state.pace.left):
                parts[-1] += f", about {duration(state.pace.left)} left"
    if state.n_failed:
        parts.append(f"{state.n_failed:,} failed")
    if state.alone and state.alone[1] >= ALONE:
        log, seconds = state.alone
        parts.append(f"only one job for {duration(seconds)}: tail -f {log}")
    return f"[{duration(state.seconds)}] " + "; ".join(parts)


def number(rate):
    """A rate as people read it: of more than ten without digits behind the point."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"


def duration(seconds):
    """So many seconds in the two units that tell."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} days {hours % 24} h"


class Terminal:
    """A terminal whose last line is renewed, for one who writes whole lines to it now and then.

    It takes the place of the stream that it writes to: what is written erases the line first.
    """

    def __init__(self, stream):
        self.stream = stream
        self._lock = threading.Lock()
        self._shown, self._at_begin = False, True

    def write(self, text):
        """Write what others have to say."""
        with self._lock:
            self._erase()
            self._at_begin = text.endswith("\n") if text else self._at_begin
            return self.stream.write(text)

    def renew(self, text):
        """Show another line at the end; nothing in the midst of a line of others."""
        with self._lock:
            if self._at_begin:
                self._erase()
                width = os.get_terminal_size(self.stream.fileno()).columns or 80
                self.stream.write(text[: width - 1])
                self.stream.flush()
                self._shown = True

    def clear(self):
        """Show no line any more."""
        with self._lock:
            self._erase()
            self.stream.flush()

    def _erase(self):
        if self._shown:
            self.stream.write(ERASE)
            self._shown = False

    def __getattr__(self, name):
        return getattr(self.stream, name)


def on_terminal(seconds):
    """How long until a line on a terminal is renewed: at first and then, in seconds."""
    return 5 if seconds else 10


def elsewhere(seconds):
    """How long until another line is written elsewhere: the longer the longer a run takes."""
    return max(30, seconds / 50)


class Watch:
    """Tells something again and again until it is ended.

    Parameters
    ----------
    tell : function without arguments
    pause : function of the seconds that have passed, how many to wait; a look that takes long, on
        a slow disk, is followed by a hundred times that: so it costs a hundredth of the time
    """

    def __init__(self, tell, pause):
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(tell, pause), daemon=True)
        self._thread.start()

    def _run(self, tell, pause):
        begin, wait = time.monotonic(), pause(0)
        while not self._ended.wait(wait):
            now = time.monotonic()
            tell()
            took = time.monotonic() - now
            wait = max(pause(now - begin), 100 * took)

    def end(self):
        """Tell nothing any more."""
        self._ended.set()
        self._thread.join()
