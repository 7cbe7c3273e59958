"""The other implementation in the interoperability test: Python's cryptography.

Reads one JSON object a line from standard input and answers each with one line:
  {"do": "open", "key": hex, "context": hex, "bytes": hex}   ->  the plaintext in hex, or "refused"
  {"do": "seal", "key": hex, "context": hex, "bytes": hex}   ->  the message in hex
  {"do": "chunk", "key": hex, "context": hex, "bytes": hex, "salt": hex, "number": int}   ->  that one chunk in hex
  {"do": "header", "key": hex, "bytes": hex}                 ->  the metadata of a sealed file, after its MAC held
"""

import hashlib
import hmac
import json
import sys

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand


def open_message(key, context, message):
    decryptor = Cobblestone256Decryptor(key, context)
    return decryptor.update(message) + decryptor.finalize()


def seal_message(key, context, plaintext):
    encryptor = Cobblestone256Encryptor(key, context)
    return encryptor.update(plaintext) + encryptor.finalize()


def seal_chunk(key, context, plaintext, salt, number):
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context
    okm = HKDFExpand(SHA512(), 32 + 12 + 32, info).derive(key)
    nonce = (int.from_bytes(okm[32:44], "big") ^ number).to_bytes(12, "big")
    return AESGCM(okm[:32]).encrypt(nonce, plaintext, None)


def read_header(file_key, sealed):
    prelude, length = sealed[:32], int.from_bytes(sealed[10:12], "big")
    stanzas, at = {}, 40
    for _ in range(sealed[36]):
        kind, size = sealed[at], int.from_bytes(sealed[at + 2 : at + 4], "big")
        stanzas[kind] = sealed[at + 4 : at + 4 + size]
        at += 4 + size
    content_key = open_message(file_key, b"strongroom/v1/content-key" + prelude, stanzas[1])
    # HKDF-Expand (RFC 5869 section 2.3), one block of SHA-512, cut to 32 bytes.
    mac_key = hmac.digest(content_key, b"strongroom/v1/header-mac\x01", hashlib.sha512)[:32]
    for block in (sealed[:length], sealed[length : 2 * length]):
        if not hmac.compare_digest(hmac.digest(mac_key, block[:-32], hashlib.sha256), block[-32:]):
            raise SystemExit("a header block's MAC does not hold")
    return open_message(content_key, b"strongroom/v1/metadata" + prelude, stanzas[2])


for line in sys.stdin:
    request = json.loads(line)
    key, data = bytes.fromhex(request["key"]), bytes.fromhex(request["bytes"])
    if request["do"] == "seal":
        answer = seal_message(key, bytes.fromhex(request["context"]), data).hex()
    elif request["do"] == "chunk":
        context, salt = bytes.fromhex(request["context"]), bytes.fromhex(request["salt"])
        answer = seal_chunk(key, context, data, salt, request["number"]).hex()
    elif request["do"] == "header":
        answer = json.dumps(json.loads(read_header(key, data)))
    else:
        try:
            answer = open_message(key, bytes.fromhex(request["context"]), data).hex()
        except Exception:  # whatever it raises, it gave no plaintext
            answer = "refused"
    print(answer, flush=True)
