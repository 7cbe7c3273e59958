//! The commands that meet a fault: what stands before, and what may stand afterwards.

use std::collections::BTreeMap;
use std::path::PathBuf;

use strongroom::format::log::{Action, Phase};

use super::home::{self, Entry, FLOOR, Home, Keys, NEW, OLD, Struck as _};

/// A command, and what is asked of the files it may leave.
pub struct Story {
    /// Its name in reports.
    pub name: &'static str,
    /// What is typed.
    pub words: &'static str,
    /// Makes the home it is typed in.
    pub prepare: fn() -> Home,
    /// Looks at what the run has left, and fails where that is neither the old state nor the new one.
    pub judge: fn(&Left<'_>) -> State,
    /// What an error says when part of it is done, one of these.
    pub part_done: &'static [&'static str],
    /// Does it again, this time well, or goes on where it was; and sees to it that the new state is there.
    pub again: fn(&Left<'_>),
}

/// What is said of a file that got its name, where the folder could not be synced.
const WRITTEN: &str = "it is written, but may not survive a power cut";

/// What a run has left.
pub struct Left<'a> {
    /// Where.
    pub home: &'a Home,
    /// What stood there before.
    pub before: &'a Before,
}

/// What stood there before the command.
pub struct Before {
    /// Every file.
    pub files: BTreeMap<PathBuf, Entry>,
    /// Every file key; none where there was no vault.
    pub keys: Keys,
}

/// Which state was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// All is as if the command had never been typed.
    Old,
    /// The command has done what it says.
    New,
    /// What the protocol passes through: everything opens, by the old and by the new.
    Between,
}

pub const INIT: Story = Story {
    name: "init",
    words: "init --keychain file --recovery-file kit --kdf-memory 64 --kdf-passes 3 --kdf-lanes 4 --password-file old",
    prepare: home::empty,
    judge: |left| {
        kit_file_is_whole(left.home, "kit");
        if !left.home.has_vault() {
            return State::Old;
        }
        assert_eq!(left.home.open(OLD), Ok(Keys::new()));
        // The vault stands before its kit does; the code in the file is not to be trusted before the end.
        if left.home.kit_opens("kit") { State::New } else { State::Between }
    },
    part_done: &[WRITTEN, "kit"],
    again: |left| {
        if left.home.has_vault() {
            let refused = left
                .home
                .typed(&format!("init --keychain file --no-recovery {FLOOR} --password-file old --json"))
                .output();
            assert_eq!(kind(&refused.stderr), "vault-exists");
        } else {
            left.home.succeeds(&format!("init --keychain file --recovery-file again {FLOOR} --password-file old"));
            assert!(left.home.kit_opens("again"));
        }
        assert_eq!(left.home.open(OLD), Ok(Keys::new()));
    },
};

pub const PROJECT_ADD: Story = Story {
    name: "project add",
    words: "project add beta --client Example --note new --password-file old",
    prepare: home::with_vault,
    judge: |left| one_more_key(left, ("beta", 1)),
    part_done: &[WRITTEN],
    again: |left| {
        let output = left.home.typed("project add beta --password-file old --json").output();
        assert!(output.status.success() || kind(&output.stderr) == "project-exists");
        assert_eq!(one_more_key(left, ("beta", 1)), State::New);
    },
};

pub const KEY_ROTATE: Story = Story {
    name: "key rotate",
    words: "key rotate acme --password-file old",
    prepare: home::with_vault,
    judge: |left| one_more_key(left, ("acme", 3)),
    part_done: &[WRITTEN],
    again: |left| {
        let done = one_more_key(left, ("acme", 3)) == State::New;
        left.home.succeeds("key rotate acme --password-file old");
        let keys = left.home.open(OLD).unwrap();
        assert_eq!(keys.len(), left.before.keys.len() + if done { 2 } else { 1 });
        assert!(left.before.keys.iter().all(|key| keys.get(key.0) == Some(key.1)));
    },
};

pub const SECRET_SET: Story = Story {
    name: "secret set",
    words: "secret set portal --from-file value --password-file old",
    prepare: home::with_secret,
    judge: |left| {
        assert_eq!(left.home.open(OLD).as_ref(), Ok(&left.before.keys));
        match &*left.home.versions("portal") {
            [first] if first == "first-quartz" => State::Old,
            [first, second] if first == "first-quartz" && second == "second-quartz" => State::New,
            other => panic!("{other:?}"),
        }
    },
    part_done: &[WRITTEN],
    again: |left| {
        left.home.succeeds("secret set portal --from-file value --password-file old");
        assert_eq!(left.home.versions("portal"), ["first-quartz", "second-quartz"]);
    },
};

pub const PASSWD: Story = Story {
    name: "passwd",
    words: "passwd --password-file old --new-password-file new",
    prepare: home::with_vault,
    judge: either_password,
    part_done: &["not confirmed by the keychain"],
    again: |left| {
        let output = left.home.typed("passwd --password-file old --new-password-file new --json").output();
        assert!(output.status.success() || kind(&output.stderr) == "wrong-password");
        assert_eq!(either_password(left), State::New);
    },
};

pub const ENCRYPT: Story = Story {
    name: "encrypt",
    words: "encrypt -p acme --threads 1 plans.bin papers --password-file old",
    prepare: with_papers,
    judge: |left| {
        // The first file under a key is noted in the vault.
        assert_eq!(left.home.open(OLD).as_ref(), Ok(&left.before.keys));
        assert!(left.home.kit_opens("kit"));
        originals_stand(left);
        sealed_papers(left)
    },
    part_done: &["all files were encrypted, but", "files were not encrypted", "files was not encrypted"],
    again: |left| {
        left.home.succeeds("encrypt -p acme --threads 1 plans.bin papers --update --password-file old");
        assert_eq!(sealed_papers(left), State::New);
    },
};

pub const ENCRYPT_FORCE: Story = Story {
    name: "encrypt --force",
    words: "encrypt -p acme --threads 1 --force plans.bin --password-file old",
    prepare: || {
        let home = with_papers();
        home.succeeds("encrypt -p acme plans.bin --password-file old");
        home.shell("cp plans.bin plans.before").succeeds();
        home.write("plans.bin", pattern(350_000, 9));
        home
    },
    judge: |left| {
        vault_is_untouched(left);
        let sealed = left.home.found("plans.bin.sealed").expect("the sealed file stands all the time");
        if left.before.of(left.home, "plans.bin.sealed") == Some(&sealed) {
            return State::Old;
        }
        left.home.succeeds("decrypt plans.bin.sealed -o opened --password-file old");
        assert_eq!(left.home.found("opened"), left.home.found("plans.bin"));
        left.home.shell("rm opened").succeeds();
        State::New
    },
    part_done: &["all files were encrypted, but"],
    again: |left| {
        left.home.succeeds("encrypt -p acme --threads 1 --force plans.bin --password-file old");
        left.home.succeeds("decrypt plans.bin.sealed -o opened --password-file old");
        assert_eq!(left.home.found("opened"), left.home.found("plans.bin"));
    },
};

pub const DECRYPT: Story = Story {
    name: "decrypt",
    words: "decrypt --threads 1 plans.bin.sealed papers.sealed --password-file old",
    prepare: || {
        let home = with_papers();
        home.succeeds("encrypt -p acme plans.bin papers --password-file old");
        home.shell("mkdir originals && mv plans.bin papers originals").succeeds();
        home
    },
    judge: |left| {
        vault_is_untouched(left);
        what_is_out_was_begun(left, &PAPERS);
        opened_papers(left, &PAPERS)
    },
    part_done: &["all files were decrypted, but", "files were not decrypted", "files was not decrypted"],
    again: |left| {
        left.home.succeeds("decrypt --threads 1 plans.bin.sealed papers.sealed --update --password-file old");
        assert_eq!(opened_papers(left, &PAPERS), State::New);
    },
};

pub const EXTRACT: Story = Story {
    name: "decrypt --extract",
    words: "decrypt --threads 1 --extract papers.tar.sealed --password-file old",
    prepare: || {
        let home = with_papers();
        home.succeeds("encrypt -p acme --archive papers --password-file old");
        home.shell("mkdir originals && mv plans.bin papers originals").succeeds();
        home
    },
    judge: |left| {
        vault_is_untouched(left);
        what_is_out_was_begun(left, &PAPERS[1..]);
        let state = opened_papers(left, &PAPERS[1..]);
        assert_ne!(state, State::Between, "the folder appears as a whole");
        state
    },
    part_done: &["cannot write papers"],
    again: |left| {
        if opened_papers(left, &PAPERS[1..]) == State::Old {
            left.home.succeeds("decrypt --threads 1 --extract papers.tar.sealed --password-file old");
        }
        assert_eq!(opened_papers(left, &PAPERS[1..]), State::New);
    },
};

pub const VAULT_ROTATE: Story = Story {
    name: "vault rotate",
    words: "vault rotate --settle-now --recovery-file next --password-file old",
    prepare: home::with_vault,
    judge: |left| {
        kit_file_is_whole(left.home, "next");
        // Before anything opens it, and goes on with the rotation.
        let (kit, next) = (left.home.kit_opens("kit"), left.home.kit_opens("next"));
        assert!(kit || next, "no kit opens the vault");
        let state = match (kit, next) {
            (true, false) => State::Old,
            (false, true) => State::New,
            _ => State::Between,
        };
        assert_eq!(left.home.open(OLD).as_ref(), Ok(&left.before.keys));
        assert!(left.home.kit_opens("kit") || left.home.kit_opens("next"), "no kit opens the vault afterwards");
        state
    },
    part_done: &[WRITTEN, "rotation", "rotate"],
    again: |left| {
        left.home.succeeds("vault rotate --settle-now --recovery-file again --password-file old");
        assert_eq!(left.home.open(OLD).as_ref(), Ok(&left.before.keys));
        // A rotation that was under way is finished, with the kit that it began with.
        assert!(left.home.kit_opens("again") || left.home.kit_opens("next"));
        old_vault_file_is_dead(left);
    },
};

pub const RECOVER: Story = Story {
    name: "recover",
    words: "recover --kit-file kit --new-password-file new --no-input",
    prepare: home::with_vault,
    judge: |left| {
        assert!(left.home.kit_opens("kit"));
        either_password(left)
    },
    part_done: &["not confirmed by the keychain", "settings.json"],
    again: recovered,
};

pub const RECOVER_ELSEWHERE: Story = Story {
    name: "recover on another computer",
    words: "recover --kit-file kit --new-password-file new --no-input --keychain file",
    prepare: || {
        let home = home::with_vault();
        home.shell("rm -r .local/state .config").succeeds();
        home
    },
    judge: |left| {
        assert!(left.home.kit_opens("kit"));
        vault_file_is_untouched(left);
        match left.home.open(NEW) {
            Ok(_) => State::New,
            Err(reason) => {
                assert!(reason.contains("holds no key for vault"), "{reason}");
                State::Old
            }
        }
    },
    part_done: &["not confirmed by the keychain", "settings.json"],
    again: recovered,
};

fn recovered(left: &Left<'_>) {
    left.home.succeeds("recover --kit-file kit --new-password-file new --no-input --keychain file");
    assert_eq!(left.home.open(NEW).unwrap().len(), 2);
    assert!(left.home.open(OLD).is_err());
    assert!(left.home.kit_opens("kit"));
    left.home.succeeds("status --unlock --password-file new");
}

/// What is encrypted.
const PAPERS: [&str; 4] = ["plans.bin", "papers/a.csv", "papers/b.csv", "papers/drafts/c.txt"];

fn with_papers() -> Home {
    let home = home::with_vault();
    home.write(PAPERS[0], pattern(300_000, 5));
    home.write(PAPERS[1], "id,name\n1,Ada Example\n");
    home.write(PAPERS[2], "");
    home.write(PAPERS[3], pattern(20_000, 7));
    home
}

fn pattern(length: u32, step: u32) -> Vec<u8> {
    (0..length).map(|at| (at / 251 + at * step) as u8).collect()
}

impl Before {
    /// Returns what a file held.
    fn of(&self, home: &Home, name: &str) -> Option<&Vec<u8>> {
        self.files.get(&home.path(name))?.content()
    }
}

/// The vault opens with the password it had, and has all its keys, perhaps with the new one.
fn one_more_key(left: &Left<'_>, (project, version): (&str, u32)) -> State {
    let mut keys = left.home.open(OLD).unwrap();
    let new = keys.remove(&(project.to_owned(), version));
    assert_eq!(keys, left.before.keys);
    if new.is_some() { State::New } else { State::Old }
}

fn either_password(left: &Left<'_>) -> State {
    let (old, new) = (left.home.open(OLD), left.home.open(NEW));
    for keys in [&old, &new].into_iter().flatten() {
        assert_eq!(*keys, left.before.keys);
    }
    match (old, new) {
        (Ok(_), Err(_)) => State::Old,
        (Err(_), Ok(_)) => State::New,
        (Ok(_), Ok(_)) => State::Between,
        (Err(old), Err(new)) => panic!("neither password opens the vault: {old}; {new}"),
    }
}

fn vault_file_is_untouched(left: &Left<'_>) {
    let file = ".local/share/strongroom/vault.json";
    assert_eq!(left.home.found(file).as_ref(), left.before.of(left.home, file));
}

/// Vault, keychain file and settings are as they were, but for what the access log has of the command.
fn vault_is_untouched(left: &Left<'_>) {
    let now = left.home.snapshot();
    let hidden = |path: &PathBuf| [".local", ".config"].iter().any(|folder| path.starts_with(left.home.path(folder)));
    let content = |files: &BTreeMap<PathBuf, Entry>| -> Vec<(PathBuf, Entry)> {
        let files = files.iter().filter(|(path, entry)| hidden(path) && entry.content().is_some());
        files.filter_map(|(path, entry)| Some((path.clone(), entry.but_the_log(path)?))).collect()
    };
    assert_eq!(content(&now), content(&left.before.files));
}

fn originals_stand(left: &Left<'_>) {
    for paper in PAPERS {
        assert_eq!(left.home.found(paper).as_ref(), left.before.of(left.home, paper), "{paper}");
    }
}

/// Every sealed file that stands opens to its original.
fn sealed_papers(left: &Left<'_>) -> State {
    let sealed = PAPERS.map(|paper| match paper.strip_prefix("papers/") {
        Some(rest) => (paper, format!("papers.sealed/{rest}.sealed")),
        None => (paper, format!("{paper}.sealed")),
    });
    let standing: Vec<_> = sealed.into_iter().filter(|(_, sealed)| left.home.path(sealed).exists()).collect();
    if !standing.is_empty() {
        let names: Vec<&str> = standing.iter().map(|(_, sealed)| sealed.as_str()).collect();
        left.home.shell("mkdir opened").succeeds();
        left.home.succeeds(&format!("decrypt {} -o opened --password-file old", names.join(" ")));
        for (paper, _) in &standing {
            let name = paper.rsplit('/').next().unwrap();
            assert_eq!(left.home.found(&format!("opened/{name}")), left.home.found(paper), "{paper}");
        }
        left.home.shell("rm -r opened").succeeds();
    }
    match standing.len() {
        0 => State::Old,
        4 => State::New,
        _ => State::Between,
    }
}

/// Nothing stands in clear, and be it half a file without its name, that the access log has no opening of.
fn what_is_out_was_begun(left: &Left<'_>, papers: &[&str]) {
    let is_out = papers.iter().any(|paper| left.home.path(paper).exists())
        || left.home.snapshot().keys().any(|path| home::is_unfinished_output(path));
    let log = left.home.log_without_alarm().unwrap();
    let mut entries = log.records.iter().filter_map(|record| record.entry.as_ref());
    let is_begun = entries.any(|entry| entry.phase == Phase::Begin && entry.known_action() == Some(Action::FileOpen));
    assert!(!is_out || is_begun, "it was opened, and nothing was begun");
}

/// Every opened file that stands is its original.
fn opened_papers(left: &Left<'_>, papers: &[&str]) -> State {
    let standing: Vec<_> = papers.iter().filter(|paper| left.home.path(paper).exists()).collect();
    for paper in &standing {
        assert_eq!(left.home.found(paper), left.home.found(&format!("originals/{paper}")), "{paper}");
    }
    match standing.len() {
        0 => State::Old,
        count if count == papers.len() => State::New,
        _ => State::Between,
    }
}

fn kit_file_is_whole(home: &Home, file: &str) {
    if let Some(text) = home.found(file) {
        assert!(strongroom::format::kit::read(std::str::from_utf8(&text).unwrap()).is_ok(), "half a code");
    }
}

/// The vault file from before the rotation opens neither with the keychain file as it is now nor with the new kit.
fn old_vault_file_is_dead(left: &Left<'_>) {
    let file = ".local/share/strongroom/vault.json";
    // Beside it is a second copy of the vault as it is, and no older one; it would open.
    let second = ".local/share/strongroom/vault.json.prev";
    assert_eq!(left.home.found(second), left.home.found(file));
    std::fs::remove_file(left.home.path(second)).unwrap();
    left.home.write(file, left.before.of(left.home, file).unwrap());
    assert!(left.home.open(OLD).is_err());
    assert!(!left.home.kit_opens("again"));
}

/// Returns the kind of an error in JSON.
fn kind(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    lines.filter_map(|line| Some(line["kind"].as_str()?.to_owned())).next_back().unwrap_or_else(|| panic!("{text}"))
}
