"""The tools that are compared: how each is installed and called. Peers run as their manuals say, with fast settings."""

import dataclasses
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PASSWORD = "orchid-lantern-quarry-mellow-tundra-ferry"
DEBIAN = {"age": "age", "gpg": "gpg", "openssl": "openssl", "7zz": "7zip", "rclone": "rclone", "gocryptfs": "gocryptfs", "time": "time"}
PYTHON = ["pycryptodome", "argon2-cffi", "cryptography>=50"]


def install(root):
    """Installs what is absent; what cannot be had is one line."""
    missing = [package for command, package in DEBIAN.items() if not shutil.which(command)]
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    if missing:
        attempt(as_root + ["apt-get", "update", "-q"])
    for package in missing:
        attempt(
            as_root + ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-qy", "--no-install-recommends", package]
        )
    if not (root / "target/peers/bin/rage").exists():
        attempt(["cargo", "install", "--quiet", "--locked", "rage", "--root", root / "target/peers"])
    python = root / "target/peers/venv/bin/python"
    if not python.exists():
        attempt(["/usr/bin/python3", "-m", "venv", root / "target/peers/venv"])
        attempt([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PYTHON])


def attempt(command):
    """Runs an installation, and says so in one line where it fails."""
    try:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except (subprocess.SubprocessError, OSError):
        print(f"NOT INSTALLED: {shlex.join(map(str, command))}", file=sys.stderr)


@dataclasses.dataclass
class Bench:
    """Where everything is, and the keys and vaults that the tools use."""

    root: pathlib.Path
    program: pathlib.Path
    home: pathlib.Path

    def __post_init__(self):
        self.home.mkdir(mode=0o700)
        self.password = self.home / "password"
        self.password.write_text(PASSWORD)
        self.password.chmod(0o600)
        self.environment = {
            "PATH": f"{self.root}/target/peers/bin:{os.environ['PATH']}",
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
        }
        self.strongroom = f"{self.program} --password-file {self.password} --no-input --quiet"
        cost = "--kdf-memory 64 --kdf-passes 3 --kdf-lanes 4"
        self.once(f"{self.strongroom} init --no-recovery --keychain file {cost} && {self.strongroom} project add bench")
        if shutil.which("age-keygen"):
            self.once("age-keygen -o identity 2>/dev/null && age-keygen -y identity > recipient")
        if shutil.which("rclone"):
            self.once(
                f"rclone config create sealed crypt remote=/ password={PASSWORD} filename_encryption=off"
                " directory_name_encryption=false --obscure"
            )

    def once(self, line):
        """Prepares something in the home folder."""
        subprocess.run(line, shell=True, check=True, cwd=self.home, env=self.environment, stdout=subprocess.DEVNULL)


class Tool:
    """One tool: lines of shell for each case, `{from}` and `{to}` standing for paths."""

    def __init__(self, bench, name, needs=None, disk=False, **lines):
        self.bench, self.name, self.needs, self.disk, self.lines = bench, name, needs, disk, lines
        self.environment = bench.environment

    def takes(self, case, on_disk):
        """Tells whether the tool is there and is run in this case."""
        is_there = self.needs is None or shutil.which(self.needs, path=self.environment["PATH"]) is not None
        return is_there and f"{case}_seal" in self.lines and (self.disk or not on_disk)

    def seal(self, case, source, target):
        return self.line(f"{case}_seal", source, target)

    def open(self, case, source, target):
        return self.line(f"{case}_open", source, target) if f"{case}_open" in self.lines else None

    def unlock(self):
        return f"{self.bench.strongroom} project list"

    def line(self, name, source, target):
        return self.lines[name].replace("{from}", shlex.quote(str(source))).replace("{to}", shlex.quote(str(target)))


def each(command):
    """Runs a command for each file of a folder, a process a file, as a script would."""
    return f"mkdir {{to}} && for file in {{from}}/*; do {command} || exit 1; done"


def mounted(home, password, folder, work, new=False):
    """Runs a command with an encrypted folder mounted. The daemon's processor time and memory are not its own."""
    quick = f"-q -scryptn 10 -passfile {password}"
    init = f"mkdir {folder} && gocryptfs -init {quick} {folder} && " if new else ""
    return (
        f"{init}mkdir -p {home}/mount && gocryptfs {quick} {folder} {home}/mount && "
        f"{work}; status=$?; fusermount -u {home}/mount && exit $status"
    )


def peers(bench):
    """Returns the tools, strongroom first."""
    home, run = bench.home, bench.strongroom
    python = bench.root / "target/peers/venv/bin/python"
    python = python if python.exists() else "missing-python"
    recipient = f"$(cat {home}/recipient)"
    openssl = f"openssl enc -aes-256-cbc -pbkdf2 -pass file:{bench.password}"
    gpg = f"gpg --batch --quiet --pinentry-mode loopback --passphrase-file {bench.password}"
    symmetric = f"{gpg} --symmetric --cipher-algo AES256 --compress-algo none"
    archive = f"7zz a -bd -mx0 -p{PASSWORD} -t7z"
    tools = [
        Tool(
            bench,
            "strongroom",
            disk=True,
            large_seal=f"{run} encrypt -p bench {{from}} -o {{to}}",
            large_open=f"{run} decrypt {{from}} -o {{to}}",
            pipe_seal=f"cat {{from}} | {run} encrypt -p bench - | cat > {{to}}",
            pipe_open=f"cat {{from}} | {run} decrypt - | cat > {{to}}",
            small_seal=f"{run} encrypt -p bench {{from}} -o {{to}}",
            small_open=f"{run} decrypt {{from}} -o {{to}}",
        ),
        Tool(bench, "cp", disk=True, large_seal="cp {from} {to}", small_seal="cp -r {from} {to}"),
        Tool(bench, "cat &#124; cat &#124; cat", pipe_seal="cat {from} | cat | cat > {to}"),
        Tool(bench, "dd conv=fsync", disk=True, large_seal="dd if={from} of={to} bs=1M conv=fsync status=none"),
    ]
    for age in ("age", "rage"):
        seal, open_ = f'{age} -r "{recipient}"', f"{age} -d -i {home}/identity"
        tools.append(
            Tool(
                bench,
                age,
                needs=age,
                disk=age == "age",
                large_seal=f"{seal} -o {{to}} {{from}}",
                large_open=f"{open_} -o {{to}} {{from}}",
                pipe_seal=f"cat {{from}} | {seal} | cat > {{to}}",
                pipe_open=f"cat {{from}} | {open_} | cat > {{to}}",
                small_seal=each(f'{seal} -o {{to}}/"${{file##*/}}" "$file"'),
                small_open=each(f'{open_} -o {{to}}/"${{file##*/}}" "$file"'),
            )
        )
    tools += [
        Tool(
            bench,
            "gpg AES-256",
            needs="gpg",
            large_seal=f"{symmetric} -o {{to}} {{from}}",
            large_open=f"{gpg} -d -o {{to}} {{from}}",
        ),
        Tool(
            bench,
            "openssl AES-256-CBC",
            needs="openssl",
            large_seal=f"{openssl} -in {{from}} -out {{to}}",
            large_open=f"{openssl} -d -in {{from}} -out {{to}}",
        ),
        Tool(
            bench,
            "7zz AES-256",
            needs="7zz",
            large_seal=f"{archive} {{to}}.7z {{from}} && mv {{to}}.7z {{to}}",
            large_open=f"7zz x -bd -p{PASSWORD} -so {{from}} > {{to}}",
            small_seal=f"{archive} {{to}}.7z {{from}} && mv {{to}}.7z {{to}}",
            small_open=f"7zz x -bd -p{PASSWORD} -o{{to}} {{from}}",
        ),
        Tool(
            bench,
            "rclone crypt",
            needs="rclone",
            # It adds .bin to names that it does not encrypt, and would find such a file in place the next time.
            large_seal="rclone copyto {from} sealed:{to} && mv {to}.bin {to}",
            large_open="mv {from} {from}.bin && rclone copyto sealed:{from} {to} && mv {from}.bin {from}",
        ),
        Tool(
            bench,
            "gocryptfs",
            needs="gocryptfs" if pathlib.Path("/dev/fuse").exists() else "no-fuse",
            large_seal=mounted(home, bench.password, "{to}", f"cp {{from}} {home}/mount/file", new=True),
            large_open=mounted(home, bench.password, "{from}", f"cp {home}/mount/file {{to}}"),
            small_seal=mounted(home, bench.password, "{to}", f"cp -r {{from}}/. {home}/mount", new=True),
            small_open=mounted(home, bench.password, "{from}", f"cp -r {home}/mount {{to}}"),
        ),
        Tool(
            bench,
            "Python cryptography (same format)",
            needs=python,
            large_seal=f"{python} {HERE}/cobblestone.py seal {{from}} {{to}}",
            large_open=f"{python} {HERE}/cobblestone.py open {{from}} {{to}}",
        ),
        Tool(
            bench,
            "Python AES-CBC (whole file)",
            needs=python,
            large_seal=f"{python} {HERE}/home_made.py seal {bench.password} {{from}} {{to}}",
            large_open=f"{python} {HERE}/home_made.py open {bench.password} {{from}} {{to}}",
        ),
    ]
    return tools
