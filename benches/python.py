#!/usr/bin/env python3
"""Measures the Python package and `strongroom import` in turns, and prints a Markdown table of medians.

    benches/python.py --strongroom PROGRAM [--rounds 7] [--size 1024] [--folder /dev/shm]

Run it by an interpreter that has the package (a release wheel), pandas and pycryptodomex; PROGRAM is an installed one.
Each figure is that of a process of its own, which a vault's agent gives its keys. Compare the ratios: both sides of one
are run alternately, and on a computer with other work processor time says more than the clock.
"""

import argparse
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent / "compare"))

from measure import measure as sample  # noqa: E402

PASSWORD = "tundra-velvet-onion-cobalt-ferry-mosaic"

# What runs in a process of its own, with the paths in `argv`, and prints seconds, processor seconds and KiB.
MEASURED = """
import os, resource, subprocess, sys, time
{before}
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
def spent():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
open("/proc/self/clear_refs", "w").write("5")
floor, cpu, wall = peak(), spent(), time.perf_counter()
{work}
print(time.perf_counter() - wall, spent() - cpu, peak() - floor)
"""

READ = "buffer = bytearray(1 << 20)\nwhile file.readinto(buffer): pass"
CASES = {
    "plain": ("import io", "with open(sys.argv[1], 'rb', buffering=0) as file:\n    " + READ.replace("\n", "\n    ")),
    "package": ("import strongroom", "file = strongroom.open(sys.argv[2])\n" + READ),
    "pipe": (
        "",
        "child = subprocess.Popen([sys.argv[3], 'decrypt', '-o', '-', sys.argv[2]], stdout=subprocess.PIPE, bufsize=0)\n"
        "file = child.stdout\n" + READ + "\nassert child.wait() == 0",
    ),
    "csv path": ("import pandas", "pandas.read_csv(sys.argv[1])"),
    "csv open": ("import pandas", "pandas.read_csv(open(sys.argv[1], 'rb'))"),
    "csv sealed": ("import pandas, strongroom", "pandas.read_csv(strongroom.open(sys.argv[2]))"),
    "import": ("", "import strongroom"),
}


def run(case, paths):
    before, work = CASES[case]
    code = MEASURED.format(before=before, work=work)
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{case}: {done.stderr.strip()[-400:]}")
    return [float(figure) for figure in done.stdout.split()]


def command(words):
    """Runs a program, and returns seconds, processor seconds and KiB."""
    return list(sample(shlex.join(words), os.environ))


def turns(rounds, *work):
    """Runs functions in turns, and returns the median of each of their figures."""
    taken = [[one() for one in work] for _ in range(rounds + 1)][1:]
    return [[statistics.median(figures) for figures in zip(*samples)] for samples in zip(*taken)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strongroom", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=1024, help="of the large file, in MiB [1024]")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/dev/shm"))
    options = parser.parse_args()
    program = str(options.strongroom.resolve())
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = pathlib.Path(name)
        (folder / "run").mkdir(mode=0o700)
        (folder / "pw").write_text(PASSWORD + "\n")
        (folder / "pw").chmod(0o600)
        for variable in [variable for variable in os.environ if variable.startswith(("XDG_", "STRONGROOM_"))]:
            del os.environ[variable]
        os.environ |= {"HOME": name, "XDG_RUNTIME_DIR": str(folder / "run")}
        os.chdir(folder)
        pw = ["--password-file", "pw"]
        command([program, "init", "--no-recovery", "--keychain", "file", "-q", *pw])
        command([program, "project", "add", "acme", "-q", *pw])
        command([program, "unlock", "-q", *pw])
        try:
            measure(folder, program, options)
        finally:
            command([program, "lock", "-q"])


def measure(folder, program, options):
    rounds = options.rounds
    large, table = folder / "large", folder / "table.csv"
    block = "".join(f"{number},{number * 37 % 1009}.{number % 97},text {number}\n" for number in range(100_000)).encode()
    with large.open("wb") as file:
        while file.tell() < options.size << 20:
            file.write(block[: (options.size << 20) - file.tell()])
    with table.open("wb") as file:
        file.write(b"id,value,text\n")
        while file.tell() < 200 << 20:
            file.write(block)

    def sealed(path):
        out = f"{path}.sealed"
        command([program, "encrypt", "-q", "--project", "acme", str(path), "-o", out])
        return [str(path), out, program]

    print("| | s | CPU s | peak MiB | ratio |\n|---|---:|---:|---:|---:|")

    def row(what, figures, ratio=""):
        wall, cpu, kib = figures
        print(f"| {what} | {wall:.3f} | {cpu:.3f} | {kib / 1024:.1f} | {ratio} |", flush=True)

    paths = sealed(large)
    plain, package, pipe = turns(rounds, *[lambda case=case: run(case, paths) for case in ("plain", "package", "pipe")])
    row(f"read {options.size} MiB: plain file", plain)
    row("sealed, through the package", package, f"{pipe[0] / package[0]:.2f} times as fast as the pipe")
    row("sealed, `strongroom decrypt -o -` through a pipe", pipe)

    cases = ("csv path", "csv open", "csv sealed")
    paths = sealed(table)
    path, opened, sealed_csv = turns(rounds, *[lambda case=case: run(case, paths) for case in cases])
    row("`pandas.read_csv` of 200 MiB: path", path)
    row("`open()`", opened)
    row("`strongroom.open()`", sealed_csv, f"{sealed_csv[1] / opened[1]:.2f} of the CPU of `open()`")
    table.unlink()

    [imported] = turns(3 * rounds, lambda: run("import", paths))
    row("`import strongroom`", imported)

    from Cryptodome.Cipher import AES
    from Cryptodome.Util.Padding import pad

    key, old = os.urandom(32), folder / "old.enc"
    (folder / "key").write_bytes(key)
    cipher = AES.new(key, AES.MODE_CBC)
    old.write_bytes(cipher.iv + cipher.encrypt(pad(large.read_bytes(), 16)))
    words = [program, "-q", "--project", "acme", "-o", str(folder / "out"), "--force"]
    encrypt = [words[0], "encrypt", *words[1:], str(large)]
    taken = [words[0], "import", *words[1:], "--scheme", "raw-key", "--old-key-file", "key", str(old)]
    encrypted, taken_over = turns(rounds, lambda: command(encrypt), lambda: command(taken))
    row(f"`strongroom encrypt` of {options.size} MiB", encrypted)
    row("`strongroom import` of the same under AES-CBC", taken_over, f"{taken_over[0] / encrypted[0]:.2f} times `encrypt`")


main()
