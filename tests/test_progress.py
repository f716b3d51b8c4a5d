"""How far a run is: no sample is counted that this run did not score, and no line is torn."""

import os
import random
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from terminal import COLUMNS, read_all, seen, terminal

from modelmap import progress
from modelmap.progress import ScoreJob, Scoring, State

CLOCK = 1000.0  # what it shows when a run begins


class Logs:
    """Logs of score jobs in a folder, and the `Scoring` that reads them."""

    def __init__(self, folder, jobs):
        self.folder = folder
        jobs = {
            name: ScoreJob(name, dataset, share=share, size=size, log=folder / name)
            for name, (dataset, share, size) in jobs.items()
        }
        self.scoring = Scoring(jobs, since=0.0)

    def say(self, name, done, total, rate, kept=0):
        """What a job writes, as shard.score_shard has it."""
        kept = f", {kept} of them kept" if kept else ""
        with (self.folder / name).open("a") as log:
            log.write(f"gate: causal pass\n{done}/{total} samples{kept}, {rate:.3f} samples/s\n")

    def look(self, at_work, ended, seconds):
        self.scoring.look(at_work, ended, CLOCK + seconds)


@pytest.mark.parametrize("kept", [0, 400])
def test_time_left_is_exact_where_all_samples_take_as_long(tmp_path, kept):
    """Whatever was scored before this run began."""
    logs = Logs(tmp_path, {"a": ("d", 1, 1), "b": ("d", 1, 1)})
    for seconds in (50, 100):
        logs.say("a", kept + 5 * seconds, 1000, 5.0, kept)
        logs.look(["a"], [], seconds)
    assert logs.scoring.n_scored == 500
    pace = logs.scoring.pace({"d": 1000})
    assert pace.rate == pytest.approx(5)
    assert pace.left == pytest.approx((2000 - 500 - kept) / 5)


def test_jobs_side_by_side_are_as_fast_as_all_of_them(tmp_path):
    logs = Logs(tmp_path, dict.fromkeys("abcd", ("d", 1, 1)))
    for name in "ab":
        logs.say(name, 300, 1000, 3.0)
    logs.look("ab", [], 100)
    assert logs.scoring.pace({"d": 1000}).rate == pytest.approx(6)
    assert logs.scoring.pace({"d": 1000}).left == pytest.approx(3400 / 6)


def test_of_a_dataset_or_a_model_that_takes_longer_more_time_is_left(tmp_path):
    jobs = {"a": ("fast", 1, 1), "b": ("slow", 1, 1), "more": ("slow", 0.5, 3)}
    logs = Logs(tmp_path, jobs)
    logs.say("a", 1000, 1000, 20.0)  # 50 s
    logs.look(["a"], ["a"], 50)
    logs.say("b", 100, 1000, 2.0)  # 50 s more
    logs.look(["b"], [], 100)
    pace = logs.scoring.pace({"fast": 1000, "slow": 1000})
    assert pace.left == pytest.approx(900 / 2 + 500 / 2 * 3)


def test_what_is_kept_or_refused_tells_no_pace(tmp_path):
    logs = Logs(tmp_path, dict.fromkeys("abc", ("d", 1, 1)))
    (tmp_path / "a").write_text("these samples were scored before: nothing is scored again\n")
    (tmp_path / "b").write_text("gate: causal refuse (3, limit 0.001)\n")
    logs.look("ab", "ab", 100)
    logs.look("c", [], 5000)
    assert logs.scoring.pace({"d": 1000}) is None
    assert (logs.scoring.n_scored, logs.scoring.done) == (0, {})
    assert {*logs.scoring.open} == {"c"}


def test_a_look_reads_the_logs_of_jobs_at_work_and_of_ended_ones_once(tmp_path, monkeypatch):
    names, read = [f"job{i}" for i in range(4000)], []
    logs = Logs(tmp_path, dict.fromkeys(names, ("d", 1, 1)))
    monkeypatch.setattr(progress, "said", lambda log, since: read.append(log.name))
    for i in range(0, 300, 100):
        logs.look(names[i : i + 100], names[: i + 50], i)
    assert [read.count(name) for name in (*names[:50], *names[100:150])] == [1] * 100
    assert [read.count(name) for name in (*names[50:100], *names[150:200])] == [2] * 100
    assert len(read) == 400


def test_nothing_is_said_of_the_time_left_in_the_first_minute(tmp_path):
    logs = Logs(tmp_path, {"a": ("d", 1, 1)})
    logs.say("a", 50, 1000, 5.0)
    for seconds, known in ((10, False), (59, False), (61, True)):
        logs.look("a", [], seconds)
        pace = logs.scoring.pace({"d": 1000})
        assert pace.rate == pytest.approx(50 / seconds)
        assert (pace.left is not None) == known


def test_the_next_attempt_of_a_job_counts_only_what_it_adds(tmp_path):
    logs = Logs(tmp_path, {"a": ("d", 1, 1)})
    logs.say("a", 400, 1000, 5.0)
    logs.look("a", [], 80)
    (tmp_path / "a").unlink()
    logs.look("a", [], 90)
    logs.say("a", 500, 1000, 5.0, kept=400)
    logs.look("a", [], 110)
    assert logs.scoring.n_scored == 500


def test_the_log_of_an_earlier_run_says_nothing(tmp_path):
    logs = Logs(tmp_path, {"a": ("d", 1, 1)})
    logs.say("a", 400, 1000, 5.0)
    logs.scoring.since = (tmp_path / "a").stat().st_mtime + 1
    logs.look("a", [], 80)
    assert logs.scoring.n_scored == 0


def test_the_last_of_many_lines_counts(tmp_path):
    logs = Logs(tmp_path, {"a": ("d", 1, 1)})
    for i in range(1, 2000):
        logs.say("a", i, 5000, 5.0)
    assert progress.said(tmp_path / "a", 0) == (1999, 0, 5.0)


def state(**changes):
    nothing = State(seconds=240, stages={}, scored="models", pace=None, n_failed=0, alone=None)
    return nothing._replace(**changes)


def test_a_line_says_what_is_known_and_nothing_else():
    assert progress.line(state()) == "[4 min] "
    stages = {"train": (3, 24), "score": (1412, 4000)}
    assert (
        progress.line(state(stages=stages)) == "[4 min] train 3/24 jobs; score 1,412/4,000 models"
    )
    pace, alone = progress.Pace(531.7, 5160), ("logs/embed/d.log", 90)
    text = progress.line(state(stages=stages, pace=pace, n_failed=2, alone=alone))
    assert "score 1,412/4,000 models, 532 samples/s, about 1 h 26 min left; 2 failed" in text
    assert "532 samples/s; 2" in progress.line(
        state(stages=stages, pace=pace._replace(left=None), n_failed=2)
    )
    assert text.endswith("; only one job for 2 min: tail -f logs/embed/d.log")
    assert "embed" not in progress.line(state(alone=(alone[0], progress.ALONE - 1)))


def test_durations_have_the_units_that_tell():
    told = {0.4: "0 s", 59: "59 s", 3570: "1 h 0 min", 47.9 * 3600: "47 h 54 min"}
    told |= {90: "2 min", 50.5 * 3600: "2 days 2 h"}
    assert [progress.duration(seconds) for seconds in told] == [*told.values()]


def test_lines_of_others_stay_whole_whenever_the_last_one_is_renewed():
    r = random.Random(0)
    words = [f"{i} word\n" if r.random() < 0.5 else f"{i} half" for i in range(60)]
    with terminal() as (program, person), ThreadPoolExecutor(1) as thread:
        sent = thread.submit(read_all, person)
        with os.fdopen(program, "w") as stream:
            line = progress.Terminal(stream)
            for i, text in enumerate(words):
                line.write(text)
                for _ in range(r.randint(0, 2)):
                    line.renew(f"[{i} s] progress " + "x" * r.randint(0, 2 * COLUMNS))
            line.write("\n")
            line.renew("the end")
            line.clear()
            line.write("$ ")
        sent = sent.result(60)
    shown, end, _ = sent.partition("the end")
    expected = [text for text in "".join(words).split("\n") if text]
    assert [text for text in seen(shown + end) if text] == [*expected, "the end"]
    assert [text for text in seen(sent) if text] == [*expected, "$ "]
    assert max(map(len, re.findall(r"\[\d+ s\] progress x*", sent))) == COLUMNS - 1


def test_nothing_is_told_any_more_once_it_is_ended():
    told = threading.Event()
    watch = progress.Watch(told.set, lambda _: 0.001)
    assert told.wait(60)
    watch.end()
    told.clear()
    assert not told.wait(0.01)


def test_what_takes_long_is_told_seldom():
    n, told, meanwhile = [], threading.Event(), threading.Event()
    slow = progress.Watch(lambda: (time.sleep(0.1), n.append(1), told.set()), lambda _: 0.001)
    assert told.wait(60)
    quick = progress.Watch(meanwhile.set, lambda _: 0.3)
    assert meanwhile.wait(60)
    quick.end()
    slow.end()
    assert len(n) == 1


def test_lines_elsewhere_come_half_a_minute_apart_and_later_less_often():
    assert progress.elsewhere(0) == progress.elsewhere(1500) == 30
    assert progress.elsewhere(86_400) == pytest.approx(1728)
