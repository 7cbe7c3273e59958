//! A keyring-core store on the Secret Service of Linux and the BSDs.
//!
//! The ready-made stores cannot bound a call in time, cannot be kept from prompting and encrypt the session, which
//! some providers get wrong; an item of ours is ciphertext already, so the session here is a plain one. Nothing here
//! knows what an item means, and nothing prints.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyring_core::api::{CredentialApi, CredentialStoreApi};
use keyring_core::{Credential, Entry, Error as KeyringError};
use secret_service::EncryptionType;
use secret_service::blocking::{Collection, Item, SecretService};
use zbus::blocking::connection::Builder;
use zbus::blocking::fdo::DBusProxy;
use zbus::blocking::{Connection, Proxy};
use zbus::names::{BusName, WellKnownName};
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

use super::trouble::Trouble;
use super::{KeychainError, Probe, Prompting, SERVICE};

/// The name every provider of the Secret Service takes on the session bus.
const BUS_NAME: &str = "org.freedesktop.secrets";

/// How long one D-Bus call may take where nobody can answer a prompt.
const ANSWER_ALONE: Duration = Duration::from_secs(3);
/// How long one D-Bus call may take where a person may have to answer first.
const ANSWER_WITH_PERSON: Duration = Duration::from_secs(60);

/// A connection to the provider with a session open on it.
struct Link {
    bus: Connection,
    service: SecretService<'static>,
    provider: String,
}

/// Whether a task may change items, and so needs a collection that takes writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    Read,
    Write,
}

struct Shared {
    prompting: Prompting,
    /// The one connection of this run, made when first needed.
    link: Mutex<Option<Link>>,
    /// Apart from the link, whose lock a call that hangs would hold.
    provider: Mutex<String>,
}

/// The Secret Service as a keyring-core store.
#[derive(Clone)]
pub(super) struct SecretServiceStore {
    shared: Arc<Shared>,
}

impl SecretServiceStore {
    /// Makes a store; nothing is connected yet.
    pub(super) fn new(prompting: Prompting) -> Self {
        let provider = Mutex::new(BUS_NAME.to_owned());
        Self { shared: Arc::new(Shared { prompting, link: Mutex::new(None), provider }) }
    }

    /// Returns the provider's name, or the bus name as long as it is not known. Never waits.
    pub(super) fn provider(&self) -> String {
        lock(&self.shared.provider).clone()
    }

    /// Tells whether the service can be used, without starting or prompting anything.
    pub(super) fn probe(&self) -> Result<Probe, KeyringError> {
        self.shared.run(Task::Read, Activation::Forbidden, |link| {
            let collection = link.default_collection()?;
            let locked = collection.is_locked()? && !link.is_wallet_open(&collection);
            Ok(Probe { provider: link.provider.clone(), locked })
        })
    }

    /// Wraps the item at an object path.
    pub(super) fn entry_at(&self, path: &str) -> Entry {
        self.shared.wrapper(path)
    }
}

/// Whether the bus may start the service.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Activation {
    Allowed,
    Forbidden,
}

impl Shared {
    /// Runs `work` on the connection, and once more on a new one where the session or the service was gone.
    ///
    /// Every task can be repeated: one that was done before its answer was lost finds its item and changes nothing.
    fn run<T>(
        self: &Arc<Self>,
        task: Task,
        activation: Activation,
        work: impl Fn(&Link) -> Result<T, Trouble>,
    ) -> Result<T, KeyringError> {
        let mut slot = lock(&self.link);
        let mut retried = false;
        loop {
            let result = match &*slot {
                Some(link) => work(link),
                None => match self.connect(activation) {
                    Ok(link) => work(slot.insert(link)),
                    Err(trouble) => Err(trouble),
                },
            };
            match result {
                Err(Trouble::Lost) if !retried => {
                    *slot = None;
                    retried = true;
                }
                other => {
                    let writing = task == Task::Write;
                    let provider = lock(&self.provider).clone();
                    return other.map_err(|trouble| trouble.into_keyring(provider, self.answer_within(), writing));
                }
            }
        }
    }

    fn run_as_configured<T>(
        self: &Arc<Self>,
        task: Task,
        work: impl Fn(&Link) -> Result<T, Trouble>,
    ) -> Result<T, KeyringError> {
        let activation = match self.prompting {
            Prompting::Allowed(_) => Activation::Allowed,
            Prompting::Forbidden => Activation::Forbidden,
        };
        self.run(task, activation, work)
    }

    fn answer_within(&self) -> Duration {
        match self.prompting {
            Prompting::Allowed(_) => ANSWER_WITH_PERSON,
            Prompting::Forbidden => ANSWER_ALONE,
        }
    }

    fn connect(&self, activation: Activation) -> Result<Link, Trouble> {
        // Whatever keeps us from the bus, the user's situation is the same: there is none to use.
        let bus = Builder::session()
            .and_then(|builder| builder.method_timeout(self.answer_within()).build())
            .map_err(|_| KeychainError::NoBus)?;
        let daemon = DBusProxy::new(&bus)?;
        let name = WellKnownName::from_static_str_unchecked(BUS_NAME);
        if !daemon.name_has_owner(BusName::WellKnown(name.clone()))? {
            // Any call to a name that can be started would start it, so nothing is called before this is known.
            let startable = daemon.list_activatable_names()?.iter().any(|startable| startable.as_str() == BUS_NAME);
            if activation == Activation::Forbidden || !startable {
                return Err(KeychainError::NoService.into());
            }
            daemon.start_service_by_name(name.clone(), 0).map_err(|_| KeychainError::ActivationStalled)?;
        }
        let provider = provider_name(&daemon, BusName::WellKnown(name));
        lock(&self.provider).clone_from(&provider);
        match SecretService::connect_with_existing(EncryptionType::Plain, bus.clone()).map_err(Trouble::from) {
            Ok(service) => Ok(Link { bus, service, provider }),
            // "Gone" would mean that an item was not found.
            Err(Trouble::Gone) => Err(Trouble::Refused("it does not speak the Secret Service".into())),
            Err(other) => Err(other),
        }
    }

    /// Returns the default collection, unlocked as far as `task` needs it.
    fn collection<'a>(&self, link: &'a Link, task: Task) -> Result<Collection<'a>, Trouble> {
        let collection = link.default_collection()?;
        // Asked before any search: KeePassXC answers a search of a locked database with a dialog.
        if collection.is_locked()? {
            if link.is_wallet_open(&collection) {
                // kwalletd calls an open wallet locked: it lets everyone read, and takes writes after an unlock whose
                // prompt completes at once and asks nobody.
                if task == Task::Write {
                    collection.unlock()?;
                }
            } else {
                self.announce_unlock(&link.provider)?;
                collection.unlock()?;
            }
        }
        Ok(collection)
    }

    /// Tells the user that the provider is about to ask; fails where it must not ask.
    fn announce_unlock(&self, provider: &str) -> Result<(), Trouble> {
        match &self.prompting {
            Prompting::Allowed(notice) => {
                notice(&format!("waiting for you to unlock {provider}"));
                Ok(())
            }
            Prompting::Forbidden => Err(Trouble::Locked),
        }
    }

    /// Does something with one item, and again after unlocking where the provider guards each item by itself.
    fn with_unlocked_item<T>(
        &self,
        link: &Link,
        item: &Item<'_>,
        work: impl Fn(&Item<'_>) -> Result<T, secret_service::Error>,
    ) -> Result<T, Trouble> {
        match work(item).map_err(Trouble::from) {
            Err(Trouble::Locked) => {
                self.announce_unlock(&link.provider)?;
                item.unlock()?;
                Ok(work(item)?)
            }
            other => other,
        }
    }

    fn wrapper(self: &Arc<Self>, path: &str) -> Entry {
        let target = Target::Object(path.to_owned());
        Entry::new_with_credential(Arc::new(SecretServiceItem { shared: Arc::clone(self), target }))
    }
}

impl Link {
    fn default_collection(&self) -> Result<Collection<'_>, Trouble> {
        match self.service.get_default_collection().map_err(Trouble::from) {
            Err(Trouble::Gone) => Err(KeychainError::NoCollection { provider: self.provider.clone() }.into()),
            other => other,
        }
    }

    /// Tells whether this is kwalletd and the wallet is open, which its `Locked` property does not tell.
    fn is_wallet_open(&self, collection: &Collection<'_>) -> bool {
        let open = || -> Option<bool> {
            let path = match self.provider.as_str() {
                "kwalletd5" => "/modules/kwalletd5",
                "kwalletd6" => "/modules/kwalletd6",
                _ => return None,
            };
            // A wallet's collection has the wallet's name for a label.
            let wallet = collection.get_label().ok()?;
            let reply = self.bus.call_method(Some(BUS_NAME), path, Some("org.kde.KWallet"), "isOpen", &wallet).ok()?;
            reply.body().deserialize().ok()
        };
        open().unwrap_or(false)
    }

    /// Finds matching items in every collection; what the provider calls locked may still be readable.
    fn search(&self, attributes: &HashMap<&str, &str>) -> Result<Vec<Item<'_>>, Trouble> {
        let found = self.service.search_items(attributes.clone())?;
        Ok(found.unlocked.into_iter().chain(found.locked).collect())
    }

    fn item(&self, path: &str) -> Result<Item<'_>, Trouble> {
        let path = OwnedObjectPath::try_from(path).map_err(|_| Trouble::Gone)?;
        Ok(self.service.get_item_by_path(path)?)
    }

    /// Shows a prompt and waits for its end. It is never dismissed from here: that aborts gnome-keyring-daemon 42.
    fn prompt(&self, path: &OwnedObjectPath) -> Result<(), Trouble> {
        let prompt = Proxy::new(&self.bus, BUS_NAME, path, "org.freedesktop.Secret.Prompt")?;
        let mut completed = prompt.receive_signal("Completed")?;
        prompt.call_method("Prompt", &"")?;
        let end = completed.next().ok_or(Trouble::Lost)?;
        let (dismissed, _result): (bool, OwnedValue) = end.body().deserialize()?;
        if dismissed { Err(Trouble::Dismissed) } else { Ok(()) }
    }
}

/// Returns what the program behind the bus name calls itself, as far as the system tells.
fn provider_name(daemon: &DBusProxy<'_>, name: BusName<'_>) -> String {
    let process = daemon.get_connection_unix_process_id(name).ok();
    // The kernel's name of a process has 15 characters at most.
    let comm = process.and_then(|process| std::fs::read_to_string(format!("/proc/{process}/comm")).ok());
    match comm.as_deref().map(str::trim) {
        Some("gnome-keyring-d") => "gnome-keyring".into(),
        Some("keepassxc") => "KeePassXC".into(),
        // The name goes to a terminal, and a process may choose any for itself.
        Some(other) if !other.is_empty() && other.chars().all(|c| c.is_ascii_graphic()) => other.into(),
        _ => BUS_NAME.into(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each value is replaced whole, so it is sound even where a thread panicked in between.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for SecretServiceStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretServiceStore").field("provider", &self.provider()).finish_non_exhaustive()
    }
}

impl CredentialStoreApi for SecretServiceStore {
    fn vendor(&self) -> String {
        "Strongroom's store on the Secret Service".into()
    }

    fn id(&self) -> String {
        concat!("version ", env!("CARGO_PKG_VERSION")).into()
    }

    fn build(&self, service: &str, user: &str, modifiers: Option<&HashMap<&str, &str>>) -> Result<Entry, KeyringError> {
        let label = modifiers.and_then(|modifiers| modifiers.get("label")).copied().unwrap_or(user).to_owned();
        let target = Target::Named { service: service.to_owned(), user: user.to_owned(), label };
        Ok(Entry::new_with_credential(Arc::new(SecretServiceItem { shared: Arc::clone(&self.shared), target })))
    }

    /// Finds every item that has all the attributes of `spec`.
    fn search(&self, spec: &HashMap<&str, &str>) -> Result<Vec<Entry>, KeyringError> {
        let paths = self.shared.run_as_configured(Task::Read, |link| {
            self.shared.collection(link, Task::Read)?;
            Ok(link.search(spec)?.iter().map(|item| item.item_path.to_string()).collect::<Vec<_>>())
        })?;
        Ok(paths.iter().map(|path| self.shared.wrapper(path)).collect())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn debug_fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What an entry stands for: an item to be found or made by its attributes, or the item at an object path.
#[derive(Clone, Debug)]
enum Target {
    Named { service: String, user: String, label: String },
    Object(String),
}

/// An entry of this store.
pub(super) struct SecretServiceItem {
    shared: Arc<Shared>,
    target: Target,
}

impl SecretServiceItem {
    /// Returns the object path of a wrapped item; `None` for an entry that stands for attributes.
    pub(super) fn object_path(&self) -> Option<&str> {
        match &self.target {
            Target::Object(path) => Some(path),
            Target::Named { .. } => None,
        }
    }

    /// Finds the one item meant; fails with `NoEntry` or `Ambiguous` where it is not one.
    fn find<'a>(&self, link: &'a Link) -> Result<Item<'a>, Trouble> {
        let mut items = match &self.target {
            Target::Named { service, user, .. } => link.search(&named(service, user))?,
            Target::Object(path) => vec![link.item(path)?],
        };
        match (items.pop(), items.len()) {
            (None, _) => Err(Trouble::Gone),
            (Some(item), 0) => Ok(item),
            (Some(last), _) => {
                let wrapper = |item: &Item<'_>| self.shared.wrapper(&item.item_path);
                Err(Trouble::Ambiguous(items.iter().chain([&last]).map(wrapper).collect()))
            }
        }
    }

    fn read<T>(&self, read: impl Fn(&Item<'_>) -> Result<T, secret_service::Error>) -> Result<T, KeyringError> {
        self.shared.run_as_configured(Task::Read, |link| {
            // An item that a search has found needs no second look at its collection.
            if let Target::Named { .. } = self.target {
                self.shared.collection(link, Task::Read)?;
            }
            let item = self.find(link)?;
            self.shared.with_unlocked_item(link, &item, &read)
        })
    }
}

/// The attributes an item is found by.
fn named<'a>(service: &'a str, user: &'a str) -> HashMap<&'a str, &'a str> {
    HashMap::from([("service", service), ("username", user)])
}

impl CredentialApi for SecretServiceItem {
    /// Writes in place: deleting and adding would lose the grants that users gave to the item, and a crash between
    /// the item itself. Asking `CreateItem` to replace an item that stands hangs on KeePassXC.
    fn set_secret(&self, secret: &[u8]) -> Result<(), KeyringError> {
        const MEDIA: &str = "text/plain";
        self.shared.run_as_configured(Task::Write, |link| {
            let collection = self.shared.collection(link, Task::Write)?;
            let written = self
                .find(link)
                .and_then(|item| self.shared.with_unlocked_item(link, &item, |item| item.set_secret(secret, MEDIA)));
            match (written, &self.target) {
                (Err(Trouble::Gone), Target::Named { service, user, label }) => {
                    let mut attributes = named(service, user);
                    attributes.insert("application", SERVICE);
                    // With `replace`, writers that race to make the item leave one item behind.
                    collection.create_item(label, attributes, secret, true, MEDIA)?;
                    Ok(())
                }
                (result, _) => result,
            }
        })
    }

    fn get_secret(&self) -> Result<Vec<u8>, KeyringError> {
        self.read(|item| item.get_secret())
    }

    fn get_attributes(&self) -> Result<HashMap<String, String>, KeyringError> {
        self.read(|item| item.get_attributes())
    }

    fn delete_credential(&self) -> Result<(), KeyringError> {
        self.shared.run_as_configured(Task::Write, |link| {
            self.shared.collection(link, Task::Write)?;
            let item = self.find(link)?;
            // A provider that started anew may have given the path to another program's item.
            if item.get_attributes()?.get("service").map(String::as_str) != Some(SERVICE) {
                return Err(Trouble::Gone);
            }
            let interface = Some("org.freedesktop.Secret.Item");
            let reply = link.bus.call_method(Some(BUS_NAME), &item.item_path, interface, "Delete", &())?;
            let prompt: OwnedObjectPath = reply.body().deserialize()?;
            match &self.shared.prompting {
                _ if prompt.as_str() == "/" => Ok(()),
                Prompting::Allowed(_) => link.prompt(&prompt),
                // The prompt is not shown, so the item stays.
                Prompting::Forbidden => Err(KeychainError::AsksFirst { provider: link.provider.clone() }.into()),
            }
        })
    }

    fn get_credential(&self) -> Result<Option<Arc<Credential>>, KeyringError> {
        let path = self.read(|item| {
            item.get_attributes()?;
            Ok(item.item_path.to_string())
        })?;
        let target = Target::Object(path);
        Ok(Some(Arc::new(Self { shared: Arc::clone(&self.shared), target })))
    }

    fn get_specifiers(&self) -> Option<(String, String)> {
        match &self.target {
            Target::Named { service, user, .. } => Some((service.clone(), user.clone())),
            Target::Object(_) => None,
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn debug_fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretServiceItem").field("target", &self.target).finish_non_exhaustive()
    }
}
