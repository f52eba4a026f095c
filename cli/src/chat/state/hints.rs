//! The keys that work right now, for the help line.

use super::{Dialog, Focus, Screen, State};
use crate::chat::keys::{Bound, Hint, Pressed};

impl State {
    /// The keys that work now, the most useful first.
    pub fn hints(&self) -> Vec<Bound> {
        let mut hints = match (&self.dialog, self.screen) {
            (Some(Dialog::Help(_)), _) => {
                return vec![(Pressed::Escape, Hint::CloseHelp), (Pressed::UpDown, Hint::Page)];
            }
            (Some(_), _) => return vec![(Pressed::Yes, Hint::Yes), (Pressed::Escape, Hint::No)],
            (None, Screen::Form) => self.form_hints(),
            (None, Screen::Talk) => match self.focus {
                Focus::List => self.list_hints(),
                Focus::History => self.history_hints(),
                Focus::Input => self.input_hints(),
            },
        };
        hints.extend([(Pressed::F1, Hint::Help), (Pressed::CtrlC, Hint::Quit)]);
        hints
    }

    fn form_hints(&self) -> Vec<Bound> {
        let mut hints = vec![(Pressed::CtrlS, Hint::SendForm), (Pressed::Tab, Hint::NextField)];
        let field = self.form.as_ref().and_then(|form| form.fields.get(form.at));
        if field.is_some_and(|field| matches!(field.input, crate::chat::form::Input::Chosen { .. })) {
            hints.insert(0, (Pressed::LeftRight, Hint::ChooseValue));
        }
        hints.push((Pressed::Escape, Hint::Back));
        hints
    }

    fn list_hints(&self) -> Vec<Bound> {
        let mut hints = Vec::new();
        if self.history.conversation.is_some() {
            hints.extend([(Pressed::Enter, Hint::OpenChosen), (Pressed::UpDown, Hint::Choose)]);
        }
        hints.push((Pressed::N, Hint::New));
        hints.extend(self.closing());
        hints
    }

    fn closing(&self) -> Option<Bound> {
        let done = Self::is_done(self.chosen()?);
        Some((Pressed::C, if done { Hint::Reopen } else { Hint::Close }))
    }

    fn history_hints(&self) -> Vec<Bound> {
        let mut hints = Vec::new();
        if let Some(message) = self.history.selected().filter(|message| Self::is_own(message)) {
            if Self::is_wedged(message) {
                hints.extend([(Pressed::R, Hint::Retry), (Pressed::E, Hint::Edit), (Pressed::Delete, Hint::Discard)]);
            } else {
                hints.extend([(Pressed::E, Hint::Edit), (Pressed::Delete, Hint::TakeBack)]);
            }
        }
        hints.extend([(Pressed::UpDown, Hint::Select), (Pressed::Escape, Hint::Back)]);
        hints.extend(self.closing());
        hints
    }

    fn input_hints(&self) -> Vec<Bound> {
        let mut hints = Vec::new();
        let compose = self.compose();
        if compose.is_some_and(|compose| !compose.editor.is_blank()) {
            hints.extend([(Pressed::Enter, Hint::Send), (Pressed::AltEnter, Hint::NewLine)]);
        }
        if compose.is_some_and(|compose| compose.editing.is_some()) {
            hints.push((Pressed::Escape, Hint::Back));
        } else if !self.history.messages.is_empty() {
            hints.push((Pressed::UpDown, Hint::Select));
        }
        hints.extend([(Pressed::Tab, Hint::NextPane), (Pressed::CtrlN, Hint::New)]);
        hints
    }
}
