//! What may be right about a file: each layout that fits its length, and each key that the old secret may mean.

use std::io::{Read, Seek};
use std::ops::Range;
use std::sync::Arc;

use crate::cipher::BLOCK;
use crate::derive;
use crate::error::Refused;
use crate::layout::{Layout, Part};
use crate::request::{Hash, Kdf, Mode, Options, Padding, Request, Scheme, Scrypt};
use crate::secret::SecretBytes;
use crate::source::Source;
use crate::spelling::{self, Spelling};

/// So much of a plaintext is looked at, in bytes.
pub const HEAD: u64 = 64 * 1024;
/// How often PBKDF2 is repeated for Fernet, by the advice of different years.
const FERNET_ITERATIONS: &[u64] = &[100_000, 390_000, 480_000, 600_000, 1_200_000];
const USUAL_SCRYPT: Scrypt = Scrypt { n: 1 << 14, r: 8, p: 1 };

/// The parts of a file under one layout.
pub struct Place {
    /// The layout, as it is written.
    pub layout: String,
    /// Where the ciphertext is.
    pub ciphertext: Range<u64>,
    /// The IV or nonce, if it is in the file.
    pub nonce: Option<Vec<u8>>,
    /// The tag; empty if there is none.
    pub tag: Vec<u8>,
    /// The HMAC of all other parts, if there is one.
    pub hmac: Option<Vec<u8>>,
    /// The other parts, before the ciphertext and behind it.
    pub around: (Vec<u8>, Vec<u8>),
    /// The salt, if it is in the file.
    pub salt: Option<Vec<u8>>,
    /// The length of the plaintext, if it is in the file.
    pub size: Option<u64>,
    /// The HMAC does not cover that length, and nothing else confirms it.
    pub is_size_unproven: bool,
    /// The first bytes of the ciphertext.
    pub head: Vec<u8>,
    /// Its last two blocks, or the only one.
    pub tail: Vec<u8>,
}

impl Place {
    /// Reads the parts; `None` if the file does not fit the layout.
    ///
    /// # Errors
    /// The system's error.
    pub fn of<R: Read + Seek>(source: &mut Source<R>, layout: &Layout) -> Result<Option<Self>, Refused> {
        let Some(ranges) = layout.ranges(source.length()) else { return Ok(None) };
        let mut place = Self {
            layout: layout.to_string(),
            ciphertext: 0..0,
            nonce: None,
            tag: Vec::new(),
            hmac: None,
            around: (Vec::new(), Vec::new()),
            salt: None,
            size: None,
            is_size_unproven: false,
            head: Vec::new(),
            tail: Vec::new(),
        };
        let mut is_behind = false;
        for (part, range) in ranges {
            if part == Part::Ciphertext {
                place.ciphertext = range;
                is_behind = true;
                continue;
            }
            // A layout's parts are short.
            let bytes = source.read_at(range.start, usize::try_from(range.end - range.start).unwrap_or_default())?;
            if part != Part::Hmac {
                (if is_behind { &mut place.around.1 } else { &mut place.around.0 }).extend_from_slice(&bytes);
            }
            let number = || bytes.as_slice().try_into().ok();
            match part {
                Part::Nonce => place.nonce = Some(bytes),
                Part::Tag => place.tag = bytes,
                Part::Hmac => place.hmac = Some(bytes),
                Part::Salt => place.salt = Some(bytes),
                Part::SizeLe => place.size = number().map(u64::from_le_bytes),
                Part::SizeBe => place.size = number().map(u64::from_be_bytes),
                Part::Skip | Part::Ciphertext => {}
            }
        }
        let Range { start, end } = place.ciphertext;
        let length = end - start;
        if place.size.is_some_and(|size| length.checked_sub(size).is_none_or(|padding| padding >= BLOCK as u64)) {
            return Ok(None);
        }
        let short = |length: u64| usize::try_from(length).unwrap_or_default();
        place.head = source.read_at(start, short(length.min(HEAD)))?;
        let tail = length.min(2 * BLOCK as u64);
        place.tail = source.read_at(end - tail, short(tail))?;
        Ok(Some(place))
    }

    /// Returns how long the ciphertext is.
    pub fn length(&self) -> u64 {
        self.ciphertext.end - self.ciphertext.start
    }
}

/// A key, with what was derived together with it.
pub struct Key {
    /// What was done to the secret first, in words; nothing of the secret is in them.
    pub spelling: String,
    /// How it was made of that; empty if the secret is the key.
    pub way: String,
    /// The cipher's key.
    pub key: SecretBytes,
    /// The HMAC's key.
    pub mac: Option<SecretBytes>,
    /// The IV, if it is derived, too.
    pub nonce: Option<Vec<u8>>,
}

impl Key {
    /// Says in words how it was made.
    pub fn how(&self) -> String {
        if self.way.is_empty() { self.spelling.clone() } else { format!("{}, {}", self.spelling, self.way) }
    }
}

/// One possibility: a place and a key.
pub struct Candidate {
    /// Where everything is.
    pub place: Arc<Place>,
    /// The key.
    pub key: Arc<Key>,
    /// The mode.
    pub mode: Mode,
    /// What fills the last block.
    pub padding: Padding,
}

impl Candidate {
    /// Tells whether the file itself proves that it opened as it was made.
    pub fn is_authenticated(&self) -> bool {
        (self.mode.is_authenticated() || self.place.hmac.is_some()) && !self.place.is_size_unproven
    }

    /// Tells whether its tag also proves that the cipher's key is right. An HMAC under a key of its own proves that key
    /// alone: with a wrong key of the cipher, the file opens to noise.
    pub fn proves_key(&self) -> bool {
        self.is_authenticated() && self.mode != Mode::CtrHmac
    }
}

/// Returns the layouts to try.
pub fn layouts(scheme: Scheme, mode: Mode, options: &Options) -> Vec<Layout> {
    let usual: &[&str] = match (scheme, mode) {
        (Scheme::Fernet, _) => &["skip1,skip8,nonce16,ciphertext,hmac32"],
        (Scheme::Openssl, _) => &["skip8,salt8,ciphertext"],
        (_, Mode::Cbc) => &["nonce16,ciphertext", "size8le,nonce16,ciphertext", "nonce16,size8le,ciphertext"],
        (_, Mode::Ctr) => &["nonce16,ciphertext", "nonce8,ciphertext"],
        (_, Mode::CtrHmac) => &["hmac32,nonce8,ciphertext"],
        (_, Mode::Gcm) => &[
            "nonce16,tag16,ciphertext",
            "nonce12,ciphertext,tag16",
            "nonce12,tag16,ciphertext",
            "nonce16,ciphertext,tag16",
        ],
        (_, Mode::Eax) => &["nonce16,tag16,ciphertext", "tag16,nonce16,ciphertext"],
        (_, Mode::Ocb) => &["tag16,nonce15,ciphertext", "nonce15,tag16,ciphertext"],
        (_, Mode::Cfb8) => &["nonce16,ciphertext"],
    };
    if let Some(layout) = &options.layout {
        return vec![layout.clone()];
    }
    let mut layouts: Vec<Layout> = Vec::new();
    for text in usual {
        let Ok(mut layout) = text.parse::<Layout>() else { continue };
        if options.iv.is_some() {
            layout = layout.without_nonce();
        }
        match options.salt_in_file {
            // A token is text, and a salt before it is none of its bytes.
            Some(length) if !matches!(scheme, Scheme::Fernet | Scheme::Openssl) => layout = layout.behind_salt(length),
            _ => {}
        }
        if !layouts.contains(&layout) {
            layouts.push(layout);
        }
    }
    layouts
}

/// Returns the keys that the old secret may mean, with this salt.
///
/// # Errors
/// If something is missing or out of range.
pub fn keys(request: &Request, mode: Mode, salt: Option<&[u8]>) -> Result<Vec<Key>, Refused> {
    let options = &request.options;
    if options.key_length.is_some_and(|length| !matches!(length, 16 | 24 | 32)) {
        return Err(Refused::Parameters("a key of AES has 16, 24 or 32 bytes"));
    }
    let length = options.key_length.unwrap_or(32);
    let one = |spelling: String, way: String, key: SecretBytes| Key { spelling, way, key, mac: None, nonce: None };
    let made = |way: String, key: SecretBytes| one(String::new(), way, key);
    let keys: Vec<Key> = match request.scheme {
        Scheme::Argon2Phc => {
            let text = request.key.as_ref().ok_or(Refused::Parameters("the stored text of argon2 is needed"))?;
            let spellings = spelling::of_stored_text(text.expose());
            let key = |text: Spelling| one(text.how, "SHA-256".into(), derive::sha256(text.bytes.expose()));
            spellings.into_iter().map(key).collect()
        }
        Scheme::Sha256Password => {
            let key = |text: Spelling| one(text.how, "SHA-256".into(), derive::sha256(text.bytes.expose()));
            passwords(request)?.into_iter().map(key).collect()
        }
        Scheme::RawKey => {
            let lengths = options.key_length.map_or(vec![16, 24, 32], |length| vec![length]);
            let spellings = spelling::of_key_file(key_file(request)?, &lengths);
            spellings.into_iter().map(|key| one(key.how, String::new(), key.bytes)).collect()
        }
        Scheme::Pbkdf2 => {
            let salt = salt.ok_or(Refused::Parameters("the salt of PBKDF2 is needed"))?;
            let times = options.iterations.ok_or(Refused::Parameters("the iterations of PBKDF2 are needed"))?;
            let hashes = options.hash.map_or(vec![Hash::Sha256, Hash::Sha1, Hash::Sha512], |hash| vec![hash]);
            derived(request, &hashes, |password, hash| {
                let key = derive::pbkdf2(*hash, password, salt, times, length)?;
                Ok(made(format!("PBKDF2 {} {times}", hash.name()), key))
            })?
        }
        Scheme::Scrypt => {
            let salt = salt.ok_or(Refused::Parameters("the salt of scrypt is needed"))?;
            let cost = options.scrypt.unwrap_or(USUAL_SCRYPT);
            derived(request, &[()], |password, ()| {
                Ok(made("scrypt".into(), derive::scrypt(cost, password, salt, length)?))
            })?
        }
        Scheme::Fernet if request.key.is_some() => {
            let spellings = spelling::of_key_file(key_file(request)?, &[32]);
            spellings.into_iter().map(|key| fernet(key.how, String::new(), &key.bytes)).collect()
        }
        Scheme::Fernet => derived(request, &fernet_ways(options, salt), |password, way| {
            let (how, key) = match *way {
                Way::Pbkdf2(hash, times, salt) => {
                    (format!("PBKDF2 {} {times}", hash.name()), derive::pbkdf2(hash, password, salt, times, 32)?)
                }
                Way::Scrypt(cost, salt) => ("scrypt".into(), derive::scrypt(cost, password, salt, 32)?),
                Way::Sha256 => ("SHA-256".into(), derive::sha256(password)),
                Way::Evp(..) => return Err(Refused::Parameters("Fernet has no keys of EVP_BytesToKey")),
            };
            Ok(fernet(String::new(), how, &key))
        })?,
        Scheme::Openssl => {
            let salt = salt.ok_or(Refused::Wrong)?;
            let length = options.cipher.map_or(length, |cipher| cipher.parts().1);
            derived(request, &openssl_ways(options, salt)?, |password, way| {
                let (how, key) = match *way {
                    Way::Pbkdf2(hash, times, salt) => {
                        let key = derive::pbkdf2(hash, password, salt, times, length + BLOCK)?;
                        (format!("PBKDF2 {} {times}", hash.name()), key)
                    }
                    Way::Evp(hash, salt) => {
                        let key = derive::evp(hash, password, salt, length + BLOCK)?;
                        (format!("EVP_BytesToKey {}", hash.name()), key)
                    }
                    Way::Scrypt(..) | Way::Sha256 => {
                        return Err(Refused::Parameters("openssl makes keys by PBKDF2 or EVP_BytesToKey"));
                    }
                };
                let (key, nonce) = key.expose().split_at(length);
                Ok(Key { nonce: Some(nonce.to_vec()), ..made(how, SecretBytes::from_slice(key)) })
            })?
        }
        // Their readers make their keys themselves.
        Scheme::Aescrypt | Scheme::Age | Scheme::Gpg | Scheme::Office | Scheme::Zip | Scheme::SevenZip => {
            return Err(Refused::Wrong);
        }
    };
    if mode == Mode::CtrHmac { with_macs(request, keys) } else { Ok(keys) }
}

/// A way to make a key of a password.
enum Way<'a> {
    Pbkdf2(Hash, u64, &'a [u8]),
    Scrypt(Scrypt, &'a [u8]),
    Evp(Hash, &'a [u8]),
    Sha256,
}

fn fernet_ways<'a>(options: &Options, salt: Option<&'a [u8]>) -> Vec<Way<'a>> {
    let mut ways = Vec::new();
    let is_asked = |kdf| options.kdf.is_none_or(|asked| asked == kdf);
    if let Some(salt) = salt {
        let hash = options.hash.unwrap_or(Hash::Sha256);
        if is_asked(Kdf::Pbkdf2) && options.scrypt.is_none() {
            let times = options.iterations.map_or(FERNET_ITERATIONS.to_vec(), |times| vec![times]);
            ways.extend(times.into_iter().map(|times| Way::Pbkdf2(hash, times, salt)));
        }
        if is_asked(Kdf::Scrypt) && options.iterations.is_none() {
            ways.push(Way::Scrypt(options.scrypt.unwrap_or(USUAL_SCRYPT), salt));
        }
    }
    if is_asked(Kdf::Sha256) && options.iterations.is_none() && options.scrypt.is_none() {
        ways.push(Way::Sha256);
    }
    ways
}

fn openssl_ways<'a>(options: &Options, salt: &'a [u8]) -> Result<Vec<Way<'a>>, Refused> {
    let mut ways = Vec::new();
    let kdf = options.kdf.or(options.iterations.map(|_| Kdf::Pbkdf2));
    if kdf.is_none_or(|kdf| kdf == Kdf::Pbkdf2) && options.hash != Some(Hash::Md5) {
        let times = options.iterations.unwrap_or(10_000);
        ways.push(Way::Pbkdf2(options.hash.unwrap_or(Hash::Sha256), times, salt));
    }
    if kdf.is_none_or(|kdf| kdf == Kdf::Evp) {
        let hashes = options.hash.map_or(vec![Hash::Sha256, Hash::Md5], |hash| vec![hash]);
        ways.extend(hashes.into_iter().map(|hash| Way::Evp(hash, salt)));
    }
    if ways.is_empty() {
        return Err(Refused::Parameters("openssl makes keys by PBKDF2 or EVP_BytesToKey"));
    }
    Ok(ways)
}

/// Makes a key of each spelling of the password in each way.
fn derived<W>(
    request: &Request,
    ways: &[W],
    make: impl Fn(&[u8], &W) -> Result<Key, Refused>,
) -> Result<Vec<Key>, Refused> {
    let mut keys = Vec::new();
    for password in passwords(request)? {
        for way in ways {
            let key = make(password.bytes.expose(), way)?;
            keys.push(Key { spelling: password.how.clone(), ..key });
        }
    }
    Ok(keys)
}

fn fernet(spelling: String, way: String, key: &SecretBytes) -> Key {
    let (mac, key) = key.expose().split_at(key.expose().len() / 2);
    Key { spelling, way, key: SecretBytes::from_slice(key), mac: Some(SecretBytes::from_slice(mac)), nonce: None }
}

/// Gives each key each meaning of the file with the HMAC's key.
fn with_macs(request: &Request, keys: Vec<Key>) -> Result<Vec<Key>, Refused> {
    let file = request.hmac_key.as_ref().ok_or(Refused::Parameters("the key of the HMAC is needed"))?;
    let macs = spelling::of_key_file(file.expose(), &[16, 20, 24, 32, 48, 64]);
    let mut with_macs = Vec::new();
    for key in keys {
        for mac in &macs {
            with_macs.push(Key {
                spelling: key.spelling.clone(),
                way: [key.way.as_str(), if key.way.is_empty() { "" } else { ", " }, "HMAC key ", &mac.how].concat(),
                key: SecretBytes::from_slice(key.key.expose()),
                mac: Some(SecretBytes::from_slice(mac.bytes.expose())),
                nonce: key.nonce.clone(),
            });
        }
    }
    Ok(with_macs)
}

fn passwords(request: &Request) -> Result<Vec<Spelling>, Refused> {
    let password = request.password.as_ref().ok_or(Refused::Parameters("the old password is needed"))?;
    Ok(spelling::of_password(password.expose(), request.options.encoding))
}

fn key_file(request: &Request) -> Result<&[u8], Refused> {
    request.key.as_ref().map(SecretBytes::expose).ok_or(Refused::Parameters("the old key is needed"))
}
