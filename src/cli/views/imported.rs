//! Files that another program encrypted and `strongroom import` took over.

use serde::Serialize;

use crate::format::name::printable;
use crate::words::counted;

/// What `import` did.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImportedFiles {
    /// The files.
    pub files: Vec<ImportedFile>,
    /// The archives, each of which became a folder.
    pub folders: Vec<ImportedFolder>,
    /// `false` with `--dry-run`.
    pub written: bool,
    /// What is left to be deleted, once the imported files have been opened.
    pub clean_up: Vec<CleanUp>,
}

/// A file that was imported, or opened to see that it can be.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImportedFile {
    /// The old encrypted file.
    pub input: String,
    /// The new encrypted file.
    pub output: String,
    /// Length of the plaintext, in bytes.
    pub bytes: u64,
    /// The project's name; `null` with `--dry-run`.
    pub project: Option<String>,
    /// The version of the project's key; `null` with `--dry-run`.
    pub key_version: Option<u32>,
    /// How it was encrypted.
    pub scheme: &'static str,
    /// The mode of AES, or what else the scheme encrypts with.
    pub mode: &'static str,
    /// What is where in the old file.
    pub layout: String,
    /// How the key was made of the old secret.
    pub key: String,
    /// The keys that were tried, the right one among them.
    pub tried: Vec<String>,
    /// What proved the key: `tag`, `verifier` (of an Office file), `sha256`, `content`, or `confirmed` by the user alone.
    pub proof: &'static str,
    /// What the content was recognized as, if that is the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<&'static str>,
    /// Whether the old file does not prove by itself that nobody had altered it.
    pub unauthenticated_source: bool,
    /// How many zeros were cut off the end, if zeros fill the last block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zeros_cut: Option<usize>,
}

/// An archive that became a folder, or was read to see that it can.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImportedFolder {
    /// The archive.
    pub input: String,
    /// The folder.
    pub output: String,
    /// The project's name; `null` with `--dry-run`.
    pub project: Option<String>,
    /// The version of the project's key; `null` with `--dry-run`.
    pub key_version: Option<u32>,
    /// What kind of archive it is.
    pub scheme: &'static str,
    /// How the key was made of the old password.
    pub key: String,
    /// The files in it.
    pub files: Vec<ImportedMember>,
}

/// A file of an archive.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImportedMember {
    /// Its path in the archive.
    pub name: String,
    /// The new encrypted file.
    pub output: String,
    /// Length of the plaintext, in bytes.
    pub bytes: u64,
    /// How it was encrypted; `none` if it was not.
    pub protection: &'static str,
    /// What proved it: `tag`, `crc`, or `none` if it was not encrypted.
    pub proof: &'static str,
    /// Whether it does not prove by itself that nobody had altered it.
    pub unauthenticated_source: bool,
}

/// Something that is left of the old encryption.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CleanUp {
    /// What it is.
    pub what: &'static str,
    /// Where it is.
    pub path: String,
    /// The command that deletes it.
    pub command: String,
}

/// What a file looks like.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DetectedFile {
    /// The file.
    pub file: String,
    /// The scheme that it begins like; `null` if its bytes do not say.
    pub scheme: Option<&'static str>,
    /// What it looks like, in words.
    pub looks_like: &'static str,
    /// How a key would be made of the old secret if no flag says more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tries: Vec<String>,
}

impl ImportedFiles {
    /// Says what was imported, how, and what is left.
    pub fn text(&self) -> String {
        let mut lines: Vec<String> = self.files.iter().map(|file| file.text(self.written)).collect();
        lines.extend(self.folders.iter().map(|folder| folder.text(self.written)));
        if !self.clean_up.is_empty() {
            lines.push("\nleft to clean up, once you have opened the imported files:".into());
            lines.extend(self.clean_up.iter().map(|left| format!("  {}: {}", left.what, left.command)));
        }
        lines.join("\n")
    }
}

impl ImportedFile {
    fn text(&self, written: bool) -> String {
        let input = printable(&self.input);
        let head = match (&self.project, self.key_version) {
            (Some(project), Some(version)) if written => {
                format!(
                    "{input} -> {} (project {}, key version {version})",
                    printable(&self.output),
                    printable(project)
                )
            }
            _ => format!("{input} opens; it would become {}", printable(&self.output)),
        };
        let tried = match self.tried.len() {
            0 | 1 => String::new(),
            count => format!(" (of {count} tried)"),
        };
        let proof = match (self.proof, self.content) {
            ("tag", _) => "its tag".to_owned(),
            ("verifier", _) => "its verifier".to_owned(),
            ("sha256", _) => "the SHA-256 that you gave".to_owned(),
            ("content", Some(content)) => format!("its content: {content}"),
            _ => "your word alone".to_owned(),
        };
        let how = [self.scheme, self.mode, &self.layout].join(", ");
        let mut text = format!("{head}\n  {how}; opened by the secret {}{tried}", self.key);
        text += &format!("\n  {}, proven by {proof}", counted(self.bytes, "byte"));
        if self.unauthenticated_source {
            text += "; unauthenticated source: nothing shows whether the old file was altered";
        }
        if let Some(count) = self.zeros_cut {
            text += &format!("\n  cut off the end: {}", counted(count, "zero"));
        }
        text
    }
}

/// How many names of files that were not encrypted are shown.
const NAMES_SHOWN: usize = 5;

impl ImportedFolder {
    fn text(&self, written: bool) -> String {
        let (input, output) = (printable(&self.input), printable(&self.output));
        let head = match (&self.project, self.key_version) {
            (Some(project), Some(version)) if written => {
                format!("{input} -> {output} (project {}, key version {version})", printable(project))
            }
            _ => format!("{input} opens; it would become the folder {output}"),
        };
        let encrypted = self.files.iter().filter(|file| file.protection != "none");
        let mut protections: Vec<&str> = encrypted.map(|file| file.protection).collect();
        protections.sort_unstable();
        protections.dedup();
        let bytes: u64 = self.files.iter().map(|file| file.bytes).sum();
        let is_open = |file: &&ImportedMember| file.proof == "none" && file.bytes > 0;
        let how = [self.scheme, &protections.join(" and ")].join(", ");
        let mut text = format!("{head}\n  {how}; opened by the secret {}", self.key);
        text += &format!("\n  {}, {}", counted(self.files.len(), "file"), counted(bytes, "byte"));
        let open: Vec<&ImportedMember> = self.files.iter().filter(is_open).collect();
        if !open.is_empty() {
            let shown: Vec<String> =
                open.iter().take(NAMES_SHOWN).map(|file| printable(&file.name).to_string()).collect();
            let more = if open.len() > NAMES_SHOWN { ", ..." } else { "" };
            text += &format!(
                "\n  not encrypted in the archive: {} ({}{more})",
                counted(open.len(), "file"),
                shown.join(", ")
            );
        }
        if self.files.iter().any(|file| file.unauthenticated_source && file.bytes > 0) {
            text += "\n  unauthenticated source: nothing shows whether the archive was altered";
        }
        text
    }
}

impl DetectedFile {
    /// Says what it looks like.
    pub fn text(&self) -> String {
        match self.scheme {
            Some(scheme) => {
                let tries =
                    if self.tries.is_empty() { String::new() } else { format!("; tries {}", self.tries.join(" | ")) };
                format!("{}: {scheme} ({}{tries})", printable(&self.file), self.looks_like)
            }
            None => format!("{}: {}", printable(&self.file), self.looks_like),
        }
    }
}
