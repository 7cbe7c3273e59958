//! Strongroom keeps client data encrypted and each project's keys safe.
//!
//! A master password unlocks a [vault]; the keychain of the computer holds the wrapped data key; the vault holds
//! one random file key per project and version; a file key opens that project's sealed [files](body). The bytes are
//! described in docs/format.md.
//!
//! | room | what it is for |
//! |---|---|
//! | [`crypto`] | passwords and keys; pure |
//! | [`format`](mod@format) | ids, times, names, and what a vault's document says in clear; pure |
//! | [`vault`] | the story: make, unlock, change, change the password |
//! | [`body`] | sealed files: header and body |
//! | [`keys`] | between the two: whoever has file keys unwraps a file's content key |
//! | `agent` | a process that keeps a vault unlocked and answers for it, behind the feature of that name |
//! | [`store`] | where a vault's document lies; never sees a key |
//! | [`keychain`] | where a vault's two items lie: the OS, a file, memory |
//! | [`host`] | the time, the boot, the memory there is |
//! | `home` | this computer: its folders, its settings, its keychains, behind the feature of that name |
//! | `disk` | files that appear whole or not at all; public with `home` |
//! | `doctor` | what may be wrong with a vault on this computer, and what to do about it |
//! | `secrets` | passwords made at random, and judged by what a guesser would try; one-time codes; pure |
//! | `machine` | what of this computer bears on the safety of the data on it |
//! | `imports` | what other password managers export, as items; pure, behind the feature of that name |
//! | `foreign` | stores of other password managers that another process has to open |
//! | `password` | passwords from a file, a descriptor, a command or another program's dialog |
//! | `clipboard` | a text on the clipboard, which is taken off again |
//! | `evidence` | reports for the client, as data, and their verification; pure |
//! | `pages` | what is printed on paper, as HTML and text; pure |
//! | `memory` | locked slots for secrets, huge pages for Argon2id, all wiped; the only unsafe code |
//! | [`error`] | what can go wrong, by what a caller can do about it |
//! | `cli` | the command line, behind the feature of that name |
//!
//! | feature, all on by default | what it adds |
//! |---|---|
//! | `cli` | the program, and `home` and `imports` with it |
//! | `home` | the vault and the keychain that a person has on this computer, with `os-keychain` and `agent` |
//! | `agent` | on Unix and Windows, the agent and its clients |
//! | `imports` | readers of what other password managers export |
//! | `import-keepass` | with `imports`, a reader of KeePass files, which the program runs in a process with limits |
//! | `os-keychain` | [`OsKeychain`](keychain::OsKeychain) and, on Linux, a D-Bus client |
//! | `clipboard` | `cli`, with a clipboard |
//! | `aws-lc` | bodies several times as fast; without it no C compiler is needed |
//!
//! The types of the bytes themselves are public for tests and other readers of the formats, and not shown here.
//!
//! Without any of the features the library opens and seals files, and vaults with a keychain file.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::sync::Arc;
//!
//! use strongroom::body::{Metadata, Opener, Sealer};
//! use strongroom::crypto::kdf::KdfCost;
//! use strongroom::crypto::secret::Password;
//! use strongroom::format::VaultId;
//! use strongroom::host::ThisHost;
//! use strongroom::keychain::MemoryKeychain;
//! use strongroom::store::MemoryStore;
//! use strongroom::vault::{Edges, NewProject, Vault, create};
//!
//! let (store, keychain) = (Arc::new(MemoryStore::new()), Arc::new(MemoryKeychain::new()));
//! let edges = Edges { store: store.clone(), keychain: keychain.clone(), host: Arc::new(ThisHost) };
//! let password = Password::new("six words would be a good choice".as_bytes())?;
//! create(edges, VaultId::generate()?, &password, KdfCost::FLOOR)?;
//!
//! let vault = Vault::open(store)?; // what stands in clear, and nothing else
//! let mut unlocked = vault.unlock(&password, keychain, Arc::new(ThisHost))?; // only this has operations on keys
//! unlocked.tend(&password)?; // finishes what an unlock has to finish: unlocking itself writes nothing
//! unlocked.add_project(&NewProject { name: "acme-2026".into(), ..NewProject::default() })?;
//!
//! let key = unlocked.file_key("acme-2026", None)?;
//! let mut sealer = Sealer::new(&key, &Metadata::default(), Vec::new())?;
//! sealer.write_all(b"id,name\n1,Ada Example\n")?;
//! let sealed = sealer.finish()?; // without it the file does not open
//!
//! let mut opened = Vec::new();
//! Opener::new(sealed, &unlocked)?.reader().read_to_end(&mut opened)?;
//! assert_eq!(opened, b"id,name\n1,Ada Example\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// What cannot happen is said where it cannot: each of these has its reason beside it.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used))]
#![deny(unsafe_code)]
#![warn(missing_docs)]
// A path is larger there, so that errors that name one reach the limit.
#![cfg_attr(windows, allow(clippy::result_large_err))]

#[cfg(all(feature = "agent", any(unix, windows)))]
pub mod agent;
pub mod body;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
mod clipboard;
pub mod crypto;
#[cfg(feature = "home")]
pub mod disk;
#[cfg(not(feature = "home"))]
mod disk;
#[cfg(feature = "cli")]
mod doctor;
pub mod error;
#[cfg(feature = "cli")]
mod evidence;
#[cfg(feature = "cli")]
mod failure;
#[cfg(feature = "cli")]
mod files;
#[cfg(feature = "cli")]
mod foreign;
pub mod format;
#[cfg(feature = "home")]
pub mod home;
pub mod host;
#[cfg(feature = "imports")]
pub mod imports;
pub mod keychain;
pub mod keys;
#[cfg(feature = "cli")]
#[allow(dead_code, reason = "only a report asks for all that is known of a computer")]
mod machine;
mod memory;
#[cfg(feature = "cli")]
mod pages;
#[cfg(feature = "cli")]
mod password;
#[cfg(feature = "cli")]
mod secrets;
pub mod store;
pub mod vault;
#[cfg(feature = "cli")]
mod words;

pub use error::Error;
