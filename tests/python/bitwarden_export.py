"""Recomputes the exports under a password of tests/vectors/imports, as Bitwarden writes them, with other libraries.

The keys come from hashlib and the C reference of Argon2 (argon2-cffi), the cipher from cryptography (OpenSSL).
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sys

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PASSWORD = "correct horse \u00e9 & <battery>".encode()
SALT = "c3Ryb25ncm9vbSBzYWx0IQ=="
VALIDATION = b"3f0b3c7e-27c0-4f0a-9a0c-0d3f0f2d1a11"
ITEM = {
    "id": "11111111-2222-4333-8444-555555555555",
    "type": 1,
    "name": "Mail",
    "notes": None,
    "login": {
        "username": "ada",
        "password": "p\u00e4ss & word",
        "uris": [{"match": None, "uri": "https://mail.example"}],
        "totp": None,
    },
    "fields": None,
}


def seal(key, iv, plaintext):
    encryption, mac = (hmac.new(key, info + b"\x01", hashlib.sha256).digest() for info in (b"enc", b"mac"))
    padder = padding.PKCS7(128).padder()
    padded = padder.update(plaintext) + padder.finalize()
    encryptor = Cipher(algorithms.AES(encryption), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(padded) + encryptor.finalize()
    tag = hmac.new(mac, iv + ciphertext, hashlib.sha256).digest()
    return "2." + "|".join(base64.b64encode(part).decode() for part in (iv, ciphertext, tag))


def export(kind, iterations, memory, parallelism):
    if kind == 0:
        key = hashlib.pbkdf2_hmac("sha256", PASSWORD, SALT.encode(), iterations, 32)
    else:
        salt = hashlib.sha256(SALT.encode()).digest()
        key = hash_secret_raw(PASSWORD, salt, iterations, memory * 1024, parallelism, 32, Type.ID)
    inner = json.dumps({"encrypted": False, "folders": [], "items": [ITEM]}).encode()
    return {
        "encrypted": True,
        "passwordProtected": True,
        "salt": SALT,
        "kdfType": kind,
        "kdfIterations": iterations,
        "kdfMemory": memory,
        "kdfParallelism": parallelism,
        "encKeyValidation_DO_NOT_EDIT": seal(key, bytes(range(16)), VALIDATION),
        "data": seal(key, bytes(range(16, 32)), inner),
    }


folder = pathlib.Path(__file__).parent.parent.joinpath("vectors/imports")
for name, export_of in (("pbkdf2", export(0, 5000, None, None)), ("argon2id", export(1, 3, 16, 4))):
    computed = json.dumps(export_of, indent=1) + "\n"
    if sys.argv[1:] == ["--print"]:
        print(computed, end="")
    elif computed != folder.joinpath(name + ".json").read_text():
        sys.exit(f"other libraries make another export with {name}")
print("exports under a password: hashlib, Argon2 and OpenSSL agree")
