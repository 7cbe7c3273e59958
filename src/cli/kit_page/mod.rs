//! What stands on the paper of a recovery kit.

use zeroize::Zeroizing;

use crate::format::name::printable;
use crate::format::{Timestamp, VaultId, kit};

/// A kit as it is printed.
pub struct KitPage<'a> {
    /// The kit's number.
    pub number: u32,
    /// When it was made.
    pub created: Timestamp,
    /// The vault it opens.
    pub vault: VaultId,
    /// Where that vault's file was when the kit was made.
    pub place: &'a str,
    /// The code, in groups.
    pub code: &'a str,
}

impl KitPage<'_> {
    /// Returns the page as HTML.
    ///
    /// # Errors
    /// None yet.
    pub fn html(&self) -> Result<Zeroizing<String>, crate::cli::failure::Failure> {
        Ok(self.text())
    }

    /// Returns the page as text.
    pub fn text(&self) -> Zeroizing<String> {
        let mut code = Zeroizing::new(String::with_capacity(128));
        for (index, group) in kit::groups(self.code).enumerate() {
            code.push_str(if index % 4 == 0 { "\n    " } else { "   " });
            code.push_str(group);
        }
        Zeroizing::new(format!(
            "STRONGROOM RECOVERY KIT {}\n\n\
             made    {}\n\
             vault   {}\n\
             file    {}\n\
             {}\n\n\
             With this code and a copy of the vault file, on any computer:  strongroom recover\n\
             Spaces, hyphens and case do not matter; O is read as 0, and I and L as 1.\n\n\
             Whoever has this code and a copy of the vault file reads everything in it, without a password. Keep it \
             on paper, in a safe; not in a photograph, not in a folder that is synced.\n\
             A rotation of the data key ends this kit, and so does: strongroom recovery revoke {}\n\
             Vault files from before still open with it then, so destroy the paper.\n",
            self.number,
            self.created,
            self.vault,
            printable(self.place),
            *code,
            self.number
        ))
    }
}
