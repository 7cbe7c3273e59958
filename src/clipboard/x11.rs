//! The clipboard of X11: the selection CLIPBOARD, owned as section 2 of the ICCCM describes. It is owned from a time of
//! the server's, and given up with that same time: a server ignores that if another program has taken it since.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use x11rb::connection::Connection;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConnectionExt as _, CreateWindowAux, EventMask, PropMode, SELECTION_NOTIFY_EVENT,
    SelectionNotifyEvent, SelectionRequestEvent, Timestamp, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{COPY_DEPTH_FROM_PARENT, COPY_FROM_PARENT, NONE};

use super::deadline::Deadline;
use super::said::NotHeld;
use crate::crypto::secret::SecretText;

/// What asks clipboard managers not to keep a text, if there is a target of this name with this content.
const HINT: &[u8] = b"secret";

x11rb::atom_manager! {
    Atoms: AtomCookies {
        CLIPBOARD,
        TARGETS,
        TIMESTAMP,
        UTF8_STRING,
        TEXT,
        PLAIN: b"text/plain",
        PLAIN_UTF8: b"text/plain;charset=utf-8",
        HINT: b"x-kde-passwordManagerHint",
    }
}

/// Holds a text until it is time, or another program copies something; `begin` is called as soon as the text is there.
///
/// # Errors
/// If there is no display, or it fails; those of `begin`.
pub fn hold(text: &SecretText, until: &Deadline, begin: impl FnOnce() -> Result<(), NotHeld>) -> Result<(), NotHeld> {
    let (connection, screen) = RustConnection::connect(None).map_err(no_display)?;
    let failed = |trouble: Trouble| NotHeld::Failed(trouble.0);
    let owner = Owner::new(&connection, screen, text).map_err(failed)?;
    begin()?;
    owner.serve(until).map_err(failed)
}

fn no_display(error: ConnectError) -> NotHeld {
    NotHeld::NoDisplay(match error {
        ConnectError::DisplayParsingError(_) => "DISPLAY names none".into(),
        ConnectError::IoError(error) => crate::disk::plain(&error),
        other => other.to_string(),
    })
}

/// What went wrong between this process and the server.
struct Trouble(String);

macro_rules! troubles {
    ($($error:ty),*) => {
        $(impl From<$error> for Trouble {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        })*
    };
}

troubles!(ConnectionError, ReplyError, ReplyOrIdError, rustix::io::Errno);

/// The owner of the clipboard.
struct Owner<'a> {
    connection: &'a RustConnection,
    atoms: Atoms,
    since: Timestamp,
    text: &'a SecretText,
}

impl<'a> Owner<'a> {
    /// Takes the clipboard.
    fn new(connection: &'a RustConnection, screen: usize, text: &'a SecretText) -> Result<Self, Trouble> {
        let atoms = Atoms::new(connection)?.reply()?;
        let root = connection.setup().roots.get(screen).ok_or_else(|| Trouble("it has no screen".into()))?.root;
        let window = connection.generate_id()?;
        let attributes = CreateWindowAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        let class = WindowClass::COPY_FROM_PARENT;
        connection.create_window(
            COPY_DEPTH_FROM_PARENT,
            window,
            root,
            0,
            0,
            1,
            1,
            0,
            class,
            COPY_FROM_PARENT,
            &attributes,
        )?;
        let since = now(connection, window)?;
        connection.set_selection_owner(window, atoms.CLIPBOARD, since)?;
        if connection.get_selection_owner(atoms.CLIPBOARD)?.reply()?.owner != window {
            return Err(Trouble("another program copies at the same time".into()));
        }
        Ok(Self { connection, atoms, since, text })
    }

    /// Hands out the text until it is time, or another program has taken the clipboard.
    fn serve(&self, until: &Deadline) -> Result<(), Trouble> {
        loop {
            while let Some(event) = self.connection.poll_for_event()? {
                match event {
                    Event::SelectionClear(cleared) if cleared.selection == self.atoms.CLIPBOARD => return Ok(()),
                    Event::SelectionRequest(request) => self.answer(&request)?,
                    // Also the error of a window that is gone before it is answered.
                    _ => {}
                }
            }
            let Some(wait) = until.wait() else { return self.give_up() };
            let wait = Timespec::try_from(wait).ok();
            match poll(&mut [PollFd::new(self.connection.stream(), PollFlags::IN)], wait.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives the clipboard up if it is still ours. If the process only ended, some clipboard managers would take that
    /// for a crash and bring the text back.
    fn give_up(&self) -> Result<(), Trouble> {
        self.connection.set_selection_owner(NONE, self.atoms.CLIPBOARD, self.since)?;
        Ok(self.connection.sync()?)
    }

    /// Answers a program that asks for the text, or which kinds of it there are.
    fn answer(&self, request: &SelectionRequestEvent) -> Result<(), Trouble> {
        // An old program names no property.
        let property = if request.property == NONE { request.target } else { request.property };
        let is_given =
            request.selection == self.atoms.CLIPBOARD && self.convert(request.requestor, property, request.target)?;
        let notice = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor: request.requestor,
            selection: request.selection,
            target: request.target,
            property: if is_given { property } else { NONE },
        };
        self.connection.send_event(false, request.requestor, EventMask::NO_EVENT, notice)?;
        Ok(self.connection.flush()?)
    }

    /// Writes the text, or what else is asked for, into another program's window; `false` if there is no such kind of it.
    fn convert(&self, window: Window, property: Atom, target: Atom) -> Result<bool, Trouble> {
        let atoms = &self.atoms;
        let text = self.text.expose().as_bytes();
        // This kind of text is in ISO Latin-1.
        let string = Some(Atom::from(AtomEnum::STRING)).filter(|_| text.is_ascii());
        let replace = PropMode::REPLACE;
        if target == atoms.TARGETS {
            let mut targets = vec![atoms.TARGETS, atoms.TIMESTAMP, atoms.UTF8_STRING, atoms.PLAIN_UTF8, atoms.TEXT];
            targets.extend(string);
            // After the kinds of text: some programs take the first one that they are offered.
            targets.extend([atoms.PLAIN, atoms.HINT]);
            self.connection.change_property32(replace, window, property, AtomEnum::ATOM, &targets)?;
        } else if target == atoms.TIMESTAMP {
            self.connection.change_property32(replace, window, property, AtomEnum::INTEGER, &[self.since])?;
        } else if target == atoms.HINT {
            self.connection.change_property8(replace, window, property, target, HINT)?;
        } else if target == atoms.TEXT {
            self.connection.change_property8(replace, window, property, atoms.UTF8_STRING, text)?;
        } else if [atoms.UTF8_STRING, atoms.PLAIN_UTF8, atoms.PLAIN].contains(&target) || Some(target) == string {
            self.connection.change_property8(replace, window, property, target, text)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

/// Returns the server's time, which it tells with each change of a property.
fn now(connection: &RustConnection, window: Window) -> Result<Timestamp, Trouble> {
    let name = AtomEnum::WM_NAME;
    connection.change_property8(PropMode::REPLACE, window, name, AtomEnum::STRING, b"strongroom")?;
    connection.flush()?;
    loop {
        if let Event::PropertyNotify(changed) = connection.wait_for_event()? {
            return Ok(changed.time);
        }
    }
}
