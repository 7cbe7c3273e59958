//! `strongroom import` of files that the packages of people's scripts have made: the right secret gives the same bytes,
//! and whatever is wrong gives one and the same error and no file.

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom_legacy::{
    Encoding, Evidence, Hash, Kdf, Keys, Mode, OpensslCipher, Options, Padding, Refused, Request, Scheme, Scrypt,
    SecretBytes, open,
};

use crate::support::home::Home;
use crate::support::proof;
use crate::support::python::made_by;

/// What is printed for whatever does not open.
const CAUSE: &str =
    "the old password or key, the scheme or one of its parameters is wrong, or the file was altered or cut short";

/// A file, and how it is imported.
struct Case {
    file: String,
    flags: String,
    secret: String,
    proof: String,
}

struct Made {
    folder: PathBuf,
    cases: Vec<Case>,
}

/// The folder with the files that Python and openssl have made, once for all tests.
static MADE: LazyLock<Made> = LazyLock::new(|| {
    let (folder, made) = made_by("tests/python/legacy_files.py", "legacy");
    let text = |case: &Value, name: &str| case[name].as_str().unwrap().to_owned();
    let mut cases: Vec<Case> = made
        .as_array()
        .unwrap()
        .iter()
        .map(|case| Case {
            file: text(case, "file"),
            flags: text(case, "flags"),
            secret: text(case, "secret"),
            proof: text(case, "proof"),
        })
        .collect();
    for (name, arguments, flags) in [
        ("openssl", "-aes-256-cbc -pbkdf2", ""),
        ("openssl-base64", "-aes-256-cbc -pbkdf2 -a", ""),
        ("openssl-md5", "-aes-256-cbc -md md5", ""),
        ("openssl-sha256", "-aes-256-cbc -md sha256", "--scheme openssl"),
        ("openssl-iterations", "-aes-128-cbc -pbkdf2 -iter 3000", "--iterations 3000 --cipher aes-128-cbc"),
        ("openssl-ctr", "-aes-192-ctr -md sha512 -pbkdf2", "--kdf pbkdf2 --hash sha512 --cipher aes-192-ctr"),
    ] {
        let mut openssl = Command::new("openssl");
        openssl.arg("enc").args(arguments.split(' ')).args(["-pass", "file:old", "-in", "plain", "-out", name]);
        let output = openssl.current_dir(&folder).output().expect("openssl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let [file, flags, secret, proof] = [name, flags, "--old-password-file old", "content"].map(str::to_owned);
        cases.push(Case { file, flags, secret, proof });
    }
    Made { folder, cases }
});

fn made(name: &str) -> Vec<u8> {
    fs::read(MADE.folder.join(name)).unwrap()
}

/// Makes a home with the secrets, and a wrong one under each of their names with `wrong-` before it.
fn home() -> Home {
    let home = Home::with_project();
    for name in
        ["old", "key", "key.hex", "mac", "salt", "phc", "phc.crlf", "key.bin", "fernet.key", "plain", "identity"]
    {
        home.write(name, made(name));
    }
    let altered = |name: &str| {
        let mut bytes = made(name);
        alter(&mut bytes);
        bytes
    };
    for name in ["old", "key", "key.hex", "phc", "phc.crlf", "key.bin", "fernet.key"] {
        home.write(format!("wrong-{name}"), altered(name));
    }
    // An altered line of it would not be an identity.
    home.write("wrong-identity", made("wrong-identity"));
    home
}

/// Checks that a file is refused in the one way.
fn refused(home: &Home, words: &str) {
    let outcome = home.run(&format!("import --project acme {words}")).changed_nothing();
    assert_eq!(outcome.code(), 3, "{words}: {}", outcome.stderr());
    assert!(outcome.stderr().contains(CAUSE), "{words}: {}", outcome.stderr());
    assert!(outcome.stderr().starts_with("error: cannot import "), "{words}: {}", outcome.stderr());
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn every_file_opens_with_its_own_secret_to_the_same_bytes() {
    let home = home();
    let plain = made("plain");
    for Case { file, flags, secret, proof } in &MADE.cases {
        home.write(format!("{file}.enc"), made(file));
        let words = format!("import --project acme {flags} {secret} {file}.enc --json");
        let outcome = home.run(&words);
        assert_eq!(outcome.code(), 0, "{words}: {}", outcome.stderr());
        let imported = &outcome.json()["files"][0];
        assert_eq!((&imported["proof"], &imported["bytes"]), (&json!(proof), &json!(plain.len())), "{file}");
        let is_authenticated = is_authenticated(file, proof);
        assert_eq!(imported["unauthenticated_source"], json!(!is_authenticated), "{file}");
    }
    // All at once, since each run of the program makes the vault's key again.
    let sealed: Vec<String> = MADE.cases.iter().map(|case| format!("{}.sealed", case.file)).collect();
    fs::create_dir(home.path("opened")).unwrap();
    home.run(&format!("decrypt {} -o opened", sealed.join(" "))).succeeds();
    let inspected = home.run(&format!("inspect --unlock {} --json", sealed.join(" "))).json();
    for (Case { file, proof, .. }, inspected) in MADE.cases.iter().zip(inspected.as_array().unwrap()) {
        assert!(home.read(format!("opened/{file}")) == plain, "{file}");
        let sealed_in = &inspected["sealed_in"];
        assert_eq!(sealed_in["name"], json!(file));
        assert_eq!(sealed_in.get("unauthenticated_source").is_some(), !is_authenticated(file, proof), "{file}");
    }
    proof::record("legacy-files", "files of Python and openssl imported", &format!("{} ways", MADE.cases.len()));
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn whatever_is_wrong_gives_one_error_and_no_file() {
    let mut refusals = refused_by_the_library();
    let home = home();
    // Of each scheme one through the program: a wrong secret, and a file that was cut short.
    let mut schemes = Vec::new();
    for case @ Case { file, flags, secret, .. } in &MADE.cases {
        let scheme = case.scheme();
        // Its other derivations would take seconds each; `hostile_costs` and the library have the rest.
        if schemes.contains(&scheme) || file == "age-passphrase" || file.starts_with("fernet-") && file != "fernet-salt"
        {
            continue;
        }
        schemes.push(scheme);
        let said = if flags.contains("--scheme") || secret.contains("--phc-file") || secret.contains("--identity") {
            String::new()
        } else {
            format!(" --scheme {}", scheme.name())
        };
        let bytes = made(file);
        for (secret, length) in [(secret.replace("-file ", "-file wrong-"), bytes.len()), (secret.clone(), 20)] {
            home.write("in", &bytes[..length]);
            refused(&home, &format!("{flags} {secret} in{said}"));
            refusals += 1;
        }
    }
    // gpg's are in `legacy_gpg`, and those of clients in `client_files`.
    assert_eq!(schemes.len(), Scheme::ALL.len() - 4, "{schemes:?}");
    proof::record(
        "legacy-refusals",
        "wrong secrets, cut and altered files refused by import",
        &format!("{refusals} refused alike"),
    );
}

/// Gives the library every file with a wrong secret, cut short and altered, and returns how many it has refused.
fn refused_by_the_library() -> usize {
    let mut refusals = 0;
    for case @ Case { file, proof, .. } in &MADE.cases {
        // As `fernet-salt` and `age-scrypt`, but for what their keys cost.
        if matches!(file.as_str(), "fernet-390000" | "fernet-480000" | "age-passphrase") {
            continue;
        }
        let bytes = made(file);
        let mut tried = vec![(bytes.clone(), true)];
        tried.push((bytes[..20].to_vec(), false));
        // A stream cipher without a tag has no end, and the IV of CBC is in one block alone.
        if is_authenticated(file, proof) {
            tried.extend([bytes.len() - 5, bytes.len() / 2].map(|length| (bytes[..length].to_vec(), false)));
            // The beginning of a file of AES Crypt says who has made it, which nothing depends on.
            let early = if file.starts_with("aescrypt") { bytes.len() / 3 } else { 20 };
            for at in [0, early, bytes.len() / 2, bytes.len() - 4] {
                let mut bytes = bytes.clone();
                bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
                tried.push((bytes, false));
            }
        }
        let [right, wrong] = [false, true].map(|is_wrong| case.request(is_wrong));
        let [mut keys, mut wrong_keys] = [Keys::default(), Keys::default()];
        for (bytes, is_wrong) in tried {
            let (request, keys) = if is_wrong { (&wrong, &mut wrong_keys) } else { (&right, &mut keys) };
            // What nothing proves is not imported either, unless the user says that it is right.
            match open(Cursor::new(bytes), request, keys) {
                Ok(opening) if opening.evidence() == Evidence::Nothing => {}
                Ok(mut opening) => assert!(matches!(opening.prove(), Err(Refused::Wrong)), "{file}"),
                Err(refused) => assert!(matches!(refused, Refused::Wrong), "{file}: {refused}"),
            }
            refusals += 1;
        }
    }
    refusals
}

impl Case {
    fn scheme(&self) -> Scheme {
        let named = self.flags.split("--scheme ").nth(1).and_then(|rest| rest.split(' ').next());
        let name = named.unwrap_or(if self.secret.contains("--phc-file") {
            "argon2-phc"
        } else {
            // As the file's name begins, which the program sees by its content.
            self.file.split('-').next().unwrap_or_default()
        });
        Scheme::from_name(name).unwrap_or_else(|| panic!("{}: {name}", self.file))
    }

    /// Returns what the program makes of the flags.
    fn request(&self, is_wrong: bool) -> Request {
        let mut request =
            Request { scheme: self.scheme(), password: None, key: None, hmac_key: None, options: Options::default() };
        let words: Vec<&str> = self.flags.split_whitespace().chain(self.secret.split_whitespace()).collect();
        let options = &mut request.options;
        for flag in words.chunks(2) {
            let [name, value] = flag else { panic!("{}: {flag:?}", self.file) };
            let hex = || hex::decode(value).unwrap();
            let number = || value.parse::<u64>().unwrap();
            let secret = || {
                let mut bytes = made(value);
                if is_wrong && *value == "identity" {
                    bytes = made("wrong-identity");
                } else if is_wrong {
                    alter(&mut bytes);
                }
                Some(SecretBytes::from_slice(&bytes))
            };
            match *name {
                "--scheme" => {}
                "--preset" => {
                    options.iterations = Some(1000);
                    options.hash = Some(Hash::Sha1);
                    options.encoding = Some(Encoding::Latin1);
                }
                "--salt-hex" => options.salt = Some(hex()),
                "--salt-file" => options.salt = Some(made(value)),
                "--salt-in-file" => options.salt_in_file = Some(number() as usize),
                "--iterations" => options.iterations = Some(number()),
                "--key-length" => options.key_length = Some(number() as usize),
                "--hash" => options.hash = Hash::from_name(value),
                "--mode" => options.mode = Mode::from_name(value),
                "--padding" => options.padding = Padding::from_name(value),
                "--kdf" => options.kdf = Kdf::from_name(value),
                "--cipher" => options.cipher = OpensslCipher::from_name(value),
                "--layout" => options.layout = value.parse().ok(),
                "--iv-hex" => options.iv = Some(hex()),
                "--aad-hex" => options.aad = hex(),
                "--scrypt" => {
                    let numbers: Vec<u64> = value.split(',').map(|number| number.parse().unwrap()).collect();
                    options.scrypt = Some(Scrypt { n: numbers[0], r: numbers[1] as u32, p: numbers[2] as u32 });
                }
                "--old-password-file" => request.password = secret(),
                "--old-key-file" | "--phc-file" | "--identity-file" => request.key = secret(),
                "--hmac-key-file" => request.hmac_key = Some(SecretBytes::from_slice(&made(value))),
                name => panic!("{}: {name}", self.file),
            }
        }
        request
    }
}

/// Makes another secret of one.
fn alter(bytes: &mut [u8]) {
    bytes[5] = if bytes[5] == b'0' { b'1' } else { b'0' };
}

/// Tells whether a file has a tag. That of CTR with an HMAC proves the HMAC's key alone.
fn is_authenticated(file: &str, proof: &str) -> bool {
    proof == "tag" || file == "ctr-hmac"
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn text_in_cbc_is_refused_if_it_was_cut_or_a_block_of_it_altered() {
    let home = home();
    for name in ["argon2", "pbkdf2-key", "cbc", "bendersky", "openssl"] {
        let case = MADE.cases.iter().find(|case| case.file == name).unwrap();
        let bytes = made(name);
        for cut in [1, 15, 16, 17, 4096] {
            home.write("in", &bytes[..bytes.len() - cut]);
            refused(&home, &format!("{} {} in", case.flags, case.secret));
        }
        // Behind the first 64 KiB, which decide what the text is: an altered block there looks like a few letters of
        // Latin-1 once in about a hundred times.
        for at in [70_000, 80_000, bytes.len() - 40] {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x81;
            home.write("in", bytes);
            refused(&home, &format!("{} {} in", case.flags, case.secret));
        }
    }
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn hostile_costs_are_refused_at_once() {
    let home = home();
    home.write("in", made("pbkdf2-old"));
    let start = Instant::now();
    for flags in [
        "--scheme pbkdf2 --iterations 4294967296 --salt-hex 00",
        "--scheme pbkdf2 --iterations 0 --salt-hex 00",
        "--scheme scrypt --scrypt 4294967296,8,1 --salt-hex 00",
        "--scheme scrypt --scrypt 1024,4294967295,1 --salt-hex 00",
    ] {
        refused(&home, &format!("{flags} --old-password-file old in"));
    }
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn short_or_unknown_content_needs_a_proof() {
    let home = home();
    let flags = "--scheme raw-key --mode ctr --layout nonce8,ciphertext --old-key-file key short.enc";
    let words = format!("import --project acme {flags}");
    home.write("short.enc", &made("ctr")[..8 + 31]);
    home.write("start", &made("plain")[..31]);
    home.write("other", &made("plain")[1..32]);
    refused(&home, flags);
    refused(&home, &format!("{flags} --verify-against other"));
    let outcome = home.run(&format!("{words} --verify-against start --json"));
    assert_eq!(outcome.json()["files"][0]["proof"], json!("sha256"));
    let outcome = home.run(&format!("{words} --yes --json -o second.sealed"));
    assert_eq!(outcome.json()["files"][0]["proof"], json!("confirmed"));
    home.succeeds("decrypt second.sealed -o opened --password-file pw");
    assert_eq!(home.read("opened"), made("plain")[..31]);
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn a_dry_run_and_detect_write_nothing() {
    let home = home();
    for name in ["cbc", "fernet", "openssl", "gcm-json"] {
        home.write(format!("{name}.enc"), made(name));
    }
    let outcome = home.run("import --detect cbc.enc fernet.enc openssl.enc gcm-json.enc --json").changed_nothing();
    let schemes: Vec<Value> = outcome.json().as_array().unwrap().iter().map(|file| file["scheme"].clone()).collect();
    assert_eq!(schemes, [json!(null), json!("fernet"), json!("openssl"), json!(null)]);
    let words = "import --dry-run --scheme raw-key --old-key-file key cbc.enc";
    let outcome = home.run(&format!("{words} --json")).changed_nothing();
    assert_eq!((&outcome.json()["written"], &outcome.json()["clean_up"]), (&json!(false), &json!([])));
    let text = home.run(words).changed_nothing().text();
    assert!(text.starts_with("cbc.enc opens; it would become cbc.sealed\n"), "{text}");
}

#[test]
#[ignore = "needs Python's cryptography: run ./test"]
fn what_is_left_is_listed_and_one_bad_file_stops_no_other() {
    let home = home();
    home.write("a b.csv.enc", made("cbc"));
    home.write("c.enc", made("cbc"));
    home.write("bad.enc", &made("cbc")[..100]);
    let typed = home
        .typed("import --project acme --scheme raw-key --old-key-file key c.enc bad.enc --json --password-file pw")
        .arg("a b.csv.enc");
    let outcome = typed.run();
    assert_eq!(outcome.code(), 3);
    let result = outcome.json();
    let outputs: Vec<&str> =
        result["files"].as_array().unwrap().iter().map(|it| it["output"].as_str().unwrap()).collect();
    assert_eq!(outputs, ["c.sealed", "a b.csv.sealed"]);
    let commands: Vec<&str> =
        result["clean_up"].as_array().unwrap().iter().map(|it| it["command"].as_str().unwrap()).collect();
    // The key is still needed for the file that failed.
    assert_eq!(commands, ["rm c.enc", "rm 'a b.csv.enc'"]);
    let result = home.run("import --project acme --scheme raw-key --old-key-file key c.enc --force --json").json();
    let commands: Vec<&str> =
        result["clean_up"].as_array().unwrap().iter().map(|it| it["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["rm c.enc", "rm key"]);
    home.run("import --project acme --scheme raw-key --old-key-file key c.enc").changed_nothing();
}
