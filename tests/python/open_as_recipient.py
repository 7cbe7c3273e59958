"""Opens the vectors of sealed files that have recipients, with the recipient's identity and without any file key.

Reads age files (https://age-encryption.org/v1, recipients of type X25519) and sealed files by what their formats say,
with Python's cryptography (50 or newer) and nothing of Strongroom's. Checks every vector that has an `identity`.
"""

import base64
import hashlib
import hmac
import pathlib
import sys

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

RECIPIENT, METADATA = 3, 2


def open_message(key, context, message):
    decryptor = Cobblestone256Decryptor(key, context)
    return decryptor.update(message) + decryptor.finalize()


def unpadded(text):
    return base64.b64decode(text + b"=" * (-len(text) % 4))


def derive(key, salt, info):
    return HKDF(SHA256(), 32, salt, info).derive(key)


def secret_key(identity):
    """The 32 bytes of AGE-SECRET-KEY-1..., whose checksum is not looked at."""
    digits = [b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".index(symbol) for symbol in identity.lower().split("1")[1].encode()]
    number = int("".join(f"{digit:05b}" for digit in digits[:52])[:256], 2)
    return number.to_bytes(32, "big")


def open_age(identity, file):
    """The plaintext of an age file that has one chunk, or None if it is for somebody else."""
    head, body = file.split(b"\n--- ", 1)
    mac, payload = body.split(b"\n", 1)
    version, recipient, wrapped = head.split(b"\n")
    assert version == b"age-encryption.org/v1"
    kind, share = recipient.removeprefix(b"-> ").split(b" ")
    assert kind == b"X25519"
    share, key = unpadded(share), X25519PrivateKey.from_private_bytes(secret_key(identity))
    wrapping = derive(
        key.exchange(X25519PublicKey.from_public_bytes(share)),
        share + key.public_key().public_bytes_raw(),
        b"age-encryption.org/v1/X25519",
    )
    try:
        file_key = ChaCha20Poly1305(wrapping).decrypt(bytes(12), unpadded(wrapped), None)
    except InvalidTag:
        return None
    assert hmac.compare_digest(hmac.digest(derive(file_key, b"", b"header"), head + b"\n---", "sha256"), unpadded(mac))
    payload_key = derive(file_key, payload[:16], b"payload")
    return ChaCha20Poly1305(payload_key).decrypt(bytes(11) + b"\x01", payload[16:], None)


def stanzas(block):
    at = 40
    for _ in range(block[36]):
        length = int.from_bytes(block[at + 2 : at + 4], "big")
        yield block[at], block[at + 4 : at + 4 + length]
        at += 4 + length


def open_sealed(identity, sealed):
    """The plaintext of a sealed file, by whichever recipient stanza opens."""
    length = 4096
    # Block A may be damaged: then B is the one whose length is where it begins.
    while sealed[length : length + 8] != b"\x89SRM\r\n\x1a\n":
        length += 4096
    block = sealed[length : 2 * length]
    prelude = block[:32]
    for kind, body in stanzas(block):
        content_key = open_age(identity, body) if kind == RECIPIENT else None
        if content_key is None:
            continue
        assert len(content_key) == 32
        mac_key = HKDFExpand(SHA512(), 32, b"strongroom/v1/header-mac").derive(content_key)
        assert hmac.compare_digest(hmac.digest(mac_key, block[:-32], "sha256"), block[-32:])
        open_message(content_key, b"strongroom/v1/metadata" + prelude, dict(stanzas(block))[METADATA])
        return open_message(content_key, prelude, sealed[2 * length :])
    return None


count = 0
for path in sorted(pathlib.Path(__file__).parent.parent.joinpath("vectors/sealed").glob("*.txt")):
    header, body = path.read_text().split("\n\n", 1)
    lines = dict(line.split(": ", 1) for line in header.splitlines())
    if "identity" not in lines:
        continue
    text = ("A" * (76 * int(line[1:])) if line.startswith("*") else line for line in body.splitlines())
    plaintext = open_sealed(lines["identity"], base64.b64decode("".join(text)))
    if plaintext is None or hashlib.sha256(plaintext).hexdigest() != lines["plaintext-sha256"]:
        sys.exit(f"{path.name} does not open with its identity")
    count += 1
print(f"recipients: {count} vectors open")
