//! Whoever has file keys: a vault that is unlocked here or by its agent, or one file key by itself.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;
use strongroom::agent::client::{AgentVault, Client, Unanswered};
use strongroom::agent::place::Place;
use strongroom::body::BodyError;
use strongroom::crypto::secret::{FileKey, KEY_LEN, Password, ProjectFileKey, SecretText};
use strongroom::crypto::written_key::{KeyFormat, decode};
use strongroom::format::log::{Action, Destination, LogEnd, NewEntry, Outcome, Via, What};
use strongroom::home::{Asking, Home, Named, who};
use strongroom::host::ThisHost;
use strongroom::keys::{FileKeys, HeldKey, OpenedBy, SealingKey};
use strongroom::vault::{Before, LogPolicy, NewProject, OpenVault, ReasonPolicy, SecretEdit, Unlocked};
use zeroize::Zeroizing;

use crate::errors::Failure;

/// A vault that is unlocked in this process, or in its agent's.
pub enum AnyVault {
    Here(Box<Unlocked>),
    Agent(AgentVault),
}

/// An unlocked vault, and what the access log has of its use here.
pub struct InUse {
    vault: AnyVault,
    begun: Mutex<Option<Begun>>,
    files: AtomicU64,
}

/// The entry that began the use, and the process that wrote it: one that was forked off ends nothing.
struct Begun {
    seq: u64,
    process: u32,
}

impl InUse {
    /// Records that files are opened from now on, once. An agent does so itself, unless there is a reason.
    fn begin(&self, reason: Option<&str>) -> Result<(), Failure> {
        let vault = self.vault.get();
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let is_begun = begun.as_ref().is_some_and(|begun| begun.process == std::process::id());
        if is_begun || (matches!(self.vault, AnyVault::Agent(_)) && reason.is_none()) {
            return Ok(());
        }
        let rules = vault.logging_for(None)?;
        let reason = reason.unwrap_or_default();
        if rules.reason == ReasonPolicy::Required && reason.trim().is_empty() {
            return Err(Failure::usage("a reason has to be given for the access log: unlock(reason=...)"));
        }
        let what = What { to: Destination::Memory.word().into(), ..What::default() };
        let entry = NewEntry {
            projects: None,
            reason: reason.to_owned(),
            what,
            ..NewEntry::new(Action::FileOpen, who(Via::Library))
        };
        match vault.log_begin(&entry) {
            Ok(seq) => *begun = Some(Begun { seq, process: std::process::id() }),
            Err(_) if rules.log == LogPolicy::BestEffort => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Records that something was handed out that is not a file.
    fn note(&self, action: Action, subject: &str) -> Result<(), Failure> {
        let AnyVault::Here(vault) = &self.vault else { return Ok(()) };
        let what = What { subject: subject.to_owned(), to: Destination::Memory.word().into(), ..What::default() };
        match vault.log_note(&NewEntry { what, ..NewEntry::new(action, who(Via::Library)) }) {
            Err(error) if vault.logging_for(None).log == LogPolicy::Required => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let begun = self.begun.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(begun) = begun.filter(|begun| begun.process == std::process::id()) else { return };
        let what = What { files: Some(*self.files.get_mut()), ..What::default() };
        let end = LogEnd { outcome: Outcome::Done, error: None, projects: None, what };
        // What is not recorded here, the next command records as interrupted.
        let _ = self.vault.get().log_end(begun.seq, &end);
    }
}

impl AnyVault {
    fn get(&self) -> &(dyn OpenVault + 'static) {
        match self {
            Self::Here(vault) => &**vault,
            Self::Agent(vault) => vault,
        }
    }

    fn get_mut(&mut self) -> &mut (dyn OpenVault + 'static) {
        match self {
            Self::Here(vault) => &mut **vault,
            Self::Agent(vault) => vault,
        }
    }
}

/// An unlocked vault, until it is closed.
pub type Shared = Arc<RwLock<Option<InUse>>>;

/// An unlocked vault.
#[pyclass(frozen, module = "strongroom", subclass)]
pub struct Vault {
    shared: Shared,
    place: String,
    is_agents: bool,
    /// Why nothing may be written with it.
    warning: Option<String>,
}

fn closed() -> Failure {
    Failure::Other("vault-closed", "the vault is closed".into())
}

/// Does something with a vault that is not closed.
pub fn with_vault<T>(shared: &Shared, work: impl FnOnce(&dyn OpenVault) -> Result<T, Failure>) -> Result<T, Failure> {
    let vault = shared.read().unwrap_or_else(PoisonError::into_inner);
    work(vault.as_ref().ok_or_else(closed)?.vault.get())
}

/// Opens something with a vault that is not closed, which is recorded.
fn open_with<T>(shared: &Shared, work: impl FnOnce(&dyn OpenVault) -> Result<T, Failure>) -> Result<T, Failure> {
    let vault = shared.read().unwrap_or_else(PoisonError::into_inner);
    let vault = vault.as_ref().ok_or_else(closed)?;
    vault.begin(None)?;
    let done = work(vault.vault.get())?;
    vault.files.fetch_add(1, Ordering::Relaxed);
    Ok(done)
}

/// Changes a vault that is not closed.
pub fn change_vault<T>(
    shared: &Shared,
    work: impl FnOnce(&mut dyn OpenVault) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut vault = shared.write().unwrap_or_else(PoisonError::into_inner);
    work(vault.as_mut().ok_or_else(closed)?.vault.get_mut())
}

fn home(folder: Option<PathBuf>) -> Result<Home, Failure> {
    Ok(Home::find(Named { vault: folder, keychain: None })?)
}

#[pymethods]
impl Vault {
    /// Returns the vault that an agent keeps unlocked; None if no agent answers.
    #[staticmethod]
    fn of_agent(py: Python<'_>, folder: Option<PathBuf>) -> PyResult<Option<Self>> {
        let found = py.detach(|| -> Result<Option<Self>, Failure> {
            let home = home(folder)?;
            let store = home.store()?;
            let Ok(places) = Place::all(&home.folders.agent, store.file()) else { return Ok(None) };
            match Client::find(&places) {
                Ok(client) => {
                    let vault = AnyVault::Agent(AgentVault::new(client));
                    Ok(Some(Self::new(vault, store.file().display().to_string(), true)))
                }
                Err(Unanswered::NotRunning) => Ok(None),
                Err(why) if why.is_surprising(&places) => Err(Failure::Other("agent", why.to_string())),
                Err(_) => Ok(None),
            }
        })?;
        Ok(found)
    }

    /// Unlocks a vault in this process.
    #[staticmethod]
    fn unlock(py: Python<'_>, folder: Option<PathBuf>, password: &str) -> PyResult<Self> {
        // Python's own copy of it stays until Python frees it, which this cannot change.
        let password =
            Password::new(password.as_bytes()).map_err(|error| Failure::from(strongroom::Error::from(error)))?;
        Ok(py.detach(|| unlock(folder, &password))?)
    }

    /// Has recorded why files are opened from now on.
    fn begin(&self, py: Python<'_>, reason: &str) -> PyResult<()> {
        Ok(py.detach(|| {
            let vault = self.shared.read().unwrap_or_else(PoisonError::into_inner);
            vault.as_ref().ok_or_else(closed)?.begin(Some(reason))
        })?)
    }

    /// The vault file's path.
    #[getter]
    fn path(&self) -> &str {
        &self.place
    }

    /// Whether an agent keeps it unlocked.
    #[getter]
    fn is_agents(&self) -> bool {
        self.is_agents
    }

    /// Why it is not the vault that this computer saw last, if so. Then it opens files, and seals none.
    #[getter]
    fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self, py: Python<'_>) -> bool {
        py.detach(|| self.shared.read().unwrap_or_else(PoisonError::into_inner).is_none())
    }

    /// Forgets its keys.
    fn close(&self, py: Python<'_>) {
        py.detach(|| drop(self.shared.write().unwrap_or_else(PoisonError::into_inner).take()));
    }

    /// Returns the projects that can be used: name, client, note.
    fn projects(&self, py: Python<'_>) -> PyResult<Vec<(String, String, String)>> {
        let projects = py.detach(|| with_vault(&self.shared, |vault| Ok(vault.projects()?)))?;
        let usable = projects.into_iter().filter(|project| project.destroyed.is_none());
        Ok(usable.map(|project| (project.name, project.client, project.note)).collect())
    }

    /// Adds a project, and returns its name as the vault has it.
    fn add_project(&self, py: Python<'_>, name: String, client: String, note: String) -> PyResult<String> {
        let new = NewProject { name, client, note, ..NewProject::default() };
        let added = py.detach(|| change_vault(&self.shared, |vault| Ok(vault.add_project(&new)?)))?;
        Ok(added.name)
    }

    /// Returns the versions of a project's key, and which of them is the current one.
    fn keys(&self, py: Python<'_>, project: &str) -> PyResult<Vec<(u32, bool)>> {
        let project = py.detach(|| with_vault(&self.shared, |vault| Ok(vault.usable_project(project)?)))?;
        Ok(project.keys.iter().map(|key| (key.version, key.current)).collect())
    }

    /// Returns the names of the secrets, in order.
    fn secret_names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let secrets = py.detach(|| with_vault(&self.shared, |vault| Ok(vault.secrets()?)))?;
        Ok(secrets.into_iter().map(|secret| secret.name).collect())
    }

    /// Returns the account and the password of a secret. Here the password is wiped; Python cannot wipe its copy.
    fn secret(&self, py: Python<'_>, name: &str) -> PyResult<(String, Py<PyString>)> {
        let (user, value) = py.detach(|| {
            let vault = self.shared.read().unwrap_or_else(PoisonError::into_inner);
            let vault = vault.as_ref().ok_or_else(closed)?;
            let user = vault.vault.get().secret(name)?.user;
            vault.note(Action::SecretShow, name)?;
            Ok::<_, Failure>((user, vault.vault.get().secret_value(name, None)?))
        })?;
        Ok((user, PyString::new(py, value.password.expose()).unbind()))
    }

    /// Gives a secret another account and password, or makes it.
    fn set_secret(&self, py: Python<'_>, name: &str, user: String, password: &str) -> PyResult<()> {
        let password = Some(SecretText::new(password.to_owned()));
        let edit = SecretEdit { user: Some(user), password, ..SecretEdit::default() };
        py.detach(|| change_vault(&self.shared, |vault| Ok(vault.edit_secret(name, edit, Before::Any)?)))?;
        Ok(())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "cannot pickle a vault: unlock it in the other process, or let its agent answer there",
        ))
    }
}

impl Vault {
    fn new(vault: AnyVault, place: String, is_agents: bool) -> Self {
        let vault = InUse { vault, begun: Mutex::default(), files: AtomicU64::new(0) };
        Self { shared: Arc::new(RwLock::new(Some(vault))), place, is_agents, warning: None }
    }
}

/// Finds a vault and its key, unlocks it and finishes what an unlock has to finish, as the program does.
fn unlock(folder: Option<PathBuf>, password: &Password) -> Result<Vault, Failure> {
    let home = home(folder)?;
    let store = home.store()?;
    let vault = strongroom::vault::Vault::open(Arc::new(store.clone()))?;
    let id = vault.id();
    let kind = home.kind_of(home.known_id(&store, id)?)?;
    let found = vault.find_key(home.keychain(&kind, id, || Asking::attended(|_| {})), Arc::new(ThisHost))?;
    let mut unlocked = found.unlock(password)?;
    unlocked.tend(password)?;
    home.remember_opened(id, &kind, store.file())?;
    let place = store.file().display().to_string();
    let warning = match unlocked.rolled_back() {
        Some(rolled_back) => Some(rolled_back.to_string()),
        None if unlocked.reads_previous() => Some(format!("the vault {place} is damaged: the previous one is read")),
        None => None,
    };
    Ok(Vault { warning, ..Vault::new(AnyVault::Here(Box::new(unlocked)), place, false) })
}

/// One project's file key, without its vault.
#[pyclass(frozen, module = "strongroom")]
pub struct Key {
    key: Arc<ProjectFileKey>,
}

#[pymethods]
impl Key {
    /// Reads a key from a file that holds 32 bytes, their base64 or their hexadecimal digits.
    #[staticmethod]
    #[pyo3(signature = (path, *, project = None))]
    fn from_file(py: Python<'_>, path: PathBuf, project: Option<String>) -> PyResult<Self> {
        // The longest form is 64 hexadecimal digits and a line end.
        const LIMIT: usize = 2 * KEY_LEN + 2;
        let raw = py.detach(|| -> Result<_, Failure> {
            let mut raw = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
            let file = File::open(&path).map_err(Failure::of_system(&path))?;
            file.take(LIMIT as u64 + 1).read_to_end(&mut raw).map_err(Failure::of_system(&path))?;
            Ok(raw)
        })?;
        // Text is tried first: 32 bytes are neither form of text, whose lengths are others.
        Self::of(&raw, &[KeyFormat::Base64, KeyFormat::Hex, KeyFormat::Raw], project)
    }

    /// Reads a key from standard base64, 44 characters.
    #[staticmethod]
    #[pyo3(signature = (text, *, project = None))]
    fn from_base64(text: &str, project: Option<String>) -> PyResult<Self> {
        Self::of(text.as_bytes(), &[KeyFormat::Base64], project)
    }

    /// Makes a new random key. It is in no vault: what is sealed under it opens as long as this object is there.
    #[staticmethod]
    #[pyo3(signature = (*, project = None))]
    fn generate(project: Option<String>) -> PyResult<Self> {
        let key = FileKey::generate().map_err(|error| Failure::from(strongroom::Error::from(error)))?;
        Ok(Self::new(key, project))
    }

    /// The project's name, if one was given.
    #[getter]
    fn project(&self) -> Option<&str> {
        Some(&*self.key.project).filter(|name| !name.is_empty())
    }

    fn __repr__(&self) -> String {
        match self.project() {
            Some(project) => format!("Key(project={project:?})"),
            None => "Key()".into(),
        }
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("cannot pickle a key: it would be written out in the clear"))
    }
}

impl Key {
    fn new(key: FileKey, project: Option<String>) -> Self {
        Self { key: Arc::new(ProjectFileKey { project: project.unwrap_or_default(), version: 0, key }) }
    }

    fn of(raw: &[u8], formats: &[KeyFormat], project: Option<String>) -> PyResult<Self> {
        let key = formats.iter().find_map(|format| decode(raw, *format));
        // What was read is in no message: it may be most of a key.
        key.map(|key| Self::new(key, project))
            .ok_or_else(|| PyValueError::new_err("this is not exactly one key of 32 bytes"))
    }
}

/// What files are opened and sealed with.
#[derive(FromPyObject)]
pub enum Keys<'py> {
    Vault(PyRef<'py, Vault>),
    Key(PyRef<'py, Key>),
}

impl Keys<'_> {
    /// Returns what can be used while other threads run.
    pub fn hold(&self) -> Source {
        match self {
            Self::Vault(vault) => Source::Vault { shared: Arc::clone(&vault.shared), file: vault.place.clone().into() },
            Self::Key(key) => Source::Key(Arc::clone(&key.key)),
        }
    }
}

/// The same without Python.
#[derive(Clone)]
pub enum Source {
    Vault { shared: Shared, file: PathBuf },
    Key(Arc<ProjectFileKey>),
}

impl Source {
    /// Opens something with these keys.
    pub fn with_keys<T>(
        &self,
        work: impl FnOnce(&dyn FileKeys) -> Result<T, BodyError>,
        explain: impl FnOnce(BodyError) -> Failure,
    ) -> Result<T, Failure> {
        match self {
            Self::Vault { shared, .. } => open_with(shared, |vault| work(vault).map_err(explain)),
            Self::Key(key) => work(&**key).map_err(explain),
        }
    }

    /// Takes the key that new files of a project are sealed under. If none is named, the project file of the working
    /// folder names it.
    pub fn sealing(&self, project: Option<&str>) -> Result<Sealer, Failure> {
        match (self, project) {
            (Self::Vault { shared, file }, project) => {
                let project = project.map_or_else(|| project_of_folder(file), |project| Ok(project.to_owned()))?;
                with_vault(shared, |vault| {
                    vault.check_writable()?;
                    Ok(Sealer::Held(vault.sealing_key(&project)?, Arc::clone(shared)))
                })
            }
            (Self::Key(key), project) if project.is_some_and(|name| !key.project.is_empty() && name != key.project) => {
                Err(Failure::usage(format!("the key is of the project {:?}", key.project)))
            }
            (Self::Key(key), _) => Ok(Sealer::Key(Arc::clone(key))),
        }
    }
}

/// Finds the project that the project file of the working folder names.
fn project_of_folder(vault_file: &Path) -> Result<String, Failure> {
    let found = home(vault_file.parent().map(Path::to_path_buf))?.project_file()?;
    found.and_then(|file| file.project).ok_or_else(|| {
        Failure::usage(
            "a project is needed: name the one that the file belongs to with project=, or write a file \
             .strongroom.toml for the folder, with the line: project = \"NAME\"",
        )
    })
}

/// The key that a new file is sealed under.
pub enum Sealer {
    Held(HeldKey, Shared),
    Key(Arc<ProjectFileKey>),
}

impl Sealer {
    /// Returns it for one file.
    pub fn key(&self) -> SealingKey<'_> {
        match self {
            Self::Held(held, _) => held.sealing(),
            Self::Key(key) => SealingKey::from(&**key),
        }
    }

    /// Sees to it that the key is still in its vault: a file under a key that was destroyed meanwhile never opens.
    pub fn check(&self) -> Result<(), Failure> {
        match self {
            Self::Held(held, shared) => change_vault(shared, |vault| Ok(vault.check_still_holds(held)?)),
            Self::Key(_) => Ok(()),
        }
    }
}

/// Returns the project and version that opened a file, if its key says.
pub fn opened_by(opened_by: &OpenedBy) -> (Option<String>, Option<u32>) {
    let project = Some(opened_by.project.clone()).filter(|name| !name.is_empty());
    (project, Some(opened_by.version).filter(|version| *version > 0))
}
