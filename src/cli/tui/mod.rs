//! The screen that the program opens if it is started alone on a terminal. What is shown and what the keys do is decided
//! in `state`, which is pure, as is `draw`; here are the terminal, the clock and the thread that has the vault.

mod clipboard;
mod draw;
mod entry;
mod events;
mod input;
mod lists;
#[cfg(test)]
mod sample;
mod screen;
mod shown;
mod state;
mod typed_password;
mod worker;

use std::io::{self, IsTerminal, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGTSTP, SIGWINCH};
use signal_hook::low_level::pipe;

use clipboard::ThisClipboard;
use draw::Colours;
use events::{Effect, Event, Now};
use input::Input;
use screen::Screen;
use state::State;
use worker::{Events, Job, Worker};

use super::context::Context;
use super::flags::Global;
use crate::agent::watch::{Clock, Moment, ThisClock};
use crate::failure::Failure;
use crate::host::Host;

/// What is done while the terminal fails.
const SHOWING: &str = "show the screen";

/// Tells whether the screen can be shown, and these flags leave it its questions.
pub fn is_possible(global: &Global) -> bool {
    let Global { no_input, json, accept_rollback, password_file, password_fd, password_command, .. } = global;
    let has_source = password_file.is_some() || password_fd.is_some() || password_command.is_some();
    let can_draw = std::env::var_os("TERM").is_some_and(|terminal| !terminal.is_empty() && terminal != "dumb");
    let is_seen = || io::stdin().is_terminal() && io::stdout().is_terminal();
    !no_input && !json && !accept_rollback && !has_source && can_draw && is_seen()
}

/// Shows the screen until the user leaves it.
///
/// # Errors
/// Where the terminal fails.
pub fn run(context: Arc<Context>) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::io(SHOWING, &error);
    let place = context.store()?.file().display().to_string();
    let (woken, wake) = UnixStream::pair().map_err(failed)?;
    for end in [&woken, &wake] {
        end.set_nonblocking(true).map_err(failed)?;
    }
    let suspends = Arc::new(AtomicBool::new(false));
    pipe::register(SIGWINCH, wake.try_clone().map_err(failed)?).map_err(failed)?;
    signal_hook::flag::register(SIGTSTP, suspends.clone()).map_err(failed)?;
    pipe::register(SIGTSTP, wake.try_clone().map_err(failed)?).map_err(failed)?;
    let (events, arriving) = Events::new(wake);
    let worker = Worker::start(context.clone(), events, Box::new(ThisClipboard)).map_err(failed)?;
    let screen = Screen::open().map_err(failed)?;
    let (mut state, effects) = State::new(place, now(&context), screen.size().map_err(failed)?);
    state.flags = context.output.flags.clone();
    let colours = match std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) {
        true => Colours::Shown,
        false => Colours::None,
    };
    let mut shown = Shown { screen, state, worker, colours, suspends };
    for effect in effects {
        shown.apply(effect)?;
    }
    shown.draw().map_err(failed)?;
    shown.worker.look_around();
    let mut input = Input::new();
    loop {
        let wait = shown.state.next_tick().saturating_sub(now(&context).clock) + Duration::from_millis(1);
        let seen = wait_for_either(&woken, wait).map_err(failed)?;
        let mut happened = vec![Event::Tick(now(&context))];
        if seen.wake {
            drain(&woken);
            let (width, height) = shown.screen.size().map_err(failed)?;
            happened.push(Event::Resized(width, height));
        }
        happened.extend(arriving.try_iter());
        if shown.suspends.swap(false, Ordering::Relaxed) {
            happened.push(Event::Key(input::Key::Ctrl('z')));
        }
        for event in happened {
            if shown.handle(event)? == Next::Quit {
                return Ok(());
            }
        }
        if seen.input {
            let read = input.fill(|place| rustix::io::read(io::stdin(), place).map_err(io::Error::from));
            match read {
                // The terminal is gone.
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
            while let Some(key) = input.next_key() {
                if shown.handle(Event::Key(key))? == Next::Quit {
                    return Ok(());
                }
            }
        }
        shown.draw().map_err(failed)?;
    }
}

/// Returns the moment, on the clock that runs on while the computer sleeps.
fn now(context: &Context) -> Now {
    let Moment { boot, awake } = ThisClock.now();
    Now { clock: boot, slept: boot.saturating_sub(awake), today: context.host.now() }
}

#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Quit,
}

/// The screen, and what is behind it.
struct Shown {
    screen: Screen,
    state: State,
    worker: Worker,
    colours: Colours,
    /// Whether a signal has asked to suspend the program.
    suspends: Arc<AtomicBool>,
}

impl Shown {
    fn draw(&mut self) -> io::Result<()> {
        let (state, colours) = (&self.state, self.colours);
        self.screen.draw(|buffer| draw::draw(state, colours, buffer))
    }

    fn handle(&mut self, event: Event) -> Result<Next, Failure> {
        for effect in self.state.handle(event) {
            if self.apply(effect)? == Next::Quit {
                return Ok(Next::Quit);
            }
        }
        Ok(Next::GoOn)
    }

    fn apply(&mut self, effect: Effect) -> Result<Next, Failure> {
        let failed = |error: io::Error| Failure::io(SHOWING, &error);
        match effect {
            Effect::Quit => return Ok(Next::Quit),
            Effect::Redraw => self.screen.clear().map_err(failed)?,
            Effect::Suspend => {
                // What is hidden goes from the memory of what was drawn, too.
                self.draw().map_err(failed)?;
                self.screen.suspend().map_err(failed)?;
                // Its own signal has been listened for, too.
                self.suspends.store(false, Ordering::Relaxed);
            }
            Effect::Check(epoch) => self.worker.give(Job::Check(epoch))?,
            Effect::Unlock(epoch, password) => self.worker.give(Job::Unlock(epoch, password))?,
            Effect::Forget => self.worker.give(Job::Forget)?,
            Effect::Lock(epoch) => {
                self.worker.give(Job::Forget)?;
                self.worker.lock_agent(epoch);
            }
            Effect::Reveal(epoch, name) => self.worker.give(Job::Reveal(epoch, name))?,
            Effect::Copy(epoch, name) => self.worker.give(Job::Copy(epoch, name))?,
        }
        Ok(Next::GoOn)
    }
}

/// What there is to read.
struct Seen {
    input: bool,
    wake: bool,
}

/// Waits until there is something to read, at most so long. A signal ends the wait.
fn wait_for_either(woken: &UnixStream, wait: Duration) -> io::Result<Seen> {
    let stdin = io::stdin();
    let mut ends = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(woken, PollFlags::IN)];
    let wait = Timespec::try_from(wait).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
    match poll(&mut ends, Some(&wait)) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(Seen { input: false, wake: true }),
        Err(error) => return Err(error.into()),
    }
    let [input, wake] = ends.map(|end| !end.revents().is_empty());
    Ok(Seen { input, wake })
}

/// Takes what has woken the screen.
fn drain(mut woken: &UnixStream) {
    let mut bytes = [0; 64];
    while woken.read(&mut bytes).is_ok_and(|read| read > 0) {}
}
