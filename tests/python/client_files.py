"""Makes files with a password as clients send them, with the programs that make such files. Prints a JSON array of them.

Of Office's encryption, msoffcrypto-tool makes one kind alone. The others are made here by [MS-OFFCRYPTO], and
msoffcrypto-tool has to open them before they count.
"""

import base64
import hashlib
import hmac
import io
import json
import os
import struct
import subprocess
import sys
import zipfile

import msoffcrypto
import pyzipper
from Cryptodome.Cipher import AES
from msoffcrypto.format.ooxml import OOXMLFile
from msoffcrypto.method.container.ecma376_encrypted import ECMA376Encrypted

os.chdir(sys.argv[1])
PASSWORD = "pass w\u00f6rd \u0436 \U0001f511"
TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
cases = []
# The members of each archive.
archives = {}


def write(name, content):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "wb") as file:
        file.write(content)


def workbook(rows):
    """A ZIP file with the parts of a workbook; `rows` bytes of it cannot be compressed."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as parts:
        parts.writestr("[Content_Types].xml", TYPES)
        parts.writestr("xl/worksheets/sheet1.xml", os.urandom(rows))
    return made.getvalue()


def padded(data, to=16):
    return data + bytes(-len(data) % to)


def cbc(key, iv, data):
    return AES.new(key, AES.MODE_CBC, iv).encrypt(padded(data))


def fitted(digest, length):
    return digest[:length].ljust(length, b"\x36")


def spun(name, salt, rounds):
    digest = hashlib.new(name, salt + PASSWORD.encode("utf-16-le")).digest()
    for number in range(rounds):
        digest = hashlib.new(name, struct.pack("<I", number) + digest).digest()
    return digest


def agile(data, name, bits, rounds=1000, has_integrity=True, said_rounds=None):
    """[MS-OFFCRYPTO], 2.3.4.10 to 2.3.4.15."""
    size, length = hashlib.new(name).digest_size, bits // 8
    salt, data_salt, key, verifier, mac = (os.urandom(n) for n in (16, 16, length, 16, size))
    digest = spun(name, salt, rounds)

    def under_password(which, value):
        block_key = bytes.fromhex(which)
        return cbc(fitted(hashlib.new(name, digest + block_key).digest(), length), salt, value)

    def under_key(which, value):
        return cbc(key, fitted(hashlib.new(name, data_salt + which).digest(), 16), value)

    package = struct.pack("<Q", len(data))
    for number in range(0, -(-len(data) // 4096)):
        package += under_key(struct.pack("<I", number), data[number * 4096 : (number + 1) * 4096])
    text = lambda value: base64.b64encode(value).decode()
    common = f'saltSize="16" blockSize="16" keyBits="{bits}" hashSize="{size}" cipherAlgorithm="AES" '
    common += f'cipherChaining="ChainingModeCBC" hashAlgorithm="{name.upper()}"'
    integrity = ""
    if has_integrity:
        value = hmac.new(mac, package, name).digest()
        integrity = f'<dataIntegrity encryptedHmacKey="{text(under_key(bytes.fromhex("5fb2ad010cb9e1f6"), mac))}" '
        integrity += f'encryptedHmacValue="{text(under_key(bytes.fromhex("a0677f02b22c8433"), value))}"/>'
    xml = f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<encryption xmlns="http://schemas.microsoft.com/office/2006/encryption"
 xmlns:p="http://schemas.microsoft.com/office/2006/keyEncryptor/password"><keyData {common}
 saltValue="{text(data_salt)}"/>{integrity}<keyEncryptors><keyEncryptor
 uri="http://schemas.microsoft.com/office/2006/keyEncryptor/password"><p:encryptedKey spinCount="{said_rounds or rounds}" {common}
 saltValue="{text(salt)}" encryptedVerifierHashInput="{text(under_password("fea7d2763b4b9e79", verifier))}"
 encryptedVerifierHashValue="{text(under_password("d7aa0f6d3061344e", hashlib.new(name, verifier).digest()))}"
 encryptedKeyValue="{text(under_password("146e0be7abacd0d6", key))}"/></keyEncryptor></keyEncryptors></encryption>"""
    return contained(package, struct.pack("<HHI", 4, 4, 0x40) + xml.encode())


def standard(data, bits):
    """[MS-OFFCRYPTO], 2.3.4.4 to 2.3.4.9."""
    salt, verifier = os.urandom(16), os.urandom(16)
    last = hashlib.sha1(spun("sha1", salt, 50_000) + bytes(4)).digest()
    half = lambda filling: hashlib.sha1(bytes(a ^ b for a, b in zip(bytes([filling] * 64), last.ljust(64, b"\0")))).digest()
    cipher = AES.new((half(0x36) + half(0x5C))[: bits // 8], AES.MODE_ECB)
    name = "Microsoft Enhanced RSA and AES Cryptographic Provider\0".encode("utf-16-le")
    algorithm = {128: 0x660E, 192: 0x660F, 256: 0x6610}[bits]
    header = struct.pack("<8I", 0x24, 0, algorithm, 0x8004, bits, 0x18, 0, 0) + name
    info = struct.pack("<HHII", 4, 2, 0x24, len(header)) + header + struct.pack("<I", 16) + salt
    info += cipher.encrypt(verifier) + struct.pack("<I", 20) + cipher.encrypt(padded(hashlib.sha1(verifier).digest()))
    return contained(struct.pack("<Q", len(data)) + cipher.encrypt(padded(data)), info)


def contained(package, info):
    made = io.BytesIO()
    ECMA376Encrypted(package, info).write_to(made)
    return made.getvalue()


def office(name, plain, encrypted):
    opened = io.BytesIO()
    file = msoffcrypto.OfficeFile(io.BytesIO(encrypted))
    # It compares the verifier of SHA-1 with what fills up its last block.
    file.load_key(password=PASSWORD, verify_password="sha1" not in name)
    file.decrypt(opened)
    assert opened.getvalue() == plain, name
    write(name, encrypted)
    write("plain-" + name, plain)
    cases.append(name)


write("old", (PASSWORD + "\n").encode())
for name, rows in ("clients.xlsx", 9_000), ("large.docx", 3_000_001):
    plain, made = workbook(rows), io.BytesIO()
    OOXMLFile(io.BytesIO(plain)).encrypt(PASSWORD, made)
    office(name, plain, made.getvalue())
for name, bits in ("sha1", 128), ("sha256", 256), ("sha384", 256), ("sha512", 128):
    plain = workbook(5_000)
    office(f"agile-{name}-{bits}.xlsx", plain, agile(plain, name, bits))
for bits in 128, 192, 256:
    plain = workbook(1_200_000)
    office(f"standard-{bits}.pptx", plain, standard(plain, bits))
plain = workbook(5_000)
write("no-integrity.xlsx", agile(plain, "sha512", 256, has_integrity=False))
write("hostile-rounds.xlsx", agile(plain, "sha512", 256, rounds=1, said_rounds=1 << 32))
write("unencrypted.xlsx", plain)


# Archives. Info-ZIP, and 7-Zip for ZIP files, take passwords of ASCII alone.
PLAIN_PASSWORD = "pass word"
write("old-ascii", (PLAIN_PASSWORD + "\n").encode())
members = {
    "clients.csv": b"name,balance\n" + b"".join(b"client %d,%d\n" % (n, n * n) for n in range(20_000)),
    "invoices/2026/\u0416 \u00fc.bin": os.urandom(100_000),
    "invoices/empty": b"",
}
for name, content in members.items():
    write("members/" + name, content)
write("members-public/read me.txt", b"not encrypted\n")


def pyzipped(archive, content, bits, password, mode="w", compression=pyzipper.ZIP_DEFLATED, ae1=False):
    with pyzipper.AESZipFile(archive, mode, compression=compression) as file:
        if password:
            version = {"force_wz_aes_version": 1} if ae1 else {}
            file.setpassword(password.encode())
            file.setencryption(pyzipper.WZ_AES, nbits=bits, **version)
        for name, bytes in content.items():
            file.writestr(name, bytes)


def archive(name, password="old", others={}):
    archives[name] = {"password": password, "members": sorted([*members, *others])}


for bits in 128, 192, 256:
    pyzipped(f"aes-{bits}.zip", members, bits, PASSWORD)
    archive(f"aes-{bits}.zip")
pyzipped("ae1.zip", members, 256, PASSWORD, ae1=True)
archive("ae1.zip")
pyzipped("stored.zip", members, 256, PASSWORD, compression=pyzipper.ZIP_STORED)
archive("stored.zip")
pyzipped("mixed.zip", members, 256, PASSWORD)
pyzipped("mixed.zip", {"read me.txt": b"not encrypted\n"}, 0, None, mode="a")
archive("mixed.zip", others={"read me.txt"})
pyzipped("unencrypted.zip", members, 0, None)


def made_by(*command):
    output = subprocess.run(command, cwd="members", stdin=subprocess.DEVNULL, capture_output=True)
    assert output.returncode == 0, output.stderr + output.stdout


made_by("zip", "-q", "-r", "-P", PLAIN_PASSWORD, "../zipcrypto.zip", ".")
archive("zipcrypto.zip", password="old-ascii")
made_by("7zz", "a", "-tzip", f"-p{PLAIN_PASSWORD}", "-mem=AES256", "../by-7z.zip", ".")
archive("by-7z.zip", password="old-ascii")
made_by("7zz", "a", "-t7z", f"-p{PASSWORD}", "../names-shown.7z", ".")
archive("names-shown.7z")
made_by("7zz", "a", "-t7z", f"-p{PASSWORD}", "-mhe=on", "../names-hidden.7z", ".")
archive("names-hidden.7z")
made_by("7zz", "a", "-t7z", f"-p{PASSWORD}", "-ms=off", "-m0=Copy", "../not-solid.7z", ".")
archive("not-solid.7z")
made_by("7zz", "a", "-t7z", "../unencrypted.7z", ".")
write("encrypted.pdf", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<</Root 1 0 R/Encrypt 2 0 R>>\n%%EOF\n")

json.dump({"office": cases, "archives": archives}, sys.stdout)
