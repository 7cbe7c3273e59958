//! Passwords that `generate` makes.

use serde::Serialize;

use super::copied::CopiedPassword;
use crate::secrets::generator::Generated;

/// A password that was generated. It borrows the password, which is copied into wiped memory alone.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShownPassword<'a> {
    /// The password, in ASCII.
    pub password: &'a str,
    /// Its entropy in bits, rounded down to hundredths.
    pub bits: f64,
}

impl ShownPassword<'_> {
    /// Returns what is shown of it if it is copied.
    pub fn copied(&self, seconds: Option<u32>) -> CopiedPassword {
        CopiedPassword { bits: self.bits, seconds }
    }
}

impl<'a> From<&'a Generated> for ShownPassword<'a> {
    fn from(generated: &'a Generated) -> Self {
        Self { password: generated.expose(), bits: (generated.bits() * 100.0).floor() / 100.0 }
    }
}
