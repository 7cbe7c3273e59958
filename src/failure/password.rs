//! What keeps a password from being read, in words.

use super::{Exit, Failure};
use crate::password::SourceError;

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let cause = error.to_string();
        match error {
            SourceError::File { path, source } => {
                Self::io(format!("read the password file {}", path.display()), &source)
            }
            SourceError::Descriptor { number, source } => {
                Self::io(format!("read the password from file descriptor {number}"), &source)
                    .hint("open it for reading, as in: strongroom ... --password-fd 3 3< FILE")
            }
            SourceError::Command(source) => Self::io("run the password command", &source),
            SourceError::CommandFailed(_) => Self::new(Exit::Failed, "password-command", "cannot get the password")
                .cause(cause)
                .hint("run the command by itself to see why"),
            SourceError::Dialog { program, variable, .. } => {
                let message = format!("cannot ask for the password with {}", program.display());
                Self::new(Exit::Failed, "password-dialog", message)
                    .cause(cause)
                    .hint(format!("correct {variable}, or give --password-file, --password-fd or --password-command"))
            }
        }
    }
}
