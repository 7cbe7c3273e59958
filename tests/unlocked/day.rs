//! Daily work with the vault unlocked: the same as with the password, without a question.

use super::*;
use crate::cli::completions::answer;

/// A day's commands, and two files for them.
const DAY: &[&str] = &[
    "encrypt --project acme clients.csv",
    "encrypt --project acme clients.csv",
    "encrypt --project acme clients.csv notes --force",
    "encrypt --project acme clients.csv --update --json",
    "encrypt --project nobody clients.csv",
    "verify clients.csv.sealed notes.sealed",
    "verify clients.csv.sealed --json",
    "cat clients.csv.sealed --offset 2 --length 3",
    "inspect --unlock clients.csv.sealed --json",
    "decrypt clients.csv.sealed -o again.csv",
    "decrypt clients.csv.sealed -p acme -o -",
    "decrypt notes.sealed -o out",
    "key rotate acme",
    "key list acme",
    "rewrap --project acme clients.csv.sealed",
    "key list acme --json",
    "reencrypt --project acme notes.sealed",
    "key retire acme --version 1",
    "key retire acme --version 1",
    "key retire acme --version 2",
    "key retire acme --version 9",
    "key show nobody",
    "project add bistro --client Bistro",
    "project add bistro",
    "project rename bistro cafe",
    "project set cafe --purpose survey --destroy-by 2001-01-01 --declare backups=none",
    "project set cafe --purpose survey",
    "due --json",
    "project hold cafe --reason litigation",
    "project show cafe",
    "project list",
    "secret set portal -p acme --user jo --url https://portal.example --from-file clients.csv",
    "secret set portal --from-file clients.csv",
    "secret set portal --tag web --field PIN --open --from-file clients.csv --json",
    "secret set nosuch -p nobody --from-file clients.csv",
    "secret show portal",
    "secret show portal --field password",
    "secret show portal --reveal --json",
    "secret show nosuch",
    "secret show portal --field password --version 9",
    "secret list",
    "secret list por --json",
    "secret history portal",
    "secret otp portal",
    "secret rename portal door",
    "secret move door --no-project",
    "encrypt --project acme --remove notes",
    "encrypt --project acme --archive out",
    "decrypt --extract out.tar.sealed -o unpacked",
];

fn with_files(home: &Home) {
    home.write("clients.csv", "name,city\nAda,London\n");
    home.write("notes/one.txt", "one");
    home.write("notes/deep/two.txt", "two");
}

/// Times and ids differ from run to run.
fn shown(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_hexdigit() || "-:TZ".contains(c);
    let words = text.split_inclusive(|c: char| !is_part(c));
    let word = |word: &str| {
        let bare = word.trim_end_matches(|c: char| !is_part(c));
        let is_id = bare.len() == 36 && bare.matches('-').count() == 4;
        let is_time = bare.len() == 20 && bare.ends_with('Z');
        if is_id || is_time { word.replace(bare, "?") } else { word.to_owned() }
    };
    words.map(word).collect()
}

#[test]
fn every_command_of_a_day_says_and_does_the_same_without_the_password() {
    let unlocked = Unlocked::new();
    let asking = Home::with_project();
    with_files(&unlocked.0);
    with_files(&asking);
    for words in DAY {
        let without = unlocked.0.run_alone(words);
        let with = asking.run(words);
        let of = |run: &crate::support::run::Outcome| (run.code(), shown(&run.text()), shown(run.stderr()));
        assert_eq!(of(&without), of(&with), "{words}");
    }
    // What is below .local is named from the ids of the vault and its agent.
    let names = |home: &Home| -> Vec<PathBuf> {
        let all = home.contents().into_keys().map(|path| path.strip_prefix(home.folder()).unwrap().to_path_buf());
        all.filter(|path| !path.starts_with(".local")).collect()
    };
    assert_eq!(names(&unlocked.0), names(&asking));
}

#[test]
fn a_key_is_shown_and_counted() {
    let unlocked = Unlocked::new();
    let home = &unlocked.0;
    let with = home.run("key show acme").succeeds().text();
    assert_eq!(unlocked.agent()["keys_shown"], 0);
    home.run_alone("key show acme").shows(&with);
    assert_eq!(unlocked.agent()["keys_shown"], 1);
    home.run_alone("run -p acme --key-env KEY -- printenv KEY").shows(&with);
    assert_eq!(unlocked.agent()["keys_shown"], 2);
    home.write("a", "data");
    home.run_alone("encrypt -p acme a").succeeds();
    home.run_alone("verify a.sealed").succeeds();
    let agent = unlocked.agent();
    assert_eq!(agent["content_keys_unwrapped"], 1, "{agent}");
    assert!(agent["content_keys_wrapped"].as_u64().unwrap() >= 1, "{agent}");
    assert_eq!(agent["keys_shown"], 2);
}

#[test]
fn the_names_of_projects_complete_while_the_vault_is_unlocked() {
    let unlocked = Unlocked::new();
    let home = &unlocked.0;
    home.run_alone("project add bistro").succeeds();
    assert_eq!(answer(home, "strongroom key show a"), ["acme"]);
    assert_eq!(answer(home, "strongroom encrypt --project b"), ["bistro"]);
    home.run_alone("lock").succeeds();
    assert_eq!(answer(home, "strongroom encrypt --project b"), [""; 0]);
}

#[test]
fn what_takes_something_away_still_asks() {
    let unlocked = Unlocked::new();
    unlocked.0.write("key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
    unlocked.0.write("export.csv", "name,url,username,password,note\na,https://a.example,ada,pw,\n");
    let asks = [
        "passwd --generate-password",
        "vault rotate --no-recovery",
        "project destroy acme --yes acme --no-recovery",
        "kit new --recovery-file kit",
        "project release acme --reason settled",
        "secret remove portal --yes",
        "secret prune",
        "secret import export.csv --yes",
        "secret export out -p acme",
        "key import acme --from key --format base64",
        "status --unlock",
        "project list --accept-rollback",
        "project list --keychain file",
        "encrypt --init -p acme pw",
    ];
    for words in asks {
        let run = unlocked.0.run_alone(words);
        assert_eq!((run.code(), run.stderr()), (2, ASKS_FOR_PASSWORD), "{words}");
    }
    assert!(unlocked.pid() > 0);
}

#[test]
fn it_answers_for_the_projects_that_it_was_unlocked_for() {
    let unlocked = Unlocked(Home::with_project());
    let home = &unlocked.0;
    home.run("project add bistro").succeeds();
    home.run("unlock --project nobody").fails(
        4,
        "error: cannot keep the vault unlocked\n\
         cause: there is no project \"nobody\" in this vault\n\
         hint: see the names with `strongroom project list`\n",
    );
    assert_eq!(unlocked.unlock("--project acme")["projects"], serde_json::json!(["acme"]));
    home.run_alone("key list acme").succeeds();
    home.write("a", "data");
    home.run_alone("encrypt -p acme a").succeeds();
    home.run_alone("decrypt -p acme a.sealed -o b").succeeds();
    let remark = "the vault is unlocked for some projects only (acme): to unlock it for all, run `strongroom unlock`\n";
    for words in ["key show bistro", "project list", "decrypt a.sealed -o c", "project add cafe"] {
        home.run_alone(words).fails(2, &format!("{remark}{NEEDS_PASSWORD}"));
    }
}

#[test]
fn secrets_of_the_projects_that_it_was_unlocked_for_are_answered_and_counted() {
    let unlocked = Unlocked(Home::with_project());
    let home = &unlocked.0;
    home.run("project add bistro").succeeds();
    home.write("value", "hunter2\n");
    for words in ["secret set portal -p acme", "secret set door -p bistro", "secret set own"] {
        home.run(&format!("{words} --from-file value")).succeeds();
    }
    unlocked.unlock("--project acme");
    home.run_alone("run --secret A=portal -- printenv A").shows("hunter2\n");
    home.run_alone("secret show portal --field password").shows("hunter2\n");
    home.run_alone("secret set portal --user jo").does("secret portal is changed\n");
    home.run_alone("secret list -p acme --json").succeeds();
    home.run_alone("secret set new -p acme --from-file value").does("secret new is stored\n");
    assert_eq!(unlocked.agent()["secrets_shown"], 2);
    let remark = "the vault is unlocked for some projects only (acme): to unlock it for all, run `strongroom unlock`\n";
    for words in [
        "secret show door",
        "secret show own",
        "secret set door --user x",
        "secret set new -p bistro --from-file value",
        "secret move portal -p bistro",
        "secret move door -p acme",
        "secret set nosuch --from-file value",
        "secret move portal --no-project",
        "secret list",
        "run --secret A=door -- true",
    ] {
        home.run_alone(words).fails(2, &format!("{remark}{NEEDS_PASSWORD}"));
    }
    home.run("secret show own --field password").shows("hunter2\n");
}

#[test]
fn a_program_gets_several_things_on_the_numbers_that_this_one_uses_first() {
    let unlocked = Unlocked(Home::with_project());
    let home = &unlocked.0;
    home.write("value", "hunter2\n");
    home.run("secret set portal --from-file value").succeeds();
    let key = home.run("key show acme").succeeds().text();
    unlocked.unlock("");
    // Its own threads are at work until the program takes its place, which is soonest with an agent.
    for round in 0..25 {
        let first = 3 + round % 4;
        let (second, third) = (first + 1, first + 2);
        let run = format!("run -p acme --key-fd {first} --secret-fd {second}=portal --secret-fd {third}=portal");
        let files = [first, second, third].map(|number| format!("/dev/fd/{number}"));
        home.shell(&format!("strongroom {run} -- cat {}", files.join(" "))).does(&format!("{key}hunter2\nhunter2\n"));
    }
}

#[test]
#[ignore = "needs jq: run ./test"]
fn a_script_gets_what_it_needs_as_json() {
    let unlocked = Unlocked::new();
    let script = "\
        set -euo pipefail\n\
        strongroom project add globex --json | jq -e '.project == \"globex\"' > /dev/null\n\
        echo data > report.txt\n\
        strongroom encrypt --project globex report.txt --json | jq -er '.[0].output'\n\
        strongroom verify report.txt.sealed --json | jq -er '.[0].state'\n\
        strongroom key show globex --json | jq -er '.key | length'\n\
        strongroom status --json | jq -er '.agent.keys_shown'\n\
        strongroom lock --json | jq -er '.locked'\n\
        strongroom lock --json | jq -er '.locked | not'\n";
    let run = crate::support::run::Typed::new(&unlocked.0, "bash").arg("-c").arg(script).run();
    run.does("report.txt.sealed\nwhole\n44\n1\ntrue\ntrue\n");
}

#[test]
fn unlock_says_for_how_long_and_status_shows_it() {
    let unlocked = Unlocked(Home::with_project());
    let home = &unlocked.0;
    let run = home.typed("unlock --for 2h --idle 90s --password-file pw").env("DBUS_SYSTEM_BUS_ADDRESS", NO_BUS).run();
    run.does(
        "unlocked: locks when it is not used for 1 min 30 s, after 2 h at the latest, and with `strongroom lock`\n\
         note: no system bus answers here\n",
    );
    let text = home.run_alone("status").succeeds().changed_nothing().text();
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("agent")).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].contains(" keeps the vault unlocked; it locks in 1 min 2"), "{text}");
    assert!(lines[0].contains(" if it is not used, in 1 h 59 min at the latest"), "{text}");
    assert!(lines[1].starts_with("watches        only the time: no system bus answers here"), "{text}");
    assert_eq!(lines[2], "handed out     0 file keys and 0 secrets shown; 0 content keys unwrapped, 0 wrapped");
    home.run_alone("lock").does("the vault is locked\n");
    home.run_alone("lock").shows("the vault was not unlocked; nothing was changed\n");
    assert_eq!(unlocked.agent(), Value::Null);
    home.run_alone("project list").fails(2, NEEDS_PASSWORD);
    for wrong in ["--for 8", "--for 0s", "--idle 31d", "--idle 1h30m"] {
        let run = home.run(&format!("unlock {wrong}"));
        assert_eq!(run.code(), 2, "{wrong}");
        assert!(run.stderr().contains("give a time of 1 second to 30 days"), "{}", run.stderr());
    }
}

#[test]
fn a_wrong_password_unlocks_nothing() {
    let unlocked = Unlocked(Home::with_project());
    unlocked.0.write("wrong", "not-the-password");
    let run = unlocked.0.run_alone("unlock --password-file wrong");
    assert_eq!(run.code(), 3, "{}", run.stderr());
    assert_eq!(unlocked.agent(), Value::Null);
}

#[test]
fn a_key_is_shown_only_if_the_user_agrees() {
    use std::os::unix::fs::PermissionsExt;
    let unlocked = Unlocked(Home::with_project());
    let home = &unlocked.0;
    home.run("unlock --confirm")
        .fails(2, "error: --confirm needs a program that can ask you\nhint: name one in the variable SSH_ASKPASS\n");
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::OsStr::from_bytes(b"/ask\xff");
    home.typed("unlock --confirm --password-file pw").env("SSH_ASKPASS", name).run().fails(
        2,
        "error: --confirm cannot use the program /ask\u{fffd}: its path is not UTF-8\n\
         hint: name another one in the variable SSH_ASKPASS\n",
    );
    let askpass = home.write(
        "askpass",
        "#!/bin/sh\necho \"$SSH_ASKPASS_PROMPT: $1\" >> {home}/asked\ntest -e {home}/yes\n"
            .replace("{home}", &home.folder().display().to_string()),
    );
    fs::set_permissions(&askpass, fs::Permissions::from_mode(0o700)).unwrap();
    let words = "unlock --confirm --json --password-file pw";
    let json =
        home.typed(words).env("SSH_ASKPASS", &askpass).env("DBUS_SYSTEM_BUS_ADDRESS", NO_BUS).run().succeeds().json();
    assert_eq!(json["confirms"], true);
    home.run_alone("project list").succeeds();
    assert!(!home.path("asked").exists());
    home.run_alone("key show acme").ends(
        1,
        "",
        "error: cannot show the key of \"acme\"\n\
         cause: it was not confirmed that the agent may hand this out\n\
         hint: run it again\n",
    );
    home.write("yes", "");
    assert_eq!(home.run_alone("key show acme").succeeds().text().len(), 45);
    assert_eq!(
        fs::read_to_string(home.path("asked")).unwrap(),
        "confirm: May strongroom show a file key of project \"acme\"?\n".repeat(2)
    );
}
