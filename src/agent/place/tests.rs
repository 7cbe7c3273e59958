//! Where the agent listens, and what must not be taken for that place.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use super::*;
use crate::agent::transport::connect;

struct Home {
    _folder: tempfile::TempDir,
    run: PathBuf,
    vault: PathBuf,
}

fn home() -> Home {
    let folder = tempfile::tempdir().unwrap();
    let vault = folder.path().join("vault.json");
    fs::write(&vault, b"").unwrap();
    Home { run: folder.path().join("run"), vault, _folder: folder }
}

impl Home {
    fn place(&self) -> Place {
        Place::all(std::slice::from_ref(&self.run), &self.vault).unwrap().remove(0)
    }
}

#[test]
fn a_place_is_named_from_the_path_of_the_vault_however_it_is_written() {
    let home = home();
    let link = home.run.with_file_name("link.json");
    symlink(&home.vault, &link).unwrap();
    let dotted = home.vault.parent().unwrap().join(".").join("vault.json");
    let folders = [home.run.clone()];
    for other in [link, dotted] {
        assert_eq!(Place::all(&folders, &other).unwrap(), [home.place()]);
    }
    let socket = home.place().socket().file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(socket.len(), 21, "{socket}");
    let second = home.vault.with_file_name("other.json");
    fs::write(&second, b"").unwrap();
    assert_ne!(Place::all(&folders, &second).unwrap(), [home.place()]);
    fs::remove_file(&home.vault).unwrap();
    assert_eq!(home.place().socket().file_name().unwrap().to_str().unwrap(), socket);
    let missing = Place::all(&folders, Path::new("/nowhere/vault.json"));
    assert!(matches!(missing, Err(PlaceError::NoVault { .. })), "{missing:?}");
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_left_out() {
    let home = home();
    let long = |length: usize| PathBuf::from(format!("/{}", "x".repeat(length - 1 - 22)));
    let folders = [long(PATH_LIMIT + 1), long(PATH_LIMIT), home.run.clone()];
    let places = Place::all(&folders, &home.vault).unwrap();
    assert_eq!(places.len(), 2);
    assert_eq!(places[0].socket().as_os_str().len(), PATH_LIMIT);
    let none = Place::all(&folders[..1], &home.vault);
    assert!(matches!(none, Err(PlaceError::TooLong)), "{none:?}");
}

#[test]
fn one_agent_at_a_time_has_a_place() {
    let home = home();
    let place = home.place();
    assert!(!place.has_socket().unwrap());
    let taken = place.take().unwrap();
    assert!(place.has_socket().unwrap());
    assert!(taken.is_there());
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&home.run), mode(place.socket())), (0o700, 0o600));
    let second = place.take();
    assert!(matches!(second, Err(PlaceError::Taken)), "{second:?}");
    connect(place.socket()).unwrap();
    taken.remove_socket();
    assert!(!place.has_socket().unwrap());
    // The lock alone keeps the place.
    assert!(matches!(place.take(), Err(PlaceError::Taken)));
    drop(taken);
    place.take().unwrap();
}

#[test]
fn a_socket_that_was_left_behind_is_replaced() {
    let home = home();
    let place = home.place();
    drop(place.take().unwrap());
    assert!(place.has_socket().unwrap(), "as after a kill");
    let refused = connect(place.socket()).err().unwrap();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    let taken = place.take().unwrap();
    connect(place.socket()).unwrap();
    assert!(taken.is_there());
}

#[test]
fn an_agent_does_not_take_away_the_socket_of_another() {
    let home = home();
    let place = home.place();
    let taken = place.take().unwrap();
    fs::remove_file(place.socket()).unwrap();
    assert!(!taken.is_there());
    let _other = UnixListener::bind(place.socket()).unwrap();
    assert!(!taken.is_there());
    taken.remove_socket();
    assert!(place.socket().exists());
}

#[test]
fn what_is_no_socket_is_neither_used_nor_removed() {
    let home = home();
    let place = home.place();
    drop(place.take().unwrap());
    let elsewhere = home.run.with_file_name("elsewhere.sock");
    let _listener = UnixListener::bind(&elsewhere).unwrap();
    type Put<'a> = Box<dyn Fn(&Path) + 'a>;
    let put: [(&str, Put<'_>); 4] = [
        ("file", Box::new(|path| fs::write(path, b"precious").unwrap())),
        ("folder", Box::new(|path| fs::create_dir(path).unwrap())),
        ("link to a socket", Box::new(|path| symlink(&elsewhere, path).unwrap())),
        ("link to nothing", Box::new(|path| symlink("nothing", path).unwrap())),
    ];
    for (what, put) in put {
        let _ = fs::remove_file(place.socket());
        put(place.socket());
        assert!(matches!(place.has_socket(), Err(PlaceError::Squatted { .. })), "{what}");
        assert!(matches!(place.take(), Err(PlaceError::Squatted { .. })), "{what}");
        assert!(fs::symlink_metadata(place.socket()).is_ok(), "{what}");
        let _ = fs::remove_dir(place.socket());
    }
}

#[test]
fn a_folder_that_others_get_into_is_not_used() {
    let home = home();
    let place = home.place();
    drop(place.take().unwrap());
    for mode in [0o755, 0o701, 0o770, 0o777] {
        fs::set_permissions(&home.run, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(place.has_socket(), Err(PlaceError::NotPrivate { .. })), "{mode:o}");
        assert!(matches!(place.take(), Err(PlaceError::NotPrivate { .. })), "{mode:o}");
    }
    let moved = home.run.with_file_name("moved");
    fs::set_permissions(&home.run, fs::Permissions::from_mode(0o700)).unwrap();
    fs::rename(&home.run, &moved).unwrap();
    assert!(!place.has_socket().unwrap());
    symlink(&moved, &home.run).unwrap();
    assert!(matches!(place.has_socket(), Err(PlaceError::NotPrivate { .. })));
    assert!(matches!(place.take(), Err(PlaceError::NotPrivate { .. })));
    fs::remove_file(&home.run).unwrap();
    fs::write(&home.run, b"").unwrap();
    assert!(place.take().is_err());
}

#[test]
fn a_folder_of_another_user_is_not_used() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = home();
    let place = home.place();
    drop(place.take().unwrap());
    std::os::unix::fs::chown(&home.run, Some(65534), None).unwrap();
    assert!(matches!(place.has_socket(), Err(PlaceError::NotPrivate { .. })));
    assert!(matches!(place.take(), Err(PlaceError::NotPrivate { .. })));
    std::os::unix::fs::chown(&home.run, Some(0), None).unwrap();
    std::os::unix::fs::lchown(place.socket(), Some(65534), None).unwrap();
    assert!(matches!(place.has_socket(), Err(PlaceError::Squatted { .. })));
}
