//! A user without a home folder, or with one that nobody can write to: a service, a container, a build machine.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use crate::support::home::{FLOOR, Home, UNKNOWN, give_to, is_root};
use crate::support::run::Outcome;

/// Runs words as a user that the system knows nothing of.
fn run(home: &Home, words: &str, variables: &[(&str, &str)]) -> Outcome {
    let typed = home.typed(words).by_nobody_known();
    variables.iter().fold(typed, |typed, (name, folder)| typed.env(name, home.path(folder))).run()
}

/// Makes a folder for a user without a home; none if nobody here can become that user.
fn folder_without_home() -> Option<Home> {
    if !is_root() {
        // Not through print, which a passing test swallows.
        let _ = writeln!(std::io::stderr(), "SKIPPED: only root can become a user without a home");
        return None;
    }
    let home = Home::empty();
    give_to(&home.path(""), UNKNOWN);
    Some(home)
}

#[test]
fn without_a_home_vault_and_keychain_are_named_and_everything_works() {
    let Some(home) = folder_without_home() else { return };
    // Each hint, followed to the letter, leads on.
    run(&home, "project list --password-file pw", &[]).fails(
        1,
        "\
error: cannot find the vault
cause: there is no home folder: HOME is not set, and the system knows none for this user
hint: name the vault's folder with --vault DIR and, unless its key is in a desktop's keychain, the key's file with --keychain file:PATH; or set HOME
",
    );
    let init = format!("--vault v --password-file pw --no-input init --no-recovery {FLOOR}");
    run(&home, &init, &[]).fails(
        6,
        "\
error: cannot use the OS keychain
cause: no session bus answers here, so there is no OS keychain
hint: give --keychain file:PATH to keep the key in a file of this computer
",
    );
    run(&home, &format!("{init} --keychain file"), &[]).fails(
        1,
        "\
error: cannot find the folder of keychain files
cause: there is no home folder: HOME is not set, and the system knows none for this user
hint: name the file with --keychain file:PATH, or set HOME
",
    );
    let made = run(&home, &format!("{init} --keychain file:k/item"), &[]);
    assert_eq!(
        (made.code(), made.stderr()),
        (
            0,
            format!(
                "warning: this computer cannot remember where the key of the vault is stored (there is no home folder: \
                 HOME is not set, and the system knows none for this user): name it in every command, with --keychain \
                 file:{}\n",
                home.path("k/item").display()
            )
            .as_str()
        )
    );
    run(&home, "--vault v --password-file pw project list", &[]).fails(
        6,
        "\
error: cannot unlock the vault
cause: no session bus answers here, so there is no OS keychain
hint: if this vault's key is in a file, name it with --keychain file:PATH; otherwise run the command in a desktop session
",
    );
    run(&home, "--vault v --keychain file:nowhere --password-file pw project list", &[]).fails(
        6,
        "\
error: cannot unlock the vault
cause: there is no keychain file {home}/nowhere
hint: if it was moved, name its new place with --keychain file:PATH; or, with a recovery kit: `strongroom --vault v --keychain file:nowhere recover`
",
    );
    // From then on it is quiet.
    give_to(&home.write("data", "client data"), UNKNOWN);
    for words in [
        "project add acme",
        "encrypt -p acme data -o data.sealed",
        "decrypt data.sealed -o opened",
        "status",
        "key show acme",
    ] {
        run(&home, &format!("--vault v --keychain file:k/item --password-file pw {words}"), &[]).succeeds();
    }
    assert_eq!(home.read("opened"), home.read("data"));
    let doctor = run(&home, "--vault v --keychain file:k/item --password-file pw doctor --json", &[]);
    assert!(!doctor.text().contains("\"problem\",\"message\":\"cannot"), "{}", doctor.text());
}

#[test]
fn each_xdg_folder_serves_without_a_home() {
    let Some(home) = folder_without_home() else { return };
    let init = format!("init --no-recovery --password-file pw {FLOOR}");
    let all = [("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")];
    run(&home, &format!("{init} --keychain file"), &all).succeeds();
    run(&home, "project list --password-file pw", &all).succeeds();
    assert!(home.path("data/strongroom/vault.json").exists());
    // One by one: what is named is used, what is not is asked for.
    run(&home, &format!("{init} --vault second --keychain file"), &all[1..]).succeeds();
    run(&home, "project list --vault second --password-file pw", &all[1..2]).succeeds();
    assert_eq!(run(&home, "project list --password-file pw", &all[1..]).code(), 1);
    // A relative one counts as not set, as everywhere.
    let relative = home.typed("status").by_nobody_known().env("XDG_DATA_HOME", "data").run();
    assert_eq!(relative.code(), 1);
}

#[test]
fn a_home_that_cannot_be_written_to_costs_one_warning() {
    if !is_root() {
        return;
    }
    let home = Home::empty();
    give_to(&home.path(""), UNKNOWN);
    let refused = home.path("refused");
    fs::create_dir(&refused).unwrap();
    fs::set_permissions(&refused, fs::Permissions::from_mode(0o755)).unwrap();
    for (number, base) in ["refused", "/dev/null", "/nonexistent"].into_iter().enumerate() {
        let variables = [("XDG_CONFIG_HOME", base)];
        let names = format!("--vault v{number} --keychain file:k{number}/item --password-file pw");
        let made = run(&home, &format!("{names} init --no-recovery {FLOOR}"), &variables);
        assert_eq!((made.code(), made.stderr().lines().count()), (0, 1), "{}", made.stderr());
        assert!(made.stderr().starts_with("warning: this computer cannot remember where the key"), "{}", made.stderr());
        run(&home, &format!("{names} project add acme"), &variables).succeeds();
        run(&home, &format!("{names} project list"), &variables).succeeds();
    }
}
