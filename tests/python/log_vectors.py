"""Writes the vectors of tests/vectors/log anew, and the vault of tests/vectors/vault whose access log they are.

Made from docs/format.md, section 13, and with the AES-GCM of Python's cryptography, as the vectors of vaults are, which
this writes anew as well: the program's own code has no part in it.
"""

import base64
import hashlib
import json
import pathlib

import vault_vectors as vaults
from vault_vectors import b64, compact, raw, seal, u32

FOLDER = pathlib.Path(__file__).parent.parent / "vectors/log"
LOG_KEY = hashlib.sha256(b"log key").digest()
LATER_KEY = hashlib.sha256(b"later log key").digest()
MAGIC = b"\x89SRL\r\n\x1a\n"
ZEROS = bytes(32)


def u64(number):
    return number.to_bytes(8, "big")


def sealed_length(length):
    return 56 + length + 16 * (length // 16384 + 1)


def record(number, previous, entry, key=LOG_KEY, version=1):
    text = compact({"seq": number, "at": f"2026-11-21T08:31:{number:02}Z"} | entry)
    blocks = -(-(sealed_length(len(text)) + 12) // 512)
    while sealed_length(len(text) + 1) + 12 <= 512 * blocks:
        text += b" "
    context = b"strongroom/v1/log" + raw(vaults.VAULT) + raw(vaults.ENROLMENT) + u64(number) + previous
    sealed = seal(key, context, text)
    front = u32(len(sealed)) + u32(version) + sealed
    return front + bytes(512 * blocks - 4 - len(front)) + u32(blocks)


def segment(number, previous, *entries):
    """Returns a segment's bytes, and the hash of its last record."""
    head = MAGIC + b"\x01" + bytes(7) + raw(vaults.VAULT) + raw(vaults.ENROLMENT) + u64(number) + previous
    made = head + bytes(512 - len(head))
    for entry in entries:
        more = {k: v for k, v in entry.items() if k not in ("key", "version")}
        one = record(number, previous, more, entry.get("key", LOG_KEY), entry.get("version", 1))
        made, previous, number = made + one, hashlib.sha256(one).digest(), number + 1
    return made, previous


who = {"account": "ada", "uid": 1000, "name": "laptop-x1", "pid": 4242, "started": "318", "via": "terminal", "parent": "sh"}
running = {"pid": 4242, "started": "318"}
began = {"phase": "note", "action": "log.began", "tool": "0.4.0"}
begin = {"phase": "begin", "action": "file.open", "projects": [vaults.PROJECT], "key_version": 2, "who": who, "reason": "monthly tables", "what": {"files": 1, "bytes": 41231, "to": "disk", "place": "/home/ada/work"}, "open": [{"seq": 2} | running]}
files = {"phase": "files", "of": 2, "files": [{"file": vaults.OTHER, "project": vaults.PROJECT, "key_version": 2, "size": 41231, "path": "/home/ada/work/a.csv", "edges": b64(hashlib.sha256(b"edges").digest())}], "open": [{"seq": 2} | running], "key": LATER_KEY, "version": 2}
end = {"phase": "end", "of": 2, "outcome": "done", "error": None, "what": {"files": 1}, "later": {"kept": [1, None]}, "key": LATER_KEY, "version": 2}
note = {"phase": "note", "action": "kit.test", "who": who, "what": {"subject": "recovery kit 3-KT"}, "version": 2, "key": LATER_KEY}


def log_key(version, key):
    wrapped = seal(vaults.DATA_KEY, b"strongroom/v1/log-key" + raw(vaults.VAULT) + u32(version), key)
    return {"version": version, "created": vaults.CREATED, "wrapped": b64(wrapped)}


whole, tip = segment(1, ZEROS, began, begin, files, end)
content = vaults.payload(
    needs=["renew:log_keys"],
    log_keys=[log_key(1, LOG_KEY), log_key(2, LATER_KEY)],
    logs=[{"enrolment": vaults.ENROLMENT, "count": 4, "tip": b64(tip)}],
    logging=[{"id": vaults.OTHER, "at": vaults.CREATED, "log": "required", "reason": "required", "why": "the client asks for it"}],
)
logged, digest = vaults.vault(content=content)
vaults.write("logged", "opens", "the vault whose access log is in tests/vectors/log", logged, vaults.ITEM, vaults.anchor(digest), opens=True)


def write(name, expect, comment, *segments, count=4, last=tip, gaps=0, anchored=True, **more):
    log = {"enrolment": vaults.ENROLMENT, "count": count, "tip": b64(last), "gaps": gaps}
    lines = {"expect": expect} | more | {"vault-file": "logged.txt", "comment": comment}
    text = "".join(f"{key}: {value}\n" for key, value in lines.items()) + "\n"
    item = vaults.anchor(digest, **({"log": log} if anchored else {}))
    text += "[anchor]\n" + "".join(item[at : at + 76] + "\n" for at in range(0, len(item), 76))
    for number, content in enumerate(segments, 1):
        encoded = base64.b64encode(content).decode()
        text += f"[segment {number}]\n" + "".join(encoded[at : at + 76] + "\n" for at in range(0, len(encoded), 76))
    (FOLDER / f"{name}.txt").write_text(text)


flipped = bytearray(whole)
flipped[600] ^= 1
def added(number, previous, entry):
    """Returns one more record behind another."""
    return record(number, previous, {k: v for k, v in entry.items() if k not in ("key", "version")}, LATER_KEY, 2)


ahead = whole + added(5, tip, note)
next_segment, next_tip = segment(5, tip, note)
short, short_tip = segment(1, ZEROS, began, begin, files)
gap = {"phase": "note", "action": "log.gap", "who": who, "reason": "the disk failed", "log": {"from": 4, "to": 4, "tip": b64(short_tip), "found": "cut"}, "version": 2, "key": LATER_KEY}
after_gap, gap_tip = segment(5, tip, gap, note)
forgotten = {"phase": "note", "action": "log.forgotten", "who": who, "log": {"to": 4, "tip": b64(tip)}, "version": 2, "key": LATER_KEY}
rest, rest_tip = segment(5, tip, note, forgotten)
moved, moved_tip = segment(1, ZEROS, began, begin, end, files)
records = "1 2 3 4"
write("current", "current", "four entries, under two versions of the log key", whole, records=records)
write("ahead", "ahead", "one entry more than the anchor knows", ahead, records="1 2 3 4 5")
write("two-segments", "current", "the fifth entry is in a segment of its own", whole, next_segment, count=5, last=next_tip, records="1 2 3 4 5")
write("torn", "current", "behind the last entry are 300 bytes of one that was cut short", whole + ahead[len(whole) :][:300], records=records)
write("unrecorded", "unrecorded", "the anchor knows of no log, and the vault vouches for four entries", whole, anchored=False, records=records)
write("gap", "current", "the fourth entry is missing, and that was accepted", short, after_gap, count=6, last=gap_tip, gaps=1, records="1 2 3 5 6")
write("forgotten", "current", "the first segment was deleted on request", rest, count=6, last=rest_tip, records="5 6")
write("cut", "cut", "the fourth entry is missing", short)
write("gone", "cut", "there is no log")
write("rewritten", "rewritten", "four entries that open, and not those that were recorded", moved)
write("damaged", "damaged", "one bit of the first entry is flipped", bytes(flipped))
write("cut-in-front", "cut", "the first segment is missing, and nobody asked for that", next_segment, count=5, last=next_tip)
