"""Another writer and reader of recovery kits' codes, in nothing but Python's own library.

Without arguments: checks every line of tests/vectors/kit-codes.txt. With --print: the code of each secret (in
hexadecimal, a line each) that comes in.
"""

import base64
import hashlib
import pathlib
import sys

RFC_4648 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
CROCKFORD = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def checksum(secret: bytes) -> bytes:
    return hashlib.sha512(b"strongroom/v1/kit-code" + secret).digest()[:3]


def write(secret: bytes) -> str:
    symbols = base64.b32encode(secret + checksum(secret)).translate(bytes.maketrans(RFC_4648, CROCKFORD)).decode()
    return "-".join(symbols[at : at + 4] for at in range(0, 56, 4))


def read(code: str) -> bytes:
    symbols = code.replace("-", "").encode()
    if len(symbols) != 56 or not set(symbols) <= set(CROCKFORD):
        raise ValueError("not 56 symbols")
    decoded = base64.b32decode(symbols.translate(bytes.maketrans(CROCKFORD, RFC_4648)))
    if decoded[32:] != checksum(decoded[:32]):
        raise ValueError("the checksum does not fit")
    return decoded[:32]


if sys.argv[1:] == ["--print"]:
    for line in sys.stdin:
        print(write(bytes.fromhex(line)))
    sys.exit()
lines = pathlib.Path(__file__).parent.parent.joinpath("vectors/kit-codes.txt").read_text().splitlines()
for line in lines:
    secret, code = line.split(" ")
    if read(code) != bytes.fromhex(secret) or write(bytes.fromhex(secret)) != code:
        sys.exit(f"the vector of {secret} does not hold")
print(f"kit codes: {len(lines)} vectors hold")
