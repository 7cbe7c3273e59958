//! What is typed at a terminal, and what comes by descriptor and command, is traced as closely as what comes from a
//! file: no call hands a password or a key to the system, in any form a program prints bytes in.
#![cfg(all(target_os = "linux", feature = "cli"))]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use strongroom::crypto::cobblestone;
use strongroom::crypto::hmac::sha512;
use strongroom::crypto::kdf::derive_kek;
use strongroom::crypto::secret::Password;
use strongroom::format::item::DataKeyItem;
use strongroom::format::label;
use strongroom::format::vault::{Document, SIZE_LIMIT};
use strongroom::host::ThisHost;
use strongroom::keychain::FileKeychain;
use strongroom::store::FolderStore;
use strongroom::vault::Vault;

use crate::prompts::terminal::*;

/// A password that is not the same in every form of Unicode.
const ACCENTED: &str = "cafe\u{301} lantern orbit quarry mellow";

/// Every call that can hand bytes or names to the system or to another program.
const CALLS: &str = "%file,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg,execve,execveat,\
                     process_vm_writev,ftruncate,mmap,io_uring_setup,setsockopt,prctl,memfd_create,add_key,keyctl";

/// Tells whether strace can read what the program writes: from a program that refuses to be looked into, only root's can.
fn strace_sees() -> bool {
    let sees = rustix::process::geteuid().is_root();
    if !sees {
        let _ = writeln!(std::io::stderr(), "SKIPPED: only root can see with strace what the program writes");
    }
    sees
}

/// A line of shell that runs strongroom under strace, whole strings in hexadecimal, with all arguments and variables.
fn traced(calls: &str, arguments: &str) -> String {
    format!("strace -f -v -xx -s 16777216 -o ../trace -e trace={calls} strongroom {arguments}")
}

/// Returns the bytes of every string in the trace, a line end after each, and removes the trace.
fn trace(home: &Home) -> Vec<u8> {
    let path = home.work("../trace");
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(path).unwrap();
    assert!(!text.contains("\"..."), "a string was cut short");
    for call in text.lines().filter(|line| line.contains("mmap(")) {
        // What is written through shared memory no call shows.
        let shared_and_writable = call.contains("PROT_WRITE") && call.contains("MAP_SHARED");
        assert!(!shared_and_writable, "memory is shared with a file: {call}");
    }
    assert!(!text.contains("io_uring_setup("), "what a ring writes no call shows");
    let mut bytes = Vec::new();
    for string in text.split('"').skip(1).step_by(2) {
        let digits = string.replace("\\x", "");
        bytes.extend(hex::decode(&digits).unwrap_or_else(|_| panic!("a string in another form: {string:.80}")));
        bytes.push(b'\n');
    }
    assert!(bytes.windows(10).any(|window| window == b"strongroom"), "the trace does not show the start");
    bytes
}

/// Returns every form a secret is searched for in: as it is, in hexadecimal, in base64 at each place it can have in a
/// longer text, and as the lists of numbers that `{:?}` and `{:x?}` make.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let list = |text: String| text.trim_matches(['[', ']']).as_bytes().to_vec();
    let compact = format!("{secret:?}").replace(' ', "");
    let mut forms = vec![
        secret.to_vec(),
        hex::encode(secret).into_bytes(),
        hex::encode_upper(secret).into_bytes(),
        list(format!("{secret:?}")),
        list(format!("{secret:x?}")),
        list(format!("{secret:02x?}")),
        list(compact),
    ];
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for before in 0..3 {
            let shifted = [&[0; 3][..before], secret].concat();
            let text = engine.encode(&shifted);
            // The characters at the ends also carry bits of the neighbours.
            forms.push(text.as_bytes()[(before * 8).div_ceil(6)..shifted.len() * 8 / 6].to_vec());
        }
    }
    forms
}

fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    forms(secret).iter().any(|form| bytes.windows(form.len()).any(|window| window == form))
}

type Secrets = BTreeMap<String, Vec<u8>>;

fn item(home: &Home) -> PathBuf {
    let files = fs::read_dir(home.path(".local/state/strongroom/keychain")).unwrap();
    files.map(|file| file.unwrap().path()).find(|path| path.extension().is_none()).unwrap()
}

/// Recomputes what a password of this home derives and opens.
fn secrets(home: &Home, typed: &str) -> Secrets {
    let mut secrets = Secrets::from([(format!("password {typed}"), typed.as_bytes().to_vec())]);
    let password = Password::new(typed.as_bytes()).unwrap();
    // What Argon2id is given may be another form of what was typed.
    secrets.insert(format!("normalized {typed}"), password.expose().as_bytes().to_vec());
    let folder = home.path(".local/share/strongroom");
    let document = Document::parse(&fs::read(folder.join("vault.json")).unwrap()).unwrap();
    let wraps = DataKeyItem::parse(&fs::read(item(home)).unwrap()).unwrap().wraps;
    let wrap = wraps.last().unwrap();
    let kek = derive_kek(&password, &document.header.pepper.0, &wrap.header.kdf, None).unwrap();
    let context = [label::DATA_KEY, &sha512(&wrap.protected)];
    let data_key = cobblestone::open(kek.expose(), &context, &wrap.wrapped).expect("the password of this item");
    secrets.insert(format!("KEK of {typed}"), kek.expose().to_vec());
    secrets.insert("data key".into(), data_key.to_vec());
    let store = Arc::new(FolderStore::new(&folder, SIZE_LIMIT).unwrap());
    let keychain = Arc::new(FileKeychain::new(item(home)));
    let vault = Vault::open(store.clone()).unwrap().unlock(&password, keychain.clone(), Arc::new(ThisHost)).unwrap();
    for (number, key) in vault.candidate_keys(None).enumerate() {
        secrets.insert(format!("file key {number}"), key.unwrap().key.expose().to_vec());
    }
    secrets
}

/// Asserts that no file below the home holds a secret, in its bytes or in its name.
fn disk_is_clean(home: &Home, secrets: &Secrets) {
    let mut folders = vec![home.path("..")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let content = if path.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
            for (name, secret) in secrets {
                let named = holds(path.as_os_str().as_encoded_bytes(), secret);
                assert!(!named && !holds(&content, secret), "{} holds the {name}", path.display());
            }
            files += 1;
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    assert!(files > 5, "there was something to look at");
}

#[test]
fn the_search_finds_every_form_it_looks_for() {
    let secret: Vec<u8> = (0..32).map(|byte| byte * 7 + 3).collect();
    let around = |form: &[u8]| [b"before ", form, b" after"].concat();
    for form in forms(&secret) {
        assert!(holds(&around(&form), &secret), "{form:?}");
        let mut other = form.clone();
        let middle = other.len() / 2;
        other[middle] ^= 1;
        assert!(!holds(&around(&other), &secret), "{form:?}");
    }
    for before in 0..4 {
        let text = STANDARD_NO_PAD.encode([&[9; 4][..before], &secret, b"more"].concat());
        assert!(holds(text.as_bytes(), &secret), "{before}");
    }
    assert!(holds(format!("Key({secret:?})").as_bytes(), &secret));
}

#[test]
#[ignore = "needs strace: run ./test"]
fn what_is_typed_at_a_terminal_is_written_nowhere() {
    if !strace_sees() {
        return;
    }
    let home = Home::new();
    fs::write(home.work("clients.csv"), "id,name\n1,Ada Example\n").unwrap();
    let mut traces = BTreeMap::new();

    let init = format!("encrypt --init --no-recovery --keychain file --project acme {CHEAP} clients.csv");
    let mut terminal = home.terminal(&traced(CALLS, &init));
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, "short-one-7");
    terminal.answer_hidden(NEW_PASSWORD, ACCENTED);
    terminal.answer_hidden(AGAIN, "not the same as before");
    terminal.answer_hidden(NEW_PASSWORD, ACCENTED);
    terminal.answer_hidden(AGAIN, ACCENTED);
    terminal.leaves_with(0);
    traces.insert("encrypt --init", trace(&home));
    let mut all = secrets(&home, ACCENTED);
    for refused in ["short-one-7", "not the same as before"] {
        all.insert(refused.into(), refused.into());
    }

    let mut terminal = home.terminal(&traced(CALLS, &format!("passwd {CHEAP}")));
    terminal.answer_hidden(PASSWORD, ACCENTED);
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, NEW);
    terminal.leaves_with(0);
    traces.insert("passwd", trace(&home));
    all.extend(secrets(&home, NEW));

    let mut terminal = home.terminal(&traced(CALLS, "decrypt clients.csv.sealed -o opened.csv"));
    terminal.answer_hidden(PASSWORD, NEW);
    terminal.leaves_with(0);
    traces.insert("decrypt", trace(&home));

    let mut terminal = home.terminal(&traced(CALLS, "project list"));
    for _ in 0..3 {
        terminal.answer_hidden(PASSWORD, OLD);
    }
    terminal.leaves_with(3);
    traces.insert("a wrong password", trace(&home));
    all.insert("wrong password".into(), OLD.into());

    assert!(all.contains_key("data key") && all.contains_key("file key 0"), "{:?}", all.keys());
    for (name, secret) in &all {
        for (command, written) in &traces {
            assert!(!holds(written, secret), "`{command}` wrote the {name}");
        }
    }
    disk_is_clean(&home, &all);

    // The control: were it read instead of written, what was typed would be found.
    let mut terminal = home.terminal(&traced("read,execve", "key show acme"));
    terminal.answer_hidden(PASSWORD, NEW);
    terminal.leaves_with(0);
    let read: Vec<u8> = trace(&home).into_iter().filter(|byte| *byte != b'\n').collect();
    assert!(holds(&read, NEW.as_bytes()), "the trace does not show what was typed");
    let mut terminal = home.terminal(&traced(CALLS, "key show acme"));
    terminal.answer_hidden(PASSWORD, NEW);
    terminal.leaves_with(0);
    let written = trace(&home);
    let found: Vec<&str> = all.iter().filter(|(_, secret)| holds(&written, secret)).map(|(name, _)| &**name).collect();
    assert_eq!(found, ["file key 0"]);
}

#[test]
#[ignore = "needs strace: run ./test"]
fn six_words_are_written_to_the_terminal_once_and_nowhere_else() {
    if !strace_sees() {
        return;
    }
    let home = Home::new();
    let mut terminal = home.terminal(&traced(CALLS, &format!("init --no-recovery --keychain file {CHEAP}")));
    terminal.answer(CHOICE, "1");
    terminal.see("Write it down");
    let words = terminal.screen.lines().find_map(|line| line.strip_prefix("    ")).unwrap().trim().to_owned();
    terminal.answer_hidden(TYPE_BACK, &words);
    terminal.leaves_with(0);
    let written = trace(&home);
    assert_eq!(written.windows(words.len()).filter(|window| *window == words.as_bytes()).count(), 1);
    let mut all = secrets(&home, &words);
    disk_is_clean(&home, &all);
    all.retain(|_, secret| secret != words.as_bytes());
    assert!(all.len() >= 2, "{:?}", all.keys());
    for (name, secret) in &all {
        assert!(!holds(&written, secret), "init --no-recovery wrote the {name}");
    }
}

#[test]
#[ignore = "needs strace: run ./test"]
fn a_password_by_descriptor_or_command_is_handed_on_to_nobody() {
    let home = Home::with_vault();
    let all = secrets(&home, OLD);
    let file = home.work("../given");
    fs::write(&file, OLD).unwrap();
    // Which calls a command of the user's makes is its own affair; what it is started with is ours.
    for (calls, source) in [
        (CALLS, "--password-fd 3 3<../given"),
        (CALLS, "--password-fd 0 <../given"),
        ("execve", "--password-command 'cat ../given'"),
    ] {
        let line = traced(calls, &format!("--no-input project add {} {source}", source.len()));
        home.terminal(&line).leaves_with(0);
        let written = trace(&home);
        for (name, secret) in &all {
            assert!(!holds(&written, secret), "with {source} the {name} was written");
        }
    }
    fs::remove_file(file).unwrap();
    disk_is_clean(&home, &all);
}
