"""What users come from: Argon2 over a password, then AES-CBC over the whole file in memory. Not to be imitated."""

import pathlib
import sys

from argon2.low_level import Type, hash_secret_raw
from Crypto.Cipher import AES
from Crypto.Random import get_random_bytes
from Crypto.Util.Padding import pad, unpad

action, password, source, target = sys.argv[1:]
data = pathlib.Path(source).read_bytes()


def key(salt):
    secret = pathlib.Path(password).read_bytes()
    return hash_secret_raw(secret, salt, time_cost=3, memory_cost=65536, parallelism=4, hash_len=32, type=Type.ID)


if action == "seal":
    salt, iv = get_random_bytes(16), get_random_bytes(16)
    sealed = AES.new(key(salt), AES.MODE_CBC, iv).encrypt(pad(data, AES.block_size))
    pathlib.Path(target).write_bytes(salt + iv + sealed)
else:
    opened = AES.new(key(data[:16]), AES.MODE_CBC, data[16:32]).decrypt(data[32:])
    pathlib.Path(target).write_bytes(unpad(opened, AES.block_size))
