//! The flags by which the old secret of `strongroom import` is given, and what they mean.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use strongroom_legacy::{Scheme, SecretBytes};
use zeroize::Zeroizing;

use crate::cli::context::Context;
use crate::failure::Failure;
use crate::password::{Descriptor, Source, read_up_to};

/// A key file is a line of text, or fewer bytes.
const KEY_LIMIT: usize = 64 * 1024;

/// What a file was encrypted with.
#[derive(Debug, Args)]
pub struct OldSecret {
    /// Read the old password from this file [default: it is asked for]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    old_password_file: Option<PathBuf>,
    /// Read the old password from this file descriptor
    #[arg(long, value_name = "N", conflicts_with = "old_password_file")]
    old_password_fd: Option<Descriptor>,
    /// The file with the old key: bytes, hexadecimal or base64
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    old_key_file: Option<PathBuf>,
    /// The file with the text that argon2 returned, for --scheme argon2-phc
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "old_key_file")]
    phc_file: Option<PathBuf>,
    /// The file with the key of the HMAC, for --mode ctr-hmac
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    hmac_key_file: Option<PathBuf>,
}

/// The old secret, as it was read.
pub struct Given {
    pub password: Option<SecretBytes>,
    pub key: Option<SecretBytes>,
    pub hmac_key: Option<SecretBytes>,
}

impl OldSecret {
    /// Returns the scheme that the flags alone can mean.
    pub fn scheme(&self) -> Option<Scheme> {
        self.phc_file.is_some().then_some(Scheme::Argon2Phc)
    }

    /// Returns the files that hold secrets, and what each is.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &'static str)> {
        [
            (&self.old_password_file, "the old password"),
            (&self.old_key_file, "the old key"),
            (&self.phc_file, "the old key"),
            (&self.hmac_key_file, "the old HMAC key"),
        ]
        .into_iter()
        .filter_map(|(path, what)| Some((path.as_deref()?, what)))
    }

    /// Reads the secret that a scheme needs, or asks for it.
    ///
    /// # Errors
    /// If it cannot be read, the flags are another scheme's, or nobody can be asked.
    pub fn read(&self, context: &Context, scheme: Scheme) -> Result<Given, Failure> {
        let key = self.old_key_file.as_deref().or(self.phc_file.as_deref());
        let needs_password = match scheme {
            Scheme::Argon2Phc => {
                let phc = self.phc_file.as_deref().or(self.old_key_file.as_deref());
                phc.ok_or_else(|| Failure::usage("the text that argon2 returned is needed").hint("give --phc-file"))?;
                false
            }
            Scheme::RawKey => {
                key.ok_or_else(|| Failure::usage("the old key is needed").hint("give --old-key-file"))?;
                false
            }
            Scheme::Fernet => key.is_none(),
            _ => true,
        };
        if needs_password && key.is_some() {
            return Err(Failure::usage(format!("the scheme {} has a password and no key file", scheme.name()))
                .hint("give --old-password-file, or name another --scheme"));
        }
        let has_password = self.old_password_file.is_some() || self.old_password_fd.is_some();
        if !needs_password && has_password {
            return Err(Failure::usage(format!("the old password is not needed for the scheme {}", scheme.name()))
                .hint("leave it out, or name another --scheme"));
        }
        Ok(Given {
            password: if needs_password { Some(self.password(context)?) } else { None },
            key: key.map(read_key).transpose()?,
            hmac_key: self.hmac_key_file.as_deref().map(read_key).transpose()?,
        })
    }

    fn password(&self, context: &Context) -> Result<SecretBytes, Failure> {
        let file = self.old_password_file.as_deref().map(Source::File);
        if let Some(source) = file.or(self.old_password_fd.as_ref().map(Source::Descriptor)) {
            return Ok(SecretBytes::from_slice(source.read()?.whole()));
        }
        let mut terminal = context.terminal().ok_or_else(|| {
            Failure::usage("the old password is needed, and there is no terminal to ask for it")
                .hint("give --old-password-file or --old-password-fd")
        })?;
        let typed = terminal.ask_hidden("the old password, with which the file was encrypted")?;
        Ok(SecretBytes::from_slice(typed.as_bytes()))
    }
}

fn read_key(path: &Path) -> Result<SecretBytes, Failure> {
    let failed = |error| Failure::io(format!("read {}", path.display()), &error);
    let bytes: Zeroizing<Vec<u8>> = read_up_to(KEY_LIMIT + 1, File::open(path).map_err(failed)?).map_err(failed)?;
    if bytes.len() > KEY_LIMIT {
        return Err(Failure::usage(format!("{} is too long to be a key", path.display())).hint("name the key's file"));
    }
    Ok(SecretBytes::new(bytes))
}
