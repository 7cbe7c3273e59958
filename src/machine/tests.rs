#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::time::Instant;

use super::mounts::{mount_of, parse, unescaped};
use super::*;

/// A made-up computer: devices below a folder that stands for `/sys`, and what is mounted.
struct Made {
    folder: tempfile::TempDir,
    mountinfo: String,
}

impl Made {
    /// Makes one with a drive `sda`, of which one partition is in clear and one holds LUKS, and with a USB drive.
    fn new() -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap(), mountinfo: String::new() };
        made.drive("pci0/ata1/target0:0:0/0:0:0:0", "sda", (8, 0));
        made.partition("sda", "sda1", (8, 1));
        made.partition("sda", "sda2", (8, 2));
        made.mapped("dm-0", (253, 0), "CRYPT-LUKS2-0123-luks", "luks", &["sda2"]);
        made.drive("pci0/usb1/target6:0:0/6:0:0:0", "sdb", (8, 16));
        made.partition("sdb", "sdb1", (8, 17));
        made
    }

    fn sys(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("sys")
    }

    fn put(&self, path: PathBuf, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn list(&self, name: &str, (major, minor): (u32, u32), device: &Path) {
        fs::create_dir_all(device).unwrap();
        for (folder, name) in [("class/block", name.to_owned()), ("dev/block", format!("{major}:{minor}"))] {
            fs::create_dir_all(self.sys().join(folder)).unwrap();
            symlink(device, self.sys().join(folder).join(name)).unwrap();
        }
    }

    fn drive(&self, connected: &str, name: &str, numbers: (u32, u32)) {
        let unit = self.sys().join("devices").join(connected);
        let device = unit.join("block").join(name);
        self.list(name, numbers, &device);
        self.put(device.join("removable"), "0\n");
        symlink(&unit, device.join("device")).unwrap();
    }

    fn device(&self, name: &str) -> PathBuf {
        self.sys().join("class/block").join(name).canonicalize().unwrap()
    }

    fn partition(&self, drive: &str, name: &str, numbers: (u32, u32)) {
        let device = self.device(drive).join(name);
        self.list(name, numbers, &device);
        self.put(device.join("partition"), "1\n");
    }

    fn mapped(&self, name: &str, numbers: (u32, u32), uuid: &str, mapped: &str, below: &[&str]) {
        let device = self.sys().join("devices/virtual/block").join(name);
        self.list(name, numbers, &device);
        self.put(device.join("dm/uuid"), &format!("{uuid}\n"));
        self.put(device.join("dm/name"), &format!("{mapped}\n"));
        fs::create_dir_all(device.join("slaves")).unwrap();
        for below in below {
            symlink(self.device(below), device.join("slaves").join(below)).unwrap();
        }
    }

    fn mounted(mut self, numbers: &str, point: &str, kind: &str, source: &str) -> Self {
        self.mountinfo += &format!("30 1 {numbers} / {point} rw,relatime shared:1 - {kind} {source} rw\n");
        self
    }

    fn machine(&self, swaps: &str, answers: &'static [(&'static str, &'static str)]) -> Machine {
        let [mounts, list] = ["mountinfo", "swaps"].map(|name| self.folder.path().join(name));
        self.put(mounts.clone(), &self.mountinfo);
        self.put(list.clone(), &format!("Filename\tType\tSize\tUsed\tPriority\n{swaps}"));
        let programs = move |program: &str, args: &[&str]| {
            let typed = format!("{program} {}", args.join(" "));
            let (_, out) = answers.iter().find(|(begins, _)| typed.starts_with(begins))?;
            Some(Ran { succeeded: true, out: format!("{out}\n"), err: String::new() })
        };
        Machine {
            kind: Kind::Linux,
            sys: self.sys(),
            mounts,
            swaps: list,
            desktop: None,
            programs: Arc::new(programs),
            encrypts_folder: Arc::new(|folder| folder.ends_with("fscrypt")),
            patience: Duration::from_secs(20),
        }
    }

    fn encrypted(&self, paths: &[&str]) -> (State, String) {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let check = self.machine("", &[("zfs get -H -o value encryption pool/on", "aes-256-gcm"), ("zfs get", "off")]);
        let check = check.disk_encrypted(&paths);
        assert_eq!((check.id, check.how), ("disk-encrypted", How::Probed));
        (check.state, check.says)
    }

    fn separate(&self, data: &str, keys: &str) -> State {
        self.machine("", &[]).key_separate(&[data.into()], &[keys.into()]).state
    }

    fn swap(&self, swaps: &str) -> State {
        self.machine(swaps, &[]).swap_encrypted().state
    }
}

#[test]
fn a_drive_is_encrypted_only_if_all_below_it_is() {
    let made = Made::new();
    made.mapped("dm-1", (253, 1), "LVM-abc", "vg-home", &["dm-0"]);
    made.mapped("dm-2", (253, 2), "LVM-def", "vg-both", &["dm-0", "sdb1"]);
    made.mapped("dm-3", (253, 3), "CRYPT-VERITY-abc", "verity", &["sda1"]);
    made.mapped("dm-4", (253, 4), "LVM-lost", "vg-lost", &[]);
    made.list("md0", (9, 0), &made.sys().join("devices/virtual/block/md0"));
    fs::create_dir_all(made.device("md0").join("slaves")).unwrap();
    symlink(made.device("dm-0"), made.device("md0").join("slaves/dm-0")).unwrap();
    let made = made
        .mounted("8:1", "/x", "ext4", "/dev/sda1")
        .mounted("253:0", "/x/luks", "ext4", "/dev/mapper/luks")
        .mounted("253:1", "/x/lvm", "xfs", "/dev/mapper/vg-home")
        .mounted("253:2", "/x/both", "xfs", "/dev/mapper/vg-both")
        .mounted("253:3", "/x/verity", "ext4", "/dev/mapper/verity")
        .mounted("253:4", "/x/lost", "ext4", "/dev/mapper/vg-lost")
        .mounted("9:0", "/x/raid", "ext4", "/dev/md0")
        .mounted("0:30", "/x/btrfs", "btrfs", "/dev/mapper/luks")
        .mounted("0:31", "/x/nfs", "nfs4", "server:/share")
        .mounted("0:32", "/x/zon", "zfs", "pool/on")
        .mounted("0:33", "/x/zoff", "zfs", "pool/off")
        .mounted("0:34", "/x/overlay", "overlay", "overlay")
        .mounted("0:35", "/x/tmp", "tmpfs", "tmpfs")
        .mounted("99:9", "/x/unlisted", "ext4", "/dev/unlisted");
    let state = |path: &str| made.encrypted(&[path]).0;
    for path in ["/x/luks/a", "/x/lvm", "/x/raid/a/b", "/x/btrfs", "/x/zon", "/x/tmp"] {
        assert_eq!(state(path), State::Met, "{path}: {:?}", made.encrypted(&[path]));
    }
    for path in ["/x", "/x/lux", "/x/both", "/x/verity", "/x/zoff"] {
        assert_eq!(state(path), State::NotMet, "{path}: {:?}", made.encrypted(&[path]));
    }
    for path in ["/x/lost", "/x/nfs", "/x/overlay", "/x/unlisted"] {
        assert_eq!(state(path), State::NotKnown, "{path}: {:?}", made.encrypted(&[path]));
    }
    assert_eq!(made.encrypted(&["/x/luks", "/x/zon"]), (State::Met, "LUKS2, ZFS".into()));
    assert_eq!(made.encrypted(&["/x/nfs", "/x/both", "/x/luks"]).0, State::NotMet);
    assert_eq!(made.encrypted(&["/x/luks", "/x/nfs"]).0, State::NotKnown);
    assert_eq!(made.encrypted(&[]).0, State::NotKnown);
}

#[test]
fn a_btrfs_counts_all_its_drives_and_a_folder_may_be_encrypted_by_itself() {
    let made = Made::new().mounted("0:30", "/x", "btrfs", "/dev/mapper/luks").mounted("8:1", "/y", "ext4", "/dev/sda1");
    let devices = made.sys().join("fs/btrfs/0a/devices");
    fs::create_dir_all(&devices).unwrap();
    for name in ["dm-0", "sdb1"] {
        symlink(made.device(name), devices.join(name)).unwrap();
    }
    assert_eq!(made.encrypted(&["/x"]).0, State::NotMet);
    let folder = made.folder.path().join("fscrypt");
    fs::create_dir(&folder).unwrap();
    let point = folder.canonicalize().unwrap();
    let made = made.mounted("8:1", point.parent().unwrap().to_str().unwrap(), "ext4", "/dev/sda1");
    assert_eq!(made.encrypted(&[point.to_str().unwrap()]), (State::Met, "fscrypt".into()));
}

#[test]
fn only_other_physical_devices_are_separate() {
    let made = Made::new();
    made.drive("pci0/virtio1", "vda", (254, 0));
    made.drive("pci0/usb1/target6:0:0/6:0:0:1", "sdc", (8, 32));
    let made = made
        .mounted("253:0", "/data", "ext4", "/dev/mapper/luks")
        .mounted("8:1", "/other", "ext4", "/dev/sda1")
        .mounted("8:17", "/usb", "ext4", "/dev/sdb1")
        .mounted("8:32", "/slot", "ext4", "/dev/sdc")
        .mounted("254:0", "/virtual", "ext4", "/dev/vda")
        .mounted("0:31", "/nfs", "nfs4", "server:/share");
    assert_eq!(made.separate("/data", "/usb"), State::Met);
    // Another folder, another partition, another slot of one card reader.
    for (data, keys) in [("/data", "/data/keys"), ("/data", "/other"), ("/usb", "/slot"), ("/nfs/a", "/nfs/b")] {
        assert_eq!(made.separate(data, keys), State::NotMet, "{data} {keys}");
    }
    for (data, keys) in [("/data", "/nfs"), ("/data", "/virtual"), ("/data", "/nowhere")] {
        assert_eq!(made.separate(data, keys), State::NotKnown, "{data} {keys}");
    }
    assert_eq!(made.machine("", &[]).key_separate(&["/data".into()], &[]).state, State::NotKnown);
}

#[test]
fn swap_in_clear_is_not_met_and_swap_in_memory_is() {
    let made = Made::new();
    made.mapped("dm-5", (253, 5), "CRYPT-PLAIN-swap", "swap", &["sda1"]);
    for (name, minor, behind) in [("zram0", 0, "none"), ("zram1", 1, "/dev/sda1"), ("zram2", 2, "/dev/dm-0")] {
        let device = made.sys().join("devices/virtual/block").join(name);
        made.list(name, (252, minor), &device);
        made.put(device.join("backing_dev"), &format!("{behind}\n"));
    }
    let made = made.mounted("8:1", "/", "ext4", "/dev/sda1").mounted("253:0", "/home", "ext4", "/dev/mapper/luks");
    let (zram, crypt) = ("/dev/zram0 partition 1 0 100\n", "/dev/dm-5 partition 1 0 -2\n");
    for (swaps, state) in [
        ("", State::Met),
        (zram, State::Met),
        (crypt, State::Met),
        ("/dev/zram2 partition 1 0 1\n", State::Met),
        ("/home/swap\\040file file 1 0 -2\n", State::Met),
        ("/dev/zram1 partition 1 0 1\n", State::NotMet),
        ("/dev/sda1 partition 1 0 -2\n", State::NotMet),
        ("/swapfile file 1 0 -2\n", State::NotMet),
        ("/dev/nothing partition 1 0 -2\n", State::NotKnown),
        ("/dev/sda1\n", State::NotKnown),
    ] {
        assert_eq!(made.swap(swaps), state, "{swaps}");
    }
    assert_eq!(made.swap(&format!("{zram}/swapfile file 1 0 -3\n")), State::NotMet);
}

#[test]
fn a_screen_locks_if_its_desktop_says_so() {
    let made = Made::new();
    let locks = |desktop: &str, answers| {
        let desktop = Some(desktop.to_owned()).filter(|desktop| !desktop.is_empty());
        Machine { desktop, ..made.machine("", answers) }.screen_locks().state
    };
    const ON: (&str, &str) = ("gsettings get org.gnome.desktop.screensaver lock-enabled", "true");
    const OFF: (&str, &str) = ("gsettings get org.gnome.desktop.screensaver lock-enabled", "false");
    const AFTER: (&str, &str) = ("gsettings get org.gnome.desktop.session idle-delay", "uint32 300");
    const NEVER: (&str, &str) = ("gsettings get org.gnome.desktop.session idle-delay", "uint32 0");
    const LATE: (&str, &str) = ("gsettings get org.gnome.desktop.session idle-delay", "uint32 7200");
    assert_eq!(locks("ubuntu:GNOME", &[ON, AFTER]), State::Met);
    assert_eq!(locks("GNOME", &[OFF, AFTER]), State::NotMet);
    assert_eq!(locks("GNOME", &[ON, NEVER]), State::NotMet);
    assert_eq!(locks("GNOME", &[ON, LATE]), State::NotMet);
    assert_eq!(locks("GNOME", &[ON]), State::NotKnown);
    assert_eq!(locks("GNOME", &[]), State::NotKnown);
    // Settings of a desktop that is not running say nothing.
    assert_eq!(locks("sway", &[ON, AFTER]), State::NotKnown);
    assert_eq!(locks("", &[ON, AFTER]), State::NotKnown);
    const KDE: &str = "kreadconfig5 --file kscreenlockerrc --group Daemon --key Autolock --default true";
    assert_eq!(locks("KDE", &[(KDE, "true"), ("kreadconfig5", "5")]), State::Met);
    assert_eq!(locks("KDE", &[(KDE, "false"), ("kreadconfig5", "5")]), State::NotMet);
    assert_eq!(locks("KDE", &[]), State::NotKnown);
}

#[test]
fn other_systems_are_asked_by_their_programs() {
    let made = Made::new();
    let machine = |kind, answers| Machine { kind, ..made.machine("", answers) };
    let encrypted = |kind, answers, path: &str| machine(kind, answers).disk_encrypted(&[path.into()]).state;
    const ON: &[(&str, &str)] = &[("/usr/bin/fdesetup status", "FileVault is On.")];
    assert_eq!(encrypted(Kind::MacOs, ON, "/Users/ada"), State::Met);
    assert_eq!(encrypted(Kind::MacOs, ON, "/Volumes/usb"), State::NotKnown);
    assert_eq!(encrypted(Kind::MacOs, &[("/usr/bin/fdesetup", "FileVault is Off.")], "/Users/ada"), State::NotMet);
    assert_eq!(encrypted(Kind::MacOs, &[], "/Users/ada"), State::NotKnown);
    const BDE: &str = "manage-bde.exe -status C:";
    assert_eq!(encrypted(Kind::Windows, &[(BDE, "Protection Status: Protection On")], r"c:\data"), State::Met);
    assert_eq!(encrypted(Kind::Windows, &[(BDE, "Protection Status: Protection Off")], r"C:\d"), State::NotMet);
    assert_eq!(encrypted(Kind::Windows, &[(BDE, "ERROR: access denied")], r"C:\data"), State::NotKnown);
    let lock = |answers| machine(Kind::MacOs, answers).screen_locks().state;
    assert_eq!(lock(&[("/usr/sbin/sysadminctl", "screenLock delay is 5 seconds")]), State::Met);
    assert_eq!(lock(&[("/usr/sbin/sysadminctl", "screenLock is off")]), State::NotMet);
    assert_eq!(lock(&[]), State::NotKnown);
}

#[test]
fn what_does_not_answer_in_time_is_not_known() {
    let made = Made::new().mounted("0:32", "/x", "zfs", "pool/x");
    let mut machine = made.machine("", &[]);
    machine.patience = Duration::from_millis(50);
    machine.programs = Arc::new(|_, _| {
        std::thread::sleep(Duration::from_secs(5));
        None
    });
    let start = Instant::now();
    assert_eq!(machine.disk_encrypted(&["/x".into()]).state, State::NotKnown);
    assert!(start.elapsed() < Duration::from_secs(4));
    machine.mounts = made.folder.path().join("missing");
    for check in machine.checks(&["/x".into()], &["/y".into()]) {
        let may_be = check.id == "not-synced";
        assert!(may_be || check.state == State::NotKnown, "{check:?}");
    }
}

#[test]
fn a_folder_of_a_known_service_is_not_met() {
    let machine = Made::new().machine("", &[]);
    let state = |path: &str| machine.not_synced(&[path.into()]).state;
    assert_eq!(state("/home/ada/Dropbox"), State::NotMet);
    assert_eq!(state("/home/ada/Nextcloud/work"), State::NotMet);
    assert_eq!(state("/home/ada/work"), State::Met);
    assert_eq!(machine.not_synced(&[]).state, State::NotKnown);
}

#[test]
fn mounts_are_read_as_the_kernel_writes_them() {
    let text = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                23 22 0:5 / /run/media/ada/my\\040disk rw - vfat /dev/sdb1 rw\n\
                24 22 0:6 /deep /over rw master:1 propagate_from:2 - overlay over\\134lay rw\n\
                25 22 0:7 / / rw - tmpfs tmpfs rw\nnonsense\n26 - x\n";
    let mounts = parse(text);
    assert_eq!(mounts.len(), 4);
    assert_eq!(mounts[1].point, Path::new("/run/media/ada/my disk"));
    assert_eq!(mounts[2].source, "over\\lay");
    assert_eq!(mount_of(&mounts, Path::new("/etc")).unwrap().kind, "tmpfs");
    assert_eq!(mount_of(&mounts, Path::new("/over/a")).unwrap().kind, "overlay");
    assert_eq!(mount_of(&mounts, Path::new("/overt")).unwrap().kind, "tmpfs");
    assert_eq!(unescaped("a\\040b\\9\\04"), "a b\\9\\04");
}

#[test]
fn drives_that_come_and_go_and_those_of_others_are_told_apart() {
    let made = Made::new();
    made.mapped("dm-6", (253, 6), "CRYPT-LUKS2-usb", "usb", &["sdb1"]);
    let made = made
        .mounted("8:1", "/", "ext4", "/dev/sda1")
        .mounted("253:6", "/media/ada/USB", "ext4", "/dev/mapper/usb")
        .mounted("0:40", "/mnt/office", "cifs", "//server/office")
        .mounted("0:41", "/home/ada/remote", "fuse.sshfs", "ada@host:")
        .mounted("0:42", "/home/ada/vault", "fuse.gocryptfs", "/home/ada/.vault")
        .mounted("0:5", "/proc", "proc", "proc");
    let points = mount_points(&made.machine("", &[])).unwrap();
    assert_eq!(points.removable, [PathBuf::from("/media/ada/USB")]);
    assert_eq!(points.remote, ["/mnt/office", "/home/ada/remote", "/proc"].map(PathBuf::from));
}

#[test]
fn this_computer_answers_every_check() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [folder.path().to_path_buf()];
    let checks = Machine::this(None).checks(&paths, &paths);
    let ids: Vec<_> = checks.iter().map(|check| check.id).collect();
    assert_eq!(ids, ["disk-encrypted", "key-separate", "swap-encrypted", "screen-locks", "not-synced"]);
    assert!(checks.iter().all(|check| check.how == How::Probed && !check.says.is_empty()), "{checks:?}");
    assert_ne!(checks[1].state, State::Met);
    assert_eq!(Check::declared("backups", State::Met, "none leaves the office").how, How::Declared);
}
