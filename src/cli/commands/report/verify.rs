//! `strongroom report verify`.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::cli::context::Context;
use crate::cli::views::{CheckedCertificate, FollowedReport, KeyKnown, Rendered, VerifiedReport};
use crate::disk::with_suffix;
use crate::evidence::allowed::{AllowedKey, keys_in};
use crate::evidence::bundle::{Bundle, SIZE_LIMIT};
use crate::evidence::certificate::{self, is_certificate};
use crate::evidence::verify::{Refusal, Verified, check_page, compare_page, follows, verify};
use crate::failure::{Exit, Failure};
use crate::files::find::open_found;
use crate::format::signing::PublicKey;
use crate::format::{FormatError, Timestamp};
use crate::pages::report::{annex, in_groups, page};

/// The longest signature or file of keys that is read, in bytes.
const SMALL: u64 = 1 << 20;

/// Verify a report or a certificate of destruction; needs no vault and no password
///
/// Checks the signature, that the page beside the bundle is the one that the bundle makes, and each entry of the record
/// of accesses that the report discloses.
#[derive(Debug, Args)]
#[command(
    before_help = "Example: strongroom report verify northwind-7.json --after northwind-6.json --key northwind.allowed"
)]
pub struct Verify {
    /// The report's bundle, NAME-N.json; its signature is beside it
    #[arg(value_hint = ValueHint::FilePath)]
    new: PathBuf,
    /// An earlier report of the project, that you have kept: shows that nothing in the record was altered since
    #[arg(long, value_name = "OLD", value_hint = ValueHint::FilePath)]
    after: Option<PathBuf>,
    /// The key that you got with the contract: a file NAME.allowed, or a public key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: Option<PathBuf>,
}

impl Verify {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let known = self.key.as_deref().map(read_keys).transpose()?;
        let (bytes, signature) = signed(&self.new)?;
        if is_certificate(&bytes) {
            return self.certificate(context, &bytes, &signature, known);
        }
        let verified = verify(&bytes, &signature).map_err(|refusal| refused(&self.new, &refusal))?;
        let key = known.map_or(Ok(KeyKnown::Unknown), |(file, keys)| {
            let signed = &verified.bundle;
            check_key(&verified.signer, verified.announced_by, (&signed.signed_by.identity, signed.made), &file, &keys)
        });
        let key = key.map_err(|refusal| refused(&self.new, &refusal))?;
        let bundle = &verified.bundle;
        let folder = self.new.parent().unwrap_or(Path::new(""));
        let rendered = |suffix: &str, own: &str, make: fn(&Bundle, &str) -> String| {
            let path = folder.join(format!("{}{suffix}", bundle.name));
            let Some(found) = read(&path, SIZE_LIMIT)? else { return Ok(Rendered::Absent) };
            let (name, made) = (path.display().to_string(), make(bundle, &verified.sha256));
            let compared = check_page(&verified, &name, own, in_groups, &found, &made);
            compared.map(Rendered::from).map_err(|refusal| refused(&path, &refusal))
        };
        let pages =
            (rendered(".html", &bundle.page_sha256, page)?, rendered("-annex.html", &bundle.annex_sha256, annex)?);
        let followed = self.after.as_deref().map(|old| {
            let earlier = self::verified(old)?;
            let followed = follows(&verified, &earlier).map_err(|refusal| refused(&self.new, &refusal))?;
            let is_same_key = verified.signer == earlier.signer;
            Ok::<_, Failure>(FollowedReport::of(&earlier.bundle, &followed, is_same_key))
        });
        let view = VerifiedReport::of(&verified, key, pages, followed.transpose()?);
        context.output.result(view.text(), &view)
    }
}

impl Verify {
    /// Verifies a certificate of destruction.
    fn certificate(
        &self,
        context: &Context,
        bytes: &[u8],
        signature: &str,
        known: Option<(String, Vec<AllowedKey>)>,
    ) -> Result<(), Failure> {
        let refused = |refusal: Refusal| refused(&self.new, &refusal);
        if self.after.is_some() {
            return Err(Failure::usage("--after compares reports, and this is a certificate of destruction")
                .hint("leave --after out"));
        }
        let verified = certificate::verify(bytes, signature).map_err(refused)?;
        let key = known.map_or(Ok(KeyKnown::Unknown), |(file, keys)| {
            let signed = &verified.certificate;
            check_key(&verified.signer, verified.announced_by, (&signed.signed_by.identity, signed.made), &file, &keys)
        });
        let key = key.map_err(refused)?;
        let bundle = &verified.certificate;
        let path = self.new.parent().unwrap_or(Path::new("")).join(format!("{}.html", bundle.name));
        let rendered = match read(&path, SIZE_LIMIT)? {
            None => Rendered::Absent,
            Some(found) => {
                let made = crate::pages::certificate::page(bundle, &verified.sha256);
                let signed = (&*verified.sha256, &*bundle.tool.version, &*bundle.page_sha256);
                let compared = compare_page(signed, &path.display().to_string(), in_groups, &found, &made);
                compared.map(Rendered::from).map_err(|refusal| self::refused(&path, &refusal))?
            }
        };
        let view = CheckedCertificate::of(&verified, key, rendered);
        context.output.result(view.text(), &view)
    }
}

/// Verifies a report with the signature beside it.
fn verified(path: &Path) -> Result<Verified, Failure> {
    let (bytes, signature) = signed(path)?;
    verify(&bytes, &signature).map_err(|refusal| refused(path, &refusal))
}

/// Reads a bundle and the signature beside it.
fn signed(path: &Path) -> Result<(Vec<u8>, String), Failure> {
    let missing = |path: &Path| {
        Failure::new(Exit::NotFound, "not-found", format!("cannot verify {}", path.display()))
            .cause("there is no such file")
    };
    let bytes = read(path, SIZE_LIMIT)?
        .ok_or_else(|| missing(path).hint("name the bundle, NAME-N.json or NAME-destruction.json"))?;
    let signature = with_suffix(path, ".sig");
    let signature = read(&signature, SMALL)?.ok_or_else(|| {
        missing(&signature).hint("a report is a bundle NAME-N.json and its signature NAME-N.json.sig: ask for both")
    })?;
    Ok((bytes, String::from_utf8_lossy(&signature).into_owned()))
}

/// Reads a file; `None` if there is none.
fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
    let failed = |error: &std::io::Error| Failure::io(format!("read {}", path.display()), error);
    if path.metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    // A pipe beside a report must not hold the verification up.
    let (file, _) = open_found(path, true)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    if bytes.len() as u64 > limit {
        return Err(Failure::new(Exit::Damaged, "damaged", format!("cannot verify {}", path.display()))
            .cause("it is longer than such a file may be"));
    }
    Ok(Some(bytes))
}

fn read_keys(path: &Path) -> Result<(String, Vec<AllowedKey>), Failure> {
    let name = path.display().to_string();
    let bytes = read(path, SMALL)?.ok_or_else(|| {
        Failure::new(Exit::NotFound, "not-found", format!("cannot read {name}")).cause("there is no such file")
    })?;
    let keys = keys_in(&String::from_utf8_lossy(&bytes));
    if keys.is_empty() {
        return Err(Failure::new(Exit::Usage, "bad-key", format!("{name} holds no key for reports"))
            .cause("it has no line with an Ed25519 key in OpenSSH's form")
            .hint("name the file NAME.allowed that you got with the contract"));
    }
    Ok((name, keys))
}

/// Tells how the key that signed is known.
fn check_key(
    signer: &PublicKey,
    announced_by: Option<PublicKey>,
    (name, made): (&str, Timestamp),
    among: &str,
    keys: &[AllowedKey],
) -> Result<KeyKnown, Refusal> {
    if keys.iter().any(|key| key.lets(signer, name, made)) {
        return Ok(KeyKnown::Known);
    }
    if announced_by.is_some_and(|earlier| keys.iter().any(|key| key.lets(&earlier, name, made))) {
        return Ok(KeyKnown::Announced);
    }
    Err(Refusal::OtherKey { signed: signer.fingerprint(), among: among.into() })
}

fn refused(path: &Path, refusal: &Refusal) -> Failure {
    let what = format!("{} is refused", path.display());
    let (exit, kind, hint) = match refusal {
        Refusal::Form(FormatError::Version { .. }) => {
            (Exit::Failed, "unsupported-version", "use a newer version of Strongroom")
        }
        Refusal::Form(_) => (Exit::Damaged, "damaged", "ask whoever sent it for the original files"),
        Refusal::Signature(_) | Refusal::NamesOtherKey { .. } => {
            (Exit::Damaged, "bad-signature", "ask whoever sent it for the original files")
        }
        Refusal::OtherKey { .. } => (
            Exit::Damaged,
            "other-key",
            "ask whoever signed it, in another way than the report came, whether the key is theirs",
        ),
        Refusal::Page { .. } => {
            (Exit::Damaged, "page-differs", "believe the bundle, which is signed, and not the page")
        }
        Refusal::Inconsistent(_) | Refusal::Entry { .. } => {
            (Exit::Damaged, "report-altered", "whoever signed it signed a report that contradicts itself: ask why")
        }
        Refusal::DoesNotFollow(_) => {
            (Exit::Damaged, "report-does-not-follow", "keep both reports, and ask whoever signed them why they differ")
        }
    };
    Failure::new(exit, kind, what).cause(refusal.to_string()).hint(hint)
}
