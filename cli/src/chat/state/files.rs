//! Files: attaching them to what is written, saving those of others, and how far they have got.

use std::path::PathBuf;

use beistand_core::protocol::AttachmentId;
use beistand_core::{Attachment, AttachmentState};
use crossterm::event::{KeyCode, KeyEvent};

use super::{Dialog, Focus, State};
use crate::{
    chat::{
        editor::Editor,
        event::{Action, FileEvent},
        keys,
    },
    harmless,
};

impl State {
    pub(super) fn hear_file(&mut self, event: FileEvent) {
        match event {
            FileEvent::Checked(conversation, Ok(chosen)) => {
                if matches!(self.dialog, Some(Dialog::Attach(..))) {
                    self.dialog = None;
                }
                self.composing.entry(conversation).or_default().files.push(chosen);
            }
            FileEvent::Checked(_, Err(code)) => {
                let why = self.words.why(code);
                match &mut self.dialog {
                    Some(Dialog::Attach(_, fault)) => *fault = Some(why),
                    _ => self.notice = Some(why),
                }
            }
            FileEvent::Moved(id, transfer) if transfer.active => {
                self.transfers.insert(id, transfer);
            }
            FileEvent::Moved(id, _) => {
                self.transfers.remove(&id);
            }
            FileEvent::Saved(id, result) => {
                // One that was cancelled has nothing more to say.
                if self.fetching.remove(&id) {
                    self.notice = Some(match result {
                        Ok(place) => (self.words.saved)(&harmless::line(&place.display().to_string())),
                        Err(code) => self.words.why(code),
                    });
                }
            }
        }
    }

    /// Files that are or will soon be on their way.
    pub(super) fn moving(&self) -> Vec<Action> {
        let moving = |file: &&Attachment| matches!(file.state, AttachmentState::Waiting | AttachmentState::Uploading);
        let files = self.history.messages.iter().flat_map(|message| &message.attachments);
        let ids: Vec<AttachmentId> = files.filter(moving).map(|file| file.id).collect();
        if ids.is_empty() { Vec::new() } else { vec![Action::Follow(ids)] }
    }

    /// The files of the selected message.
    pub fn selected_files(&self) -> &[Attachment] {
        self.history.selected().map_or(&[], |message| &message.attachments)
    }

    pub(super) fn begin_attach(&mut self) {
        if self.history.conversation.is_some() && self.compose().is_none_or(|compose| compose.editing.is_none()) {
            self.focus = Focus::Input;
            self.dialog = Some(Dialog::Attach(Editor::line(), None));
        }
    }

    pub(super) fn begin_save(&mut self, at: usize) {
        if let Some(file) = self.selected_files().get(at) {
            let mut editor = Editor::line();
            editor.insert(&file.name);
            self.dialog = Some(Dialog::Save(at, editor, None));
        }
    }

    pub(super) fn cancel_fetch(&mut self) -> Vec<Action> {
        let ids: Vec<AttachmentId> = self.selected_files().iter().map(|file| file.id).collect();
        let fetched = ids.into_iter().filter(|id| self.fetching.remove(id));
        fetched.map(Action::CancelFetch).collect()
    }

    pub(super) fn press_in_attach(&mut self, mut editor: Editor, key: &KeyEvent) -> Vec<Action> {
        match (key.code, self.history.conversation) {
            (KeyCode::Esc, _) => self.dialog = None,
            (KeyCode::Enter, Some(conversation)) if !editor.is_blank() => {
                return vec![Action::CheckFile(conversation, editor.text().trim().to_owned())];
            }
            _ => {
                keys::edit(&mut editor, key);
                self.dialog = Some(Dialog::Attach(editor, None));
            }
        }
        Vec::new()
    }

    pub(super) fn press_in_save(&mut self, at: usize, mut editor: Editor, key: &KeyEvent) -> Vec<Action> {
        match key.code {
            KeyCode::Esc => self.dialog = None,
            KeyCode::Tab => self.begin_save((at + 1) % self.selected_files().len().max(1)),
            KeyCode::Enter if !editor.is_blank() => {
                self.dialog = None;
                if let Some(id) = self.selected_files().get(at).map(|file| file.id) {
                    self.fetching.insert(id);
                    return vec![Action::Follow(vec![id]), Action::Save(id, PathBuf::from(editor.text().trim()))];
                }
            }
            _ => {
                keys::edit(&mut editor, key);
                self.dialog = Some(Dialog::Save(at, editor, None));
            }
        }
        Vec::new()
    }
}
