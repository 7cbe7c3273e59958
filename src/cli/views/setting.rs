//! What `config` shows.

use serde::Serialize;

use crate::cli::layout::table;
use crate::home::Known;

/// A key that can be set.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// What it is set to, as text; `null` if it is not set.
    pub value: Option<String>,
    /// What is so if it is not set, in words.
    pub default: &'static str,
    /// What it is for.
    pub about: &'static str,
}

impl Setting {
    /// Shows a key and its value.
    pub fn of(known: &'static Known, value: Option<String>) -> Self {
        Self { key: known.key, value, default: known.default, about: known.about }
    }
}

/// Returns keys in lines.
pub fn settings_text(settings: &[Setting]) -> String {
    let row = |setting: &Setting| {
        vec![
            setting.key.to_owned(),
            setting.value.clone().unwrap_or_else(|| "-".into()),
            setting.default.to_owned(),
            setting.about.to_owned(),
        ]
    };
    table(&["KEY", "VALUE", "DEFAULT", "WHAT IT IS"], settings.iter().map(row).collect())
}
