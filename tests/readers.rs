//! The examples that open a sealed file in other languages, without Strongroom: each opens what the program has sealed,
//! with the key that `key show` prints, and refuses what was altered, cut or extended.
#![cfg(all(target_os = "linux", feature = "cli"))]

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::format_vectors::Vector;
use crate::support::home::Home;
use crate::support::proof;
use crate::support::python::python;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/readers");
/// How long a header with a project stanza is: two blocks.
const HEADER: usize = 8192;
const SEALED_CHUNK: usize = 16400;

/// The vectors whose header has a form that the format forbids, and a MAC that holds. Whoever has the content key can
/// make such files, and nobody else; the examples prove the MAC and leave out the form.
const FORM: [&str; 8] = [
    "fill-not-zero",
    "metadata-bit-flipped",
    "metadata-name-twice",
    "one-stanza",
    "project-stanza-twice",
    "recipient-empty",
    "stanza-unknown",
    "stanzas-65",
];

/// One example, and a folder in which it works.
struct Reader {
    name: &'static str,
    command: Vec<OsString>,
    folder: TempDir,
    /// What was compiled for it.
    _built: Option<TempDir>,
    /// How many of the cases are skipped for each that is run: starting a program takes longer than its work.
    skipped: usize,
    cases: usize,
    runs: usize,
}

impl Reader {
    fn new(name: &'static str, command: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        let command = command.into_iter().map(Into::into).collect();
        let folder = TempDir::with_prefix("strongroom-reader-").unwrap();
        Self { name, command, folder, _built: None, skipped: 0, cases: 0, runs: 0 }
    }

    /// Tells whether the next case is one of those that are run.
    fn is_due(&mut self) -> bool {
        self.cases += 1;
        self.cases.is_multiple_of(self.skipped + 1)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&mut self, sealed: &[u8], keys: &str) -> Output {
        self.runs += 1;
        fs::write(self.path("in"), sealed).unwrap();
        let mut reader = Command::new(&self.command[0]);
        reader.args(&self.command[1..]).args(["in", "out"]).current_dir(&self.folder);
        let mut child = reader
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the reader starts");
        // What needs no key may have ended.
        let _ = child.stdin.take().unwrap().write_all(keys.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Opens a sealed file and returns the plaintext.
    fn opens(&mut self, sealed: &[u8], keys: &str, what: &str) -> Vec<u8> {
        let output = self.run(sealed, keys);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} of {what}: {said}", self.name);
        assert!(output.stdout.is_empty() && said.is_empty(), "{} of {what}: {said}", self.name);
        assert_eq!(fs::metadata(self.path("out")).unwrap().permissions().mode() & 0o777, 0o600, "{}", self.name);
        let plain = fs::read(self.path("out")).unwrap();
        fs::remove_file(self.path("out")).unwrap();
        plain
    }

    /// Checks that a file is refused in one sentence, and nothing is left of it. Returns the sentence.
    fn refuses(&mut self, sealed: &[u8], keys: &str, what: &str) -> String {
        let output = self.run(sealed, keys);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{} of {what}: {said}", self.name);
        assert!(output.stdout.is_empty(), "{} of {what}", self.name);
        assert!((1..=3).contains(&said.lines().count()), "{} of {what}: {said}", self.name);
        assert!(!["Traceback", "Exception", "panic", "node:"].iter().any(|it| said.contains(it)), "{what}: {said}");
        let left: Vec<_> = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["in"], "{} of {what}", self.name);
        said
    }
}

/// Lets a reader open and refuse whatever there is.
fn check(mut reader: Reader, skipped: usize) {
    reader.skipped = skipped;
    let home = Home::with_project();
    let lengths = [0, 32_768, 50_000, 1_500_000];
    for length in lengths {
        let plain: Vec<u8> = (0..length).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        home.write(length.to_string(), plain);
        home.succeeds(&format!("encrypt --project acme {length} --password-file pw"));
    }
    let show = |version: u8| {
        let shown = home.succeeds(&format!("key show acme --version {version} --password-file pw")).stdout;
        String::from_utf8(shown).unwrap()
    };
    let key = show(1);
    home.succeeds("key rotate acme --password-file pw");
    let newer = show(2);
    for length in lengths {
        let (plain, sealed) = (home.read(length.to_string()), home.read(format!("{length}.sealed")));
        assert!(reader.opens(&sealed, &key, "one key") == plain, "{} of {length} bytes", reader.name);
        assert!(reader.opens(&sealed, &(newer.clone() + &key), "two keys") == plain);
        reader.refuses(&sealed, &newer, "another version's key");
        reader.refuses(&sealed, "", "no key");
        cut(&mut reader, &sealed, &key);
        extended(&mut reader, &sealed, &key);
    }
    let (plain, sealed) = (home.read("50000"), home.read("50000.sealed"));
    flipped(&mut reader, &plain, &sealed, &key);
    let mut swapped = sealed.clone();
    let (first, second) = swapped[HEADER + 56..HEADER + 56 + 2 * SEALED_CHUNK].split_at_mut(SEALED_CHUNK);
    first.swap_with_slice(second);
    reader.refuses(&swapped, &key, "swapped chunks");
    let other = home.read("32768.sealed");
    reader.refuses(&[&sealed[..HEADER], &other[HEADER..]].concat(), &key, "another file's body");
    vectors(&mut reader);
    replaces_nothing(&mut reader, &sealed, &key);
    let what = format!("{} opens, and refuses what was altered, cut or extended", reader.name);
    proof::record(&format!("reader-{}", reader.name), &what, &format!("{} files", reader.runs));
}

fn cut(reader: &mut Reader, sealed: &[u8], key: &str) {
    let whole = (sealed.len() - HEADER - 56) / SEALED_CHUNK * SEALED_CHUNK + HEADER + 56;
    let lengths = [0, 7, 40, 4095, 4096, 4200, HEADER, HEADER + 55, HEADER + 56, HEADER + 71];
    for length in lengths.into_iter().chain([whole, whole + 15, whole + 16, sealed.len() - 16, sealed.len() - 1]) {
        if length < sealed.len() && reader.is_due() {
            reader.refuses(&sealed[..length], key, &format!("{} bytes of {}", length, sealed.len()));
        }
    }
}

fn extended(reader: &mut Reader, sealed: &[u8], key: &str) {
    for more in [1, 16, 100, SEALED_CHUNK, 2 * SEALED_CHUNK] {
        let again = &sealed[sealed.len().saturating_sub(more)..];
        for (more, what) in [(vec![0; more], "zeros"), (again.to_vec(), "bytes again")] {
            if reader.is_due() {
                reader.refuses(&[sealed, &more].concat(), key, &format!("{} {what}", more.len()));
            }
        }
    }
}

fn flipped(reader: &mut Reader, plain: &[u8], sealed: &[u8], key: &str) {
    // Magic, version, suite, block length, flags, file id, sequence; a stanza's head, salt, commitment, key and tag;
    // the metadata; what is zero; the MAC.
    for at in [0, 8, 9, 10, 13, 20, 35, 36, 41, 44, 68, 100, 147, 300, 2000, 4064, 4095] {
        if !reader.is_due() {
            continue;
        }
        let mut altered = sealed.to_vec();
        altered[at] ^= 1;
        let of_one = reader.opens(&altered, key, &format!("block A flipped at {at}"));
        assert!(of_one == plain, "{}: block A flipped at {at}", reader.name);
        altered[4096 + at] ^= 1;
        reader.refuses(&altered, key, &format!("both blocks flipped at {at}"));
    }
    let body = HEADER + 56;
    let at =
        [HEADER, HEADER + 24, HEADER + 55, body, body + 16383, body + 16399, body + SEALED_CHUNK, sealed.len() - 1];
    for at in at.into_iter().filter(|at| *at < sealed.len()) {
        for bit in [1, 0x80] {
            if !reader.is_due() {
                continue;
            }
            let mut altered = sealed.to_vec();
            altered[at] ^= bit;
            reader.refuses(&altered, key, &format!("flipped at {at} of {}", sealed.len()));
        }
    }
}

/// Runs the vectors of the format.
fn vectors(reader: &mut Reader) {
    let (mut opened, mut refused) = (0, 0);
    for vector in Vector::all("sealed") {
        if !reader.is_due() {
            continue;
        }
        let key = STANDARD.encode(hex::decode(vector.get("file-key")).unwrap()) + "\n";
        let sealed = vector.sealed_file();
        if vector.get("expect") == "opens" {
            let plain = reader.opens(&sealed, &key, vector.name());
            let digest = hex::encode(Sha256::digest(plain));
            assert_eq!(digest, vector.get("plaintext-sha256"), "{}: {}", reader.name, vector.name());
            opened += 1;
        } else if !FORM.contains(&vector.name()) {
            reader.refuses(&sealed, &key, vector.name());
            refused += 1;
        }
    }
    if reader.skipped == 0 {
        assert_eq!((opened, refused), (17, 31 - FORM.len()));
    }
    assert!(opened > 0 && refused > 0);
}

fn replaces_nothing(reader: &mut Reader, sealed: &[u8], key: &str) {
    fs::write(reader.path("out"), "mine").unwrap();
    assert!(!reader.run(sealed, key).status.success());
    assert_eq!(fs::read(reader.path("out")).unwrap(), b"mine", "{}", reader.name);
}

/// Tells whether a language is installed here, by a command that prints its version, and says so if it is not.
fn installed(name: &str, program: &[&str]) -> bool {
    let found = Command::new(program[0]).args(&program[1..]).output().is_ok_and(|output| output.status.success());
    if !found {
        let what = format!("{name} opens, and refuses what was altered, cut or extended");
        proof::leave_out(&format!("reader-{name}"), &what, &format!("{} is not installed", program[0]));
    }
    found
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn in_python() -> Reader {
    let python = python("examples/readers/open.py");
    Reader::new("python", [python.get_program()].into_iter().chain(python.get_args()))
}

fn in_node() -> Option<Reader> {
    installed("node", &["node", "--version"])
        .then(|| Reader::new("node", ["node".into(), Path::new(EXAMPLES).join("open.mjs")]))
}

fn in_java() -> Option<Reader> {
    installed("java", &["javac", "-version"]).then(|| {
        let classes = TempDir::new().unwrap();
        let mut compiler = Command::new("javac");
        compiler.args(["-Xlint:all", "-Werror", "-d"]).arg(classes.path()).arg("Open.java").current_dir(EXAMPLES);
        succeeds(&mut compiler);
        // It starts many times, and works for a moment each time.
        let quick = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"].map(OsString::from);
        let command = quick.into_iter().chain([classes.path().into(), "Open".into()]);
        Reader { _built: Some(classes), ..Reader::new("java", command) }
    })
}

fn in_go() -> Option<Reader> {
    installed("go", &["go", "version"]).then(|| {
        let folder = TempDir::new().unwrap();
        let program = folder.path().join("open");
        succeeds(Command::new("go").args(["build", "-o"]).arg(&program).arg("open.go").current_dir(EXAMPLES));
        Reader { _built: Some(folder), ..Reader::new("go", [program]) }
    })
}

#[test]
#[ignore = "needs Python's cryptography, and what else is installed of Node.js, Java and Go: run ./test"]
fn sealed_files_open_without_strongroom() {
    check(in_python(), 4);
    for reader in [in_node(), in_java(), in_go()].into_iter().flatten() {
        check(reader, 9);
    }
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_sealed_files_open_without_strongroom() {
    for reader in [Some(in_python()), in_node(), in_java(), in_go()].into_iter().flatten() {
        check(reader, 0);
    }
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn python_says_which_version_of_the_key_a_file_needs() {
    let home = Home::with_project();
    home.write("clients.csv", "id,name\n");
    home.succeeds("encrypt --project acme clients.csv --password-file pw");
    home.succeeds("key rotate acme --password-file pw");
    let key = String::from_utf8(home.succeeds("key show acme --password-file pw").stdout).unwrap();
    let mut reader = in_python();
    let said = reader.refuses(&home.read("clients.csv.sealed"), &key, "the second key");
    assert!(said.contains("strongroom inspect --unlock in"), "{said}");
}
