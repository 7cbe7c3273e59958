//! What helps if the keychain cannot be used.

use std::io;

use super::permission_hint;
use crate::keychain::KeychainError;
use crate::words::{Words, command, words};

/// Says what helps.
pub(super) fn hint(error: &KeychainError) -> Words {
    let hint = match error {
        KeychainError::File { path, source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            return permission_hint(path);
        }
        KeychainError::Ambiguous { .. } => {
            return words!["let ", command("doctor --remove-duplicates"), " remove those that do not open"];
        }
        KeychainError::Locked { provider } => {
            return words![
                "unlock it in the desktop session, or run this at a terminal and answer its dialog; ",
                without_a_desktop(provider)
            ];
        }
        KeychainError::PromptDismissed { provider } => {
            return words![
                "run it again and answer the dialog; if no dialog appeared, as over ssh: ",
                without_a_desktop(provider)
            ];
        }
        KeychainError::NoBus => {
            "run it in a desktop session; a new or recovered vault can keep its key in a file: --keychain file"
        }
        KeychainError::NoService => {
            "start gnome-keyring, KWallet or KeePassXC; a new or recovered vault can keep its key in a file: \
             --keychain file"
        }
        KeychainError::ActivationStalled => "log in to the desktop again, or start the keychain service by hand",
        KeychainError::NoCollection { .. } => {
            "make a default keyring in the keychain's own program (Passwords and Keys, KWalletManager), then try again"
        }
        KeychainError::AsksFirst { .. } => "run it at a terminal, and answer the dialog of the keychain's own program",
        KeychainError::Unresponsive { .. } => {
            "look for an unlock dialog, or restart the keychain service; --keychain-timeout gives it longer"
        }
        KeychainError::Vanished { .. } => "start the keychain service again",
        KeychainError::Busy { .. } => "wait until the other strongroom is done, and run it again",
        KeychainError::TooLong { .. } => {
            "this is not an item of Strongroom's: remove it in the keychain's own program, or name where the key is \
             stored with --keychain"
        }
        KeychainError::File { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
            "name another file with --keychain file:PATH"
        }
        KeychainError::File { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            "nothing can be changed on this file system: put the key's file on another with --keychain file:PATH"
        }
        KeychainError::File { .. } => {
            "name the key's file with --keychain file:PATH, or move away what is in its place"
        }
        KeychainError::Rejected { .. } => {
            "look for the reason in the keychain's own program; a new or recovered vault can keep its key in a file: \
             --keychain file"
        }
    };
    hint.into()
}

/// Says what opens a locked keychain if there is no desktop to show its dialog.
fn without_a_desktop(provider: &str) -> &'static str {
    if provider == "gnome-keyring" {
        // The daemon takes its standard input up to the end, a line end included, as the password.
        "without a desktop this takes the keyring's password: (read -rs P; printf %s \"$P\" | gnome-keyring-daemon \
         --replace --unlock). A new or recovered vault can keep its key in a file instead: --keychain file"
    } else {
        "without a desktop, a new or recovered vault can keep its key in a file: --keychain file"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::IoAction;
    use crate::words::Flags;

    #[test]
    fn no_keychain_sends_its_user_to_doctor_which_would_send_it_back() {
        let provider = || "test".to_owned();
        let file =
            |kind: io::ErrorKind| KeychainError::File { action: IoAction::Read, path: "k".into(), source: kind.into() };
        for error in [
            KeychainError::NoBus,
            KeychainError::NoService,
            KeychainError::ActivationStalled,
            KeychainError::NoCollection { provider: provider() },
            KeychainError::Locked { provider: provider() },
            KeychainError::Locked { provider: "gnome-keyring".into() },
            KeychainError::PromptDismissed { provider: provider() },
            KeychainError::AsksFirst { provider: provider() },
            KeychainError::Unresponsive { provider: provider(), after: std::time::Duration::ZERO, writing: true },
            KeychainError::Vanished { provider: provider() },
            KeychainError::TooLong { length: 2, limit: 1 },
            KeychainError::Rejected { provider: provider(), reason: "why".into() },
            file(io::ErrorKind::AlreadyExists),
            file(io::ErrorKind::PermissionDenied),
            file(io::ErrorKind::ReadOnlyFilesystem),
            file(io::ErrorKind::Other),
        ] {
            let hint = hint(&error).with(&Flags::default());
            assert!(!hint.is_empty() && !hint.contains("strongroom doctor"), "{error:?}: {hint}");
        }
    }
}
