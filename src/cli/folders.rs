//! Where things lie by default: XDG folders on Linux, the native ones elsewhere.

use std::path::PathBuf;

use etcetera::app_strategy::{AppStrategy, AppStrategyArgs, choose_native_strategy};

use super::failure::{Exit, Failure};

/// The default folders of this user.
pub struct Folders {
    /// The vault's folder.
    pub vault: PathBuf,
    /// This machine's settings file.
    pub settings: PathBuf,
    /// Where keychain files lie, apart from the vault.
    pub keychain: PathBuf,
}

impl Folders {
    /// Learns them from the environment.
    ///
    /// # Errors
    /// Where there is no home folder to go by.
    pub fn find() -> Result<Self, Failure> {
        let args =
            AppStrategyArgs { top_level_domain: String::new(), author: String::new(), app_name: "strongroom".into() };
        let native = choose_native_strategy(args).map_err(|_| {
            Failure::new(Exit::Failed, "no-home", "cannot find the home folder")
                .hint("set HOME, or name the vault with --vault and its keychain with --keychain file:PATH")
        })?;
        // macOS and Windows have no state folder of their own; beside the vault's folder, never in it.
        let state = native.state_dir().unwrap_or_else(|| native.data_dir().with_file_name("strongroom-state"));
        Ok(Self {
            vault: native.data_dir(),
            settings: native.config_dir().join("settings.json"),
            keychain: state.join("keychain"),
        })
    }
}
