"""What a piece of Python creates on disk, as strace sees it."""

import re
import subprocess
import sys
from pathlib import Path

CALLS = "open,openat,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,link,linkat,symlink"
CREATED = re.compile(
    r"^\S+ +(open|openat|creat|mkdir|mkdirat|mknod|mknodat|rename|renameat2?|link|linkat|symlink)\((.*)= (\d+)"
)


def _created(trace: str) -> dict[str, list[str]]:
    """What was created, by the step in which it was: whole lines of strace."""
    steps: dict[str, list[str]] = {"imports": []}
    step = "imports"
    for line in trace.splitlines():
        if begun := re.search(r'"/begin/([^"]+)"', line):
            step = begun[1]
            steps[step] = []
        elif (made := CREATED.match(line)) and (
            made[1] not in ("open", "openat") or re.search("O_CREAT|O_TMPFILE", made[2])
        ):
            steps[step].append(line)
    return steps


def created_by(code: str, folder: Path, environment: dict[str, str]) -> dict[str, list[str]]:
    """Run code in a folder, and say what it created, by the step in which it did: whole lines of strace.

    A step begins where the code tries to open ``/begin/NAME``; the last is called "end".
    """
    done = subprocess.run(
        ["strace", "-f", "--seccomp-bpf", "-qq", "-s", "300", "-o", str(folder / "trace"), "-e", f"trace={CALLS}"]
        + [sys.executable, "-B", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    steps = _created((folder / "trace").read_text())
    assert list(steps)[-1] == "end"
    return steps
