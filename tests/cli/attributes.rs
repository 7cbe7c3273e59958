//! What a file has besides its bytes: holes, and its time.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{Duration, UNIX_EPOCH};

use crate::support::home::Home;

/// The length of a file that is almost only holes.
const LEN: u64 = 24 << 20;

/// Makes a file with a few bytes in its middle, all else being a hole.
fn sparse(home: &Home, name: &str) -> Vec<u8> {
    home.write(name, "");
    let file = File::options().write(true).open(home.path(name)).unwrap();
    file.set_len(LEN).unwrap();
    file.write_all_at(b"client data", LEN / 2).unwrap();
    home.read(name)
}

/// Returns how many bytes of disk a file takes.
fn taken(home: &Home, name: &str) -> u64 {
    fs::metadata(home.path(name)).unwrap().blocks() * 512
}

#[test]
fn holes_come_back_unless_the_space_is_to_be_taken() {
    let home = Home::with_project();
    let whole = sparse(&home, "tree/disk.img");
    // A drive without holes would make this test say nothing.
    assert!(taken(&home, "tree/disk.img") < LEN / 8);
    home.run("encrypt -p acme tree").succeeds();
    home.run("encrypt -p acme tree --archive").succeeds();
    assert!(taken(&home, "tree.sealed/disk.img.sealed") > LEN);
    for (command, output) in [
        ("decrypt tree.sealed -o out", "out/disk.img"),
        ("decrypt tree.sealed/disk.img.sealed -o one", "one"),
        ("decrypt tree.tar.sealed --extract -o unpacked", "unpacked/disk.img"),
    ] {
        home.run(command).succeeds();
        assert!(home.read(output) == whole, "{command}");
        assert!(taken(&home, output) < LEN / 8, "{command}: {}", taken(&home, output));
        home.shell("rm -r out one unpacked 2>/dev/null; true").succeeds();
        home.run(&format!("{command} --sparse never")).succeeds();
        assert!(home.read(output) == whole, "{command}");
        assert!(taken(&home, output) >= LEN, "{command}: {}", taken(&home, output));
    }
    home.shell("strongroom decrypt - -o piped --password-file pw <tree.sealed/disk.img.sealed").succeeds();
    assert!(home.read("piped") == whole && taken(&home, "piped") < LEN / 8);
    home.shell("strongroom decrypt tree.sealed/disk.img.sealed -o - --password-file pw | cmp - tree/disk.img")
        .succeeds();
    assert!(home.run("decrypt tree.sealed -o out2 --sparse sometimes").code() == 2);
}

#[test]
fn zeros_of_every_length_come_back() {
    let home = Home::with_project();
    for length in [0, 1, 4096, 65535, 65536, 65537, 131_072, 200_000] {
        for tail in ["", "x"] {
            let name = format!("tree/{length}{tail}");
            home.write(&name, [vec![0; length], tail.into()].concat());
        }
    }
    home.run("encrypt -p acme tree").succeeds();
    home.run("encrypt -p acme tree --archive").succeeds();
    home.run("decrypt tree.sealed -o out").succeeds();
    home.run("decrypt tree.tar.sealed --extract -o unpacked").succeeds();
    home.shell("diff -r tree out && diff -r tree unpacked").succeeds();
}

#[test]
fn a_time_before_1970_comes_back_as_it_was() {
    let home = Home::with_project();
    for (name, time) in [
        ("tree/moon.csv", UNIX_EPOCH - Duration::new(14_182_940, 250_000_000)),
        ("tree/second.csv", UNIX_EPOCH - Duration::from_secs(1)),
        ("tree/begin.csv", UNIX_EPOCH),
    ] {
        home.write(name, name);
        File::options().write(true).open(home.path(name)).unwrap().set_modified(time).unwrap();
    }
    let times = |folder: &str| {
        ["moon.csv", "second.csv", "begin.csv"].map(|name| {
            let found = fs::metadata(home.path(format!("{folder}/{name}"))).unwrap();
            (found.mtime(), found.mtime_nsec())
        })
    };
    assert_eq!(times("tree"), [(-14_182_941, 750_000_000), (-1, 0), (0, 0)]);
    home.run("encrypt -p acme tree").succeeds();
    home.run("decrypt tree.sealed -o out").succeeds();
    assert_eq!(times("out"), times("tree"));
    let seen = home.run("inspect tree.sealed/moon.csv.sealed --unlock --json").json()[0].take();
    assert_eq!(seen["sealed_in"]["modified"], "1969-07-20T20:17:39Z");
    let again = home.run("encrypt -p acme tree --update --json").json();
    assert!(again.as_array().unwrap().iter().all(|file| file["up_to_date"] == true), "{again}");
    let again = home.run("decrypt tree.sealed -o out --update --json").json();
    assert!(again.as_array().unwrap().iter().all(|file| file["up_to_date"] == true), "{again}");
    // Tar archives have whole seconds; other programs read them too.
    let seconds = times("tree").map(|(seconds, _)| (seconds, 0));
    home.run("encrypt -p acme tree --archive").succeeds();
    home.run("decrypt tree.tar.sealed --extract -o unpacked").succeeds();
    assert_eq!(times("unpacked"), seconds);
    // It calls them implausibly old.
    home.shell(
        "mkdir foreign && strongroom decrypt tree.tar.sealed -o - --password-file pw | tar -x -C foreign 2>warnings",
    )
    .succeeds();
    assert_eq!(times("foreign"), seconds);
}
