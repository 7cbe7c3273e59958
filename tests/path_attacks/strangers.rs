//! Files and folders of another user, whom permissions bind: everything is refused in words, and nothing changes.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::outside::unclean;
use super::targets::home;
use crate::faults::home::{Home, PROGRAM, Struck as _};
use crate::support::proof;

/// The user and group nobody.
const STRANGER: u32 = 65534;

const WHAT: &str = "commands of nobody against files and folders of root";

fn give_away(path: &Path) {
    lchown(path, Some(STRANGER), Some(STRANGER)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give_away(&entry.unwrap().path());
        }
    }
}

/// Runs the program as nobody.
fn run(home: &Home, program: &Path, words: &str) -> Output {
    let mut command = Command::new("setsid");
    command.args(["--wait", "timeout", "30", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(program).args(words.split_whitespace()).current_dir(home.path("")).env_clear();
    command.env("HOME", home.path("")).env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).output().unwrap()
}

#[test]
#[ignore = "takes a while: run ./test"]
fn what_belongs_to_others_is_left_to_them() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return proof::leave_out("path-attacks-strangers", WHAT, "only root can run a command as another user");
    }
    let home = home();
    // The program may lie where only root can go.
    let folder = TempDir::with_prefix("strongroom-program-").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("strongroom");
    fs::hard_link(PROGRAM, &program).or_else(|_| fs::copy(PROGRAM, &program).map(drop)).unwrap();
    let before = home.snapshot();
    let add = "project add beta --password-file old";
    let encrypt = "encrypt -p acme plans.bin -o shared/out --force --password-file old";
    let passwd = "passwd --password-file old --new-password-file new";
    // What root does to the home, what nobody types there, and the kinds of error that are right.
    let cases: [(&str, &str, &[i32]); 14] = [
        ("chown -R root .local/share && chmod 700 .local/share", add, &[1]),
        ("chown root .local/share/strongroom && chmod 755 .local/share/strongroom", add, &[1]),
        ("chown root .local/share/strongroom/vault.json && chmod 600 .local/share/strongroom/vault.json", add, &[1]),
        (
            "chown root .local/share/strongroom/vault.json.lock && chmod 600 .local/share/strongroom/vault.json.lock",
            add,
            &[1],
        ),
        ("chown -R root .local/state && chmod 700 .local/state", add, &[6]),
        ("chown root .local/state/strongroom/keychain && chmod 755 .local/state/strongroom/keychain", passwd, &[6]),
        ("chown root .local/state/strongroom/keychain/* && chmod 600 .local/state/strongroom/keychain/*", passwd, &[6]),
        ("chown -R root .config && chmod 700 .config", add, &[1]),
        ("chown root old && chmod 600 old", add, &[1]),
        ("chown root plans.bin && chmod 600 plans.bin", "encrypt -p acme plans.bin --password-file old", &[1]),
        ("mkdir -m 755 shared && chown root shared", encrypt, &[1]),
        // As /tmp: whoever may write there may still not replace what is root's.
        (
            "mkdir -m 1777 shared && echo root > shared/out && chown -R root shared && chmod 644 shared/out",
            encrypt,
            &[1],
        ),
        ("mkdir -m 755 shared && chown root shared", "vault backup shared/copy", &[1]),
        (
            "mkdir -m 755 shared && chown root shared",
            "decrypt --extract packed.sealed -o shared/out --password-file old",
            &[1],
        ),
    ];
    for (done_before, words, codes) in cases {
        home.restore(&before);
        give_away(&home.path(""));
        home.shell(done_before).succeeds();
        let standing = home.snapshot();
        let output = run(&home, &program, words);
        let said = String::from_utf8_lossy(&output.stderr);
        println!("{done_before}: {words}: {:?} {}", output.status.code(), said.replace('\n', "|"));
        assert_eq!(unclean(&output), None, "{words} after {done_before}");
        assert!(codes.contains(&output.status.code().unwrap()), "{words} after {done_before}: {said}");
        assert!(said.contains("ermission") || said.contains("not permitted"), "{words} after {done_before}: {said}");
        let mut now = home.snapshot();
        // The lock's own file may be made; and a folder's time shows a file that came and went.
        now.retain(|path, entry| {
            standing.contains_key(path) || entry.content().is_none_or(|content| !content.is_empty())
        });
        let contents = |files: std::collections::BTreeMap<std::path::PathBuf, crate::faults::home::Entry>| {
            let but_the_log = files.into_iter().filter_map(|(path, entry)| Some((entry.but_the_log(&path)?, path)));
            but_the_log.map(|(entry, path)| (path, entry.content().cloned())).collect::<Vec<_>>()
        };
        assert_eq!(contents(now), contents(standing), "{words} after {done_before}");
    }
    let figure = format!("{} refused in words, 0 changes", cases.len());
    proof::record("path-attacks-strangers", WHAT, &figure);
}
