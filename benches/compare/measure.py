"""Runs one command and says what it cost, by the system's own account of it and its children."""

import shutil
import subprocess
import tempfile
import time
from typing import NamedTuple


class Sample(NamedTuple):
    """What one run cost."""

    wall: float
    """Seconds on the clock."""
    cpu: float
    """Seconds of processor time, user and system, of the command and its children."""
    peak: float
    """Resident memory in KiB, of the largest process."""


def measure(line, environment):
    """Runs a line of shell and returns its sample. Raises RuntimeError where it fails.

    The account is taken by time(1): a child of this interpreter would begin with the interpreter's own peak.
    """
    with tempfile.NamedTemporaryFile("r") as account:
        command = [shutil.which("time"), "-q", "-o", account.name, "-f", "%U %S %M", "sh", "-c", line]
        start = time.perf_counter()
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        wall = time.perf_counter() - start
        if done.returncode != 0:
            raise RuntimeError(f"exit {done.returncode}: {done.stderr.decode(errors='replace').strip()[-300:]}")
        user, system, peak = account.read().split()
    return Sample(wall, float(user) + float(system), float(peak))
