//! Folders: which names there are, what is mirrored and what is left out.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::support::home::Home;
use crate::support::run::Outcome;

/// Sets the permission bits.
pub fn mode(home: &Home, name: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(home.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

/// Sets when a file was last modified, in nanoseconds since 1970.
pub fn touch(home: &Home, name: impl AsRef<Path>, nanoseconds: u64) {
    let file = File::options().write(true).open(home.path(name)).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_nanos(nanoseconds)).unwrap();
}

/// Returns every path below a folder, sorted.
pub fn below(home: &Home, folder: &str) -> Vec<PathBuf> {
    let root = home.path(folder);
    let paths = home.contents().into_keys();
    paths
        .filter_map(|path| path.strip_prefix(&root).ok().map(Into::into))
        .filter(|path| path != Path::new(""))
        .collect()
}

/// Makes a tree with every kind of name, and returns the paths of its files.
fn grow(home: &Home) -> Vec<PathBuf> {
    let deep = "d/".repeat(200);
    let names: [&[u8]; 11] = [
        b"plain.csv",
        b"two words.txt",
        b"line\nbreak",
        b"not-\xff\xfe-text",
        b"already.sealed",
        b"-rf",
        b"sub/inner.csv",
        b"sub/.hidden",
        b"sub with blanks/[a-z]*?",
        b"empty-file",
        "\u{fc}ber/\u{1f512}".as_bytes(),
    ];
    let mut files: Vec<PathBuf> = names.into_iter().map(|name| OsStr::from_bytes(name).into()).collect();
    files.push(format!("{deep}bottom").into());
    // With the suffix it is as long as a name may be.
    files.push("l".repeat(255 - ".sealed".len()).into());
    for (number, file) in files.iter().enumerate() {
        let file = Path::new("tree").join(file);
        home.write(&file, if number == 9 { Vec::new() } else { vec![number as u8; number * 3000] });
        mode(home, &file, [0o600, 0o640, 0o755, 0o444][number % 4]);
        // Whoever may only read it is its owner, who may still set its time.
        if number % 4 != 3 {
            touch(home, &file, 1_600_000_000_123_456_789 + number as u64);
        }
    }
    fs::create_dir_all(home.path("tree/empty/within")).unwrap();
    files
}

#[track_caller]
fn same_file(home: &Home, one: impl AsRef<Path>, other: impl AsRef<Path>) {
    let (one, other) = (home.path(one), home.path(other));
    let look = |path: &Path| {
        let metadata = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (fs::read(path).unwrap(), metadata.mode(), metadata.mtime(), metadata.mtime_nsec())
    };
    assert!(look(&one) == look(&other), "{} is not {}", one.display(), other.display());
}

#[test]
fn a_tree_comes_back_with_its_names_times_and_permissions() {
    let home = Home::with_project();
    let files = grow(&home);
    let count = files.len();
    let run = |line: &str| home.shell(&format!("umask 022; exec strongroom {line} --password-file pw"));
    let by = "project acme, key version 1";
    run("encrypt -p acme tree").does(&format!("{count} files encrypted, 202.15 KiB ({by})\n"));
    for file in &files {
        let sealed = [b"tree.sealed/", file.as_os_str().as_bytes(), b".sealed"].concat();
        assert_eq!(home.mode(OsStr::from_bytes(&sealed)), 0o600, "{}", file.display());
    }
    assert_eq!((home.mode("tree.sealed"), home.mode("tree.sealed/empty/within")), (0o700, 0o700));
    run("decrypt tree.sealed -o back --keep-permissions")
        .does(&format!("{count} files decrypted, 202.15 KiB (project acme)\n"));
    assert_eq!(below(&home, "back"), below(&home, "tree"));
    for file in &files {
        same_file(&home, Path::new("tree").join(file), Path::new("back").join(file));
    }
    fs::rename(home.path("tree"), home.path("was")).unwrap();
    run("decrypt tree.sealed").succeeds();
    assert_eq!(below(&home, "tree"), below(&home, "was"));
    // Unasked, what is opened is its owner's alone; if asked for, the umask still takes its bits.
    assert_eq!((home.mode("tree/two words.txt"), home.mode("tree/line\nbreak")), (0o600, 0o700));
    fs::create_dir(home.path("x")).unwrap();
    let umask = home.shell("umask 077; exec strongroom decrypt tree.sealed -o x --keep-permissions --password-file pw");
    umask.succeeds();
    assert_eq!((home.mode("x/two words.txt"), home.mode("x/line\nbreak")), (0o600, 0o700));
}

#[test]
fn hidden_names_come_back_and_tell_nothing_until_then() {
    let home = Home::with_project();
    let files = grow(&home);
    let outcome = home.run("encrypt -p acme tree --hide-names");
    let warning = "warning: 2 empty folders are not kept with --hide-names; --archive keeps folders\n";
    assert_eq!((outcome.code(), outcome.stderr()), (0, warning));
    let sealed = below(&home, "tree.sealed");
    assert_eq!(sealed.len(), files.len());
    let is_random = |name: &str| name.len() == 39 && name[..32].bytes().all(|byte| byte.is_ascii_hexdigit());
    for name in &sealed {
        assert!(is_random(name.to_str().unwrap()) && name.extension().unwrap() == "sealed", "{}", name.display());
    }
    home.run("decrypt tree.sealed -o back").succeeds();
    for file in &files {
        assert!(home.read(Path::new("tree").join(file)) == home.read(Path::new("back").join(file)));
    }
    // What stands there is neither replaced nor doubled.
    assert_eq!(home.run("decrypt tree.sealed -o back").code(), 1);
    home.run("decrypt tree.sealed -o back --update")
        .does(&format!("0 files decrypted, 0 B (project acme), {} there already\n", files.len()));
    // One that was named is opened under its own name.
    let one = sealed[0].display();
    home.run(&format!("decrypt tree.sealed/{one} -o one")).succeeds();
    assert!(home.path("one").is_file());
}

#[test]
fn many_hidden_names_take_no_longer_each() {
    let home = Home::with_project();
    for number in 0..1500 {
        home.write(format!("tree/{number}"), "x");
    }
    home.run("encrypt -p acme tree --hide-names").succeeds();
    let time = |words: &str| {
        let start = Instant::now();
        home.run(words).succeeds();
        start.elapsed()
    };
    let hidden = time("decrypt tree.sealed -o hidden");
    home.run("encrypt -p acme tree -o plain").succeeds();
    let plain = time("decrypt plain -o opened");
    // Looking at all inputs for each of them took some twenty times as long.
    assert!(hidden < plain * 5 + Duration::from_secs(2), "{hidden:?}, and {plain:?} without hidden names");
}

#[test]
fn what_is_no_file_is_told_and_left_out() {
    let home = Home::with_project();
    home.write("tree/file", "data");
    home.write("outside", "not in the tree");
    symlink(home.path("outside"), home.path("tree/a-link")).unwrap();
    symlink("..", home.path("tree/b-loop")).unwrap();
    symlink("nowhere", home.path("tree/c-dangling")).unwrap();
    home.fifo("tree/d-pipe");
    let _socket = UnixListener::bind(home.path("tree/e-socket")).unwrap();
    home.write("tree/.strongroom-0123456789abcdef.tmp", "half");
    let skipped = "\
warning: skipped tree/.strongroom-0123456789abcdef.tmp: it is what an interrupted write left
warning: skipped tree/a-link: it is a symbolic link
warning: skipped tree/b-loop: it is a symbolic link
warning: skipped tree/c-dangling: it is a symbolic link
warning: skipped tree/d-pipe: it is a pipe
warning: skipped tree/e-socket: it is a socket
";
    home.run("encrypt -p acme tree").warns("1 file encrypted, 4 B (project acme, key version 1), 6 skipped\n", skipped);
    assert_eq!(below(&home, "tree.sealed"), [Path::new("file.sealed")]);
    // A link that is named is followed.
    symlink("tree", home.path("way")).unwrap();
    assert_eq!(home.run("encrypt -p acme way").code(), 0);
    assert_eq!(home.read("way.sealed/file.sealed").len(), home.read("tree.sealed/file.sealed").len());
}

#[test]
fn a_link_below_the_output_folder_is_not_followed() {
    let home = Home::with_project();
    home.write("tree/drafts/file", "data");
    home.write("elsewhere/file.sealed", "not ours");
    home.write("sealed/other", "");
    symlink("../elsewhere", home.path("sealed/drafts")).unwrap();
    let refused = "\
error: cannot write into sealed/drafts
cause: it is a symbolic link
hint: remove it, or name the folder it leads to with -o
";
    let outcome = home.run("encrypt -p acme tree -o sealed --force");
    outcome.ends(1, "", &format!("{refused}{refused}error: 1 of 1 file was not encrypted\n"));
    assert_eq!(home.read("elsewhere/file.sealed"), b"not ours");
    // One that -o names is followed.
    symlink("elsewhere", home.path("way")).unwrap();
    assert_eq!(home.run("encrypt -p acme tree -o way").code(), 0);
    assert!(home.path("elsewhere/drafts/file.sealed").exists());
}

#[test]
fn a_name_that_leaves_no_room_for_the_suffix_is_told_and_the_others_are_done() {
    let home = Home::with_project();
    let long = "n".repeat(255);
    home.write(format!("tree/{long}"), "data");
    home.write("tree/short", "data");
    home.run("encrypt -p acme tree").ends(
        1,
        "1 file encrypted, 4 B (project acme, key version 1), 1 failed\n",
        &format!(
            "\
error: cannot write tree.sealed/{long}.sealed
cause: file name too long
hint: encrypt its folder with --hide-names or with --archive
error: 1 of 2 files was not encrypted
hint: the others are done; the reasons are above
"
        ),
    );
    home.run("encrypt -p acme tree --hide-names -o hidden").succeeds();
    home.run("decrypt hidden -o back").succeeds();
    assert_eq!(home.read(format!("back/{long}")), b"data");
}

#[test]
fn an_output_inside_its_input_is_not_an_input_itself() {
    let home = Home::with_project();
    home.write("tree/a", "a");
    home.write("tree/sub/b", "b");
    let done = "2 files encrypted, 2 B (project acme, key version 1)";
    let replaced = format!("{done}, 2 existing files replaced\n");
    home.run("encrypt -p acme tree -o tree/safe --force").does(&format!("{done}\n"));
    for _ in 0..2 {
        home.run("encrypt -p acme tree -o tree/safe --force").does(&replaced);
    }
    symlink("tree/safe", home.path("way")).unwrap();
    home.run("encrypt -p acme tree -o ./way --force").does(&replaced);
    let safe = ["a.sealed", "sub", "sub/b.sealed"].map(PathBuf::from);
    assert_eq!(below(&home, "tree/safe"), safe);
    for replaced in ["", ", 2 existing files replaced"] {
        home.run("decrypt tree/safe -o tree/safe/open --force")
            .does(&format!("2 files decrypted, 2 B (project acme){replaced}\n"));
    }
    assert_eq!(below(&home, "tree/safe/open").len(), 3);
}

#[test]
fn several_folders_and_files_go_into_one_each_under_its_name() {
    let home = Home::with_project();
    for name in ["one/a", "two/a", "three/two/b", "loose"] {
        home.write(name, name);
    }
    home.run("encrypt -p acme one two loose -o out").succeeds();
    let wanted = ["loose.sealed", "one", "one/a.sealed", "two", "two/a.sealed"].map(PathBuf::from);
    assert_eq!(below(&home, "out"), wanted);
    // Two of one name would be mixed up.
    home.write("three/two/a", "another");
    home.run_alone("encrypt -p acme two three/two -o mixed").fails(
        2,
        "\
error: two files would become mixed/two/a.sealed
hint: name each file once, or run it for each separately
",
    );
    home.run_alone("decrypt out/one out/one/a.sealed --original-name -o none").changed_nothing();
    assert_eq!(home.run_alone("encrypt -p acme one one/ -o twice").code(), 2);
    home.run("decrypt out/one out/two -o back").succeeds();
    assert_eq!((home.read("back/one/a"), home.read("back/two/a")), (b"one/a".to_vec(), b"two/a".to_vec()));
}

#[test]
fn folders_are_known_by_their_names_however_they_are_spelled() {
    let home = Home::with_project();
    home.write("tree/sub/a", "a");
    let done = "1 file encrypted, 1 B (project acme, key version 1)\n";
    for spelling in ["tree/", "./tree", "tree/.", "tree//", "tree/sub/../../tree"] {
        home.run(&format!("encrypt -p acme {spelling}")).does(done);
        assert_eq!(below(&home, "tree.sealed").len(), 2, "{spelling}");
        fs::remove_dir_all(home.path("tree.sealed")).unwrap();
    }
    for nameless in [".", "..", "tree/..", "/"] {
        home.run_alone(&format!("encrypt -p acme {nameless}"))
            .fails(2, &format!("error: {nameless} has no name of its own\nhint: name the output folder with -o\n"));
    }
    let dot = "cd tree && exec strongroom --password-file ../pw";
    home.shell(&format!("{dot} encrypt -p acme . -o ../out")).does(done);
    home.shell(&format!("{dot} encrypt -p acme . -o out")).does(done);
    home.shell(&format!("{dot} encrypt -p acme . -o out --update"))
        .shows("0 files encrypted, 0 B (project acme, key version 1), 1 there already\n");
    assert_eq!((below(&home, "out").len(), below(&home, "tree/out").len()), (2, 2));
}

#[test]
fn an_empty_folder_has_its_counterpart() {
    let home = Home::with_project();
    fs::create_dir(home.path("nothing")).unwrap();
    home.run("encrypt -p acme nothing").does("0 files encrypted, 0 B (project acme, key version 1)\n");
    assert!(home.path("nothing.sealed").is_dir());
    home.run("decrypt nothing.sealed -o back").fails(
        4,
        "\
error: there is nothing to decrypt
cause: no file was found
hint: name the encrypted files, or the folder that holds them
",
    );
}

#[test]
fn patterns_match_what_a_shell_would_and_a_name_that_looks_like_one_is_a_name() {
    let home = Home::with_project();
    for name in ["a1.csv", "a2.csv", "b1.csv", "[b]1.csv", "-"] {
        home.write(name, name);
    }
    let names = |outcome: Outcome| {
        let mut names: Vec<_> =
            outcome.json().as_array().unwrap().iter().map(|file| file["input"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let run = |pattern: &str| names(home.run(&format!("encrypt -p acme --json --force {pattern}")).succeeds());
    assert_eq!(run("a?.csv"), ["a1.csv", "a2.csv"]);
    assert_eq!(run("[b]1.csv"), ["[b]1.csv"]);
    assert_eq!(run("[a]?.csv"), ["a1.csv", "a2.csv"]);
    assert_eq!(run("./-"), ["./-"]);
    home.run_alone("encrypt -p acme c*.csv").fails(
        4,
        "\
error: cannot read c*.csv
cause: nothing matches this pattern
hint: check the path; nothing was written
",
    );
    assert_eq!(home.run_alone("encrypt -p acme a***").code(), 2);
    assert_eq!(home.run_alone("encrypt -p acme a* a1.csv").code(), 2);
}

#[test]
fn lists_of_files_are_lines_or_ended_by_zeros() {
    let home = Home::with_project();
    for name in ["a", "two words", "line\nbreak", "c", "-"] {
        home.write(name, name);
    }
    home.write("lines", "a\r\n\ntwo words\n-\nc");
    let all = |end: &str| ["a", "two words", "-", "c"].map(|name| format!("{name} -> {name}.sealed{end}\n")).concat();
    home.run("encrypt -p acme --files-from lines").does(&all(" (project acme, key version 1)"));
    let listed = home.shell(
        "printf 'a\\0line\\nbreak\\0' | strongroom encrypt -p acme --files-from - --force --json --password-file pw",
    );
    let listed = listed.succeeds().json();
    assert_eq!((listed[0]["input"].as_str(), listed[1]["input"].as_str()), (Some("a"), Some("line\nbreak")));
    assert_eq!(listed.as_array().unwrap().len(), 2);
    home.run_alone("encrypt -p acme --files-from none")
        .fails(4, "error: cannot read the list of files none\ncause: no such file or directory\n");
    home.write("lines", "a\nmissing\n");
    assert_eq!(home.run_alone("encrypt -p acme --files-from lines --force").changed_nothing().code(), 4);
    assert_eq!(home.run_alone("encrypt -p acme --files-from .").code(), 1);
    home.write("lines", "\n\n");
    home.run("encrypt -p acme --files-from lines --json").shows("[]\n");
    assert_eq!(home.run_alone("encrypt -p acme").code(), 2);
}
