//! What a file has besides its bytes: its time.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, UNIX_EPOCH};

use crate::harness::Home;

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
