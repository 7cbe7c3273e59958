"""Opens a file that Strongroom encrypted, with Python's cryptography (50 or newer) and nothing of Strongroom's.

    strongroom key show acme | python open_with_python.py clients.csv.sealed clients.csv

A file needs the version of the project's key that encrypted it. Give several versions, one a line, and the one that
fits is used:

    { strongroom key show acme; strongroom key show acme --version 1; } | python open_with_python.py ...
"""

import base64
import sys

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag


def open_message(key, context, message):
    decryptor = Cobblestone256Decryptor(key, context)
    return decryptor.update(message) + decryptor.finalize()  # raises unless every byte is authentic


def open_content_key(file_keys, prelude, wrapped):
    for file_key in file_keys:
        try:
            return open_message(file_key, b"strongroom/v1/content-key" + prelude, wrapped)
        except InvalidTag:
            continue
    sys.exit(
        f"none of the keys given opens {sealed_path}: it is under another version of the project's key, or another "
        f"project's.\nSee which: strongroom inspect --unlock {sealed_path}\nThen: strongroom key show PROJECT --version N"
    )


sealed_path, output_path = sys.argv[1:]
with open(sealed_path, "rb") as file:
    sealed = file.read()
if sealed[:8] != b"\x89SRM\r\n\x1a\n":
    sys.exit(f"{sealed_path} is not a sealed file")
if sealed[40] != 1:
    sys.exit(f"{sealed_path} was sealed for a recipient's key, and not for a project")
prelude, block_length = sealed[:32], int.from_bytes(sealed[10:12], "big")
content_key = open_content_key([base64.b64decode(line) for line in sys.stdin], prelude, sealed[44:148])
body = open_message(content_key, prelude, sealed[2 * block_length :])
with open(output_path, "xb") as file:
    file.write(body)
