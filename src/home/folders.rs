//! Where things are stored by default: XDG folders on Linux, the native ones elsewhere.

use std::path::PathBuf;

use etcetera::app_strategy::{AppStrategy, AppStrategyArgs, choose_native_strategy};

/// The default folders of this user; each is missing if nothing names it.
#[derive(Debug, Clone)]
pub struct Folders {
    /// The vault's folder.
    pub vault: Option<PathBuf>,
    /// This computer's settings file.
    pub settings: Option<PathBuf>,
    /// The file of what the user has chosen for this computer.
    pub config: Option<PathBuf>,
    /// Where keychain files are stored, apart from the vault.
    pub keychain: Option<PathBuf>,
    /// Where the agent of a vault may have its socket: the first that can be used.
    pub agent: Vec<PathBuf>,
}

impl Folders {
    /// Learns them from the environment.
    pub fn find() -> Self {
        let args =
            AppStrategyArgs { top_level_domain: String::new(), author: String::new(), app_name: "strongroom".into() };
        let Ok(native) = choose_native_strategy(args) else { return Self::without_home() };
        // macOS and Windows have no state folder of their own; beside the vault's folder, never in it.
        let state = native.state_dir().unwrap_or_else(|| native.data_dir().with_file_name("strongroom-state"));
        Self {
            vault: Some(native.data_dir()),
            settings: Some(settings_in(native.config_dir())),
            config: Some(config_in(native.config_dir())),
            agent: [native.runtime_dir(), Some(state.join("run"))].into_iter().flatten().collect(),
            keychain: Some(keychain_in(state)),
        }
    }

    /// Takes each folder from its own variable, which counts only if it is a whole path, as everywhere.
    fn without_home() -> Self {
        let named = |name: &str| {
            let base = std::env::var_os(name).map(PathBuf::from).filter(|base| base.is_absolute());
            base.filter(|_| cfg!(all(unix, not(target_os = "macos")))).map(|base| base.join("strongroom"))
        };
        Self {
            vault: named("XDG_DATA_HOME"),
            settings: named("XDG_CONFIG_HOME").map(settings_in),
            config: named("XDG_CONFIG_HOME").map(config_in),
            keychain: named("XDG_STATE_HOME").map(keychain_in),
            agent: [named("XDG_RUNTIME_DIR"), named("XDG_STATE_HOME").map(|state| state.join("run"))]
                .into_iter()
                .flatten()
                .collect(),
        }
    }
}

fn settings_in(folder: PathBuf) -> PathBuf {
    folder.join("settings.json")
}

fn config_in(folder: PathBuf) -> PathBuf {
    folder.join("config.toml")
}

fn keychain_in(folder: PathBuf) -> PathBuf {
    folder.join("keychain")
}
