//! A system that nobody can write to: a live system, a stick with its lock set, a container's image. What only reads
//! works there.

use std::fs;
use std::io::Write;

use crate::support::home::Home;
use crate::support::run::Outcome;

/// Runs words in the home folder, which is read-only for this one command. None if that cannot be had here.
fn run(home: &Home, words: &str) -> Option<Outcome> {
    // The current folder is entered again, or it would be the one below the mount.
    const FREEZE: &str = "mount --bind \"$HOME\" \"$HOME\" && mount -o remount,ro,bind \"$HOME\" && cd \"$HOME\" || \
                          exit 99; exec \"$@\"";
    let typed = home.typed(words).args(["--password-file", "pw"]);
    let outcome = typed.through(&["unshare", "--mount", "sh", "-c", FREEZE, "sh"]).run();
    if outcome.code() == 99 || outcome.stderr().starts_with("unshare: ") {
        // Not through print, which a passing test swallows.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no read-only file system can be made here");
        return None;
    }
    Some(outcome)
}

#[test]
fn what_only_reads_works_on_a_read_only_file_system() {
    let home = Home::with_project();
    home.write("a.csv", "id,amount\n");
    home.run("encrypt -p acme a.csv").succeeds();
    // What cannot be recorded is refused, unless somebody has decided otherwise.
    let Some(refused) = run(&home, "cat a.csv.sealed") else { return };
    assert_eq!(refused.code(), 1, "{}", refused.stderr());
    assert!(refused.stderr().contains("error: cannot record the access (file.range)"), "{}", refused.stderr());
    home.run("policy log best-effort --reason trip").succeeds();
    for words in [
        "status",
        "project list",
        "project show acme",
        "key show acme",
        "key list acme",
        "cat a.csv.sealed",
        "verify a.csv.sealed",
        "decrypt a.csv.sealed -o -",
        "inspect a.csv.sealed",
        "kit list",
    ] {
        let Some(outcome) = run(&home, words) else { return };
        let warnings = outcome.stderr().lines().count();
        assert!(outcome.ends_well() && warnings <= 1, "{words}: {}", outcome.stderr());
        assert!(
            outcome.stderr().is_empty() || outcome.stderr().starts_with("warning: this access could not be recorded")
        );
        outcome.changed_nothing();
    }
    // Doctor names no remedy that needs a disk.
    let Some(doctor) = run(&home, "doctor --json") else { return };
    let text = doctor.text();
    assert!(
        text.contains("its file system is read-only, so no test item could be stored")
            && !text.contains("keychain\",\"level\":\"problem"),
        "{text}"
    );
    // What changes the vault says why it cannot.
    let Some(add) = run(&home, "project add beta") else { return };
    add.fails(
        1,
        "\
warning: this access could not be recorded: [..]: read-only file system; see what is wrong with `strongroom log verify`
error: cannot add project \"beta\"
cause: cannot lock {home}/.local/share/strongroom/vault.json.lock: read-only file system
hint: nothing can be changed on a read-only file system: make it writable, or name another place
",
    );
}

#[test]
fn what_cannot_be_recorded_on_a_read_only_file_system_is_one_warning() {
    let home = Home::with_project();
    let anchor = home.read(home.anchor());
    home.run("project add beta").succeeds();
    for lagging in [Some(anchor), None] {
        match lagging {
            Some(anchor) => drop(home.write(home.anchor(), anchor)),
            None => fs::remove_file(home.anchor()).unwrap(),
        }
        let Some(outcome) = run(&home, "project list") else { return };
        assert_eq!((outcome.code(), outcome.stderr().lines().count()), (0, 1), "{}", outcome.stderr());
        assert!(outcome.stderr().starts_with(
            "warning: this computer could not record which vault file it opened last \
                                              ("
        ));
        outcome.changed_nothing();
    }
}
