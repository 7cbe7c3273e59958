//! The program on a system bus with a logind that does as it is told.

use std::process::Command;

use zbus::blocking::Proxy;
use zbus::blocking::connection::Builder;
use zbus::zvariant::Value;

use super::*;
use crate::support::run_again;

/// Set in the process that runs on the private bus.
const INSIDE: &str = "STRONGROOM_TEST_UNLOCKED";
const NAME: &str = "org.freedesktop.login1";
const MANAGER: &str = "/org/freedesktop/login1";

#[test]
#[ignore = "needs dbus and python3-dbusmock: run ./test"]
fn a_locked_screen_and_sleep_lock_the_vault() {
    if std::env::var_os(INSIDE).is_none() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agent/with-fake-logind.sh");
        let name = concat!(module_path!(), "::a_locked_screen_and_sleep_lock_the_vault");
        return run_again(Command::new(script).env(INSIDE, "yes"), name);
    }
    let address = std::env::var("DBUS_SYSTEM_BUS_ADDRESS").unwrap();
    let bus = Builder::address(address.as_str()).unwrap().build().unwrap();
    let mock = |path: &str| Proxy::new(&bus, NAME, path.to_owned(), "org.freedesktop.DBus.Mock").unwrap();
    let user = rustix::process::geteuid().as_raw();
    let session: String = mock(MANAGER).call("AddSession", &("c1", "seat0", user, "user", true)).unwrap();
    let emit = |path: &str, interface: &str, name: &str, signature: &str, arguments: Vec<Value<'_>>| {
        mock(path).call::<_, _, ()>("EmitSignal", &(interface, name, signature, arguments)).unwrap();
    };
    let events: [&dyn Fn(); 2] =
        [&|| emit(&session, "org.freedesktop.login1.Session", "Lock", "", Vec::new()), &|| {
            emit(MANAGER, "org.freedesktop.login1.Manager", "PrepareForSleep", "b", vec![Value::from(true)])
        }];
    for event in events {
        let unlocked = Unlocked(Home::with_project());
        let words = "unlock --json --password-file pw";
        let json = unlocked.0.typed(words).env("DBUS_SYSTEM_BUS_ADDRESS", &address).run().succeeds().json();
        assert_eq!(json["watching"]["sessions"], true, "{json}");
        unlocked.0.run_alone("project list").succeeds();
        event();
        wait_for_end(pid_in(&json));
        unlocked.0.run_alone("project list").fails(2, NEEDS_PASSWORD);
    }
}
