//! What needs no vault: help, completions, the manual page, and how wrong usage is answered.

use crate::support::home::Home;

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 usage, 3 wrong password, 4 not found, 5 damaged or altered, 6 \
                          keychain, 7 busy, 8 rolled back or diverged, 126 and 127 run cannot start the program, 130 \
                          interrupted, 128 + N ended by signal N.";

#[test]
fn the_first_page_lists_the_exit_codes() {
    let page = Home::empty().run_alone("--help").succeeds().changed_nothing().text();
    let words: Vec<&str> = page.split_whitespace().collect();
    assert!(words.join(" ").contains(EXIT_CODES), "{page}");
}

#[test]
fn the_version_is_one_line() {
    let expected = format!("strongroom {}\n", env!("CARGO_PKG_VERSION"));
    Home::empty().run_alone("--version").shows(&expected);
}

#[test]
fn the_manual_page_is_one_for_the_program_and_one_for_each_command() {
    let home = Home::empty();
    let page = home.run_alone("man").succeeds().changed_nothing().text();
    assert!(page.contains(".TH strongroom 1") && page.contains("Exit codes"), "{page}");
    let page = home.run_alone("man encrypt").succeeds().changed_nothing().text();
    assert!(page.contains(".TH strongroom-encrypt 1") && page.contains("generate\\-password"), "{page}");
    home.run_alone("man fly").fails(
        2,
        "\
error: there is no command \"fly\"
hint: see `strongroom --help`
",
    );
}

#[test]
fn a_closed_pipe_is_quiet_success() {
    let home = Home::with_project();
    // pipefail, so that strongroom's own exit code is the line's.
    let line = "set -o pipefail; strongroom man | head -n 1";
    let first = home.shell(&format!("exec bash -c '{line}'")).succeeds().text();
    assert_eq!(first.lines().count(), 1);
    for command in ["project list --json", "status", "man", "completions zsh", "--help"] {
        let line = format!("set -o pipefail; strongroom {command} --password-file pw | true");
        home.shell(&format!("exec bash -c '{line}'")).shows("");
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let home = Home::empty();
    for words in
        ["", "fly", "project", "project fly", "key", "encrypt", "decrypt", "key import acme", "init --fly", "man a b"]
    {
        let outcome = home.run_alone(words);
        let usage = outcome.stderr().to_owned();
        outcome.fails(2, &usage);
        assert!(usage.contains("Usage: strongroom"), "{words}: {usage}");
    }
    home.run_alone("init --keychain cloud").fails(
        2,
        "\
error: invalid value 'cloud' for '--keychain <KIND>': a keychain is os, file or file:PATH

For more information, try '--help'.
",
    );
}

#[test]
fn wrong_usage_in_json_says_what_is_wrong_in_one_line() {
    let home = Home::empty();
    for (words, telling) in [
        ("project list --fly", "--fly"),
        ("encrypt -p acme", "PATH"),
        ("decrypt", "PATH"),
        ("cat", "FILE"),
        ("key show acme --format morse", "base64"),
        ("init --keychain cloud", "os, file or file:PATH"),
        ("key show acme --version -1", "-1"),
        ("", "subcommand"),
        ("project", "subcommand"),
    ] {
        let (message, hint) = home.run_alone(&format!("{words} --json")).fails_in_json(2, "usage");
        assert!(message.contains(telling) && !message.ends_with(':'), "{words}: {message}");
        assert!(hint.contains("--help"), "{words}: {hint}");
    }
}

#[test]
fn global_flags_stand_before_or_after_the_command() {
    let home = Home::with_project();
    let key = home.run("key show acme").succeeds().text();
    for words in [
        "--password-file pw key show acme",
        "key --password-file pw show acme",
        "key show --password-file pw acme",
        "key show acme --password-file pw",
        "--no-input -q key --password-file pw show acme",
    ] {
        home.run_alone(words).shows(&key);
    }
    let json = home.run("--json key show acme").succeeds().changed_nothing().json();
    assert_eq!(json, home.run("key show acme --json").succeeds().json());
}

#[test]
fn the_vault_is_named_by_flag_or_variable_and_the_flag_wins() {
    let home = Home::empty();
    let hinting = |folder: &str, flag: &str| {
        format!(
            "\
error: cannot open the vault
cause: there is no vault at {{home}}/{folder}/vault.json
hint: if the vault is elsewhere, name its folder with --vault; make a new vault with `strongroom {flag}init`; for a vault from another computer, with a recovery kit: `strongroom {flag}recover --from BACKUP`
"
        )
    };
    let missing = |folder: &str| hinting(folder, "");
    // What a hint names is to be typed as it is: the flag is in it, the variable is still set.
    home.run("project list --vault flag").fails(4, &hinting("flag", "--vault flag "));
    home.run("--vault flag project list").fails(4, &hinting("flag", "--vault flag "));
    home.typed("project list").env("STRONGROOM_VAULT", "variable").run().fails(4, &missing("variable"));
    let _ = home
        .typed("project list --vault flag")
        .env("STRONGROOM_VAULT", "variable")
        .run()
        .fails(4, &hinting("flag", "--vault flag "));
    home.run("project list").fails(4, &missing(".local/share/strongroom"));
    // An empty variable is none.
    home.typed("project list").env("STRONGROOM_VAULT", "").run().fails(4, &missing(".local/share/strongroom"));
    // Nothing is remembered of a vault that is not there, so the keychain that was named is named again.
    let hint = home.run("--vault flag --keychain file:k status --json").fails_in_json(4, "vault-not-found").1;
    assert!(hint.contains("`strongroom --vault flag --keychain file:k init`"), "{hint}");
    // XDG folders are honoured.
    let xdg = home.path("xdg");
    home.typed("project list").env("XDG_DATA_HOME", &xdg).run().fails(4, &missing("xdg/strongroom"));
}

#[test]
fn quiet_leaves_out_remarks_but_never_results_or_errors() {
    let home = Home::with_vault();
    home.run("project add acme --quiet").does("");
    home.write("a.txt", "data");
    home.run("encrypt -q -p acme a.txt").does("");
    home.run("-q decrypt a.txt.sealed -o b.txt").does("");
    assert_eq!(home.read("b.txt"), b"data");
    assert_eq!(home.run("key show acme -q").succeeds().text().len(), 45);
    assert!(home.run("project list -q").succeeds().text().contains("acme"));
    let json = home.run("project add beta -q --json").succeeds().json();
    assert_eq!(json["project"], "beta");
    home.run("project show gamma -q").fails(
        4,
        "\
error: cannot show the project
cause: there is no project \"gamma\" in this vault
hint: see the names with `strongroom project list`
",
    );
}

#[test]
fn nothing_is_coloured_where_nobody_looks_and_no_color_changes_nothing_there() {
    let home = Home::empty();
    let plain = home.run("status").stderr().to_owned();
    assert!(plain.starts_with("error: ") && !plain.contains('\u{1b}'));
    for value in ["", "1"] {
        home.typed("status").env("NO_COLOR", value).run().fails(4, &plain);
    }
}

#[test]
fn the_exit_codes_are_those_of_the_page() {
    let home = Home::empty();
    let text = home.run_alone("exit-codes").succeeds().changed_nothing().text();
    assert!(text.starts_with("CODE  MEANS\n0     done\n1     failed\n"), "{text}");
    let json = home.run_alone("exit-codes --json").succeeds().json();
    let codes: Vec<u64> = json.as_array().unwrap().iter().map(|code| code["code"].as_u64().unwrap()).collect();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md")).unwrap();
    let table = page.split("## Exit codes").nth(1).unwrap().split("If a change").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(' ')?.0.parse().ok());
    assert_eq!(codes, rows.collect::<Vec<u64>>());
}
