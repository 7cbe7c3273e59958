//! Another implementation reads what we write and the reverse: Python's `cryptography` for the construction and the
//! sealed file, the C reference for Argon2id.
#![cfg(all(target_os = "linux", feature = "cli"))]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};
use strongroom::crypto::bulk::BulkCipher;
use strongroom::crypto::cobblestone::{self, CHUNK_LIMIT, OpenError};

use crate::support::home::Home;
use crate::support::python::python;

/// The other implementation, asked line by line.
struct Other {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Other {
    fn start() -> Self {
        let mut child = python("tests/python/seal_and_open.py")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python with cryptography");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    fn ask(&mut self, request: &Value) -> String {
        writeln!(self.input, "{request}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        assert!(!answer.is_empty(), "the other implementation ended");
        answer.trim_end().to_owned()
    }

    fn message(&mut self, verb: &str, key: &[u8; 32], context: &[u8], bytes: &[u8]) -> String {
        let [key, context, bytes] = [&key[..], context, bytes].map(hex::encode);
        self.ask(&json!({"do": verb, "key": key, "context": context, "bytes": bytes}))
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn python_opens_what_we_seal_and_we_open_what_python_seals() {
    let mut other = Other::start();
    let key = [0x5a; 32];
    for length in [0, 1, 31, 32, 255, 16383, 16384, 16385, 32767, 32768, 50000] {
        for context in [&b""[..], b"strongroom/v1/data-key", &[0; 200]] {
            let plaintext: Vec<u8> = (0..length).map(|i| (i % 253) as u8).collect();
            let ours = cobblestone::seal(&key, &[context], &plaintext).unwrap();
            assert!(other.message("open", &key, context, &ours) == hex::encode(&plaintext), "length {length}");
            let theirs = hex::decode(other.message("seal", &key, context, &plaintext)).unwrap();
            assert_eq!(theirs.len(), ours.len());
            assert!(cobblestone::open(&key, &[context], &theirs).unwrap()[..] == plaintext[..], "length {length}");
        }
    }
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn both_refuse_the_same_alterations() {
    let mut other = Other::start();
    let key = [0x5a; 32];
    let message = cobblestone::seal(&key, &[b"c"], &[7; 20000]).unwrap();
    let mut altered: Vec<(Vec<u8>, &[u8])> = Vec::new();
    for at in [0, 23, 24, 55, 56, 16455, 16456, message.len() - 1] {
        let mut bytes = message.clone();
        bytes[at] ^= 1;
        altered.push((bytes, b"c"));
    }
    for length in [0, 55, 56, 71, 16455, 16456, 16471, message.len() - 1] {
        altered.push((message[..length].to_vec(), b"c"));
    }
    altered.push((message.clone(), b"d"));
    for (bytes, context) in altered {
        assert_eq!(other.message("open", &key, context, &bytes), "refused", "{} bytes", bytes.len());
        assert!(cobblestone::open(&key, &[context], &bytes).is_err());
    }
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn chunks_far_into_a_message_are_those_that_python_seals_at_their_nonces() {
    let mut other = Other::start();
    let (key, salt, context) = ([0xa5; 32], [0x3c; 24], &b"far"[..]);
    let (cipher, _) = BulkCipher::derive(&key, &salt, &[context]);
    let borders = [1 << 8, 1 << 16, 1 << 31, 1 << 32, 1 << 33, CHUNK_LIMIT - 2];
    let numbers = [0, 1].into_iter().chain(borders.into_iter().flat_map(|number: u64| number - 1..=number + 1));
    for number in numbers {
        for length in [0, 1, 16383, 16384] {
            let mut chunk = vec![number as u8; length];
            let request = json!({
                "do": "chunk",
                "key": hex::encode(key),
                "context": hex::encode(context),
                "salt": hex::encode(salt),
                "number": number,
                "bytes": hex::encode(&chunk),
            });
            let mut theirs = hex::decode(other.ask(&request)).unwrap();
            let plain = chunk.clone();
            let tag = cipher.seal_chunk(number, &mut chunk).unwrap();
            chunk.extend_from_slice(&tag);
            assert!(chunk == theirs, "chunk {number} of {length} bytes");
            assert!(cipher.open_chunk(number, &mut theirs.clone()).unwrap() == plain, "chunk {number}");
            assert_eq!(cipher.open_chunk(number ^ 1, &mut theirs).unwrap_err(), OpenError::Chunk(number ^ 1));
        }
    }
    assert_eq!(cipher.seal_chunk(CHUNK_LIMIT, &mut [0; 4]).unwrap_err(), OpenError::TooLong);
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn the_c_reference_derives_the_same_key() {
    let output = python("tests/python/argon2_vector.py").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"argon2id: the C reference agrees\n");
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn other_libraries_make_the_same_export_under_a_password() {
    let output = python("tests/python/bitwarden_export.py").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"exports under a password: hashlib, Argon2 and OpenSSL agree\n");
}

#[test]
#[ignore = "needs Python: run ./test"]
fn python_computes_the_same_list_digests() {
    let output = python("tests/python/list_digest.py").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "list digests: 10 vectors hold\n");
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn python_opens_files_as_their_recipient() {
    let output = python("tests/python/open_as_recipient.py").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"recipients: 5 vectors open\n");
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn python_finds_the_header_as_the_format_says() {
    let home = Home::with_project();
    home.write("clients.csv", "id,name\n");
    home.succeeds("encrypt --project acme clients.csv --password-file pw");
    let key = home.succeeds("key show acme --format hex --password-file pw").stdout;
    let sealed = fs::read(home.path("clients.csv.sealed")).unwrap();
    let key = std::str::from_utf8(&key).unwrap().trim();
    let request = json!({"do": "header", "key": key, "bytes": hex::encode(sealed)});
    let metadata: Value = serde_json::from_str(&Other::start().ask(&request)).unwrap();
    assert_eq!(metadata["name"], "clients.csv");
    let modified = metadata["modified"].as_str().unwrap();
    assert_eq!((modified.len(), &modified[19..]), (20, "Z"));
    assert!(metadata["mode"].is_u64());
}
