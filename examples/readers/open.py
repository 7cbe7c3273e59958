"""Opens a file that Strongroom encrypted, with Python's cryptography (50 or newer) and nothing of Strongroom's.

    strongroom key show acme | python open.py clients.csv.sealed clients.csv

A file needs the version of the project's key that encrypted it. Give several versions, one a line, and the one that
fits is used:

    { strongroom key show acme; strongroom key show acme --version 1; } | python open.py ...

The output file stays only if every byte has proven authentic.
"""

import base64
import hashlib
import hmac
import os
import sys

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag


def open_message(key, context, pieces):
    """Yields the plaintext. Each piece is authentic, and all of it is there once nothing was raised at the end."""
    decryptor = Cobblestone256Decryptor(key, context)
    for piece in pieces:
        yield decryptor.update(piece)
    yield decryptor.finalize()


def read_header(file, file_keys):
    """Returns the prelude, the content key and where the body begins. Either of the two equal blocks will do."""
    failure = "is not a sealed file"
    for offset in range(0, 61441, 4096):
        file.seek(offset)
        start = file.read(61440)
        length = int.from_bytes(start[10:12], "big")
        if start[:8] != b"\x89SRM\r\n\x1a\n" or offset not in (0, length):
            continue
        failure = "was altered or cut, or is of a newer format"
        block, prelude = start[:length], start[:32]
        # Version 1, suite 1, no flags: what else there is, this program does not know.
        if len(block) < length or length < 4096 or block[8:10] + block[12:16] != b"\1\1\0\0\0\0":
            continue
        if block[40:44] != b"\1\0\0\x68":
            failure = "was sealed for a recipient's key, and not for a project"
            continue
        failure = (
            "opens with none of the keys given: it is under another version of the project's key, or another "
            f"project's, or was altered.\nSee which: strongroom inspect --unlock {sealed_path}\n"
            "Then: strongroom key show PROJECT --version N"
        )
        for file_key in file_keys:
            try:
                content_key = b"".join(open_message(file_key, b"strongroom/v1/content-key" + prelude, [block[44:148]]))
            except InvalidTag:
                continue
            # One step of HKDF-Expand (RFC 5869 section 2.3).
            mac_key = hmac.digest(content_key, b"strongroom/v1/header-mac\1", hashlib.sha512)[:32]
            if hmac.compare_digest(hmac.digest(mac_key, block[:-32], hashlib.sha256), block[-32:]):
                return prelude, content_key, 2 * length
            failure = "was altered: its header is not authentic"
    sys.exit(f"{sealed_path} {failure}")


sealed_path, output_path = sys.argv[1:]
file_keys = [base64.b64decode(line) for line in sys.stdin]
with open(sealed_path, "rb") as sealed:
    prelude, content_key, start = read_header(sealed, file_keys)
    sealed.seek(start)
    with open(output_path, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as output:
        try:
            for piece in open_message(content_key, prelude, iter(lambda: sealed.read(1 << 16), b"")):
                output.write(piece)
        except BaseException as error:
            os.unlink(output_path)
            if isinstance(error, InvalidTag):
                sys.exit(f"{sealed_path} was altered or cut")
            raise
