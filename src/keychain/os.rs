//! The operating system's keychain: the Secret Service on Linux and the BSDs, the login keychain on macOS, the
//! Credential Manager on Windows, each through its keyring-core store. Nothing here bounds a call in time; that is
//! the work of [`WithDeadline`](super::WithDeadline).

use std::path::PathBuf;
use std::time::Duration;

use keyring_core::{Entry, Error as KeyringError};

use super::others::OthersItem;
use super::{
    ITEM_LIMIT, ItemKind, ItemLock, Keychain, KeychainError, Probe, Prompting, SERVICE, StoredItem, TRIAL, lock_file,
};
use native::NativeStore;

/// The operating system's keychain.
///
/// On macOS and Windows one name cannot hold two items, so `get` returns one at most there. macOS and Windows decide
/// for themselves whether to ask the user, so [`Prompting`] changes nothing there.
#[derive(Debug)]
pub struct OsKeychain {
    store: NativeStore,
    /// The folder of this account's lock files.
    locks: Option<PathBuf>,
}

impl OsKeychain {
    /// Makes the keychain of this operating system; nothing is connected before the first call.
    pub fn new(prompting: Prompting) -> Self {
        Self { store: NativeStore::new(prompting), locks: None }
    }

    /// Keeps processes apart by lock files in a folder, which need not exist yet. Without one nothing does.
    #[must_use]
    pub fn with_locks(self, folder: Option<PathBuf>) -> Self {
        Self { locks: folder, ..self }
    }

    fn situation(&self, error: KeyringError) -> KeychainError {
        situation(error, &self.store.provider(), None)
    }

    /// Finds the password that another program has stored, as Python's keyring would.
    pub(super) fn others_item(&self, service: &str, user: &str) -> Result<Option<OthersItem>, KeychainError> {
        self.store.others_item(service, user).map_err(|error| self.situation(error))
    }
}

impl Keychain for OsKeychain {
    fn name(&self) -> String {
        self.store.provider()
    }

    fn probe(&self) -> Result<Probe, KeychainError> {
        self.store.probe().map_err(|error| self.situation(error))
    }

    fn get(&self, vault: &str, kind: ItemKind) -> Result<Vec<StoredItem>, KeychainError> {
        let mut items = Vec::new();
        for (handle, entry) in self.store.matching(&user(vault, kind)).map_err(|error| self.situation(error))? {
            match entry.get_secret() {
                Ok(bytes) => items.push(StoredItem { handle, vault: vault.to_owned(), kind, bytes }),
                // Deleted behind us.
                Err(KeyringError::NoEntry) => {}
                Err(error) => return Err(self.situation(error)),
            }
        }
        Ok(items)
    }

    fn set(&self, vault: &str, kind: ItemKind, bytes: &[u8]) -> Result<(), KeychainError> {
        if bytes.len() > ITEM_LIMIT {
            return Err(KeychainError::TooLong { length: bytes.len(), limit: ITEM_LIMIT });
        }
        self.store
            .writable(&user(vault, kind), &label(vault, kind))
            .and_then(|entry| entry.set_secret(bytes))
            .map_err(|error| situation(error, &self.store.provider(), Some((kind, bytes.len()))))
    }

    fn lock(&self, vault: &str, wait: Duration) -> Result<ItemLock, KeychainError> {
        match &self.locks {
            Some(folder) => lock_file(&folder.join(format!("{vault}.lock")), self.name(), wait),
            None => Ok(ItemLock::new(None)),
        }
    }

    fn delete(&self, handle: &str) -> Result<(), KeychainError> {
        let entry = match self.store.entry_of(handle) {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(()),
            Err(error) => return Err(self.situation(error)),
        };
        match entry.delete_credential() {
            Ok(()) | Err(KeyringError::NoEntry) => Ok(()),
            Err(error) => Err(self.situation(error)),
        }
    }

    /// Lists the items of all vaults. Entries of our service whose name is not of our making are left out.
    fn list(&self) -> Result<Vec<StoredItem>, KeychainError> {
        let found = self.store.all().map_err(|error| self.situation(error))?;
        let item = |(handle, user): (String, String)| {
            let (vault, kind) = parse_user(&user)?;
            Some(StoredItem { handle, vault: vault.to_owned(), kind, bytes: Vec::new() })
        };
        Ok(found.into_iter().filter_map(item).filter(|item| item.vault != TRIAL).collect())
    }
}

fn user(vault: &str, kind: ItemKind) -> String {
    format!("{vault}:{}", kind.name())
}

fn parse_user(user: &str) -> Option<(&str, ItemKind)> {
    let (vault, name) = user.rsplit_once(':')?;
    let kind = [ItemKind::DataKey, ItemKind::Anchor].into_iter().find(|kind| kind.name() == name)?;
    Some((vault, kind))
}

/// What the keychain's own program shows to the user.
fn label(vault: &str, kind: ItemKind) -> String {
    if vault == TRIAL {
        return "Strongroom doctor's test item (no key)".into();
    }
    let what = match kind {
        ItemKind::DataKey => "data key",
        ItemKind::Anchor => "anchor",
    };
    let short = vault.get(..8).unwrap_or(vault);
    format!("Strongroom {what} (vault {short})")
}

/// Takes the typed situation out of a keyring-core error, or finds the nearest one. `BadEncoding` and
/// `BadDataFormat` carry the item's bytes, so no error is shown here by its own text.
fn situation(error: KeyringError, provider: &str, writing: Option<(ItemKind, usize)>) -> KeychainError {
    let provider = provider.to_owned();
    let rejected = |reason: &str| KeychainError::Rejected { provider: provider.clone(), reason: reason.to_owned() };
    match error {
        KeyringError::NoStorageAccess(cause) | KeyringError::PlatformFailure(cause) => {
            match cause.downcast::<KeychainError>() {
                Ok(situation) => *situation,
                Err(cause) => native::platform_situation(&*cause, provider),
            }
        }
        KeyringError::Ambiguous(entries) => match writing {
            Some((kind, _)) => KeychainError::Ambiguous { provider, count: entries.len(), kind },
            None => rejected("several items match"),
        },
        KeyringError::TooLong(_, limit) => match writing {
            Some((_, length)) => KeychainError::TooLong { length, limit: limit as usize },
            None => rejected("the item's name is too long"),
        },
        KeyringError::NoEntry => rejected("the item does not exist"),
        KeyringError::Invalid(..) => rejected("the item's name is not valid"),
        KeyringError::BadEncoding(_) | KeyringError::BadDataFormat(..) => rejected("the item's form is not valid"),
        KeyringError::BadStoreFormat(_) => rejected("the keychain's form is not valid"),
        KeyringError::NotSupportedByStore(_) => rejected("it does not support this"),
        _ => rejected("an error of an unknown kind"),
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
mod native {
    //! The Secret Service, where names can be ambiguous and an item is told from another by its object path.

    use std::collections::HashMap;
    use std::error::Error;

    use keyring_core::api::CredentialStoreApi;
    use zeroize::Zeroizing;

    use super::super::secret_service::{SecretServiceItem, SecretServiceStore};
    use super::{Entry, KeychainError, KeyringError, OthersItem, Probe, Prompting, SERVICE};

    #[derive(Debug)]
    pub(super) struct NativeStore(SecretServiceStore);

    impl NativeStore {
        pub(super) fn new(prompting: Prompting) -> Self {
            Self(SecretServiceStore::new(prompting))
        }

        pub(super) fn provider(&self) -> String {
            self.0.provider()
        }

        pub(super) fn probe(&self) -> Result<Probe, KeyringError> {
            self.0.probe()
        }

        pub(super) fn matching(&self, user: &str) -> Result<Vec<(String, Entry)>, KeyringError> {
            self.found(&HashMap::from([("service", SERVICE), ("username", user)]))
        }

        pub(super) fn writable(&self, user: &str, label: &str) -> Result<Entry, KeyringError> {
            self.0.build(SERVICE, user, Some(&HashMap::from([("label", label)])))
        }

        pub(super) fn entry_of(&self, handle: &str) -> Result<Option<Entry>, KeyringError> {
            Ok(Some(self.0.entry_at(handle)))
        }

        pub(super) fn all(&self) -> Result<Vec<(String, String)>, KeyringError> {
            let mut all = Vec::new();
            for (handle, entry) in self.found(&HashMap::from([("service", SERVICE)]))? {
                match entry.get_attributes() {
                    Ok(mut attributes) => all.extend(attributes.remove("username").map(|user| (handle, user))),
                    // Deleted behind us.
                    Err(KeyringError::NoEntry) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(all)
        }

        /// Python's keyring names an item by `service` and `username`, or as KeePassXC does: its setting
        /// `KEYRING_PROPERTY_SCHEME` says which.
        pub(super) fn others_item(&self, service: &str, user: &str) -> Result<Option<OthersItem>, KeyringError> {
            for (of_service, of_user) in [("service", "username"), ("Title", "UserName")] {
                let mut found = self.found(&HashMap::from([(of_service, service), (of_user, user)]))?;
                let Some((_, entry)) = found.pop() else { continue };
                if !found.is_empty() {
                    return Err(KeyringError::Ambiguous(found.into_iter().map(|(_, entry)| entry).collect()));
                }
                let removal = ["secret-tool", "clear", of_service, service, of_user, user].map(str::to_owned).into();
                return match entry.get_secret() {
                    Ok(secret) => Ok(Some(OthersItem { secret: Zeroizing::new(secret), removal })),
                    // Deleted behind us.
                    Err(KeyringError::NoEntry) => Ok(None),
                    Err(error) => Err(error),
                };
            }
            Ok(None)
        }

        fn found(&self, attributes: &HashMap<&str, &str>) -> Result<Vec<(String, Entry)>, KeyringError> {
            let handle = |entry: &Entry| {
                let item = entry.as_any().downcast_ref::<SecretServiceItem>();
                item.and_then(SecretServiceItem::object_path).map(str::to_owned)
            };
            let entries = self.0.search(attributes)?;
            Ok(entries.into_iter().filter_map(|entry| Some((handle(&entry)?, entry))).collect())
        }
    }

    /// Every cause of this store is a typed one already.
    pub(super) fn platform_situation(_: &(dyn Error + Send + Sync), provider: String) -> KeychainError {
        KeychainError::Rejected { provider, reason: "an error of an unknown kind".into() }
    }
}

#[cfg(any(target_os = "macos", windows))]
mod native {
    //! The macOS login keychain and the Windows Credential Manager, where a name stands for one item and is its handle.

    use std::collections::HashMap;
    use std::error::Error;
    use std::sync::Arc;

    use keyring_core::api::CredentialStoreApi;
    use zeroize::Zeroizing;

    use super::{Entry, KeychainError, KeyringError, OthersItem, Probe, Prompting, SERVICE};

    #[cfg(target_os = "macos")]
    use apple_native_keyring_store::keychain::Store;
    #[cfg(windows)]
    use windows_native_keyring_store::Store;

    #[cfg(target_os = "macos")]
    const PROVIDER: &str = "macOS Keychain";
    #[cfg(windows)]
    const PROVIDER: &str = "Windows Credential Manager";

    /// Holds the store for as long as the keychain, or builds it per call where that failed, to give the error then.
    #[derive(Debug)]
    pub(super) struct NativeStore(Option<Arc<Store>>);

    impl NativeStore {
        pub(super) fn new(_prompting: Prompting) -> Self {
            Self(Store::new().ok())
        }

        pub(super) fn provider(&self) -> String {
            PROVIDER.into()
        }

        /// Looks for an item that does not exist: an answer of any kind shows that the keychain can be asked.
        pub(super) fn probe(&self) -> Result<Probe, KeyringError> {
            match self.entry("probe")?.get_secret() {
                Ok(_) | Err(KeyringError::NoEntry) => Ok(Probe { provider: PROVIDER.into(), locked: false }),
                Err(error) => Err(error),
            }
        }

        pub(super) fn matching(&self, user: &str) -> Result<Vec<(String, Entry)>, KeyringError> {
            Ok(vec![(user.to_owned(), self.entry(user)?)])
        }

        pub(super) fn writable(&self, user: &str, _label: &str) -> Result<Entry, KeyringError> {
            self.entry(user)
        }

        /// Knows only handles of our own making, so that no other program's item can be deleted through one.
        pub(super) fn entry_of(&self, handle: &str) -> Result<Option<Entry>, KeyringError> {
            match super::parse_user(handle) {
                Some(_) => self.entry(handle).map(Some),
                None => Ok(None),
            }
        }

        pub(super) fn all(&self) -> Result<Vec<(String, String)>, KeyringError> {
            #[cfg(target_os = "macos")]
            let spec = HashMap::from([("service", SERVICE)]);
            // The name of a credential is the user, a full stop and the service.
            #[cfg(windows)]
            let spec = HashMap::from([("pattern", r":(data-key|anchor)\.strongroom$")]);
            let entries = self.store()?.search(&spec)?;
            let ours = |entry: Entry| entry.get_specifiers().filter(|(service, _)| service == SERVICE);
            Ok(entries.into_iter().filter_map(ours).map(|(_, user)| (user.clone(), user)).collect())
        }

        #[cfg(target_os = "macos")]
        pub(super) fn others_item(&self, service: &str, user: &str) -> Result<Option<OthersItem>, KeyringError> {
            let removal = ["security", "delete-generic-password", "-s", service, "-a", user].map(str::to_owned).into();
            match self.store()?.build(service, user, None)?.get_secret() {
                Ok(secret) => Ok(Some(OthersItem { secret: Zeroizing::new(secret), removal })),
                Err(KeyringError::NoEntry) => Ok(None),
                Err(error) => Err(error),
            }
        }

        /// Python's keyring names a credential by the service; and by the user and the service once the service has
        /// had a second user. Its text is in UTF-16.
        #[cfg(windows)]
        pub(super) fn others_item(&self, service: &str, user: &str) -> Result<Option<OthersItem>, KeyringError> {
            for target in [service.to_owned(), format!("{user}@{service}")] {
                let entry = self.store()?.build(service, user, Some(&HashMap::from([("target", target.as_str())])))?;
                let attributes = match entry.get_attributes() {
                    Ok(attributes) => attributes,
                    Err(KeyringError::NoEntry) => continue,
                    Err(error) => return Err(error),
                };
                if attributes.get("username").is_none_or(|of| of != user) {
                    continue;
                }
                let stored = Zeroizing::new(entry.get_secret()?);
                let units = stored.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
                let mut secret = Zeroizing::new(Vec::with_capacity(stored.len() * 2));
                let mut text = [0; 4];
                for character in char::decode_utf16(units) {
                    let character = character.map_err(|_| KeyringError::BadEncoding(Vec::new()))?;
                    secret.extend_from_slice(character.encode_utf8(&mut text).as_bytes());
                }
                return Ok(Some(OthersItem { secret, removal: vec!["cmdkey".into(), format!("/delete:{target}")] }));
            }
            Ok(None)
        }

        fn store(&self) -> Result<Arc<Store>, KeyringError> {
            self.0.clone().map_or_else(Store::new, Ok)
        }

        fn entry(&self, user: &str) -> Result<Entry, KeyringError> {
            #[cfg(target_os = "macos")]
            let modifiers = None;
            // The default persistence travels to other computers with the user's roaming profile.
            #[cfg(windows)]
            let local = HashMap::from([("persistence", "Local")]);
            #[cfg(windows)]
            let modifiers = Some(&local);
            self.store()?.build(SERVICE, user, modifiers)
        }
    }

    #[cfg(target_os = "macos")]
    pub(super) fn platform_situation(cause: &(dyn Error + Send + Sync + 'static), provider: String) -> KeychainError {
        // Security/SecBase.h
        const USER_CANCELED: i32 = -128;
        const AUTH_FAILED: i32 = -25293;
        const NO_SUCH_KEYCHAIN: i32 = -25294;
        const NO_DEFAULT_KEYCHAIN: i32 = -25307;
        const INTERACTION_NOT_ALLOWED: i32 = -25308;
        match cause.downcast_ref::<security_framework::base::Error>().map(|error| error.code()) {
            // What a login over SSH sees of a locked keychain.
            Some(INTERACTION_NOT_ALLOWED) => KeychainError::Locked { provider },
            Some(USER_CANCELED | AUTH_FAILED) => KeychainError::PromptDismissed { provider },
            Some(NO_SUCH_KEYCHAIN | NO_DEFAULT_KEYCHAIN) => KeychainError::NoCollection { provider },
            Some(code) => KeychainError::Rejected { provider, reason: format!("OSStatus {code}") },
            None => KeychainError::Rejected { provider, reason: "an error of an unknown kind".into() },
        }
    }

    /// The cause is an error number and its name, never an item.
    #[cfg(windows)]
    pub(super) fn platform_situation(cause: &(dyn Error + Send + Sync + 'static), provider: String) -> KeychainError {
        KeychainError::Rejected { provider, reason: cause.to_string() }
    }
}
