//! An agent in this process, and clients of it: what it answers, what it takes over from others, when it locks.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use super::*;
use crate::agent::client::{AskError, Client, Unanswered};
use crate::agent::place::Place;
use crate::agent::watch::Moment;
use crate::crypto::kdf::KdfCost;
use crate::crypto::secret::Password;
use crate::format::VaultId;
use crate::format::vault::SIZE_LIMIT;
use crate::host::ThisHost;
use crate::keychain::{ItemKind, Keychain, MemoryKeychain};
use crate::store::FolderStore;
use crate::vault::{self, Edges, NewProject, Setting, Vault, create};

mod answers;
mod changes;
mod ends;

const PASSWORD: &str = "correct horse battery staple";
const VAULT: VaultId = VaultId::from_bytes([7; 16]);

fn password() -> Password {
    Password::new(PASSWORD.as_bytes()).unwrap()
}

fn agreed(purpose: &str) -> Box<vault::Terms> {
    Box::new(vault::Terms { purpose: Setting::Given(purpose.into()), ..vault::Terms::default() })
}

fn named(name: &str) -> NewProject {
    NewProject { name: name.into(), ..NewProject::default() }
}

/// A vault with the project "acme", made once: each Argon2 takes its time.
struct Made {
    file: Vec<u8>,
    items: Vec<(ItemKind, Vec<u8>)>,
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(FolderStore::new(folder.path(), SIZE_LIMIT).unwrap());
        let keychain = Arc::new(MemoryKeychain::new());
        let edges = Edges { store: store.clone(), keychain: keychain.clone(), host: Arc::new(ThisHost) };
        create(edges, VAULT, &password(), KdfCost::FLOOR).unwrap().add_project(&named("acme")).unwrap();
        let get = |kind| keychain.get(&VAULT.to_string(), kind).unwrap().remove(0).bytes;
        Made {
            file: fs::read(store.file()).unwrap(),
            items: [ItemKind::DataKey, ItemKind::Anchor].map(|kind| (kind, get(kind))).into(),
        }
    })
}

/// A computer with the vault on it.
struct Home {
    folder: tempfile::TempDir,
    store: Arc<FolderStore>,
    keychain: Arc<MemoryKeychain>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(FolderStore::new(folder.path(), SIZE_LIMIT).unwrap());
        fs::write(store.file(), &made().file).unwrap();
        let keychain = Arc::new(MemoryKeychain::new());
        for (kind, bytes) in &made().items {
            keychain.set(&VAULT.to_string(), *kind, bytes).unwrap();
        }
        Self { folder, store, keychain }
    }

    fn unlocked(&self) -> Unlocked {
        let vault = Vault::open(self.store.clone()).unwrap();
        let mut unlocked = vault.unlock(&password(), self.keychain.clone(), Arc::new(ThisHost)).unwrap();
        unlocked.tend(&password()).unwrap();
        unlocked
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn place(&self) -> Place {
        Place::all(&[self.run()], self.store.file()).unwrap().remove(0)
    }

    fn agent(&self) -> Running {
        self.agent_with(Terms::default(), TestClock::new(), None)
    }

    fn agent_with(&self, terms: Terms, clock: TestClock, watcher: Option<Arc<dyn Watcher>>) -> Running {
        let taken = self.place().take().unwrap();
        let server = Server::with_clock(self.unlocked(), terms, taken, Box::new(clock)).unwrap();
        let bell = server.bell();
        Running { place: self.place(), bell, thread: std::thread::spawn(move || server.run(watcher).unwrap()) }
    }
}

/// An agent on a thread of this process.
struct Running {
    place: Place,
    bell: Bell,
    thread: JoinHandle<Ended>,
}

impl Running {
    fn client(&self) -> Client {
        Client::at(&self.place).unwrap()
    }

    /// Ends it as a signal would.
    fn end(self) -> Ended {
        self.bell.ring(Ending::Told);
        self.thread.join().unwrap()
    }

    /// Waits until it ends by itself.
    fn ended(self) -> Ended {
        self.thread.join().unwrap()
    }
}

/// A clock that stands still unless it is moved.
#[derive(Clone)]
struct TestClock(Arc<Mutex<Moment>>);

impl TestClock {
    fn new() -> Self {
        let moment = Moment { boot: Duration::from_secs(100_000), awake: Duration::from_secs(90_000) };
        Self(Arc::new(Mutex::new(moment)))
    }

    fn pass(&self, seconds: u64) {
        let mut moment = lock(&self.0);
        moment.boot += Duration::from_secs(seconds);
        moment.awake += Duration::from_secs(seconds);
    }

    fn sleep(&self, seconds: u64) {
        lock(&self.0).boot += Duration::from_secs(seconds);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Moment {
        *lock(&self.0)
    }
}

/// Returns why there was no answer.
#[track_caller]
fn unanswered<T>(result: Result<T, AskError>) -> Unanswered {
    match result {
        Err(AskError::Unanswered(why)) => why,
        Err(AskError::Vault(error)) => panic!("the vault says {error:?}"),
        Ok(_) => panic!("an answer"),
    }
}

/// Returns what the vault says against it.
#[track_caller]
fn refused<T>(result: Result<T, AskError>) -> Error {
    match result {
        Err(AskError::Vault(error)) => error,
        Err(AskError::Unanswered(why)) => panic!("{why:?}"),
        Ok(_) => panic!("an answer"),
    }
}
