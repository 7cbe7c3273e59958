//! What is to be opened, and with what.

use crate::layout::Layout;
use crate::secret::SecretBytes;

/// Declares an enum whose values have names that a user types.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$value_doc:meta])* $value:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $type { $($(#[$value_doc])* $value,)* }

        impl $type {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$value,)*];

            /// Returns the name that is typed.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$value => $name,)* }
            }

            /// Finds a value by its name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$value),)* _ => None }
            }
        }
    };
}

named! {
    /// How a file was encrypted: where its key comes from, and how the file is laid out if nothing else is said.
    Scheme {
        /// The key is the SHA-256 of the text that `argon2.PasswordHasher().hash()` returned.
        Argon2Phc = "argon2-phc",
        /// The key is made of a password by PBKDF2.
        Pbkdf2 = "pbkdf2",
        /// The key is made of a password by scrypt.
        Scrypt = "scrypt",
        /// The key is the SHA-256 of a password.
        Sha256Password = "sha256-password",
        /// The key is in a file.
        RawKey = "raw-key",
        /// Fernet, of Python's `cryptography`.
        Fernet = "fernet",
        /// `openssl enc`, and CryptoJS.
        Openssl = "openssl",
        /// AES Crypt, and pyAesCrypt.
        Aescrypt = "aescrypt",
        /// age, with a passphrase or an X25519 identity.
        Age = "age",
        /// OpenPGP, which the program gpg opens: here its files are only recognized.
        Gpg = "gpg",
        /// A workbook or document of Office with a password.
        Office = "office",
        /// A ZIP file whose members have a password.
        Zip = "zip",
        /// A 7z file with a password.
        SevenZip = "7z",
    }
}

impl Scheme {
    /// Lists how keys of its files are made, if nothing else is said.
    #[must_use]
    pub fn usual_ways(self) -> &'static [&'static str] {
        match self {
            Self::Fernet => &["the key itself", "PBKDF2 sha256 100000 to 1200000", "scrypt", "SHA-256"],
            Self::Openssl => &["PBKDF2 sha256 10000", "EVP_BytesToKey sha256", "EVP_BytesToKey md5"],
            Self::Aescrypt => &["PBKDF2 sha512", "SHA-256 8192 times"],
            Self::Age => &["scrypt", "X25519"],
            Self::Gpg => &["gpg"],
            Self::Office => &["SHA, with the rounds that the file names"],
            Self::Zip => &["PBKDF2 sha1 1000", "ZipCrypto"],
            Self::SevenZip => &["SHA-256, with the rounds that the file names"],
            Self::Argon2Phc | Self::Sha256Password => &["SHA-256"],
            Self::Pbkdf2 => &["PBKDF2"],
            Self::Scrypt => &["scrypt"],
            Self::RawKey => &["the key itself"],
        }
    }

    /// Tells whether its files say themselves how they are encrypted, so that no parameter is needed.
    #[must_use]
    pub fn is_self_described(self) -> bool {
        matches!(self, Self::Aescrypt | Self::Age | Self::Gpg | Self::Office | Self::Zip | Self::SevenZip)
    }

    /// Tells whether its files are archives, which become folders.
    #[must_use]
    pub fn is_archive(self) -> bool {
        matches!(self, Self::Zip | Self::SevenZip)
    }
}

named! {
    /// A mode of AES.
    Mode {
        /// CBC.
        Cbc = "cbc",
        /// CTR, whose counter begins at 0 behind the nonce.
        Ctr = "ctr",
        /// CTR, authenticated by an HMAC-SHA256 under a key of its own.
        CtrHmac = "ctr-hmac",
        /// GCM.
        Gcm = "gcm",
        /// EAX.
        Eax = "eax",
        /// OCB3.
        Ocb = "ocb",
        /// CFB with segments of 8 bits.
        Cfb8 = "cfb8",
    }
}

named! {
    /// What fills the last block in CBC.
    Padding {
        /// PKCS #7.
        Pkcs7 = "pkcs7",
        /// Zero bytes. They are not distinguished from zeros at the end of the data.
        Zero = "zero",
        /// Nothing: the data has whole blocks.
        None = "none",
    }
}

named! {
    /// A hash function inside a key derivation.
    Hash {
        /// MD5.
        Md5 = "md5",
        /// SHA-1.
        Sha1 = "sha1",
        /// SHA-256.
        Sha256 = "sha256",
        /// SHA-512.
        Sha512 = "sha512",
    }
}

named! {
    /// What makes a key of a password, where a scheme has several ways.
    Kdf {
        /// PBKDF2.
        Pbkdf2 = "pbkdf2",
        /// OpenSSL's `EVP_BytesToKey` with one pass.
        Evp = "evp",
        /// scrypt.
        Scrypt = "scrypt",
        /// The SHA-256 of the password.
        Sha256 = "sha256",
    }
}

named! {
    /// A cipher of `openssl enc`.
    OpensslCipher {
        /// AES-128 in CBC.
        Aes128Cbc = "aes-128-cbc",
        /// AES-192 in CBC.
        Aes192Cbc = "aes-192-cbc",
        /// AES-256 in CBC.
        Aes256Cbc = "aes-256-cbc",
        /// AES-128 in CTR.
        Aes128Ctr = "aes-128-ctr",
        /// AES-192 in CTR.
        Aes192Ctr = "aes-192-ctr",
        /// AES-256 in CTR.
        Aes256Ctr = "aes-256-ctr",
    }
}

impl OpensslCipher {
    /// Returns its mode and the length of its key in bytes.
    pub(crate) fn parts(self) -> (Mode, usize) {
        match self {
            Self::Aes128Cbc => (Mode::Cbc, 16),
            Self::Aes192Cbc => (Mode::Cbc, 24),
            Self::Aes256Cbc => (Mode::Cbc, 32),
            Self::Aes128Ctr => (Mode::Ctr, 16),
            Self::Aes192Ctr => (Mode::Ctr, 24),
            Self::Aes256Ctr => (Mode::Ctr, 32),
        }
    }
}

named! {
    /// How a password became bytes.
    Encoding {
        /// UTF-8.
        Utf8 = "utf-8",
        /// Latin-1, as PyCryptodome's `str` passwords.
        Latin1 = "latin-1",
        /// UTF-16, the lower byte first.
        Utf16Le = "utf-16-le",
    }
}

impl Mode {
    /// Tells whether a file in this mode proves by itself that it opened as it was made.
    #[must_use]
    pub fn is_authenticated(self) -> bool {
        matches!(self, Self::CtrHmac | Self::Gcm | Self::Eax | Self::Ocb)
    }
}

/// The cost of scrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scrypt {
    /// The number of blocks, a power of 2.
    pub n: u64,
    /// The length of a block.
    pub r: u32,
    /// How often it is done.
    pub p: u32,
}

/// What is said about a file besides its scheme. What is `None` has the scheme's default, or several are tried.
#[derive(Debug, Default)]
pub struct Options {
    /// The salt of the key derivation.
    pub salt: Option<Vec<u8>>,
    /// The salt is in the file: so many bytes at its beginning.
    pub salt_in_file: Option<usize>,
    /// The iterations of PBKDF2. Of a file that says itself how many rounds its key takes, the most that are accepted.
    pub iterations: Option<u64>,
    /// The hash function of the key derivation.
    pub hash: Option<Hash>,
    /// The length of the key in bytes.
    pub key_length: Option<usize>,
    /// The mode of AES.
    pub mode: Option<Mode>,
    /// What is where in the file.
    pub layout: Option<Layout>,
    /// What fills the last block.
    pub padding: Option<Padding>,
    /// The IV or nonce, which is not in the file then.
    pub iv: Option<Vec<u8>>,
    /// What was authenticated besides the data.
    pub aad: Vec<u8>,
    /// How the password became bytes.
    pub encoding: Option<Encoding>,
    /// The cost of scrypt; the most that is accepted, if the file says what it has.
    pub scrypt: Option<Scrypt>,
    /// What makes the key of the password.
    pub kdf: Option<Kdf>,
    /// The cipher of `openssl enc`.
    pub cipher: Option<OpensslCipher>,
    /// The SHA-256 that the plaintext has.
    pub sha256: Option<[u8; 32]>,
}

/// A file's scheme, the old secret and all that is known.
#[derive(Debug)]
pub struct Request {
    /// The scheme.
    pub scheme: Scheme,
    /// The password, as it was typed or read.
    pub password: Option<SecretBytes>,
    /// The key, as it is in its file.
    pub key: Option<SecretBytes>,
    /// The key of the HMAC, as it is in its file.
    pub hmac_key: Option<SecretBytes>,
    /// What else is known.
    pub options: Options,
}
