"""Opens a file that Strongroom encrypted, with Python's cryptography (50 or newer) and nothing of Strongroom's.

    strongroom key show acme | python open_with_python.py clients.csv.sealed clients.csv
"""

import base64
import sys

from cryptography.cobblestone import Cobblestone256Decryptor


def open_message(key, context, message):
    decryptor = Cobblestone256Decryptor(key, context)
    return decryptor.update(message) + decryptor.finalize()  # raises unless every byte is authentic


sealed_path, output_path = sys.argv[1:]
file_key = base64.b64decode(sys.stdin.readline())
with open(sealed_path, "rb") as file:
    sealed = file.read()
prelude, block_length = sealed[:32], int.from_bytes(sealed[10:12], "big")
content_key = open_message(file_key, b"strongroom/v1/content-key" + prelude, sealed[44:148])
body = open_message(content_key, prelude, sealed[2 * block_length :])
with open(output_path, "xb") as file:
    file.write(body)
