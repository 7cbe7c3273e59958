//! What the program prints with --json is what docs/schema says. Commands of every kind are run, and Python's jsonschema
//! validates all that they print, warnings and errors included, with members refused that a schema does not list.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::home::{FLOOR, Home};
use crate::support::proof::record;
use crate::support::python::python;
use crate::support::run::{Outcome, Typed};

/// All that was printed, a line for each value, with the name of its schema.
#[derive(Default)]
struct Printed {
    lines: Vec<String>,
}

impl Printed {
    fn keep(&mut self, schema: &str, value: &Value) {
        self.lines.push(json!({"schema": schema, "value": value}).to_string());
    }

    /// Keeps what a command printed, of which standard output is of this schema, and returns that.
    #[track_caller]
    fn of(&mut self, schema: &str, outcome: &Outcome) -> Value {
        for line in outcome.stderr().lines() {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let kind = ["warning", "progress", "code"].into_iter().find(|member| line.get(member).is_some());
            self.keep(kind.unwrap().replace("code", "error").as_str(), &line);
        }
        if schema.is_empty() {
            assert_eq!(outcome.text(), "");
            return Value::Null;
        }
        let value = outcome.json();
        self.keep(schema, &value);
        value
    }

    #[track_caller]
    fn run(&mut self, home: &Home, schema: &str, words: &str) -> Value {
        self.typed(schema, home.typed(words).args(["--password-file", "pw"]))
    }

    #[track_caller]
    fn typed(&mut self, schema: &str, typed: Typed<'_>) -> Value {
        self.of(schema, &typed.arg("--json").run())
    }

    /// Validates all of it, and returns each schema's name and how many values it was used for.
    fn validate(&self) -> Vec<(String, usize)> {
        let mut python = python("tests/python/validate.py")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Python with jsonschema");
        python.stdin.take().unwrap().write_all((self.lines.join("\n") + "\n").as_bytes()).unwrap();
        let output = python.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let used = text.lines().map(|line| line.rsplit_once(' ').unwrap());
        used.map(|(name, count)| (name.to_owned(), count.parse().unwrap())).collect()
    }
}

fn what_was_encrypted_before(printed: &mut Printed, home: &Home) {
    home.write("old.csv", "name,street,city\nAda,1 Long Street,London\nBo,2 Short Street,Paris\n");
    home.write("old-pw", "hunter2\n");
    home.shell("openssl enc -aes-256-cbc -pbkdf2 -pass file:old-pw -in old.csv -out old.csv.enc").succeeds();
    printed.run(home, "import-detect", "import --detect old.csv.enc");
    printed.run(home, "import", "import -p acme --old-password-file old-pw old.csv.enc -o taken.sealed");
}

#[test]
#[ignore = "needs Python's jsonschema and Xvfb: run ./test"]
fn everything_printed_is_as_its_schema_says() {
    let mut printed = Printed::default();
    let home = Home::empty();
    printed.run(&home, "init", &format!("init --keychain file --recovery-file kit {FLOOR}"));
    projects_and_keys(&mut printed, &home);
    secrets(&mut printed, &home);
    files(&mut printed, &home);
    what_was_encrypted_before(&mut printed, &home);
    files_that_are_not_whole(&mut printed, &home);
    kits(&mut printed, &home);
    reports(&mut printed, &home);
    the_end(&mut printed, &home);
    the_access_log(&mut printed, &home);
    an_agent(&mut printed, &home);
    the_vault_file(&mut printed, &home);
    what_goes_wrong(&mut printed, &home);
    generated_passwords(&mut printed);
    shell_and_config(&mut printed);
    let used = printed.validate();
    let unused: Vec<_> = used.iter().filter(|(_, count)| *count == 0).collect();
    assert!(unused.is_empty(), "nothing printed was of these schemas: {unused:?}");
    let figure = format!("{} values valid, of {} schemas", printed.lines.len(), used.len());
    record("json-schemas", "what --json prints, against docs/schema", &figure);
}

fn projects_and_keys(printed: &mut Printed, home: &Home) {
    printed.run(home, "projects", "project list");
    printed.run(home, "project", "project add acme --client Acme --note n");
    for words in
        ["add beta", "rename beta gamma", "hold acme --reason r", "show acme", "release acme --reason r", "hold gamma"]
    {
        printed.run(home, "project", &format!("project {words}"));
    }
    printed.run(home, "project", "project release gamma --reason r");
    let all = "--client A --role joint --basis b --custodian c --contact c --ends 2001-01-01 --destroy-by 2001-02-01";
    printed.run(home, "project", &format!("project set acme {all} --at-end return --log required --declare a=b"));
    printed.run(home, "project", "project set acme --reasons optional --basis-file pw --declare a= --by me");
    printed.run(home, "due", "due");
    printed.run(home, "due", "due --exit-code");
    printed.run(home, "projects", "project list");
    printed.run(home, "new-key", "key rotate acme");
    printed.run(home, "key", "key show acme");
    printed.run(home, "key", "key show acme --version 1 --format hex");
    printed.run(home, "retired-key", "key retire acme --version 1");
    printed.run(home, "keys", "key list acme");
    printed.run(home, "retired-key", "key retire acme --version 1 --undo");
    home.write("raw", [7; 32]);
    printed.run(home, "imported-key", "key import gamma --from raw");
    printed.run(home, "imported-key", "key import acme --from raw --shared");
    printed.run(home, "", "key import acme --from pw");
}

fn the_access_log(printed: &mut Printed, home: &Home) {
    printed.run(home, "access-log", "log show");
    printed.run(home, "access-log-verified", "log verify");
    printed.run(home, "access-log-exported", "log export log.jsonl");
    printed.run(home, "access-log-forgotten", "log forget --before 2026-01-01 --yes --reason old");
    printed.run(home, "access-log-accepted", "log accept --reason none");
    printed.run(home, "policy", "policy show");
    printed.run(home, "policy", "policy reason required --reason r");
    printed.run(home, "policy", "policy reason optional --reason r");
    printed.run(home, "policy", "policy log required --reason r");
}

fn reports(printed: &mut Printed, home: &Home) {
    printed.run(home, "report-key", "report key");
    printed.run(home, "report", "report acme --annex");
    printed.run(home, "report-key", "report key --rotate --reason lost");
    printed.run(home, "report", "report acme --sample");
    printed.typed("report-verify", home.typed("report verify acme-1.json"));
    printed.typed("report-verify", home.typed("report verify acme-2.json --after acme-1.json --key acme.allowed"));
}

fn the_end(printed: &mut Printed, home: &Home) {
    std::fs::create_dir(home.path("ended")).unwrap();
    printed.run(home, "project", "project add ended --client Acme");
    printed.run(home, "destroyed-project", "project destroy ended --yes ended --no-recovery --by ada");
    printed.run(home, "destruction", "destruction show ended");
    printed.run(home, "destruction", "destruction continue ended --roots ended");
    printed.run(home, "certificate", "destruction certificate ended");
    printed.run(home, "certificate-verify", "report verify ended-destruction.json");
}

fn secrets(printed: &mut Printed, home: &Home) {
    let of = |words: &str| home.typed(words).args(["--password-file", "pw", "--from-fd", "0"]);
    printed.typed("secret", of("secret set portal -p acme --user jo --url u --tag t").input(b"hunter2"));
    printed.typed("secret", of("secret set portal --field totp").input(b"JBSWY3DPEHPK3PXP"));
    printed.typed("secret", of("secret set portal --field PIN --open").input(b"12"));
    printed.run(home, "secret-field", "secret show portal --field password");
    printed.run(home, "secret-field", "secret show portal --field user");
    printed.run(home, "shown-secret", "secret show portal");
    printed.run(home, "shown-secret", "secret show portal --reveal");
    printed.run(home, "one-time-code", "secret otp portal");
    #[cfg(feature = "clipboard")]
    {
        let display = crate::support::display::Display::new();
        let pw = ["--password-file", "pw"];
        printed.typed("copied-secret-field", display.typed(home, "secret show portal --clip=1").args(pw));
        printed.typed("copied-secret-field", display.typed(home, "secret otp portal --clip=1").args(pw));
        printed.typed("copied-password", display.typed(home, "generate --clip=1"));
    }
    printed.run(home, "secret-history", "secret history portal");
    printed.run(home, "secrets-pruned", "secret prune");
    printed.run(home, "secret", "secret move portal --no-project");
    printed.run(home, "secret", "secret rename portal other");
    printed.run(home, "secrets", "secret list");
    printed.run(home, "secrets", "secret list nosuch");
    printed.run(home, "", "secret show nosuch");
    printed.run(home, "secret", "secret remove other --yes");
    home.write("export.csv", "name,url,username,password,note\na,https://a.example,ada,pw,\n");
    printed.run(home, "secret-import", "secret import export.csv --dry-run");
    printed.run(home, "secret-import", "secret import export.csv --yes");
    printed.run(home, "secret-export", "secret export all.sealed -p acme --all");
    printed.run(home, "secret-export", "secret export all.json --all --unencrypted");
}

fn files(printed: &mut Printed, home: &Home) {
    home.write("a.txt", "data");
    home.write("folder/b.txt", "more data");
    std::os::unix::fs::symlink("b.txt", home.path("folder/link")).unwrap();
    printed.run(home, "encrypt", "encrypt -p acme a.txt --progress json");
    printed.run(home, "encrypt", "encrypt -p acme a.txt --update");
    home.write("a.txt", "other data");
    printed.run(home, "encrypt", "encrypt -p acme a.txt --update");
    printed.run(home, "encrypt", "encrypt -p acme folder --manifest list.sealed");
    printed.run(home, "encrypt", "encrypt -p gamma a.txt -o g.sealed");
    printed.typed("encrypt", home.typed("encrypt -p acme - -o stream.sealed --password-file pw").input(b"piped"));
    printed.run(home, "folders", "encrypt -p acme --archive folder");
    printed.run(home, "folders", "decrypt --extract folder.tar.sealed -o unpacked");
    printed.run(home, "decrypt", "decrypt a.txt.sealed -o b.txt");
    printed.run(home, "decrypt", "decrypt a.txt.sealed -o b.txt --update");
    printed.run(home, "decrypt", "decrypt folder.sealed -o opened");
    let sealed = home.read("a.txt.sealed");
    printed.typed("decrypt", home.typed("decrypt - -o c.txt --password-file pw").input(&sealed));
    printed.run(home, "verify", "verify a.txt.sealed stream.sealed");
    printed.run(home, "sweep", "sweep .");
    printed.run(home, "verify", "verify folder.sealed --manifest list.sealed");
    printed.typed("inspect", home.typed("inspect a.txt.sealed folder.sealed"));
    printed.run(home, "inspect", "inspect a.txt.sealed stream.sealed");
    printed.run(home, "new-key", "key rotate acme");
    printed.run(home, "rewrap", "rewrap -p acme a.txt.sealed g.sealed --dry-run");
    printed.run(home, "rewrap", "rewrap -p acme a.txt.sealed g.sealed");
    printed.run(home, "keys", "key list acme");
    printed.run(home, "reencrypt", "reencrypt -p acme a.txt.sealed");
    printed.run(home, "reencrypt", "reencrypt -p acme a.txt.sealed");
}

fn files_that_are_not_whole(printed: &mut Printed, home: &Home) {
    std::fs::rename(home.path("folder.sealed/b.txt.sealed"), home.path("folder.sealed/d.txt.sealed")).unwrap();
    printed.run(home, "verify", "verify folder.sealed --manifest list.sealed");
    std::fs::remove_file(home.path("folder.sealed/d.txt.sealed")).unwrap();
    printed.run(home, "verify", "verify folder.sealed --manifest list.sealed");
    let mut cut = home.read("stream.sealed");
    cut.truncate(cut.len() - 1);
    home.write("cut.sealed", cut);
    printed.run(home, "verify", "verify a.txt.sealed cut.sealed");
    printed.typed("inspect", home.typed("inspect cut.sealed"));
}

fn kits(printed: &mut Printed, home: &Home) {
    printed.run(home, "new-kit", "kit new --no-input");
    printed.run(home, "new-kit", "kit new --recovery-file third");
    printed.typed("tested-kit", home.typed("kit test --kit-file third"));
    printed.run(home, "kit", "kit revoke 1");
    printed.run(home, "kit", "kit revoke 1 --paper-destroyed");
    printed.run(home, "revoked-kit", "kit revoke 2 --rotate --recovery-file fourth");
    printed.run(home, "kits", "kit list");
}

fn an_agent(printed: &mut Printed, home: &Home) {
    printed.run(home, "unlocked", "unlock");
    printed.run(home, "unlocked", "unlock --project acme --for 1h");
    printed.typed("key", home.typed("key show acme"));
    printed.typed("status", home.typed("status"));
    printed.typed("locked", home.typed("lock"));
    printed.typed("locked", home.typed("lock"));
}

fn the_vault_file(printed: &mut Printed, home: &Home) {
    printed.run(home, "rotation", "vault rotate --anew --recovery-file fifth");
    printed.typed("status", home.typed("status"));
    printed.run(home, "status", "status");
    printed.typed("backup", home.typed("vault backup copy.json"));
    let common = home.read(home.vault());
    printed.run(home, "project", "project add theirs");
    printed.run(home, "new-key", "key rotate acme");
    home.write("other.json", home.read(home.vault()));
    home.write(home.vault(), common);
    printed.run(home, "project", "project add ours --accept-rollback");
    printed.run(home, "merge", "vault merge other.json");
    printed.run(home, "restore", "vault restore copy.json");
    printed.run(home, "destroyed-project", "project destroy gamma --yes gamma --keep-shared --recovery-file sixth");
    printed.run(home, "projects", "project list");
    printed.run(home, "fork", "vault fork forked --no-recovery --fork-keychain file:forked-key");
    let words = format!("recover --kit-file sixth --new-password-file pw {FLOOR}");
    printed.typed("recover", home.typed(&words));
    home.write("new", "another-velvet-onion-cobalt-ferry-mosaic\n");
    printed.run(home, "passwd", &format!("passwd --new-password-file new {FLOOR}"));
    home.write("pw", home.read("new"));
    printed.typed("findings", home.typed("doctor"));
    printed.run(home, "findings", "doctor");
    printed.run(home, "removed-items", "doctor --remove-duplicates");
}

fn what_goes_wrong(printed: &mut Printed, home: &Home) {
    printed.run(home, "", "encrypt -p acme missing.txt");
    printed.run(home, "", "status --no-such-flag");
    printed.run(home, "", "project show nobody");
    printed.typed("", home.typed("project list --no-input"));
    home.write("wrong", "wrong\n");
    printed.typed("", home.typed("project list --password-file wrong"));
    home.write(home.vault(), "garbage");
    printed.typed("status", home.typed("status"));
    std::fs::remove_file(home.keychain()).unwrap();
    printed.typed("status", home.typed("status"));
    printed.typed("findings", home.typed("doctor"));
}

fn shell_and_config(printed: &mut Printed) {
    let home = Home::with_project();
    printed.typed("exit-codes", home.typed("exit-codes"));
    printed.typed("generate", home.typed("generate"));
    printed.typed("generate", home.typed("generate --preset words"));
    printed.typed("generate-count", home.typed("generate --count 2"));
    printed.typed("", home.typed("generate --length 3"));
    printed.typed("setting", home.typed("config set threads 4"));
    printed.typed("setting", home.typed("config get threads"));
    printed.typed("settings", home.typed("config list"));
    printed.typed("setting", home.typed("config unset threads"));
    printed.typed("", home.typed("config get threads"));
    home.write(".strongroom.toml", "project = \"acme\"\nexclude = [\"*.tmp\"]\n");
    home.write("some/a.tmp", "");
    home.write("some/a.csv", "");
    printed.typed("status", home.typed("status"));
    printed.run(&home, "encrypt", "encrypt some");
    home.write(".strongroom.toml", "vault = \"x\"\n");
    printed.typed("status", home.typed("status"));
    printed.run(&home, "encrypt", "encrypt -p acme some --update");
    printed.run(&home, "", "encrypt some");
}

fn generated_passwords(printed: &mut Printed) {
    let home = Home::empty();
    home.write("a.txt", "data");
    let words = format!("encrypt --init --generate-password --no-recovery --keychain file -p acme a.txt {FLOOR}");
    let made = printed.typed("encrypt-init", home.typed(&words));
    home.write("pw", made["generated_password"].as_str().unwrap());
    let changed = printed.run(&home, "passwd", &format!("passwd --generate-password {FLOOR}"));
    home.write("pw", changed["generated_password"].as_str().unwrap());
    // What keeps the new key from being written comes after the password was shown.
    let folder = home.keychain().parent().unwrap().to_owned();
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
    let words = format!("passwd --generate-password --password-file pw {FLOOR}");
    printed.typed("generated-password", home.typed(&words).by_stranger());
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
}
