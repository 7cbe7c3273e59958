"""Another list digest (docs/format.md, section 2.1), in nothing but Python's own library.

Checks every line of tests/vectors/list-digest.txt: a length, and the digest of as many bytes, of which byte i is i
modulo 251. With --print: such lines for the lengths named.
"""

import hashlib
import pathlib
import sys

PIECE = 512 * 1024


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def list_digest(data: bytes) -> bytes:
    pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
    return sha256(len(data).to_bytes(8, "big") + b"".join(map(sha256, pieces)))


def line(length: int) -> str:
    data = bytes(range(251)) * (length // 251 + 1)
    return f"{length} {list_digest(data[:length]).hex()}"


if sys.argv[1:2] == ["--print"]:
    for argument in sys.argv[2:]:
        print(line(int(argument)))
    sys.exit()
lines = pathlib.Path(__file__).parent.parent.joinpath("vectors/list-digest.txt").read_text().splitlines()
for known in lines:
    if line(int(known.split(" ")[0])) != known:
        sys.exit(f"this vector does not hold: {known}")
print(f"list digests: {len(lines)} vectors hold")
