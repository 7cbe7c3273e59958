//! Secrets, without what they hold or with it.

use serde::Serialize;
use zeroize::Zeroizing;

use super::copied::CopiedField;
use crate::cli::layout::table;
use crate::format::name::printable;
use crate::format::secret::SecretValue;
use crate::format::{SecretId, Timestamp};
use crate::vault::SecretInfo;
use crate::words::{Words, command, counted, words};

/// A secret without what it holds.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Secret {
    /// The secret's name.
    pub secret: String,
    /// Its id, which it keeps when it is renamed.
    pub id: SecretId,
    /// The project that it belongs to; `null` for none.
    pub project: Option<String>,
    /// What kind of secret it is; may be empty.
    pub kind: String,
    /// The account; may be empty.
    pub user: String,
    /// Where it is used.
    pub urls: Vec<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What it was imported from; may be empty.
    pub from: String,
    /// When it was last changed.
    pub changed: Timestamp,
    /// How many versions of it there are.
    pub versions: usize,
    /// Two computers changed it separately: the later change is shown, and the other one is in its history.
    pub changed_apart: bool,
}

impl From<&SecretInfo> for Secret {
    fn from(secret: &SecretInfo) -> Self {
        Self {
            secret: secret.name.clone(),
            id: secret.id,
            project: secret.project.clone(),
            kind: secret.kind.clone(),
            user: secret.user.clone(),
            urls: secret.urls.clone(),
            tags: secret.tags.clone(),
            from: secret.from.clone(),
            changed: secret.changed,
            versions: secret.versions.len(),
            changed_apart: secret.is_changed_apart(),
        }
    }
}

impl Secret {
    /// Returns the texts by which a secret is found.
    pub fn texts(secret: &SecretInfo) -> impl Iterator<Item = &str> {
        let one = [&secret.name, &secret.user].into_iter().chain(&secret.project);
        one.chain(&secret.urls).chain(&secret.tags).map(String::as_str)
    }
}

/// Lists secrets.
pub fn secrets_text(secrets: &[Secret]) -> String {
    if secrets.is_empty() {
        return "no secrets".into();
    }
    let rows = secrets.iter().map(|secret| {
        let apart = if secret.changed_apart { " (on two computers: see its history)" } else { "" };
        let project = secret.project.clone().unwrap_or_default();
        let address = secret.urls.first().cloned().unwrap_or_default();
        vec![secret.secret.clone(), project, secret.user.clone(), address, format!("{}{apart}", secret.changed)]
    });
    table(&["SECRET", "PROJECT", "USER", "ADDRESS", "CHANGED"], rows.collect())
}

/// The versions of a secret.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SecretHistory {
    /// The secret's name.
    pub secret: String,
    /// Its versions, the oldest first.
    pub versions: Vec<SecretVersion>,
}

/// A version of a secret.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SecretVersion {
    /// Counts from 1, the oldest.
    pub version: usize,
    /// When it was made.
    pub made: Timestamp,
    /// The account; may be empty.
    pub user: String,
    /// Whether it is the one that is shown.
    pub current: bool,
    /// Whether another version replaces it. If several do not, two computers changed the secret separately.
    pub replaced: bool,
}

impl From<&SecretInfo> for SecretHistory {
    fn from(secret: &SecretInfo) -> Self {
        let versions = secret.versions.iter().enumerate().map(|(index, version)| SecretVersion {
            version: index + 1,
            made: version.made,
            user: version.user.clone(),
            current: version.current,
            replaced: !version.is_head,
        });
        Self { secret: secret.name.clone(), versions: versions.collect() }
    }
}

impl SecretHistory {
    /// Lists the versions.
    pub fn text(&self) -> String {
        let rows = self.versions.iter().map(|version| {
            let state = match (version.current, version.replaced) {
                (true, _) => "current",
                (false, true) => "earlier",
                (false, false) => "changed on another computer",
            };
            vec![version.version.to_string(), version.made.to_string(), version.user.clone(), state.to_owned()]
        });
        table(&["VERSION", "MADE", "USER", "STATE"], rows.collect())
    }
}

/// One field of a secret.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShownField<'a> {
    /// The secret's name.
    pub secret: &'a str,
    /// The field's name.
    pub field: &'a str,
    /// What it holds.
    pub value: &'a str,
}

impl ShownField<'_> {
    /// Returns what is shown of it if it is copied.
    pub fn copied(&self, seconds: Option<u32>) -> CopiedField<'_> {
        CopiedField { secret: self.secret, field: self.field, seconds }
    }

    /// Returns how long its line of JSON may get: as long as where each byte is escaped.
    pub fn room(&self) -> usize {
        6 * (self.secret.len() + self.field.len() + self.value.len()) + 64
    }
}

/// A secret and what it holds.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShownSecret<'a> {
    /// The secret without what it holds.
    #[serde(flatten)]
    pub secret: Secret,
    /// What it holds, by field.
    pub fields: Vec<ShownPart<'a>>,
    /// The version that is shown, if one was asked for, and when it was made.
    #[serde(skip)]
    earlier: Option<(usize, Timestamp)>,
}

/// A field of a secret, and what it holds if that may be seen.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShownPart<'a> {
    /// Its name: `password`, `totp`, `note`, or the user's own.
    pub field: &'a str,
    /// Whether it is shown only if it is asked for.
    pub hidden: bool,
    /// What it holds; left out if it is hidden and --reveal was not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<&'a str>,
}

impl<'a> ShownSecret<'a> {
    /// Takes what a secret holds; hidden fields only if they are to be revealed.
    pub fn new(secret: &SecretInfo, value: &'a SecretValue, version: Option<usize>, reveal: bool) -> Self {
        let number = version.unwrap_or_default();
        let earlier =
            number.checked_sub(1).and_then(|at| secret.versions.get(at)).map(|version| (number, version.made));
        let known = [("password", &value.password), ("totp", &value.totp), ("note", &value.note)];
        let known = known.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text, true));
        let own = value.fields.iter().map(|field| (&*field.name, &field.value, field.hidden));
        let fields = known.chain(own).map(|(field, text, hidden)| ShownPart {
            field,
            hidden,
            value: (reveal || !hidden).then(|| text.expose()),
        });
        Self { secret: Secret::from(secret), fields: fields.collect(), earlier }
    }

    /// Returns how long its line of JSON may get.
    pub fn room(&self) -> usize {
        let values = self.fields.iter().map(|part| 6 * (part.field.len() + part.value.unwrap_or_default().len()) + 64);
        let Secret { secret, project, kind, user, urls, tags, from, .. } = &self.secret;
        let texts = [secret, kind, user, from].into_iter().chain(project).chain(urls).chain(tags);
        texts.map(|text| 6 * text.len() + 8).sum::<usize>() + values.sum::<usize>() + 512
    }

    /// Returns it in lines: what a person reads. Lines of a note stand below each other.
    pub fn text(&self) -> Zeroizing<String> {
        let Secret { secret, project, kind, user, urls, tags, changed, versions, .. } = &self.secret;
        let mut rows: Vec<(&str, Zeroizing<String>)> = Vec::new();
        let mut row = |name, text: String| {
            if !text.is_empty() {
                rows.push((name, Zeroizing::new(text)));
            }
        };
        row("secret", secret.clone());
        row("project", project.clone().unwrap_or_default());
        row("kind", kind.clone());
        row("user", user.clone());
        row("urls", urls.join("\n"));
        row("tags", tags.join(", "));
        match self.earlier {
            None => row("changed", format!("{changed} (version {versions})")),
            Some((number, made)) => row("version", format!("{number} of {versions}, made {made}")),
        }
        for part in &self.fields {
            row(part.field, part.value.map_or_else(|| "hidden".to_owned(), str::to_owned));
        }
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) + 2;
        let room = rows.iter().map(|(_, text)| 2 * text.len() + (width + 1) * (text.lines().count() + 1) * 2).sum();
        let mut shown = Zeroizing::new(String::with_capacity(room));
        for (name, text) in &rows {
            for (number, line) in text.lines().enumerate() {
                let name = if number == 0 { printable(name) } else { String::new() };
                shown.push_str(&name);
                shown.extend(std::iter::repeat_n(' ', width.saturating_sub(name.chars().count())));
                shown.push_str(&Zeroizing::new(printable(line)));
                shown.push('\n');
            }
        }
        shown
    }
}

/// A one-time code.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OneTimeCode<'a> {
    /// The secret's name.
    pub secret: &'a str,
    /// The code of now.
    pub code: &'a str,
    /// For how many seconds it is still valid.
    pub seconds_left: u64,
}

impl OneTimeCode<'_> {
    /// Returns how long its line of JSON may get.
    pub fn room(&self) -> usize {
        6 * self.secret.len() + self.code.len() + 96
    }
}

/// What was written to a file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExportedSecrets {
    /// The file.
    pub file: String,
    /// How many secrets are in it.
    pub secrets: usize,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The project whose key it is encrypted with; `null` if it is not.
    pub project: Option<String>,
}

impl ExportedSecrets {
    /// Says what is in the file.
    pub fn text(&self) -> Words {
        let Self { file, secrets, project, .. } = self;
        let count = counted(*secrets, "secret");
        match project {
            Some(project) => words![
                format!("{count} written to {file}, encrypted with the key of project {project}: "),
                command("decrypt").arg(file),
                " opens it"
            ],
            None => format!(
                "{count} written to {file}, unencrypted: whoever gets the file has them all. Delete it as soon as you can"
            )
            .into(),
        }
    }
}

/// What an import has added, or would add.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImportedSecrets {
    /// The exported file, which still holds all secrets.
    pub file: String,
    /// What exported it.
    pub format: &'static str,
    /// The project that the added secrets belong to; `null` for none.
    pub project: Option<String>,
    /// The secrets that are added, by their names in the vault.
    pub added: Vec<String>,
    /// Items that were imported before, by the names of their secrets.
    pub known: Vec<String>,
    /// What is not taken over.
    pub skipped: Vec<SkippedInImport>,
    /// Whether they were added; not with --dry-run, or if there is nothing to add.
    pub written: bool,
    /// Whether the secrets in the file are encrypted.
    #[serde(skip)]
    pub is_encrypted: bool,
}

/// Something that is not taken over.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SkippedInImport {
    /// The item's name.
    pub item: String,
    /// What of it: the item as a whole, a field, an attachment.
    pub what: String,
    /// Why.
    pub reason: String,
}

impl ImportedSecrets {
    /// Says what is to be added.
    pub fn plan(&self) -> Words {
        let Self { file, format, added, known, skipped, .. } = self;
        let mut text = format!("{file} (exported by {format}): {} to add", counted(added.len(), "secret"));
        if !known.is_empty() {
            text += &format!(", {} imported before", known.len());
        }
        let rows =
            skipped.iter().map(|skipped| vec![skipped.item.clone(), skipped.what.clone(), skipped.reason.clone()]);
        if !skipped.is_empty() {
            text += &format!("\nnot taken over:\n{}", table(&["ITEM", "WHAT", "WHY"], rows.collect()));
        }
        text.into()
    }

    /// Says what was added, or would be.
    pub fn text(&self) -> Words {
        let mut text = self.plan();
        if !self.written {
            let names = self.added.iter().map(|name| printable(name)).collect::<Vec<_>>().join("\n  ");
            if !names.is_empty() {
                text += format!("\nwould add:\n  {names}");
            }
            return text + "\nnothing was changed";
        }
        let (count, file) = (counted(self.added.len(), "secret"), &self.file);
        let note = match self.is_encrypted {
            false => format!("{file} still holds all of them unencrypted: delete it, and empty the trash"),
            true => format!("{file} still holds all of them: delete it if you do not need it any more"),
        };
        let text = text + words![format!("\nadded {count}: see them with "), command("secret list")];
        let text = match self.project {
            Some(_) => text,
            None => {
                text + words![
                    "\nnote: they belong to no project, so that destroying a project does not delete them; to give a secret to \
                     a project: ",
                    command("secret move NAME --project PROJECT")
                ]
            }
        };
        text + format!("\nnote: {note}")
    }
}

/// How many versions were deleted.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PrunedSecrets {
    /// How many.
    pub deleted: usize,
}
