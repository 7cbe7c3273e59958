//! The clipboard of Wayland, where the compositor lets programs without a window have it (data control).

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use wl_clipboard_rs::copy::{MimeType, Options, Source};
use wl_clipboard_rs::utils::is_primary_selection_supported;

use super::deadline::Deadline;
use super::said::NotHeld;
use crate::crypto::secret::SecretText;

/// Holds a text until it is time, or another program copies something; `begin` is called as soon as the text is there. The
/// compositor takes it off when this process ends, unless there is another by then. Returns why there is no such
/// clipboard, if there is none.
///
/// # Errors
/// Those of `begin`, and of the system.
pub fn hold(
    text: &SecretText,
    until: &Deadline,
    begin: impl FnOnce() -> Result<(), NotHeld>,
) -> Result<Option<String>, NotHeld> {
    let failed = |error: std::io::Error| NotHeld::Failed(error.to_string());
    let bytes = text.expose().as_bytes().into();
    // A program that asks for the text and does not read it stops this thread, and not the end.
    let (sender, events) = channel();
    let serve = move || {
        let mut options = Options::new();
        options.foreground(true).sensitive(true);
        match options.prepare_copy(Source::Bytes(bytes), MimeType::Text) {
            Ok(prepared) => {
                let _ = sender.send(None);
                let _ = prepared.serve();
            }
            Err(why) => {
                let _ = sender.send(Some(why.to_string()));
            }
        }
    };
    thread::Builder::new().name("wayland".into()).spawn(serve).map_err(failed)?;
    match events.recv() {
        Ok(None) => {}
        Ok(why @ Some(_)) => return Ok(why),
        Err(_) => return Ok(Some("it failed".into())),
    }
    // What the other thread has asked for is sent while this waits for the compositor.
    let _ = is_primary_selection_supported();
    begin()?;
    wait(&events, until);
    Ok(None)
}

/// Waits until it is time, or the other thread has ended, since there is nothing of it to hand out any more.
fn wait(events: &Receiver<Option<String>>, until: &Deadline) {
    while let Some(wait) = until.wait() {
        if events.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}
