//! What is being written in a conversation: a new message, or other words for one that is there.

use std::path::PathBuf;

use beistand_core::protocol::MessageId;

use crate::chat::editor::Editor;

/// A file that will be attached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chosen {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is called.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
}

/// The input of a conversation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compose {
    /// The words.
    pub editor: Editor,
    /// The files of the new message.
    pub files: Vec<Chosen>,
    /// The message that is being changed.
    pub editing: Option<MessageId>,
    /// The words of the new message, put aside while another one is changed.
    aside: String,
    /// The words of the message before they were changed.
    before: String,
}

impl Default for Compose {
    fn default() -> Self {
        Self { editor: Editor::words(), files: Vec::new(), editing: None, aside: String::new(), before: String::new() }
    }
}

impl Compose {
    /// Whether nothing would be lost.
    pub fn is_blank(&self) -> bool {
        let unchanged = self.editing.is_some() && self.editor.text() == self.before;
        self.files.is_empty() && self.aside.trim().is_empty() && (unchanged || self.editor.is_blank())
    }

    /// Begins to change a message.
    pub fn edit(&mut self, message: MessageId, text: &str) {
        if self.editing.is_none() {
            self.aside = self.editor.take();
        }
        self.editing = Some(message);
        self.editor.set(text);
        self.before = self.editor.text().to_owned();
    }

    /// Ends changing a message; what was put aside comes back.
    pub fn leave_edit(&mut self) {
        if self.editing.take().is_some() {
            let aside = std::mem::take(&mut self.aside);
            self.editor.set(&aside);
        }
    }

    /// Puts words that were not accepted back, in front of what was written since.
    pub fn put_back(&mut self, editing: Option<MessageId>, text: &str, files: Vec<Chosen>) {
        self.files.splice(0..0, files);
        match editing {
            Some(message) => {
                self.edit(message, text);
                // These words are nowhere else.
                self.before.clear();
            }
            None => {
                let since = self.editor.take();
                self.editor.insert(text);
                if !since.is_empty() {
                    self.editor.insert("\n");
                    self.editor.insert(&since);
                }
            }
        }
    }
}
