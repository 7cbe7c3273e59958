//! The program against a real gnome-keyring-daemon that goes wrong: each command ends within five seconds with exit
//! code 6 and the right kind, changes nothing, and the vault opens as before once the keychain is well again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use crate::desktop_stories::home::*;
use crate::support::desktop;

const UNLOCK: &[&str] = &["project", "list", "--password-file", "old"];
const CHANGE: &[&str] = &["project", "add", "beta", "--password-file", "old"];
const PASSWD: &[&str] = &["passwd", "--password-file", "old", "--new-password-file", "new"];
const BEGIN: &[&str] = &["vault", "rotate", "--keep-kit", "--kit-file", "kit", "--password-file", "old"];
const ROTATE: &[&str] =
    &["vault", "rotate", "--settle-now", "--keep-kit", "--kit-file", "kit", "--password-file", "old"];
const RECOVER: &[&str] = &["recover", "--kit-file", "kit", "--new-password-file", "new"];
const ALL: [&[&str]; 6] = [UNLOCK, CHANGE, PASSWD, BEGIN, ROTATE, RECOVER];

/// A home whose vault has a kit, with what its item is when all is well.
struct Vault {
    home: Home,
    user: String,
    item: String,
    file: Vec<u8>,
}

impl Vault {
    fn new() -> Self {
        let home = with_vault("os");
        home.succeed(&["kit", "new", "--recovery-file", "kit", "--no-confirm", "--password-file", "old"]);
        fs::set_permissions(home.path("kit"), fs::Permissions::from_mode(0o600)).unwrap();
        let user = format!("{}:data-key", home.vault_id());
        let (item, file) = (look_up(&user), fs::read(home.vault()).unwrap());
        Self { home, user, item, file }
    }

    /// Asserts that a command is refused for the keychain's sake, in time, and that the vault file is as it was.
    #[track_caller]
    fn refuses(&self, arguments: &[&str], kinds: &[&str]) {
        let start = Instant::now();
        let output = self.home.output(&[&["--json"], arguments].concat());
        let took = start.elapsed();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let kind = kinds.iter().find(|kind| errors.contains(&format!("\"kind\":\"{kind}\"")));
        assert_eq!((output.status.code(), kind.is_some()), (Some(6), true), "{arguments:?}: {errors}");
        // Two derivations of the password are the longest any of these makes.
        assert!(took < GONE_WITHIN, "{arguments:?} took {took:?}");
        assert!(fs::read(self.home.vault()).unwrap() == self.file, "{arguments:?} changed the vault");
    }

    /// Asserts that all is as it was.
    #[track_caller]
    fn opens_as_before(&self) {
        assert!(look_up(&self.user) == self.item, "the item is another");
        assert_eq!((self.home.opens("old"), self.home.opens("new")), (true, false));
        assert!(fs::read(self.home.vault()).unwrap() == self.file, "the vault file is another");
    }

    /// The kit needs no item, and makes one.
    #[track_caller]
    fn recovers(&self) {
        self.home.succeed(&[RECOVER, &CHEAP[..]].concat());
        assert_eq!((self.home.opens("old"), self.home.opens("new")), (false, true));
        assert_eq!(items_of_ours().len(), 2);
    }
}

macro_rules! programs {
    ($($name:ident $body:block)*) => {$(
        #[test]
        #[ignore = "needs a real Secret Service: run ./test"]
        fn $name() {
            desktop::inside("--unlocked", concat!(module_path!(), "::", stringify!($name)), || {
                let _log = DaemonLog;
                $body
            });
        }
    )*};
}

programs! {
    a_daemon_that_halts_is_given_up_by_every_command {
        let vault = Vault::new();
        for arguments in ALL {
            signal_daemon("-STOP");
            vault.refuses(arguments, &["unresponsive"]);
            signal_daemon("-CONT");
        }
        vault.opens_as_before();
    }

    a_daemon_that_is_gone_is_told_by_every_command {
        let vault = Vault::new();
        kill_daemon();
        for arguments in ALL {
            vault.refuses(arguments, &["no-service"]);
        }
        tool(&desktop::script(), &["--again"]);
        vault.opens_as_before();
    }

    a_locked_keychain_is_told_by_every_command {
        let vault = Vault::new();
        let lock = ["--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets"];
        let collection = "array:objpath:/org/freedesktop/secrets/collection/login";
        tool("dbus-send", &[&lock[..], &["org.freedesktop.Secret.Service.Lock", collection]].concat());
        for arguments in ALL {
            vault.refuses(arguments, &["locked"]);
        }
        kill_daemon();
        tool(&desktop::script(), &["--again"]);
        vault.opens_as_before();
    }

    an_item_that_is_gone_is_never_made_anew_but_by_the_kit {
        let vault = Vault::new();
        clear(&vault.user);
        for arguments in [UNLOCK, CHANGE, PASSWD, BEGIN, ROTATE] {
            vault.refuses(arguments, &["key-missing"]);
            assert_eq!(items_of_ours().len(), 1, "{arguments:?} made an item");
        }
        store(&vault.user, None, vault.item.as_bytes());
        vault.opens_as_before();
        clear(&vault.user);
        vault.recovers();
    }

    an_item_that_is_garbage_or_too_long_is_told_by_every_command {
        let vault = Vault::new();
        for garbage in ["garbage".to_owned(), "x".repeat(5000)] {
            store(&vault.user, None, garbage.as_bytes());
            for arguments in [UNLOCK, CHANGE, PASSWD, BEGIN, ROTATE] {
                vault.refuses(arguments, &["key-not-ours", "too-long"]);
                assert!(look_up(&vault.user) == garbage, "{arguments:?} wrote over what is not ours");
            }
        }
        store(&vault.user, None, vault.item.as_bytes());
        vault.opens_as_before();
        store(&vault.user, None, b"garbage");
        vault.recovers();
    }

    an_item_beside_ours_is_never_guessed_at {
        let vault = Vault::new();
        for twin in [vault.item.as_str(), "garbage"] {
            store(&vault.user, Some("a twin"), twin.as_bytes());
            for arguments in [PASSWD, BEGIN, ROTATE] {
                vault.refuses(arguments, &["ambiguous"]);
            }
            assert!(vault.home.opens("old"));
            tool("secret-tool", &["clear", "service", "strongroom", "username", &vault.user, "extra", "a twin"]);
        }
        vault.opens_as_before();
    }

    an_item_that_fell_back_opens_with_the_password_of_its_time {
        let vault = Vault::new();
        vault.home.succeed(&[PASSWD, &CHEAP[..]].concat());
        assert_eq!((vault.home.opens("old"), vault.home.opens("new")), (false, true));
        store(&vault.user, None, vault.item.as_bytes());
        vault.opens_as_before();
    }
}
