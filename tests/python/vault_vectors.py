"""Writes the vectors of tests/vectors/vault anew, all but those of vaults that other versions made.

Nothing in them is random, so that a change of the format shows as a change of the vectors it concerns. Everything is
made here, from docs/format.md and with the AES-GCM of Python's cryptography: the program's own code has no part in it.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import textwrap

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

FOLDER = pathlib.Path(__file__).parent.parent / "vectors/vault"
PASSWORD = "correct-horse-battery-staple-vector"
# Argon2id of the password, the salt and the pepper: tests/python/argon2_vector.py has the C reference for this step.
KEK = bytes.fromhex("33b853c32340df5e98e1a176d25ae0daae4adb4a597fdc9be885cf264e20f81f")
SALT = bytes.fromhex("154a6602bc7f58658b6dc4390c89f9991b099b279702084736796f987b0d3d8e")
PEPPER = bytes.fromhex("8fa91e1ecdc5fe087c2415dc4f5e3615ab3d7507ea4f8ce8144ec7baeeca0fd2")
DATA_KEY = bytes.fromhex("9820d5e946a2cbbfd46840a4ecf77cd07d8f444c07f74fe875c222991017b5b6")
FILE_KEY = bytes.fromhex("0fc518631e0d1db60b6351dda86163298bebe6c9c61f98a9aaab75fb4a53b164")
VAULT = "e7118c17-06fd-4c9f-962f-08a5a68b5f73"
DATA_KEY_ID = "cfdef01e-21e4-4cf7-a5aa-1a36c75b8fd0"
ENROLMENT = "90c3f4f2-3e58-4d0a-8a9d-5b9a3f6c1e27"
PROJECT = "1a08ed30-b105-4e1a-8451-43e42c43d63f"
OTHER = "7d2aa927-60bd-416a-9d7d-75bfb03365c6"
ANCHOR_KEY = hashlib.sha256(b"anchor key").digest()
CREATED = "2026-11-21T08:30:00Z"
ANCESTOR = hashlib.sha256(b"generation 1").digest()

sealed_so_far = 0


def b64(data):
    return base64.b64encode(data).decode()


def raw(text):
    return bytes.fromhex(text.replace("-", ""))


def u32(number):
    return number.to_bytes(4, "big")


def expand(key, info, length):
    return HKDFExpand(SHA512(), length, info).derive(key)


def seal(key, context, plaintext):
    """One message of the construction, with a salt that is used nowhere else."""
    global sealed_so_far
    sealed_so_far += 1
    salt = hashlib.sha256(b"vector" + u32(sealed_so_far)).digest()[:24]
    okm = expand(key, b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context, 76)
    chunks = [plaintext[at : at + 16384] for at in range(0, len(plaintext) + 1, 16384)]
    nonce = int.from_bytes(okm[32:44], "big")
    cipher = AESGCM(okm[:32])
    sealed = [cipher.encrypt((nonce ^ n).to_bytes(12, "big"), chunk, None) for n, chunk in enumerate(chunks)]
    return salt + okm[44:] + b"".join(sealed)


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def padded(value, block):
    text = compact(value)
    return text + b" " * (-len(text) % block)


def header(**changes):
    return {
        "vault": VAULT,
        "generation": 2,
        "data_key": DATA_KEY_ID,
        "pepper": b64(PEPPER),
        "created": CREATED,
        "slots": [],
    } | changes


def file_key(project=PROJECT):
    context = b"strongroom/v1/file-key" + raw(VAULT) + raw(project) + u32(1)
    return {"version": 1, "state": "active", "created": "2026-11-21T08:30:30Z", "wrapped": b64(seal(DATA_KEY, context, FILE_KEY))}


def project(id=PROJECT, **changes):
    return {
        "id": id,
        "name": "acme-2026",
        "client": "Acme Ltd",
        "created": "2026-11-21T08:30:30Z",
        "note": "",
        "keys": [file_key(id)],
    } | changes


def secret(id, value, **members):
    context = b"strongroom/v1/secret" + raw(VAULT) + raw(id)
    return {"id": id, "wrapped": b64(seal(DATA_KEY, context, padded(value, 256)))} | members


def payload(**changes):
    return {
        "needs": [],
        "policy": {"algorithm": "argon2id", "version": 19, "m": 65536, "t": 3, "p": 4},
        "anchor_key": b64(seal(DATA_KEY, b"strongroom/v1/anchor-key" + raw(VAULT), ANCHOR_KEY)),
        "ancestors": [b64(ANCESTOR[:16])],
        "projects": [project()],
        "secrets": [],
        "kits": [],
    } | changes


def vault(head=None, content=None):
    """Returns the vault file's text and the digest of its sealed payload."""
    protected = compact(head or header())
    context = b"strongroom/v1/vault" + hashlib.sha512(protected).digest()
    sealed = seal(DATA_KEY, context, padded(content or payload(), 4096))
    outer = {"format": "strongroom-vault", "version": 1, "protected": b64(protected), "payload": b64(sealed)}
    return compact(outer).decode(), hashlib.sha256(sealed).digest()


def wrap(m=65536, t=3, p=4, **changes):
    protected = compact(
        {
            "format": "strongroom-data-key",
            "version": 1,
            "vault": VAULT,
            "data_key": DATA_KEY_ID,
            "enrolment": ENROLMENT,
            "at": CREATED,
            "kdf": {"algorithm": "argon2id", "version": 19, "m": m, "t": t, "p": p, "salt": b64(SALT)},
        }
        | changes
    )
    context = b"strongroom/v1/data-key" + hashlib.sha512(protected).digest()
    return protected, seal(KEK, context, DATA_KEY)


def item(*wraps):
    return compact({"wraps": [{"protected": b64(protected), "wrapped": b64(wrapped)} for protected, wrapped in wraps]}).decode()


def anchor(digest, **changes):
    protected = compact(
        {
            "format": "strongroom-anchor",
            "version": 1,
            "vault": VAULT,
            "data_key": DATA_KEY_ID,
            "generation": 2,
            "digest": b64(digest),
            "at": "2026-11-21T08:31:00Z",
        }
        | changes
    )
    key = expand(ANCHOR_KEY, b"strongroom/v1/anchor", 32)
    return compact({"protected": b64(protected), "mac": b64(hmac.digest(key, protected, "sha256"))}).decode()


OPENS = {
    "data-key": DATA_KEY.hex(),
    "project": "acme-2026",
    "version": "1",
    "file-key": FILE_KEY.hex(),
    "generation": "2",
}


def write(name, expect, comment, vault, data_key, anchor, opens=False, password=PASSWORD, **more):
    """`vault` is a vault file's text, or the name of the vector that has it."""
    lines = {"expect": expect, "password": password} | (OPENS if opens else {}) | more
    sections = {"data-key": data_key, "anchor": anchor}
    if vault.endswith(".txt"):
        lines["vault-file"] = vault
    else:
        sections = {"vault": vault} | sections
    lines["comment"] = comment
    text = "".join(f"{key}: {value}\n" for key, value in lines.items()) + "\n"
    for heading, content in sections.items():
        text += f"[{heading}]\n" + "".join(content[at : at + 76] + "\n" for at in range(0, len(content), 76))
    (FOLDER / f"{name}.txt").write_text(text)


ITEM = item(wrap())
opens, opens_digest = vault()
ANCHOR = anchor(opens_digest)


def variant(name, expect, comment, head=None, content=None, **more):
    """A vault file of its own, which the anchor knows."""
    text, digest = vault(head, content)
    write(name, expect, comment, text, ITEM, anchor(digest), **more)


write("opens", "opens", "one project with one key, at the floor of Argon2id", opens, ITEM, ANCHOR, opens=True)
write("wrong-password", "wrong-password", "the vault of opens.txt and another password", "opens.txt", ITEM, ANCHOR, password=PASSWORD.replace("vector", "victor"))
protected, wrapped = wrap()
altered = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
write("wrap-altered", "wrong-password", "one bit of the wrapped data key is flipped: the same answer as for a wrong password", "opens.txt", item((protected, altered)), ANCHOR)
write("kdf-below-the-floor", "kdf-out-of-range", "the wrap asks for 65,535 KiB: refused before anything is derived", "opens.txt", item(wrap(m=65535)), ANCHOR)
write("kdf-above-the-ceiling", "kdf-out-of-range", "4 GiB and 9 passes: more than 32 GiB together", "opens.txt", item(wrap(m=4194304, t=9)), ANCHOR)
write("another-vaults-item", "key-not-ours", "the keychain item names another vault", "opens.txt", item(wrap(vault=OTHER)), ANCHOR)
write("rolled-back", "rolled-back", "the anchor has seen generation 5: it opens, and must not be changed", "opens.txt", ITEM, anchor(hashlib.sha256(b"generation 5").digest(), generation=5), opens=True)
write("descends", "opens", "the anchor has seen generation 1, which is among the ancestors", "opens.txt", ITEM, anchor(ANCESTOR, generation=1), opens=True)
write("diverged", "diverged", "the anchor has seen another generation 1, which is not among the ancestors", "opens.txt", ITEM, anchor(hashlib.sha256(b"another").digest(), generation=1), opens=True)

outer = json.loads(opens)
outer["protected"] = b64(compact(header(generation=3)))
write("generation-altered", "damaged", "the generation in the protected part reads 3: the payload does not open", compact(outer).decode(), ITEM, ANCHOR)
write("member-twice", "damaged", 'the vault file has the member "version" twice', opens.replace('"version":1', '"version":1,"version":1', 1), ITEM, ANCHOR)
write("newer-version", "unsupported-version", "the vault file has version 2", opens.replace('"version":1', '"version":2', 1), ITEM, ANCHOR)
variant("protected-unknown-member", "damaged", "the protected part has a member that version 1 does not know", head=header(later=1))
variant("project-name-twice", "damaged", "two projects have the same name", content=payload(projects=[project(), project(OTHER)]))

unread = {
    "engagement": {"revisions": [{"id": OTHER, "at": CREATED, "set": {"role": "processor", "ends": "2027-03-31"}}]},
    "destruction": {"begun": None},
    "shares": [{"id": OTHER, "who": "Colleague Name", "recipient": "age1example", "scope": "project"}],
    "colour": "green",
}
logs = [{"enrolment": OTHER, "count": 318, "tip": b64(ANCESTOR)}]
later = {"a": [1, 2.5, None]}
variant(
    "read-only",
    "read-only",
    "the payload needs a feature that version 1 does not have, and holds members it does not know: it opens and must not be changed",
    content=payload(needs=["feature-of-later"], later=later, projects=[project(colour="green")]),
    opens=True,
)
variant(
    "kept-unread",
    "opens",
    "payload and project hold members that version 1 does not read, and an engagement: every operation keeps them",
    content=payload(projects=[project(**unread)], logs=logs, later=later),
    opens=True,
)


def wrapped_under(label, tail):
    return b64(seal(DATA_KEY, label + raw(VAULT) + tail, hashlib.sha256(label).digest()))


variant(
    "not-renewable",
    "opens",
    "the payload holds values under the data key that version 1 cannot wrap anew: it may be changed, and neither rotated nor forked",
    content=payload(
        needs=["renew:signing", "renew:identities", "renew:log_keys"],
        projects=[project(**unread)],
        signing=[{"id": OTHER, "public": "ssh-ed25519 AAAA", "created": CREATED, "wrapped": wrapped_under(b"strongroom/v1/signing-key", raw(OTHER))}],
        identities=[{"id": OTHER, "kind": "x25519", "public": "age1example", "wrapped": wrapped_under(b"strongroom/v1/identity", raw(OTHER))}],
        logs=logs,
        log_keys=[{"version": 1, "created": CREATED, "wrapped": wrapped_under(b"strongroom/v1/log-key", u32(1))}],
    ),
    opens=True,
)
first, second = "5b1a0c9e-8f0e-4a57-9f0b-2f6f4d4b7a11", "c3a2f6d4-1d0b-4c8e-8a37-6f1d2e5b9c02"
variant(
    "secrets",
    "opens",
    "two versions of one secret: every operation keeps them, a rotation wraps them anew",
    content=payload(
        secrets=[
            secret(first, {"password": "one"}, of=OTHER, name="portal", project=PROJECT, kind="login", user="ada", urls=["https://portal.example"], tags=["client"], made=CREATED),
            secret(second, {}, of=OTHER, after=[first], name="portal", made="2026-11-22T08:30:00Z", removed=True),
        ]
    ),
    opens=True,
)
log = {"enrolment": OTHER, "count": 318, "tip": b64(hashlib.sha256(b"record 318").digest()), "gaps": 0}
write("anchor-with-log", "opens", "the anchor holds the end of an access log: every write of an anchor keeps it", "opens.txt", ITEM, anchor(opens_digest, log=log), opens=True)

KIT = "6f3b9c52-71d4-4a0e-9c35-2b8de0f4a917"
KIT_SECRET = bytes(range(32))
recovery = b"strongroom/v1/recovery" + raw(VAULT) + raw(DATA_KEY_ID) + raw(KIT)
kit = {"kind": "kit", "id": KIT, "number": 1, "created": CREATED, "wrapped": b64(seal(KIT_SECRET, recovery, DATA_KEY))}
member = {"kind": "member", "id": OTHER, "wrapped": "AAAA"}
variant(
    "slots",
    "opens",
    "a recovery kit, 1-BS, and a way in of a kind that version 1 does not know: that is kept, and the data key not rotated",
    head=header(slots=[member, kit]),
    content=payload(kits=[{"id": KIT, "number": 1, "created": CREATED}]),
    opens=True,
    **{"kit-secret": KIT_SECRET.hex()},
)
variant("slot-unknown-member", "damaged", "a kit's slot has a member that version 1 does not know", head=header(slots=[kit | {"later": 1}]))

revisions = unread["engagement"]["revisions"]
variant(
    "revision-twice",
    "damaged",
    "two revisions of an engagement have the same id",
    content=payload(projects=[project(engagement={"revisions": revisions + revisions})]),
)
variant(
    "engagement-no-day",
    "damaged",
    "an engagement ends on a day that the calendar does not have",
    content=payload(projects=[project(engagement={"revisions": [revisions[0] | {"set": {"ends": "2027-02-29"}}]})]),
)
