//! Errors, warnings, progress and generated passwords, which go with every result.

use serde::Serialize;

/// An error, a line on standard error.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReportedError<'a> {
    /// The exit code; of a file among several, the one it would have alone.
    pub code: u8,
    /// What to do, if that is known.
    pub hint: Option<String>,
    /// The kind of error, a stable word.
    pub kind: &'a str,
    /// What failed, and why.
    pub message: String,
    /// The keys that `import` has tried, in words that say nothing of the secret.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub tried: &'a [String],
}

/// A warning, a line on standard error.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Warning<'a> {
    /// What it warns of.
    pub message: &'a str,
    /// The kind of warning, a stable word.
    pub warning: &'a str,
}

/// Progress, a line on standard error with `--progress json`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProgressLine {
    /// How far the work is.
    pub progress: Progress,
}

/// How far the work is.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Progress {
    /// Files that are done.
    pub files_done: u64,
    /// Files in all.
    pub files: usize,
    /// Bytes that are done; of `rewrap`, files.
    pub bytes_done: u64,
    /// Bytes in all; `null` if nobody knows.
    pub bytes: Option<u64>,
}

/// A result of a command that may generate a master password.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WithPassword<'a, T> {
    /// The master password that was generated, if one was. It is shown this once.
    pub generated_password: Option<&'a str>,
    /// The result.
    #[serde(flatten)]
    pub result: T,
}
