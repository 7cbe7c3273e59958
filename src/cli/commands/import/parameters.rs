//! The flags that say how the files of `strongroom import` were encrypted.

use std::fs::File;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum, ValueHint};
use data_encoding::HEXLOWER_PERMISSIVE;
use strongroom_legacy::{Encoding, Hash, Kdf, Layout, Mode, OpensslCipher, Options, Padding, Scheme, Scrypt};

use crate::failure::Failure;
use crate::password::read_up_to;

/// No salt is longer, in bytes.
const SALT_LIMIT: u16 = 1024;

/// How a file was encrypted, besides its scheme.
#[derive(Debug, Args)]
pub struct Parameters {
    /// A usual set of parameters. pycryptodome-3, for --scheme pbkdf2: PBKDF2 with SHA-1, 1,000 iterations, and the
    /// password in Latin-1
    #[arg(long, value_enum, value_name = "PRESET", conflicts_with_all = ["iterations", "hash", "password_encoding"])]
    preset: Option<Preset>,
    /// The salt, in hexadecimal
    #[arg(long, value_name = "HEX")]
    salt_hex: Option<Hex>,
    /// The file with the salt
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "salt_hex")]
    salt_file: Option<PathBuf>,
    /// The salt is the first N bytes of each file
    #[arg(long, value_name = "N", conflicts_with_all = ["salt_hex", "salt_file"],
          value_parser = clap::value_parser!(u16).range(1..=SALT_LIMIT as i64))]
    salt_in_file: Option<u16>,
    /// How many iterations PBKDF2 has
    #[arg(long, value_name = "N")]
    iterations: Option<u64>,
    /// The hash function that makes the key [default: the usual ones are tried]
    #[arg(long, value_name = "HASH", value_parser = named(Hash::ALL, Hash::name, Hash::from_name))]
    hash: Option<Hash>,
    /// How long the key is: 16, 24 or 32 bytes [default: 32]
    #[arg(long, value_name = "BYTES")]
    key_length: Option<usize>,
    /// The mode of AES [default: cbc]
    #[arg(long, value_name = "MODE", value_parser = named(Mode::ALL, Mode::name, Mode::from_name))]
    mode: Option<Mode>,
    /// What is where in a file, such as nonce16,tag16,ciphertext; also salt16, hmac32, size8le and skip4 [default: the
    /// usual layouts are tried]
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<Layout>,
    /// What fills the last block in CBC [default: pkcs7]
    #[arg(long, value_name = "PADDING", value_parser = named(Padding::ALL, Padding::name, Padding::from_name))]
    padding: Option<Padding>,
    /// The IV or nonce in hexadecimal, if it is not in the file
    #[arg(long, value_name = "HEX")]
    iv_hex: Option<Hex>,
    /// What was authenticated besides the data, in hexadecimal
    #[arg(long, value_name = "HEX")]
    aad_hex: Option<Hex>,
    /// How the old password became bytes [default: utf-8 and latin-1 are tried]
    #[arg(long, value_name = "ENCODING", value_parser = named(Encoding::ALL, Encoding::name, Encoding::from_name))]
    password_encoding: Option<Encoding>,
    /// The cost of scrypt [default: 16384,8,1]
    #[arg(long, value_name = "N,r,p", value_parser = scrypt)]
    scrypt: Option<Scrypt>,
    /// What makes the key of the password, for fernet and openssl [default: the usual ones are tried]
    #[arg(long, value_name = "KDF", value_parser = named(Kdf::ALL, Kdf::name, Kdf::from_name))]
    kdf: Option<Kdf>,
    /// The cipher of openssl [default: aes-256-cbc]
    #[arg(long, value_name = "CIPHER", value_parser = named(OpensslCipher::ALL, OpensslCipher::name, OpensslCipher::from_name))]
    cipher: Option<OpensslCipher>,
}

/// Usual sets of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Preset {
    /// What PyCryptodome 3 did if it was told nothing.
    #[value(name = "pycryptodome-3")]
    Pycryptodome3,
}

/// Bytes in hexadecimal.
#[derive(Debug, Clone)]
struct Hex(Vec<u8>);

impl FromStr for Hex {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map(Self).map_err(|_| "give pairs of hexadecimal digits")
    }
}

/// Reads one of some names.
pub fn named<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
    from_name: fn(&str) -> Option<T>,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.iter().map(|value| name(*value)))
        .try_map(move |typed| from_name(&typed).ok_or("no such name"))
}

fn scrypt(text: &str) -> Result<Scrypt, &'static str> {
    let numbers: Vec<&str> = text.split(',').collect();
    let [n, r, p] = numbers[..] else { return Err("give three numbers, such as 16384,8,1") };
    let wrong = |_| "give three numbers, such as 16384,8,1";
    Ok(Scrypt { n: n.parse().map_err(wrong)?, r: r.parse().map_err(wrong)?, p: p.parse().map_err(wrong)? })
}

impl Parameters {
    fn is_any_given(&self) -> bool {
        let is_kdf_given = self.preset.is_some()
            || self.salt_hex.is_some()
            || self.salt_file.is_some()
            || self.salt_in_file.is_some()
            || self.iterations.is_some()
            || self.hash.is_some()
            || self.scrypt.is_some()
            || self.kdf.is_some();
        let is_cipher_given = self.key_length.is_some()
            || self.mode.is_some()
            || self.layout.is_some()
            || self.padding.is_some()
            || self.iv_hex.is_some()
            || self.aad_hex.is_some()
            || self.cipher.is_some();
        is_kdf_given || is_cipher_given || self.password_encoding.is_some()
    }

    /// Puts together what is known.
    ///
    /// # Errors
    /// If a file of them cannot be read, or flags do not go together.
    pub fn options(&self, scheme: Scheme) -> Result<Options, Failure> {
        if self.preset.is_some() && scheme != Scheme::Pbkdf2 {
            return Err(Failure::usage("--preset pycryptodome-3 is for --scheme pbkdf2")
                .hint("add --scheme pbkdf2, or leave it out"));
        }
        let is_fixed = matches!(scheme, Scheme::Fernet | Scheme::Openssl);
        if is_fixed && (self.mode.is_some() || self.layout.is_some() || self.padding.is_some()) {
            return Err(Failure::usage(format!("--mode, --layout and --padding are fixed in {}", scheme.name()))
                .hint("leave them out"));
        }
        if scheme.is_self_described() && self.is_any_given() {
            return Err(Failure::usage(format!(
                "a file of the scheme {} says itself how it was encrypted",
                scheme.name()
            ))
            .hint("leave out the flags of \"How it was encrypted\""));
        }
        let salt = match &self.salt_file {
            None => self.salt_hex.as_ref().map(|salt| salt.0.clone()),
            Some(path) => {
                let failed = |error| Failure::io(format!("read {}", path.display()), &error);
                let file = File::open(path).map_err(failed)?;
                Some(read_up_to(usize::from(SALT_LIMIT), file).map_err(failed)?.to_vec())
            }
        };
        let preset = self.preset;
        Ok(Options {
            salt,
            salt_in_file: self.salt_in_file.map(usize::from),
            iterations: self.iterations.or(preset.map(|Preset::Pycryptodome3| 1000)),
            hash: self.hash.or(preset.map(|Preset::Pycryptodome3| Hash::Sha1)),
            key_length: self.key_length,
            mode: self.mode,
            layout: self.layout.clone(),
            padding: self.padding,
            iv: self.iv_hex.as_ref().map(|iv| iv.0.clone()),
            aad: self.aad_hex.as_ref().map(|aad| aad.0.clone()).unwrap_or_default(),
            encoding: self.password_encoding.or(preset.map(|Preset::Pycryptodome3| Encoding::Latin1)),
            scrypt: self.scrypt,
            kdf: self.kdf,
            cipher: self.cipher,
            sha256: None,
        })
    }
}
