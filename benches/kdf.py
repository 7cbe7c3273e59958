"""Times Argon2id against the C reference implementation: huge pages, plain pages and the reference in turn.

    python3 -m venv target/venv && target/venv/bin/pip install argon2-cffi    # once
    target/venv/bin/python benches/kdf.py

builds benches/kdf.rs, prints medians of 21 interleaved rounds, and fails where any two keys differ. The targets at
64 MiB, 3 passes, 4 lanes are 0.65 times the reference with huge pages and 1.25 times with plain ones. Costs to measure
may be named as MiB/passes/lanes. Linux only: huge pages are switched off for one of the two processes by prctl.
"""

import ctypes
import json
import pathlib
import statistics
import subprocess
import sys
import time

from argon2.low_level import Type, core, error_to_str, ffi, lib

ROUNDS = 21
PASSWORD, SALT, PEPPER = b"correct-horse-battery-staple", b"\x02" * 32, b"\x01" * 32
PR_SET_THP_DISABLE = 41


def build():
    command = ["cargo", "bench", "--no-default-features", "--bench", "kdf", "--no-run", "--message-format=json"]
    root = pathlib.Path(__file__).resolve().parent.parent
    lines = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    for message in map(json.loads, lines):
        if message["reason"] == "compiler-artifact" and message["target"]["name"] == "kdf" and message["executable"]:
            return message["executable"]
    sys.exit("cargo built no benchmark")


def without_huge_pages():
    """Runs in the child before the program starts, which inherits the setting."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_THP_DISABLE)")


class Ours:
    def __init__(self, program, prepare=None):
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, preexec_fn=prepare
        )

    def derive(self, mib, passes, lanes):
        fields = [mib * 1024, passes, lanes, PASSWORD.decode(), SALT.hex(), PEPPER.hex()]
        print(*fields, file=self.process.stdin, flush=True)
        nanoseconds, key = self.process.stdout.readline().split()
        return int(nanoseconds), key


class Reference:
    def derive(self, mib, passes, lanes):
        out = ffi.new("uint8_t[]", 32)
        # Copies, because the reference wipes its inputs; the lists keep them alive.
        password, salt, pepper = (ffi.new("uint8_t[]", value) for value in (PASSWORD, SALT, PEPPER))
        context = ffi.new(
            "argon2_context *",
            dict(
                out=out,
                outlen=32,
                version=0x13,
                pwd=password,
                pwdlen=len(PASSWORD),
                salt=salt,
                saltlen=len(SALT),
                secret=pepper,
                secretlen=len(PEPPER),
                ad=ffi.NULL,
                adlen=0,
                t_cost=passes,
                m_cost=mib * 1024,
                lanes=lanes,
                threads=lanes,
                allocate_cbk=ffi.NULL,
                free_cbk=ffi.NULL,
                flags=lib.ARGON2_DEFAULT_FLAGS,
            ),
        )
        start = time.perf_counter_ns()
        status = core(context, Type.ID.value)
        took = time.perf_counter_ns() - start
        if status != 0:
            sys.exit(error_to_str(status))
        return took, bytes(ffi.buffer(out)).hex()


def measure(contenders, cost):
    times = {name: [] for name in contenders}
    names = list(contenders)
    for turn in range(ROUNDS + 1):
        keys = set()
        # Whoever comes first changes from round to round, so that nobody profits from its place in the order.
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            took, key = contenders[name].derive(*cost)
            keys.add(key)
            if turn > 0:  # the first round starts threads and loads code
                times[name].append(took)
        if len(keys) != 1:
            sys.exit(f"the keys differ at {cost}: {keys}")
    return times


def main():
    costs = [tuple(map(int, argument.split("/"))) for argument in sys.argv[1:]] or [(64, 3, 4), (256, 3, 4)]
    enabled = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")
    print("transparent huge pages:", enabled.read_text().strip() if enabled.exists() else "none")
    program = build()
    plain = Ours(program, without_huge_pages)
    contenders = {"C reference": Reference(), "huge pages": Ours(program), "plain pages": plain}
    print(f"{ROUNDS} interleaved rounds, ms; ratio to the median of the reference; every key the same")
    print(f"{'MiB/passes/lanes':<18}{'':<13}{'median':>8}{'fastest':>9}{'slowest':>9}{'ratio':>7}")
    for cost in costs:
        times = measure(contenders, cost)
        reference = statistics.median(times["C reference"])
        for name, taken in times.items():
            median, fastest, slowest = statistics.median(taken), min(taken), max(taken)
            figures = f"{median / 1e6:>8.1f}{fastest / 1e6:>9.1f}{slowest / 1e6:>9.1f}{median / reference:>7.2f}"
            print(f"{'/'.join(map(str, cost)):<18}{name:<13}{figures}")


if __name__ == "__main__":
    main()
