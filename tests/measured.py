"""What a process took; as a script: `measured.py REPORT ARGUMENTS`, what Snakemake took.

A script apart, so that nothing is in the process but Snakemake and what the workflow imports.
"""

import cProfile
import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path

OURS = str(Path(__file__).resolve().parents[1] / "workflow")
COUNT = "--count-calls"


def peak_memory():
    """Of this process, in GB. (getrusage also counts that of the one it was forked from.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(kib) * 1024e-9


def run_snakemake(report, arguments):
    """Run Snakemake in this process; write CPU seconds, GB, whether torch is there, and calls."""
    count = COUNT in arguments
    arguments = [argument for argument in arguments if argument != COUNT]
    from snakemake.cli import main

    sys.argv = ["snakemake", *arguments]
    profile, code = cProfile.Profile() if count else nullcontext(), 0
    try:
        with profile:
            main(arguments)
    except SystemExit as done:
        code = done.code
    spent = {"cpu_seconds": time.process_time(), "gb": peak_memory()}
    spent |= {"torch": "torch" in sys.modules, "calls": calls(profile) if count else None}
    Path(report).write_text(json.dumps(spent))
    sys.exit(code)


def calls(profile):
    """How often functions were called: of all, and of our rules and package."""
    found = [
        (getattr(entry.code, "co_filename", ""), entry.callcount) for entry in profile.getstats()
    ]
    ours = (number for file, number in found if file.startswith(OURS))
    return {"all": sum(number for _, number in found), "ours": sum(ours)}


if __name__ == "__main__":
    run_snakemake(sys.argv[1], sys.argv[2:])
