//! The terminal while the screen has it. It is given back as it was, however the screen ends: by leaving, by an error, or by
//! a panic, whose words are kept until they can be read.

use std::io::{Stdout, Write, stdout};
use std::panic::PanicHookInfo;
use std::sync::{Mutex, PoisonError};

use crossterm::{
    cursor::Show,
    event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange},
    execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::{Terminal, backend::CrosstermBackend};

use crate::exit::{Exit, Failure};

/// What panicked while the screen was up. The core survives a task that dies, so such words must not go to the screen.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// The terminal, taken over.
pub struct Taken {
    /// What is drawn on.
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
    hook: Option<Hook>,
}

impl Taken {
    /// Takes the terminal over.
    pub fn take() -> Result<Self, Failure> {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|panic| {
            PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(panic.to_string());
        }));
        let entered = enable_raw_mode()
            .and_then(|()| execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange))
            .and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        match entered {
            Ok(terminal) => Ok(Self { terminal, hook: Some(hook) }),
            Err(_) => {
                give_back(Some(hook));
                Err(Failure::new(Exit::Failed, "output", "The terminal cannot be used for the screen."))
            }
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back(self.hook.take());
    }
}

fn give_back(hook: Option<Hook>) {
    // Whatever of this fails, the rest may still work; nobody could be told.
    let _ = execute!(stdout(), DisableFocusChange, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    // A hook cannot be replaced while it runs, which is when a panic unwinds through here.
    if let Some(hook) = hook.filter(|_| !std::thread::panicking()) {
        std::panic::set_hook(hook);
    }
    for panic in PANICS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = writeln!(std::io::stderr(), "beistand: {panic}");
    }
}
