//! Folders as one sealed archive, and archives that somebody else made.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::support::home::Home;

#[test]
fn an_archive_keeps_names_of_any_length_and_of_any_bytes() {
    let home = Home::with_project();
    let long = format!("{}/{}", "folder".repeat(30), "name".repeat(60));
    let odd = OsStr::from_bytes(b"caf\xe9 \xff.csv");
    home.write(format!("data/{long}"), "long");
    home.write(home.path("data").join(odd), "odd");
    fs::create_dir(home.path("data/empty")).unwrap();
    home.run("encrypt -p acme --archive data -q").does("");
    home.run("decrypt --extract data.tar.sealed -o back")
        .does("data.tar.sealed -> back: 2 files, 7 B (project acme, key version 1)\n");
    assert_eq!(home.read(format!("back/{long}")), b"long");
    assert_eq!(home.read(home.path("back").join(odd)), b"odd");
    assert!(home.path("back/empty").is_dir());
}

#[test]
fn a_tar_file_that_was_sealed_as_a_file_is_unpacked_only_when_told_to() {
    let home = Home::with_project();
    let name = "n".repeat(150);
    home.write(format!("client/{name}"), "theirs");
    home.shell("tar --format=pax -cf client.tar -C client .").succeeds();
    home.run("encrypt -p acme client.tar -q").does("");
    home.run("decrypt --extract client.tar.sealed -o out").fails(
        1,
        "\
error: cannot extract client.tar.sealed
cause: it was not made by --archive
hint: leave out --extract to get the file; if it is a tar file that you want unpacked, add --any-tar
",
    );
    home.run("decrypt --extract --any-tar client.tar.sealed -o out")
        .does("client.tar.sealed -> out: 1 file, 6 B (project acme, key version 1)\n");
    assert_eq!(home.read(format!("out/{name}")), b"theirs");
    assert_eq!(home.run_alone("decrypt --any-tar client.tar.sealed").code(), 2);
}

#[test]
fn what_is_refused_in_an_archive_is_named_as_it_is_there() {
    let home = Home::with_project();
    home.write("d/a", "data");
    std::os::unix::fs::symlink("/etc", home.path("d/link")).unwrap();
    home.shell("tar -cf d.tar d").succeeds();
    home.run("encrypt -p acme d.tar -q").does("");
    home.run("decrypt --extract --any-tar d.tar.sealed -o out").fails(
        1,
        "\
error: cannot extract d.tar.sealed
cause: d/link in it is neither a file nor a folder
hint: leave out --extract to get the tar file, and look at it with care
",
    );
}

#[test]
fn only_what_an_extraction_would_make_is_in_its_way() {
    let home = Home::with_project();
    home.write("d/a", "data");
    home.run("encrypt -p acme --archive d -q").does("");
    // Before anybody types a password.
    home.run_alone("decrypt --extract d.tar.sealed --no-input").fails(
        1,
        "\
error: cannot write d
cause: it exists already, and was left as it is
hint: choose another name with -o
",
    );
    fs::remove_dir_all(home.path("d")).unwrap();
    home.write("d.tar", "something else");
    home.run("decrypt --extract d.tar.sealed").does("d.tar.sealed -> d: 1 file, 4 B (project acme, key version 1)\n");
    assert_eq!((home.read("d/a"), home.read("d.tar")), (b"data".to_vec(), b"something else".to_vec()));
}

#[test]
fn a_name_without_end_in_an_archive_takes_neither_memory_nor_time() {
    let home = Home::with_project();
    let mut header = tar::Header::new_gnu();
    header.set_path("././@LongLink").unwrap();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(64 << 20);
    header.set_cksum();
    home.write("bomb.tar", header.as_bytes());
    fs::File::options().append(true).open(home.path("bomb.tar")).unwrap().set_len(64 << 20).unwrap();
    home.run("encrypt -p acme bomb.tar -q").does("");
    // Read whole, and the text of its error with it, it took 1.3 GiB.
    let line =
        "ulimit -v 1000000; exec strongroom decrypt --extract --any-tar bomb.tar.sealed -o out --password-file pw";
    home.shell(line).fails(
        1,
        "\
error: cannot extract bomb.tar.sealed
cause: [..]@LongLink in it says that 67108864 bytes describe one entry; 65536 are read at most
hint: leave out --extract to get the tar file, and look at it with care
",
    );
}

#[test]
fn what_could_not_be_unpacked_again_is_not_packed() {
    let home = Home::with_project();
    home.write(format!("deep/{}/a", ["d"; 513].join("/")), "data");
    let outcome = home.run("encrypt -p acme --archive deep");
    assert!(outcome.stderr().contains("in it is more than 512 folders deep"), "{}", outcome.stderr());
    assert!(outcome.stderr().len() < 1500);
    let stderr = outcome.stderr().to_owned();
    outcome.fails(1, &stderr);
}
