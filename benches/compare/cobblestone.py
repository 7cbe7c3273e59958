"""The construction of strongroom's bodies by another implementation, in pieces of 1 MiB, under a key of its own."""

import sys

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor

PIECE = 1 << 20
KEY, CONTEXT = bytes(range(32)), b"a comparison"

action, source, target = sys.argv[1:]
worker = (Cobblestone256Encryptor if action == "seal" else Cobblestone256Decryptor)(KEY, CONTEXT)
with open(source, "rb") as read, open(target, "wb") as write:
    while piece := read.read(PIECE):
        write.write(worker.update(piece))
    write.write(worker.finalize())
