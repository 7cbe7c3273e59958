//! `.strongroom.toml`: the project of a folder, and what is left out of it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::home::{Home, give_away, is_root};

const FILE: &str = "job/.strongroom.toml";

/// Returns a home with the projects acme and beta, and the folder `job/exports` in it.
fn with_job() -> Home {
    let home = Home::with_project();
    home.run("project add beta -q").does("");
    home.write("job/exports/a.csv", "a");
    home.write("job/exports/b.tmp", "b");
    home.write("job/exports/cache/c.csv", "c");
    home
}

/// Runs a line in the folder `job`.
fn at_job(home: &Home, line: &str) -> crate::support::run::Outcome {
    home.shell(&format!("cd job && strongroom --password-file ../pw {line}"))
}

#[test]
fn the_project_of_the_folder_needs_no_flag() {
    let home = with_job();
    home.write(FILE, "# The client's name for it.\nproject = \"acme\"\n");
    at_job(&home, "encrypt exports/a.csv").warns(
        "exports/a.csv -> exports/a.csv.sealed (project acme, key version 1)\n",
        "project acme, named by {home}/job/.strongroom.toml\n",
    );
    let line = "cd job/exports && strongroom --password-file ../../pw -q encrypt cache --json";
    let json = home.shell(line).succeeds().json();
    assert_eq!(json[0]["project"], "acme");
    for line in ["-q rewrap exports/a.csv.sealed", "-q reencrypt exports/a.csv.sealed"] {
        at_job(&home, line).does("");
    }
    // The flag counts before the file, and nothing is said of the file.
    at_job(&home, "-q encrypt -p beta exports/b.tmp").does("");
    let json = at_job(&home, "inspect --json exports/b.tmp.sealed").succeeds().json();
    assert_eq!(json[0]["sealed_in"]["project"], "beta");
    // The key of a project is handed out only if the project is named.
    let outcome = at_job(&home, "run --key-fd 3 -- true");
    assert!(outcome.code() == 2 && outcome.stderr().contains("--project"), "{}", outcome.stderr());
}

#[test]
fn without_a_file_the_project_has_to_be_named() {
    let home = with_job();
    let nameless = "error: no project is named\nhint: name it with --project; or write a file .strongroom.toml for the \
                    folder, with the line: project = \"NAME\"\n";
    at_job(&home, "encrypt exports").fails(2, nameless);
    home.write(FILE, "exclude = [\"*.tmp\"]\n");
    at_job(&home, "encrypt exports").fails(2, nameless);
    at_job(&home, "encrypt exports --json").fails_in_json(2, "usage");
    home.write(FILE, "project = \"acmee\"\n");
    let outcome = at_job(&home, "encrypt -q exports");
    assert!(outcome.code() == 4 && outcome.stderr().contains("did you mean \"acme\"?"), "{}", outcome.stderr());
}

#[test]
fn what_patterns_match_is_left_out_and_counted() {
    let home = with_job();
    home.write(FILE, "project = \"acme\"\nexclude = [\"*.tmp\", \"/exports/cache/\"]\n");
    let named = "project acme, named by {home}/job/.strongroom.toml\n";
    at_job(&home, "encrypt exports").warns(
        "1 file encrypted, 1 B (project acme, key version 1)\n",
        &format!("{named}left out 1 file and 1 folder that match patterns\n"),
    );
    assert!(home.path("job/exports.sealed/a.csv.sealed").exists());
    assert!(!home.path("job/exports.sealed/cache").exists() && !home.path("job/exports.sealed/b.tmp.sealed").exists());
    // What is left out stays, also if originals are deleted.
    at_job(&home, "encrypt exports --remove --update -q").does("");
    assert!(!home.path("job/exports/a.csv").exists());
    assert!(home.path("job/exports/b.tmp").exists() && home.path("job/exports/cache/c.csv").exists());
    // What is named itself is encrypted.
    at_job(&home, "encrypt -q exports/b.tmp exports/cache").does("");
    assert!(home.path("job/exports/b.tmp.sealed").exists() && home.path("job/exports/cache.sealed").exists());
    // Patterns of the command line count from each folder that is named.
    home.write("more/a.csv", "a");
    home.write("more/deep/a.csv", "a");
    home.run("encrypt -p acme more --exclude /a.csv")
        .warns("1 file encrypted, 1 B (project acme, key version 1)\n", "left out 1 file that matches patterns\n");
    let outcome = home.run("encrypt -p acme more --exclude *.csv --json --update");
    outcome.ends(0, "[]\n", "{\"message\":\"left out 2 files that match patterns\",\"warning\":\"excluded\"}\n");
    home.run("encrypt -p acme more --archive --exclude deep -q").does("");
    home.run("decrypt --extract more.tar.sealed -o back -q").does("");
    assert!(home.path("back/a.csv").exists() && !home.path("back/deep").exists());
    home.run("encrypt -p acme more --exclude {a")
        .fails(2, "error: the pattern \"{a\" cannot be used: [..]\nhint: write it as in a .gitignore, such as *.tmp, cache/ or /top\n");
    home.write("more/.strongroom.toml", "project = \"acme\"\nexclude = [\"{a\"]\n");
    home.shell("cd more && strongroom --password-file ../pw -q encrypt deep").fails(
        1,
        "error: cannot use {home}/more/.strongroom.toml\ncause: the pattern \"{a\" cannot be used: [..]\nhint: correct \
         the pattern, or name the project with --project\n",
    );
    home.shell("cd more && strongroom --password-file ../pw -q encrypt -p acme deep").warns(
        "",
        "warning: cannot use {home}/more/.strongroom.toml: the pattern \"{a\" cannot be used: [..]; it has no effect\n",
    );
}

#[test]
fn the_file_itself_is_never_encrypted_or_deleted() {
    let home = with_job();
    home.write(FILE, "project = \"acme\"\n");
    let outcome = at_job(&home, "encrypt -q ../job -o ../out --remove");
    assert!(outcome.code() == 0 && outcome.stderr().starts_with("warning: left out 1 file of Strongroom itself"));
    assert!(home.path(FILE).exists() && !home.path("job/exports/a.csv").exists());
    assert_eq!(at_job(&home, "encrypt .strongroom.toml").code(), 2);
}

#[test]
fn it_can_name_nothing_else() {
    let home = with_job();
    for (line, cause, hint) in [
        ("vault = \"/tmp\"", "it sets \"vault\", and a", "remove that line"),
        ("keychain = \"file\"", "it sets \"keychain\", and a", "remove that line"),
        ("password-command = \"sh\"", "it sets \"password-command\", and a", "remove that line"),
        ("[run]\ncommand = \"sh\"", "it sets \"run\", and a", "remove that line"),
        ("projct = \"acme\"", "it sets \"projct\", and a", "did you mean \"project\"?"),
        ("project = [\"acme\"]", "project is not a text", "correct it"),
        ("exclude = \"*.tmp\"", "exclude is not a list", "correct it"),
        ("project = acme", "it is not valid TOML: line 1", "correct it"),
    ] {
        home.write(FILE, format!("{line}\n"));
        let (message, told) = at_job(&home, "encrypt exports --json").fails_in_json(1, "project-file");
        assert!(message.contains(cause) && told.contains(hint), "{line}: {message}\n{told}");
        // A command that names its project goes on without it.
        let outcome = at_job(&home, "-q encrypt -p acme exports/a.csv --force");
        let warning = format!("warning: cannot use {}: {cause}", home.path(FILE).display());
        assert!(outcome.code() == 0 && outcome.stderr().starts_with(&warning), "{}", outcome.stderr());
    }
}

#[test]
fn a_file_that_others_could_have_written_is_refused() {
    let home = with_job();
    let path = home.write(FILE, "project = \"acme\"\n");
    let refused = |cause: &str, hint: &str| {
        at_job(&home, "encrypt exports").fails(
            1,
            &format!(
                "error: cannot use {{home}}/{FILE}\ncause: {cause}\nhint: {hint}; or name the project with --project\n"
            ),
        );
    };
    let set_mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    set_mode(0o602);
    let check = format!("check what it says, then let nobody else change it: chmod go-w {}", path.display());
    refused("other users can change it", &check);
    set_mode(0o644);
    at_job(&home, "-q encrypt exports/a.csv").does("");
    if is_root() {
        give_away(&path);
        let cause = "it belongs to user 65534, who could change which project files are encrypted for";
        refused(cause, "if you trust what it says, put a file of your own in its place");
        // Root works for the owner of the vault, whose files these are.
        give_away(home.folder());
        at_job(&home, "-q encrypt exports/b.tmp").does("");
    }
    fs::rename(&path, home.path("elsewhere")).unwrap();
    symlink("../elsewhere", &path).unwrap();
    refused("it is not a regular file", "put a file in its place");
    fs::remove_file(&path).unwrap();
    home.fifo(FILE);
    refused("it is not a regular file", "put a file in its place");
}

#[test]
fn status_says_which_file_decides() {
    let home = with_job();
    let of = |home: &Home| {
        let text = at_job(home, "status").succeeds().text();
        text.lines().find_map(|line| line.strip_prefix("project file   ")).map(str::to_owned)
    };
    assert_eq!(of(&home), None);
    home.write(FILE, "project = \"acme\"\nexclude = [\"*.tmp\"]\n");
    let path = home.path(FILE).display().to_string();
    assert_eq!(of(&home), Some(format!("{path} (project acme, 1 exclude pattern)")));
    let seen = |home: &Home| at_job(home, "status --json").succeeds().json()["project_file"].clone();
    assert_eq!(seen(&home), serde_json::json!({"path": path, "project": "acme", "exclude": ["*.tmp"]}));
    home.write(FILE, "vault = \"x\"\n");
    assert!(of(&home).unwrap().starts_with(&format!("{path} (not used: it sets \"vault\"")));
    assert!(seen(&home)["refused"].is_string() && seen(&home)["project"].is_null());
}
