//! What a drive keeps of a plaintext's time and permissions: what it does not keep is said.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::drive::on_each_drive;

#[test]
#[ignore = "needs to mount: run ./test"]
fn times_are_kept_and_what_others_may_read_is_said() {
    on_each_drive("attributes on drives", |home, drive, name| {
        home.write("in/old.txt", "client data");
        home.shell("touch -d '2019-02-03 04:05:06' in/old.txt").succeeds();
        home.succeeds("encrypt -p acme in --password-file old");
        home.succeeds("encrypt -p acme in --archive --password-file old");
        for words in ["decrypt in.sealed -o stick/out", "decrypt --extract in.tar.sealed -o stick/out"] {
            drive.clear();
            if words.contains("--extract") && !drive.keeps_renamed_folders() {
                let _ =
                    writeln!(std::io::stderr(), "SKIPPED: {words} on {name}, which loses what is in a renamed folder");
                continue;
            }
            let run = home.succeeds(&format!("{words} --password-file old"));
            let said = String::from_utf8_lossy(&run.stderr).into_owned();
            let there = fs::metadata(home.path("stick/out/old.txt")).unwrap();
            let original = fs::metadata(home.path("in/old.txt")).unwrap();
            let is_late = (there.mtime() - original.mtime()).abs() > 2;
            assert_eq!(
                is_late || said.contains("could not be set"),
                said.contains("could not be set"),
                "{name}: {said}"
            );
            assert!(!name.starts_with("exFAT") || !is_late, "exFAT keeps times: {}", there.mtime());
            let is_open = there.mode() & 0o044 != 0;
            assert_eq!(said.contains("other users of this computer can read"), is_open, "{name}, {words}: {said}");
        }
        // Where the drive of the home folder has permissions, there is nothing to say.
        let run = home.succeeds("decrypt in.sealed -o out --password-file old");
        assert_eq!(String::from_utf8_lossy(&run.stderr), "");
        assert!(Path::new(&home.path("out/old.txt")).exists());
        home.shell("rm -rf out").succeeds();
    });
}
