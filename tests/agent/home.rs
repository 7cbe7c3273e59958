//! A vault on this computer, and an agent of it on a thread of this process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use strongroom::agent::client::Client;
use strongroom::agent::place::Place;
use strongroom::agent::server::{Ended, Server, Terms};
use strongroom::agent::watch::{Bell, Ending, Watcher};
use strongroom::crypto::kdf::KdfCost;
use strongroom::crypto::secret::Password;
use strongroom::format::VaultId;
use strongroom::format::vault::SIZE_LIMIT;
use strongroom::host::ThisHost;
use strongroom::keychain::FileKeychain;
use strongroom::store::FolderStore;
use strongroom::vault::{Edges, NewProject, Unlocked, Vault, create};

const PASSWORD: &str = "correct horse battery staple";

fn password() -> Password {
    Password::new(PASSWORD.as_bytes()).expect("a password")
}

fn keychain(folder: &Path) -> Arc<FileKeychain> {
    Arc::new(FileKeychain::new(folder.join("keychain.json")))
}

/// Makes a vault with the project "acme", once: each Argon2 takes its time.
fn made() -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(FolderStore::new(folder.path(), SIZE_LIMIT).expect("a store"));
        let edges = Edges { store, keychain: keychain(folder.path()), host: Arc::new(ThisHost) };
        let id = VaultId::generate().expect("an id");
        let mut unlocked = create(edges, id, &password(), KdfCost::FLOOR).expect("a vault");
        unlocked.add_project(&NewProject { name: "acme".into(), ..NewProject::default() }).expect("a project");
        folder
    };
    MADE.get_or_init(make).path()
}

/// A folder with a vault, its keychain file and the agent's socket.
pub struct Home(PathBuf, #[allow(dead_code, reason = "it removes the folder")] Option<tempfile::TempDir>);

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for entry in fs::read_dir(made()).expect("the vault that was made") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copy");
        }
        Self(folder.path().into(), Some(folder))
    }

    /// The home that another process has made.
    pub fn at(path: &Path) -> Self {
        Self(path.into(), None)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    fn store(&self) -> Arc<FolderStore> {
        Arc::new(FolderStore::new(&self.0, SIZE_LIMIT).expect("a store"))
    }

    pub fn unlocked(&self) -> Unlocked {
        let vault = Vault::open(self.store()).expect("the vault opens");
        vault.unlock(&password(), keychain(&self.0), Arc::new(ThisHost)).expect("it unlocks")
    }

    pub fn place(&self) -> Place {
        let mut places = Place::all(&[self.0.join("run")], self.store().file()).expect("a place");
        places.remove(0)
    }

    pub fn server(&self) -> Server {
        let taken = self.place().take().expect("nobody is there");
        Server::new(self.unlocked(), Terms::default(), taken).expect("a server")
    }

    pub fn agent(&self) -> Agent {
        self.agent_watching(|_| None)
    }

    pub fn agent_watching(&self, watch: impl FnOnce(Bell) -> Option<Arc<dyn Watcher>>) -> Agent {
        let server = self.server();
        let bell = server.bell();
        let watcher = watch(bell.clone());
        let thread = std::thread::spawn(move || server.run(watcher).expect("it runs"));
        Agent { place: self.place(), bell, thread }
    }
}

/// An agent on a thread.
pub struct Agent {
    pub place: Place,
    bell: Bell,
    thread: JoinHandle<Ended>,
}

impl Agent {
    pub fn client(&self) -> Client {
        Client::at(&self.place).expect("the agent answers")
    }

    pub fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }

    pub fn end(self) -> Ended {
        self.bell.ring(Ending::Told);
        self.ended()
    }

    pub fn ended(self) -> Ended {
        self.thread.join().expect("it does not panic")
    }
}
