//! No key and no password is ever written anywhere it does not belong. Every byte the program hands to the system is
//! traced and searched for secrets that are recomputed here from vault, item and password.
#![cfg(all(target_os = "linux", feature = "cli"))]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use strongroom::crypto::cobblestone;
use strongroom::crypto::hmac::sha512;
use strongroom::crypto::kdf::derive_kek;
use strongroom::crypto::secret::Password;
use strongroom::format::item::DataKeyItem;
use strongroom::format::label;
use strongroom::format::sealed::Block;
use strongroom::format::vault::{Document, SIZE_LIMIT};
use strongroom::host::ThisHost;
use strongroom::keychain::FileKeychain;
use strongroom::store::FolderStore;
use strongroom::vault::Vault;

use crate::support::home::Home;

const OLD: &str = "lantern-orbit-quarry-mellow-sprint-fjord";
const NEW: &str = "velvet-tundra-cobalt-onion-mosaic-ferry";
const IMPORTED: [u8; 32] = *b"an imported key of exactly 32 b.";

/// Every call that can hand bytes to the system, or to another program.
const WRITING: &str = "write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendfile,splice,vmsplice,\
                       copy_file_range,mq_timedsend,msgsnd,execve,symlink,symlinkat,rename,renameat2,link,linkat,\
                       open,openat,mkdir,mkdirat,setxattr,prctl,memfd_create,add_key,keyctl";

/// A secret and what it is.
struct Secret {
    name: &'static str,
    bytes: Vec<u8>,
}

impl Secret {
    fn new(name: &'static str, bytes: &[u8]) -> Self {
        Self { name, bytes: bytes.to_vec() }
    }

    /// Returns every form to search for: raw, hexadecimal, and base64 as it reads at each of the three places it can
    /// have in a longer encoding.
    fn forms(&self) -> Vec<Vec<u8>> {
        let hex = hex::encode(&self.bytes);
        let mut forms = vec![self.bytes.clone(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
        // As a list of numbers, which is how `{:?}` shows bytes.
        let list = format!("{:?}", self.bytes);
        forms.push(list.trim_matches(['[', ']']).as_bytes().to_vec());
        for before in 0..3 {
            let mut shifted = vec![0; before];
            shifted.extend_from_slice(&self.bytes);
            let text = STANDARD.encode(&shifted);
            // The characters at the ends also carry bits of the neighbours.
            let (start, end) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
            forms.push(text.as_bytes()[start..end].to_vec());
        }
        forms
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms().iter().any(|form| bytes.windows(form.len()).any(|window| window == form))
    }
}

/// Makes a home with two passwords, a key and a file of data.
fn home() -> Home {
    let home = Home::empty();
    for (name, bytes) in [("old", OLD.as_bytes()), ("new", NEW.as_bytes()), ("key", &IMPORTED)] {
        home.write(name, bytes);
    }
    home.write("clients.csv", "id,name\n1,Ada Example\n");
    home
}

/// Tells whether strace sees what is written, and says so if it does not: it reads that from the memory of a program that
/// refuses to be looked into.
fn is_seen() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        let _ = writeln!(std::io::stderr(), "SKIPPED: only root can see with strace what the program writes");
    }
    is_root
}

/// What is traced in a home, and searched for.
trait Traced {
    fn traced(&self, args: &str) -> (Output, Vec<u8>);
    fn traced_calls(&self, calls: &str, args: &str) -> (Output, Vec<u8>);
    fn succeed(&self, args: &str) -> (Output, Vec<u8>);
    fn unlock_keys(&self, password: &str, secrets: &mut Vec<Secret>);
    fn file_keys(&self, password: &str, sealed: &str, secrets: &mut Vec<Secret>);
    fn files(&self) -> Vec<PathBuf>;
}

impl Traced for Home {
    /// Runs the program under strace. Returns its output, and all bytes that it or a child wrote or was started with.
    fn traced(&self, args: &str) -> (Output, Vec<u8>) {
        self.traced_calls(WRITING, args)
    }

    fn traced_calls(&self, calls: &str, args: &str) -> (Output, Vec<u8>) {
        let trace = tempfile::NamedTempFile::new().unwrap();
        let (calls, file) = (format!("trace={calls}"), trace.path().to_str().unwrap());
        // Whole strings, all in hexadecimal; with -v also every argument and variable of a started program.
        let strace = ["strace", "-f", "-v", "-xx", "-s", "16777216", "-e", &calls, "-o", file];
        let output = self.typed("--no-input").args(args.split(' ')).through(&strace).output();
        let written = strings_of(&fs::read_to_string(trace.path()).unwrap());
        assert!(written.windows(10).any(|window| window == b"strongroom"), "the trace does not show the start: {args}");
        (output, written)
    }

    fn succeed(&self, args: &str) -> (Output, Vec<u8>) {
        let traced = self.traced(args);
        assert!(traced.0.status.success(), "{args}: {}", String::from_utf8_lossy(&traced.0.stderr));
        traced
    }

    /// Recomputes the KEK and the data key with the password that is in force.
    fn unlock_keys(&self, password: &str, secrets: &mut Vec<Secret>) {
        let document = Document::parse(&fs::read(self.path(".local/share/strongroom/vault.json")).unwrap()).unwrap();
        let item = DataKeyItem::parse(&fs::read(self.keychain()).unwrap()).unwrap();
        let wrap = item.wraps.last().unwrap();
        let password = Password::new(password.as_bytes()).unwrap();
        let kek = derive_kek(&password, &document.header.pepper.0, &wrap.header.kdf, None).unwrap();
        let context = [label::DATA_KEY, &sha512(&wrap.protected)];
        let data_key = cobblestone::open(kek.expose(), &context, &wrap.wrapped).unwrap();
        secrets.push(Secret::new("KEK", kek.expose()));
        secrets.push(Secret::new("data key", &data_key));
    }

    /// Recomputes every file key, and the content key of a sealed file.
    fn file_keys(&self, password: &str, sealed: &str, secrets: &mut Vec<Secret>) {
        let store = Arc::new(FolderStore::new(&self.path(".local/share/strongroom"), SIZE_LIMIT).unwrap());
        let keychain = Arc::new(FileKeychain::new(self.keychain()));
        let password = Password::new(password.as_bytes()).unwrap();
        let vault =
            Vault::open(store.clone()).unwrap().unlock(&password, keychain.clone(), Arc::new(ThisHost)).unwrap();
        let bytes = fs::read(self.path(sealed)).unwrap();
        let block = Block::parse(&bytes[..4096]).unwrap();
        let context = [label::CONTENT_KEY, &block.prelude.to_bytes()];
        let mut opened = 0;
        for key in vault.candidate_keys(None) {
            let key = key.unwrap().key;
            secrets.push(Secret::new("file key", key.expose()));
            if let Ok(content_key) = cobblestone::open(key.expose(), &context, block.project().unwrap()) {
                secrets.push(Secret::new("content key", &content_key));
                opened += 1;
            }
        }
        assert_eq!(opened, 1, "one key opens {sealed}");
    }

    /// Returns every file below the home but those that the test put there with secrets in them.
    fn files(&self) -> Vec<PathBuf> {
        let (mut files, mut folders) = (Vec::new(), vec![self.folder().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        let own = ["old", "new", "key", "pw"].map(|name| self.path(name));
        files.retain(|path| !own.contains(path));
        files
    }
}

/// Returns the bytes of every string in a trace, one after another with a line end between.
fn strings_of(trace: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in trace.split('"').skip(1).step_by(2) {
        // With -xx every byte of a string is written \x and two digits.
        let digits = text.replace("\\x", "");
        bytes.extend(hex::decode(&digits).unwrap_or_else(|_| panic!("a string in another form: {text:.80}")));
        bytes.push(b'\n');
    }
    assert!(!trace.contains("\"..."), "a string was cut short");
    bytes
}

#[test]
#[ignore = "needs strace: run ./test"]
fn no_key_and_no_password_is_written_anywhere() {
    if !is_seen() {
        return;
    }
    let home = home();
    let mut traces = Vec::new();
    let mut run = |args: &str| {
        let (output, written) = home.succeed(args);
        traces.push((args.to_owned(), written));
        output
    };
    run("init --no-recovery --keychain file --kdf-memory 64 --password-file old");
    run("project add acme --password-file old");
    run("encrypt --project acme clients.csv --password-file old");
    run("key rotate acme --password-file old");
    run("key import acme --from key --password-file old");
    run("status --password-file old");
    home.traced("doctor --password-file old");
    let mut secrets = vec![Secret::new("password", OLD.as_bytes()), Secret::new("password", NEW.as_bytes())];
    home.unlock_keys(OLD, &mut secrets);
    run("passwd --password-file old --new-password-file new");
    run("decrypt clients.csv.sealed -o opened.csv --password-file new");
    home.unlock_keys(NEW, &mut secrets);
    home.file_keys(NEW, "clients.csv.sealed", &mut secrets);
    let names: Vec<&str> = secrets.iter().map(|secret| secret.name).collect();
    assert_eq!(names.iter().filter(|name| **name == "file key").count(), 3);
    assert!(secrets.iter().any(|secret| secret.bytes == IMPORTED));

    for secret in &secrets {
        for (args, written) in &traces {
            assert!(!secret.is_in(written), "`{args}` wrote the {}", secret.name);
        }
        for file in home.files() {
            assert!(!secret.is_in(&fs::read(&file).unwrap()), "{} holds the {}", file.display(), secret.name);
        }
    }

    // The command itself writes the password to its pipe; no program may be started with one.
    let (_, started) = home.traced_calls("execve", "project list --password-command cat<new");
    assert!(started.windows(7).any(|window| window == b"cat<new"), "the trace does not show the shell");
    for secret in &secrets {
        assert!(!secret.is_in(&started), "a program was started with the {}", secret.name);
    }

    // The control: what is asked for is written, and the search finds it in every form and no other secret with it.
    for (format, index) in [("raw", 0), ("hex", 2), ("base64", 4)] {
        let (output, written) =
            home.succeed(&format!("key show acme --version 1 --format {format} --password-file new"));
        let shown: Vec<&Secret> = secrets.iter().filter(|secret| secret.is_in(&written)).collect();
        let [shown] = shown[..] else { panic!("{format}: {} secrets found", shown.len()) };
        assert_eq!(shown.name, "file key");
        let form = &shown.forms()[index];
        assert!(output.stdout.windows(form.len()).any(|window| window == form), "{format}");
    }
}

#[test]
#[ignore = "needs strace: run ./test"]
fn a_generated_password_is_written_once_and_to_standard_output() {
    if !is_seen() {
        return;
    }
    let home = home();
    let (output, written) = home.succeed("init --no-recovery --keychain file --kdf-memory 64 --generate-password");
    let text = String::from_utf8(output.stdout).unwrap();
    let words = text.lines().find_map(|line| line.strip_prefix("    ")).expect("six words");
    let secret = Secret::new("password", words.as_bytes());
    let count = written.windows(words.len()).filter(|window| *window == words.as_bytes()).count();
    assert!(secret.is_in(&written) && count == 1, "{count} times");
    for file in home.files() {
        assert!(!secret.is_in(&fs::read(&file).unwrap()), "{}", file.display());
    }
}

#[test]
#[ignore = "needs strace and openssl: run ./test"]
fn an_import_writes_neither_the_old_password_nor_plaintext() {
    if !is_seen() {
        return;
    }
    let home = home();
    home.succeed("init --no-recovery --keychain file --kdf-memory 64 --password-file old");
    home.succeed("project add acme --password-file old");
    home.write("pw", "pass word");
    let line = "1,a line that is in no other file,12.50\n";
    home.write("table", line.repeat(3000));
    let made = Command::new("openssl")
        .args("enc -aes-256-cbc -pbkdf2 -pass file:pw -in table -out table.csv.enc".split(' '))
        .current_dir(home.folder())
        .status();
    assert!(made.unwrap().success());
    fs::remove_file(home.path("table")).unwrap();
    home.write("clients.xlsx", include_bytes!("vectors/clients/agile.xlsx"));
    let workbook = include_bytes!("vectors/clients/plain.xlsx");
    home.write("clients.zip", include_bytes!("vectors/clients/aes.zip"));
    for (file, password, plaintext) in [
        ("table.csv.enc", "pass word", &line.as_bytes()[2..34]),
        ("clients.xlsx", "pass wörd ж 🔑", &workbook[200..232]),
        ("clients.zip", "pass word", &b"client 21,441\nclient 22,484\n"[..]),
    ] {
        home.write("pw", password);
        let (_, written) =
            home.succeed(&format!("import --project acme --old-password-file pw --password-file old {file}"));
        for secret in [password.as_bytes(), plaintext].map(|bytes| Secret::new("of an import", bytes)) {
            assert!(!secret.is_in(&written), "{file}");
            for path in home.files() {
                assert!(!secret.is_in(&fs::read(&path).unwrap()), "{file}: {}", path.display());
            }
        }
    }
    let sealed = home.files().into_iter().filter(|path| path.extension().is_some_and(|end| end == "sealed"));
    assert!(sealed.count() > 3);
}

#[test]
#[ignore = "needs strace: run ./test"]
fn failing_commands_say_no_secret() {
    let home = home();
    home.succeed("init --no-recovery --keychain file --kdf-memory 64 --password-file old");
    home.succeed("encrypt --init --no-recovery --project acme clients.csv --password-file old");
    let mut secrets = vec![Secret::new("password", OLD.as_bytes()), Secret::new("password", NEW.as_bytes())];
    home.unlock_keys(OLD, &mut secrets);
    home.file_keys(OLD, "clients.csv.sealed", &mut secrets);
    let mut damaged = fs::read(home.path("clients.csv.sealed")).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(home.path("damaged.sealed"), damaged).unwrap();
    fs::write(home.path("weak"), "passwordpassword1").unwrap();
    for args in [
        "key show acme --password-file new",
        "key show nobody --password-file old",
        "key import acme --from clients.csv --password-file old",
        "decrypt damaged.sealed --password-file old",
        "passwd --password-file new --new-password-file old",
        "passwd --password-file old --new-password-file weak",
        "project add acme --password-file old",
        "key show acme --password-file old --password-fd 3",
        "--json key show acme --password-file new",
    ] {
        let (output, written) = home.traced(args);
        assert!(!output.status.success(), "{args}");
        for secret in &secrets {
            assert!(!secret.is_in(&written), "`{args}` wrote the {}", secret.name);
        }
    }
}
