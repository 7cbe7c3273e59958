//! Every name that a command writes to.

use crate::faults::home::{self, Home};

/// A name, and a command that writes to it.
pub struct Target {
    /// The name, with ID for the vault's id.
    pub path: &'static str,
    /// What is typed.
    pub words: &'static str,
    /// The command makes a vault where none stands.
    pub makes: bool,
}

const fn target(path: &'static str, words: &'static str) -> Target {
    Target { path, words, makes: false }
}

const fn making(path: &'static str) -> Target {
    const INIT: &str = "init --keychain file:keys/item --recovery-file code --kdf-memory 64 --kdf-passes 3 --kdf-lanes 4 \
                        --password-file old";
    Target { path, words: INIT, makes: true }
}

const ADD: &str = "project add beta --password-file old";
const PASSWD: &str = "passwd --password-file old --new-password-file new";
const RECOVER: &str = "recover --kit-file kit --new-password-file new --no-input";
const ROTATE: &str = "vault rotate --settle-now --recovery-file next --password-file old";
const ENCRYPT: &str = "encrypt -p acme plans.bin --password-file old";
const ENCRYPT_FORCE: &str = "encrypt -p acme plans.bin --force --password-file old";
const ENCRYPT_TREE: &str = "encrypt -p acme papers -o sealed --password-file old";
const ENCRYPT_TREE_FORCE: &str = "encrypt -p acme papers -o sealed --force --password-file old";
const DECRYPT: &str = "decrypt small.sealed -o opened --password-file old";
const DECRYPT_FORCE: &str = "decrypt small.sealed -o opened --force --password-file old";
const DECRYPT_TREE: &str = "decrypt tree.sealed -o tree --password-file old";
const DECRYPT_TREE_FORCE: &str = "decrypt tree.sealed -o tree --force --password-file old";

/// All of them.
pub const TARGETS: [Target; 47] = [
    target(".local/share/strongroom/vault.json", ADD),
    target(".local/share/strongroom/vault.json.prev", ADD),
    target(".local/share/strongroom/vault.json.lock", ADD),
    target(".local/share/strongroom/vault.json.strongroom-tmp", ADD),
    target(".local/share/strongroom/vault.json.prev.strongroom-tmp", ADD),
    target(".local/share/strongroom/vault.json.prev", ROTATE),
    target(".local/share/strongroom/vault.json.strongroom-tmp", ROTATE),
    target("next", ROTATE),
    target(".config/strongroom/settings.json", RECOVER),
    target(".config/strongroom/settings.json.lock", RECOVER),
    target(".config/strongroom/settings.json.strongroom-tmp", RECOVER),
    target(".local/state/strongroom/keychain/ID", RECOVER),
    target(".local/state/strongroom/keychain/ID", PASSWD),
    target(".local/state/strongroom/keychain/ID.strongroom-tmp", PASSWD),
    target(".local/state/strongroom/keychain/ID.lock", PASSWD),
    target(".local/state/strongroom/keychain/ID.lock", ADD),
    target(".local/state/strongroom/keychain/ID.anchor", ADD),
    target(".local/state/strongroom/keychain/ID.anchor.strongroom-tmp", ADD),
    making(".local/share/strongroom/vault.json"),
    making(".local/share/strongroom/vault.json.prev"),
    making(".local/share/strongroom/vault.json.lock"),
    making(".local/share/strongroom/vault.json.strongroom-tmp"),
    making(".config/strongroom/settings.json"),
    making("keys/item"),
    making("keys/item.anchor"),
    making("keys/item.anchor.strongroom-tmp"),
    making("code"),
    target("plans.bin.sealed", ENCRYPT),
    target("plans.bin.sealed", ENCRYPT_FORCE),
    target("sealed/a.csv.sealed", ENCRYPT_TREE),
    target("sealed/a.csv.sealed", ENCRYPT_TREE_FORCE),
    target("sealed/drafts", ENCRYPT_TREE_FORCE),
    target("papers.tar.sealed", "encrypt -p acme --archive papers --password-file old"),
    target("papers.tar.sealed", "encrypt -p acme --archive --force papers --password-file old"),
    target("opened", DECRYPT),
    target("opened", DECRYPT_FORCE),
    target("tree/a.csv", DECRYPT_TREE),
    target("tree/a.csv", DECRYPT_TREE_FORCE),
    target("tree/a.csv", "decrypt tree.sealed -o tree --update --password-file old"),
    target("tree/drafts", DECRYPT_TREE_FORCE),
    target("hidden-tree/drafts", "decrypt hidden.sealed -o hidden-tree --password-file old"),
    target("unpacked", "decrypt --extract packed.sealed -o unpacked --password-file old"),
    target("copy.json", "vault backup copy.json"),
    target("page.html", "kit new --save page.html --password-file old"),
    target("code", "kit new --recovery-file code --password-file old"),
    target("fork/vault.json", "vault fork fork --no-recovery --password-file old"),
    target("fork/vault.json.strongroom-tmp", "vault fork fork --no-recovery --password-file old"),
];

/// Makes a home with a vault and everything that the commands read.
pub fn home() -> Home {
    let home = home::with_vault();
    home.write("plans.bin", vec![7; 100_000]);
    home.write("papers/a.csv", "id,name\n1,Ada Example\n");
    home.write("papers/drafts/c.txt", "draft\n");
    home.shell("chmod 700 papers papers/drafts").succeeds();
    home.succeeds("encrypt -p acme papers -o tree.sealed --password-file old");
    home.succeeds("encrypt -p acme papers -o hidden.sealed --hide-names --password-file old");
    home.succeeds("encrypt -p acme papers/a.csv -o small.sealed --password-file old");
    home.succeeds("encrypt -p acme --archive papers -o packed.sealed --password-file old");
    home
}

/// Makes a home without a vault.
pub fn empty_home() -> Home {
    let home = home::empty();
    home.shell("mkdir -m 700 keys").succeeds();
    home
}

/// Returns the vault's id.
pub fn id_of(home: &Home) -> String {
    let items = std::fs::read_dir(home.path(".local/state/strongroom/keychain"));
    let names = items.into_iter().flatten().map(|item| item.unwrap().file_name().into_string().unwrap());
    names.into_iter().find(|name| !name.contains('.')).unwrap_or_default()
}
