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
            (Some(Dialog::Attach(..)), _) => {
                return vec![(Pressed::Enter, Hint::Attach), (Pressed::Escape, Hint::Back)];
            }
            (Some(Dialog::Save(..)), _) => {
                let next = (self.selected_files().len() > 1).then_some((Pressed::Tab, Hint::NextFile));
                return [(Pressed::Enter, Hint::SaveHere), (Pressed::Escape, Hint::Back)]
                    .into_iter()
                    .chain(next)
                    .collect();
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
        if self.selected_files().iter().any(|file| self.fetching.contains(&file.id)) {
            hints.push((Pressed::X, Hint::CancelFetch));
        } else if !self.selected_files().is_empty() {
            hints.push((Pressed::S, Hint::Save));
        }
        hints.extend([(Pressed::UpDown, Hint::Select), (Pressed::Escape, Hint::Back)]);
        hints.extend(self.closing());
        hints
    }

    fn input_hints(&self) -> Vec<Bound> {
        let mut hints = Vec::new();
        let compose = self.compose();
        if compose.is_some_and(|compose| !compose.editor.is_blank() || !compose.files.is_empty()) {
            hints.extend([(Pressed::Enter, Hint::Send), (Pressed::AltEnter, Hint::NewLine)]);
        }
        if compose.is_some_and(|compose| compose.editing.is_some()) {
            hints.push((Pressed::Escape, Hint::Back));
        } else if !self.history.messages.is_empty() {
            hints.push((Pressed::UpDown, Hint::Select));
        }
        hints.extend([(Pressed::CtrlO, Hint::Attach), (Pressed::Tab, Hint::NextPane), (Pressed::CtrlN, Hint::New)]);
        hints
    }
}
