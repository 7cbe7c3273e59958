"""Verifies a report or a certificate with nothing of Strongroom's: python3 verify_report.py NEW.json NAME.allowed [OLD.json]

NAME.allowed is the file that came with the contract: one that came with the report proves nothing. OLD.json is an earlier
report that you have kept. Needs ssh-keygen and the Python package cryptography.
"""
import base64, hashlib, json, subprocess, sys
from pathlib import Path
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

def need(holds, what):
    if not holds:
        raise SystemExit(f"REFUSED: {what}")

def sha(data):
    return hashlib.sha256(data).hexdigest()

def once(pairs):
    need(len(dict(pairs)) == len(pairs), "a name stands twice")
    return dict(pairs)

def opened(entry, logs):  # one entry: its record is in the log, and says what the report says
    record, okm = base64.b64decode(entry["record"]), base64.b64decode(entry["okm"])
    log = logs[entry["enrolment"]]
    need(entry["seq"] >= log["from"] and sha(record) == log["records"][entry["seq"] - log["from"]], "a record")
    sealed = record[8 : 8 + int.from_bytes(record[:4], "big")]
    need(len(okm) == 76 and sealed[24:56] == okm[44:], "a record's commitment")
    nonce, text = int.from_bytes(okm[32:44], "big"), b""
    for number, at in enumerate(range(56, len(sealed), 16400)):
        text += AESGCM(okm[:32]).decrypt((nonce ^ number).to_bytes(12, "big"), sealed[at : at + 16400], None)
    need(json.loads(text, object_pairs_hook=once) == entry["json"] and entry["json"]["seq"] == entry["seq"], "an entry")

def verify(path, keys):
    data = Path(path).read_bytes()
    try:
        report = json.loads(data, object_pairs_hook=once)
    except ValueError:
        need(False, "it is not JSON")
    need((report["format"], report["version"]) in (("strongroom-report", 1), ("strongroom-certificate", 1)), "format or version")
    command = ["ssh-keygen", "-Y", "verify", "-f", keys, "-I", report["signed_by"]["identity"], "-n", "strongroom-report"]
    ran = subprocess.run(command + ["-s", f"{path}.sig"], input=data, capture_output=True)
    need(ran.returncode == 0 and report["signed_by"]["fingerprint"].encode() in ran.stdout, "signature")
    shown = lambda digest: " ".join(digest[at : at + 8] for at in range(0, 64, 8)).encode()
    for suffix, own in ((".html", "page_sha256"), ("-annex.html", "annex_sha256")):
        page = Path(path).with_name(report["name"] + suffix)
        need(not page.exists() or sha(page.read_bytes().replace(shown(sha(data)), shown("0" * 64))) == report.get(own), page)
    log = report["log"] or {"enrolments": [], "entries": []}
    logs = {one["id"]: one for one in log["enrolments"]}
    for one in logs.values():
        need(len(one["records"]) == one["to"] - one["from"] + 1 and one["records"][-1] == one["tip"], "a log's end")
    places = [(entry["enrolment"], entry["seq"]) for entry in log["entries"]]
    need(places == sorted(set(places)), "the order of the entries")
    for entry in log["entries"]:
        opened(entry, logs)
    return report, sha(data), logs

def follows(new, old):  # what the earlier report says of the record is the beginning of what this one says
    (now, _, logs), (then, digest, earlier) = new, old
    need(now["format"] == then["format"] == "strongroom-report", "a report follows a report: leave a certificate out")
    need((now["vault"], now["project"]["id"]) == (then["vault"], then["project"]["id"]), "another project")
    need(now["number"] > then["number"] and now["made"] >= then["made"], "an earlier number or time")
    need(now["number"] != then["number"] + 1 or now["previous_sha256"] == digest, "another report came before it")
    for id, one in earlier.items():
        need(id in logs and logs[id]["to"] >= one["to"] and logs[id]["from"] >= one["from"], "a log lost its end")
        for seq in range(logs[id]["from"], one["to"] + 1):
            was, is_now = (log["records"][seq - log["from"]] for log in (one, logs[id]))
            need(was == is_now or (is_now is None and logs[id]["gaps"] > one["gaps"]), f"record {seq} was altered")

if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or any(name.startswith("-") for name in sys.argv):
        raise SystemExit(__doc__)
    new = verify(sys.argv[1], sys.argv[2])
    what = f"report {new[0]['number']}" if "number" in new[0] else f"certificate of destruction {new[0]['destruction']['number']}"
    after = ""
    if len(sys.argv) > 3:
        follows(new, verify(sys.argv[3], sys.argv[2]))
        after = f", which follows {sys.argv[3]}"
    print(f"verified: {what} of {new[0]['project']['name']!r}{after}, SHA-256 {new[1]}")
