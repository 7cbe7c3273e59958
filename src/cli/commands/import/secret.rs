//! The flags by which the old secret of `strongroom import` is given, and what they mean.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueHint};
use strongroom_legacy::{Scheme, SecretBytes};
use zeroize::Zeroizing;

use crate::cli::context::Context;
use crate::cli::views::CleanUp;
use crate::error::Error;
use crate::failure::{Exit, Failure};
use crate::password::{Descriptor, Source, read_up_to};
use crate::words::shell_word;

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
    /// The file with the identities of age, for --scheme age
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["old_key_file", "phc_file"])]
    identity_file: Option<PathBuf>,
    /// Take the old key or password from the operating system's keychain, where Python's keyring has stored it; the last
    /// slash is between the two
    #[arg(long, value_name = "SERVICE/USER", conflicts_with_all = ["old_password_file", "old_password_fd", "old_key_file", "phc_file", "identity_file"])]
    keychain_item: Option<KeychainItem>,
    /// The file with the key of the HMAC, for --mode ctr-hmac
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    hmac_key_file: Option<PathBuf>,
}

/// What Python's keyring names a password by.
#[derive(Debug, Clone)]
struct KeychainItem {
    service: String,
    user: String,
}

impl FromStr for KeychainItem {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = text.rsplit_once('/').filter(|(service, user)| !service.is_empty() && !user.is_empty());
        let (service, user) = named.ok_or("give the service and the user with a slash between them")?;
        Ok(Self { service: service.into(), user: user.into() })
    }
}

/// The old secret, as it was read.
pub struct Given {
    /// The keychain's item that it came from.
    pub item: Option<CleanUp>,
    pub password: Option<SecretBytes>,
    pub key: Option<SecretBytes>,
    pub hmac_key: Option<SecretBytes>,
}

impl OldSecret {
    /// Returns the scheme that the flags alone can mean.
    pub fn scheme(&self) -> Option<Scheme> {
        match (&self.phc_file, &self.identity_file) {
            (Some(_), _) => Some(Scheme::Argon2Phc),
            (_, Some(_)) => Some(Scheme::Age),
            _ => None,
        }
    }

    /// Returns the files that hold secrets, and what each is.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &'static str)> {
        [
            (&self.old_password_file, "the old password"),
            (&self.old_key_file, "the old key"),
            (&self.phc_file, "the old key"),
            (&self.identity_file, "the old identity"),
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
        if let Some(item) = &self.keychain_item {
            return self.of_keychain(context, scheme, item);
        }
        let has_password = self.old_password_file.is_some() || self.old_password_fd.is_some();
        let key = self.old_key_file.as_deref().or(self.phc_file.as_deref()).or(self.identity_file.as_deref());
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
            Scheme::Fernet | Scheme::Age => key.is_none(),
            // gpg asks by itself, and has keys of its own.
            Scheme::Gpg => has_password || key.is_some(),
            _ => true,
        };
        if needs_password && key.is_some() {
            return Err(Failure::usage(format!("the scheme {} has a password and no key file", scheme.name()))
                .hint("give --old-password-file, or name another --scheme"));
        }
        if !needs_password && has_password {
            return Err(Failure::usage(format!("the old password is not needed for the scheme {}", scheme.name()))
                .hint("leave it out, or name another --scheme"));
        }
        Ok(Given {
            item: None,
            password: if needs_password { Some(self.password(context)?) } else { None },
            key: key.map(read_key).transpose()?,
            hmac_key: self.hmac_key_file.as_deref().map(read_key).transpose()?,
        })
    }

    /// Takes the secret out of the keychain. Which of a key and a password it is, the scheme says; Fernet has both, and
    /// its keys are known by their form.
    fn of_keychain(&self, context: &Context, scheme: Scheme, item: &KeychainItem) -> Result<Given, Failure> {
        let KeychainItem { service, user } = item;
        let what = || format!("read the item {user:?} of {service:?} in the keychain");
        let found = context.home.others_item(service, user, context.asking()).map_err(|error| {
            Failure::of(what(), Error::Keychain(error))
                .hint("unlock the keychain in the desktop session, or give the secret with --old-password-file or --old-key-file")
        })?;
        let found = found.ok_or_else(|| {
            Failure::new(Exit::NotFound, "item-not-found", format!("cannot {}", what()))
                .cause("there is no such item")
                .hint("name it as the script does: keyring.get_password(\"SERVICE\", \"USER\") is SERVICE/USER")
        })?;
        let is_key = match scheme {
            Scheme::RawKey | Scheme::Argon2Phc => true,
            Scheme::Fernet => is_fernet_key(&found.secret),
            Scheme::Age => found.secret.trim_ascii().starts_with(b"AGE-SECRET-KEY-"),
            _ => false,
        };
        let secret = Some(SecretBytes::new(found.secret));
        let (key, password) = if is_key { (secret, None) } else { (None, secret) };
        let words: Vec<String> = found.removal.iter().map(|word| shell_word(word)).collect();
        let item = CleanUp {
            what: "the old secret in the keychain",
            path: format!("{service}/{user}"),
            command: words.join(" "),
        };
        let hmac_key = self.hmac_key_file.as_deref().map(read_key).transpose()?;
        Ok(Given { item: Some(item), password, key, hmac_key })
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

/// Tells whether a text is a key as Fernet writes them: 32 bytes in base64.
fn is_fernet_key(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.len() == 44
        && text.ends_with(b"=")
        && text[..43].iter().all(|it| it.is_ascii_alphanumeric() || b"-_+/".contains(it))
}

fn read_key(path: &Path) -> Result<SecretBytes, Failure> {
    let failed = |error| Failure::io(format!("read {}", path.display()), &error);
    let bytes: Zeroizing<Vec<u8>> = read_up_to(KEY_LIMIT + 1, File::open(path).map_err(failed)?).map_err(failed)?;
    if bytes.len() > KEY_LIMIT {
        return Err(Failure::usage(format!("{} is too long to be a key", path.display())).hint("name the key's file"));
    }
    Ok(SecretBytes::new(bytes))
}
