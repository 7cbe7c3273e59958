// Opens a file that Strongroom encrypted, with what Node.js (18 or newer) has built in and nothing of Strongroom's.
//
//     strongroom key show acme | node open.mjs clients.csv.sealed clients.csv
//
// Several keys may be given, one a line. The output file stays only if every byte has proven authentic.
import { createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { text } from "node:stream/consumers";

const [CHUNK, TAG, MAGIC] = [16384, 16, Buffer.from("8953524d0d0a1a0a", "hex")];

const hmac = (hash, key, ...parts) => parts.reduce((mac, part) => mac.update(part), createHmac(hash, key)).digest();

// HKDF-Expand (RFC 5869 section 2.3), for at most 128 bytes. Node's own hkdf does Extract, too, which gives other keys.
function expand(key, info, length) {
  const first = hmac("sha512", key, info, Buffer.of(1));
  return Buffer.concat([first, hmac("sha512", key, first, info, Buffer.of(2))]).subarray(0, length);
}

// Yields the plaintext of a message, the final chunk first: it proves the length. `read` is a function of a position and
// a length. Nothing is yielded of a chunk whose tag does not hold.
function* openMessage(key, context, length, read) {
  const last = Math.floor((length - 56) / (CHUNK + TAG));
  const rest = (length - 56) % (CHUNK + TAG);
  if (length < 56 || rest < TAG) throw new Error("was cut");
  const label = Buffer.from("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0");
  const okm = expand(key, Buffer.concat([label, read(0, 24), context]), 76);
  if (!timingSafeEqual(okm.subarray(44), read(24, 32))) throw new Error("is under another key");
  function chunk(number, size) {
    const nonce = Buffer.from(okm.subarray(32, 44));
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ BigInt(number), 4);
    const sealed = read(56 + number * (CHUNK + TAG), size);
    // Without the length of the tag, Node takes one of 4 bytes for enough.
    const cipher = createDecipheriv("aes-256-gcm", okm.subarray(0, 32), nonce, { authTagLength: TAG });
    cipher.setAuthTag(sealed.subarray(-TAG));
    const plain = cipher.update(sealed.subarray(0, -TAG));
    try {
      cipher.final();
    } catch {
      throw new Error("was altered or cut");
    }
    return plain;
  }
  yield chunk(last, rest);
  for (let number = 0; number < last; number++) yield chunk(number, CHUNK + TAG);
}

// Returns the prelude, the content key and where the body begins. Either of the two equal header blocks will do.
function readHeader(size, read, fileKeys) {
  let failure = "is not a sealed file";
  for (let offset = 0; offset <= Math.min(61440, size - 4096); offset += 4096) {
    const start = read(offset, 44);
    const length = start.readUInt16BE(10);
    if (!start.subarray(0, 8).equals(MAGIC) || (offset !== 0 && offset !== length)) continue;
    failure = "was altered or cut, or is of a newer format";
    // Version 1, suite 1, no flags: what else there is, this program does not know.
    if (length < 4096 || offset + length > size || start.readUInt16BE(8) !== 0x0101 || start.readUInt32BE(12)) continue;
    failure = "was sealed for a recipient's key, and not for a project";
    if (start.readUInt32BE(40) !== 0x01000068) continue;
    failure = "opens with none of the keys given, or was altered";
    const block = read(offset, length);
    const [prelude, stanza] = [block.subarray(0, 32), block.subarray(44, 148)];
    const context = Buffer.concat([Buffer.from("strongroom/v1/content-key"), prelude]);
    for (const fileKey of fileKeys) {
      let contentKey;
      try {
        [contentKey] = openMessage(fileKey, context, 104, (at, size) => stanza.subarray(at, at + size));
      } catch {
        continue;
      }
      const macKey = expand(contentKey, Buffer.from("strongroom/v1/header-mac"), 32);
      const mac = hmac("sha256", macKey, block.subarray(0, -32));
      if (timingSafeEqual(mac, block.subarray(-32))) return { prelude, contentKey, body: 2 * length };
    }
  }
  throw new Error(failure);
}

const [sealedPath, outputPath] = process.argv.slice(2);
const fileKeys = (await text(process.stdin)).split("\n").filter(Boolean).map((line) => Buffer.from(line, "base64"));

function read(sealed, at, length) {
  const bytes = Buffer.alloc(length);
  for (let got = 0, n; got < length; got += n) {
    n = readSync(sealed, bytes, got, length - got, at + got);
    if (n === 0) throw new Error("became shorter");
  }
  return bytes;
}

// A write may take less than it is given.
function write(file, bytes, at) {
  for (let put = 0; put < bytes.length; ) put += writeSync(file, bytes, put, bytes.length - put, at + put);
}

let output;
try {
  const sealed = openSync(sealedPath);
  const size = fstatSync(sealed).size;
  const { prelude, contentKey, body } = readHeader(size, (at, length) => read(sealed, at, length), fileKeys);
  const chunks = openMessage(contentKey, prelude, size - body, (at, length) => read(sealed, body + at, length));
  const last = chunks.next().value;
  output = openSync(outputPath, "wx", 0o600);
  let at = 0;
  for (const chunk of chunks) {
    write(output, chunk, at);
    at += chunk.length;
  }
  write(output, last, at);
  closeSync(output);
} catch (error) {
  if (output !== undefined) unlinkSync(outputPath);
  console.error(`${sealedPath}: ${error.message}`);
  process.exit(1);
}
