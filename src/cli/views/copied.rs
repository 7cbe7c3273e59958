//! What was copied, instead of what it is.

use serde::Serialize;

/// A field of a secret that was copied.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CopiedField<'a> {
    /// The secret's name.
    pub secret: &'a str,
    /// The field's name.
    pub field: &'a str,
    /// After how many seconds it is taken off the clipboard; `null` if the terminal copies it, from where nothing takes it
    /// off.
    pub seconds: Option<u32>,
}

/// A generated password that was copied.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CopiedPassword {
    /// Its entropy in bits, rounded down to hundredths.
    pub bits: f64,
    /// After how many seconds it is taken off the clipboard; `null` if the terminal copies it, from where nothing takes it
    /// off.
    pub seconds: Option<u32>,
}
