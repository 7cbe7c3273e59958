"""Encrypts one text in the ways of people's scripts, with the packages that they use. Prints a JSON array of the cases."""

import base64
import hashlib
import json
import io
import os
import pty
import struct
import subprocess
import sys

import pyAesCrypt
from argon2 import PasswordHasher
from Cryptodome.Cipher import AES
from Cryptodome.Hash import HMAC, SHA1, SHA256, SHA512
from Cryptodome.Protocol.KDF import PBKDF2, scrypt
from Cryptodome.Util.Padding import pad
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

os.chdir(sys.argv[1])
PLAIN = b"name,balance\r\n" + b"".join(b"client %d,%d \xc3\xa9\n" % (n, n * n) for n in range(4000))
PASSWORD = "pass w\u00f6rd"
KEY, MAC, SALT = os.urandom(32), os.urandom(16), os.urandom(16)
cases = []


def write(name, content):
    with open(name, "wb") as file:
        file.write(content)


def case(name, content, flags, secret, proof):
    """`secret` is the flag of the old secret, `proof` what is said to prove it."""
    write(name, content)
    cases.append({"file": name, "flags": flags, "secret": secret, "proof": proof})


write("plain", PLAIN)
write("old", (PASSWORD + "\n").encode())
write("key", KEY)
write("key.hex", KEY.hex().encode() + b"\n")
write("mac", MAC)
write("salt", SALT)
pw, raw = "--old-password-file old", "--old-key-file key"
salt = "--salt-hex " + SALT.hex()


def cbc(key, data=PLAIN):
    cipher = AES.new(key, AES.MODE_CBC)
    return cipher.iv + cipher.encrypt(pad(data, 16))


# The first of the two scripts: the text that argon2 returned is the key, and somebody has stored it with a line feed.
phc = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
write("phc", phc.encode())
write("phc.crlf", b"\xef\xbb\xbf" + phc.encode() + b"\r\n")
sealed = cbc(hashlib.sha256(phc.encode()).digest())
case("argon2", sealed, "--scheme argon2-phc", "--phc-file phc", "content")
case("argon2-crlf", sealed, "", "--phc-file phc.crlf", "content")
with_line_end = cbc(hashlib.sha256(phc.encode() + b"\n").digest())
case("argon2-lf", with_line_end, "--scheme argon2-phc", "--phc-file phc", "content")

# The second: PyCryptodome's PBKDF2 as it is, with the password as a str, and the key stored beside.
old = PBKDF2(PASSWORD, SALT, dkLen=32)
write("key.bin", old)
case("pbkdf2-old", cbc(old), f"--scheme pbkdf2 --preset pycryptodome-3 {salt}", pw, "content")
case("pbkdf2-key", cbc(old), "--scheme raw-key", "--old-key-file key.bin", "content")
for name, module in {"sha1": SHA1, "sha256": SHA256, "sha512": SHA512}.items():
    key = PBKDF2(PASSWORD.encode(), SALT, 32, count=2000, hmac_hash_module=module)
    case(f"pbkdf2-{name}", SALT + cbc(key), "--scheme pbkdf2 --iterations 2000 --salt-in-file 16", pw, "content")
key = PBKDF2(PASSWORD.encode(), SALT, 16, count=2000, hmac_hash_module=SHA256)
flags = "--scheme pbkdf2 --iterations 2000 --hash sha256 --key-length 16 --salt-file salt"
case("pbkdf2-128", cbc(key), flags, pw, "content")
key = PBKDF2HMAC(hashes.SHA256(), 32, SALT, 3000).derive(PASSWORD.encode())
nonce = os.urandom(12)
flags = "--scheme pbkdf2 --iterations 3000 --mode gcm --salt-in-file 16"
case("pbkdf2-gcm", SALT + nonce + AESGCM(key).encrypt(nonce, PLAIN, None), flags, pw, "tag")
key = scrypt(PASSWORD, SALT, 32, N=2**12, r=8, p=1)
case("scrypt", SALT + cbc(key), "--scheme scrypt --scrypt 4096,8,1 --salt-in-file 16", pw, "content")

# Stack Overflow 12524994.
case("sha256", base64.b64encode(cbc(hashlib.sha256(PASSWORD.encode()).digest())), "--scheme sha256-password", pw, "content")

# Keys in files.
case("cbc", cbc(KEY), "--scheme raw-key", raw, "content")
case("cbc-hex", cbc(KEY), "--scheme raw-key", "--old-key-file key.hex", "content")
cipher = AES.new(KEY, AES.MODE_CBC)
case("cbc-apart", cipher.encrypt(pad(PLAIN, 16)), f"--scheme raw-key --iv-hex {cipher.iv.hex()}", raw, "content")
cipher = AES.new(KEY, AES.MODE_CBC)
case("cbc-last", cipher.encrypt(pad(PLAIN, 16)) + cipher.iv, "--scheme raw-key --layout ciphertext,iv16", raw, "content")
# Eli Bendersky's encrypt_file, as it stands in public files by the dozen.
cipher = AES.new(KEY, AES.MODE_CBC)
blanks = PLAIN + b" " * (-len(PLAIN) % 16)
case("bendersky", struct.pack("<Q", len(PLAIN)) + cipher.iv + cipher.encrypt(blanks), "--scheme raw-key", raw, "content")
cipher = AES.new(KEY, AES.MODE_CBC)
zeros = PLAIN + b"\0" * (-len(PLAIN) % 16)
case("cbc-zeros", cipher.iv + cipher.encrypt(zeros), "--scheme raw-key --padding zero", raw, "content")
cipher = AES.new(KEY, AES.MODE_CTR)
case("ctr", cipher.nonce + cipher.encrypt(PLAIN), "--scheme raw-key --mode ctr", raw, "content")
cipher = AES.new(KEY, AES.MODE_CTR, nonce=b"", initial_value=SALT)
case("ctr-iv", SALT + cipher.encrypt(PLAIN), "--scheme raw-key --mode ctr", raw, "content")
cipher = AES.new(KEY, AES.MODE_CTR)
body = cipher.nonce + cipher.encrypt(PLAIN)
tag = HMAC.new(MAC, body, SHA256).digest()
case("ctr-hmac", tag + body, "--scheme raw-key --mode ctr-hmac --hmac-key-file mac", raw, "content")
cipher = AES.new(KEY, AES.MODE_CFB)
case("cfb8", cipher.iv + cipher.encrypt(PLAIN), "--scheme raw-key --mode cfb8", raw, "content")
for mode, name in (AES.MODE_GCM, "gcm"), (AES.MODE_EAX, "eax"), (AES.MODE_OCB, "ocb"):
    cipher = AES.new(KEY, mode)
    body, tag = cipher.encrypt_and_digest(PLAIN)
    first = tag + cipher.nonce if name == "ocb" else cipher.nonce + tag
    case(name, first + body, f"--scheme raw-key --mode {name}", raw, "tag")
    cipher = AES.new(KEY, mode)
    cipher.update(b"header")
    body, tag = cipher.encrypt_and_digest(PLAIN)
    layout = f"tag16,nonce{len(cipher.nonce)},ciphertext"
    flags = f"--scheme raw-key --mode {name} --layout {layout} --aad-hex {b'header'.hex()}"
    case(f"{name}-aad", tag + cipher.nonce + body, flags, raw, "tag")
    parts = {"nonce": cipher.nonce, "header": b"header", "ciphertext": body, "tag": tag}
    text = json.dumps({name: base64.b64encode(part).decode() for name, part in parts.items()})
    case(f"{name}-json", text.encode(), f"--scheme raw-key --mode {name}", raw, "tag")
nonce = os.urandom(12)
case("gcm-cryptography", nonce + AESGCM(KEY).encrypt(nonce, PLAIN, None), "--scheme raw-key --mode gcm", raw, "tag")

# Fernet.
key = Fernet.generate_key()
write("fernet.key", key)
case("fernet", Fernet(key).encrypt(PLAIN), "", "--old-key-file fernet.key", "tag")
for times in 390_000, 480_000:
    key = base64.urlsafe_b64encode(PBKDF2HMAC(hashes.SHA256(), 32, SALT, times).derive(PASSWORD.encode()))
    case(f"fernet-{times}", Fernet(key).encrypt(PLAIN), f"--scheme fernet {salt}", pw, "tag")
key = base64.urlsafe_b64encode(hashlib.sha256(PASSWORD.encode()).digest())
case("fernet-sha256", Fernet(key).encrypt(PLAIN), "--scheme fernet", pw, "tag")
key = base64.urlsafe_b64encode(PBKDF2HMAC(hashes.SHA256(), 32, SALT, 2000).derive(PASSWORD.encode()))
flags = "--scheme fernet --iterations 2000 --salt-in-file 16"
case("fernet-salt", SALT + Fernet(key).encrypt(PLAIN), flags, pw, "tag")

# AES Crypt: pyAesCrypt writes version 2; version 3 as https://www.aescrypt.com/aes_stream_format.html has it.
written = io.BytesIO()
pyAesCrypt.encryptStream(io.BytesIO(PLAIN), written, PASSWORD)
case("aescrypt", written.getvalue(), "", pw, "tag")
iv, session = os.urandom(16), os.urandom(48)
key = PBKDF2HMAC(hashes.SHA512(), 32, iv, 1000).derive(PASSWORD.encode())
wrapped = AES.new(key, AES.MODE_CBC, iv).encrypt(session)
body = AES.new(session[16:], AES.MODE_CBC, session[:16]).encrypt(pad(PLAIN, 16))
extension = b"CREATED_BY\0a test"
header = b"AES\3\0" + struct.pack(">H", len(extension)) + extension + b"\0\0" + struct.pack(">I", 1000) + iv + wrapped
macs = HMAC.new(key, wrapped + b"\3", SHA256).digest(), HMAC.new(session[16:], body, SHA256).digest()
case("aescrypt-3", header + macs[0] + body + macs[1], "", pw, "tag")


# age: the program for identities, in both of its forms, and once with a passphrase, which it takes from a terminal alone.
def recipient_of(name):
    subprocess.run(["age-keygen", "-o", name], check=True, stderr=subprocess.DEVNULL)
    return subprocess.run(["age-keygen", "-y", name], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


recipient = recipient_of("identity")
recipient_of("wrong-identity")
for name, flags in ("age", []), ("age-armored", ["--armor"]), ("age-two", ["--recipient", recipient_of("third")]):
    made = subprocess.run(["age", *flags, "--recipient", recipient], check=True, input=PLAIN, stdout=subprocess.PIPE)
    case(name, made.stdout, "", "--identity-file identity", "tag")


def typed(*command):
    """Runs a program that asks twice for a passphrase at its terminal."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    os.write(terminal, (PASSWORD + "\n").encode() * 2)
    try:
        while os.read(terminal, 1024):
            pass
    except OSError:
        pass
    assert os.waitpid(child, 0)[1] == 0, command


typed("age", "--passphrase", "--output", "age-passphrase", "plain")
with open("age-passphrase", "rb") as file:
    case("age-passphrase", file.read(), "", pw, "tag")


def hkdf(key, salt, info):
    return HKDF(hashes.SHA256(), 32, salt, info).derive(key)


# The same by https://age-encryption.org/v1, at a cost that a test can pay often.
file_key, nonce = os.urandom(16), os.urandom(16)
label = b"age-encryption.org/v1/scrypt"
wrapped = ChaCha20Poly1305(hashlib.scrypt(PASSWORD.encode(), salt=label + SALT, n=2, r=8, p=1, dklen=32)).encrypt(bytes(12), file_key, None)
unpadded = lambda data: base64.b64encode(data).rstrip(b"=")
header = b"age-encryption.org/v1\n-> scrypt " + unpadded(SALT) + b" 1\n" + unpadded(wrapped) + b"\n---"
mac = hmac.HMAC(hkdf(file_key, b"", b"header"), hashes.SHA256())
mac.update(header)
stream = ChaCha20Poly1305(hkdf(file_key, nonce, b"payload"))
chunks = [PLAIN[at : at + 65536] for at in range(0, len(PLAIN), 65536)]
body = b"".join(stream.encrypt(struct.pack(">3xQB", at, at == len(chunks) - 1), chunk, None) for at, chunk in enumerate(chunks))
case("age-scrypt", header + b" " + unpadded(mac.finalize()) + b"\n" + nonce + body, "", pw, "tag")

json.dump(cases, sys.stdout)
