//! What keys do, by what is on the screen and which part of it they go to.

use beistand_core::MessageState;
use crossterm::event::{KeyCode, KeyEvent};

use super::{Dialog, Focus, Screen, State};
use crate::chat::{
    event::Action,
    form::{Form, Pressed},
    help,
    history::Earlier,
    keys,
};

impl State {
    pub(super) fn press(&mut self, key: &KeyEvent) -> Vec<Action> {
        if keys::is_ctrl(key, 'c') {
            return self.press_quit();
        }
        if keys::is_ctrl(key, 'l') {
            return vec![Action::Redraw];
        }
        if self.areas().is_none() {
            // Nobody sees what a key would do.
            return Vec::new();
        }
        if let Some(dialog) = self.dialog.clone() {
            return self.press_in_dialog(&dialog, key);
        }
        self.notice = None;
        if key.code == KeyCode::F(1) {
            self.dialog = Some(Dialog::Help(0));
            return Vec::new();
        }
        if self.screen == Screen::Form {
            return self.press_in_form(key);
        }
        if keys::is_ctrl(key, 'n') {
            return self.begin_form();
        }
        if keys::is_ctrl(key, 'o') {
            self.begin_attach();
            return Vec::new();
        }
        match (key.code, self.focus) {
            (KeyCode::Tab, _) => self.turn(1),
            (KeyCode::BackTab, _) => self.turn(2),
            (_, Focus::List) => return self.press_in_list(key),
            (_, Focus::History) => return self.press_in_history(key),
            (_, Focus::Input) => return self.press_in_input(key),
        }
        Vec::new()
    }

    fn press_quit(&mut self) -> Vec<Action> {
        // Who asks twice means it.
        if self.dialog == Some(Dialog::Quit) || !self.has_unsent() {
            return vec![Action::Quit];
        }
        self.dialog = Some(Dialog::Quit);
        Vec::new()
    }

    fn press_in_dialog(&mut self, dialog: &Dialog, key: &KeyEvent) -> Vec<Action> {
        match dialog.clone() {
            Dialog::Attach(editor, _) => return self.press_in_attach(editor, key),
            Dialog::Save(at, editor, _) => return self.press_in_save(at, editor, key),
            _ => {}
        }
        let yes = matches!(keys::letter(key), Some('y' | 'Y' | 'j' | 'J'));
        let no = key.code == KeyCode::Esc || matches!(keys::letter(key), Some('n' | 'N' | 'q'));
        if let Dialog::Help(from) = dialog {
            let most = help::scrollable(self);
            let page = usize::from(self.size.1 / 2);
            match key.code {
                KeyCode::Esc | KeyCode::F(1) | KeyCode::Enter => self.dialog = None,
                KeyCode::Down => self.dialog = Some(Dialog::Help((from + 1).min(most))),
                KeyCode::Up => self.dialog = Some(Dialog::Help(from.saturating_sub(1).min(most))),
                KeyCode::PageDown => self.dialog = Some(Dialog::Help((from + page).min(most))),
                KeyCode::PageUp => self.dialog = Some(Dialog::Help(from.saturating_sub(page).min(most))),
                _ if no => self.dialog = None,
                _ => {}
            }
            return Vec::new();
        }
        if no {
            self.dialog = None;
        }
        if !yes {
            return Vec::new();
        }
        self.dialog = None;
        match dialog {
            Dialog::Quit => vec![Action::Quit],
            Dialog::TakeBack(id) => vec![Action::TakeBack(*id)],
            Dialog::Discard(id) => vec![Action::Discard(*id)],
            Dialog::Help(_) | Dialog::Attach(..) | Dialog::Save(..) => Vec::new(),
        }
    }

    pub(super) fn paste(&mut self, text: &str) -> Vec<Action> {
        match &mut self.dialog {
            Some(Dialog::Attach(editor, _) | Dialog::Save(_, editor, _)) => {
                editor.insert(text);
                return Vec::new();
            }
            Some(_) => return Vec::new(),
            None => {}
        }
        if self.screen == Screen::Form {
            if let Some(form) = &mut self.form {
                form.paste(text);
            }
            return Vec::new();
        }
        let Some(conversation) = self.history.conversation else { return Vec::new() };
        self.focus = Focus::Input;
        if let Some(compose) = self.compose_mut() {
            compose.editor.insert(text);
        }
        vec![Action::Typing(conversation, true)]
    }

    fn begin_form(&mut self) -> Vec<Action> {
        if self.form.is_none() {
            self.form = Some(Form::new(&self.config, self.words));
        }
        self.screen = Screen::Form;
        vec![Action::AskConfig]
    }

    fn press_in_form(&mut self, key: &KeyEvent) -> Vec<Action> {
        let columns = self.input_columns();
        let Some(form) = &mut self.form else {
            self.screen = Screen::Talk;
            return Vec::new();
        };
        if key.code == KeyCode::Esc {
            self.screen = Screen::Talk;
            if form.is_blank() {
                self.form = None;
            } else {
                self.notice = Some(self.words.saved_draft.to_owned());
            }
            return Vec::new();
        }
        match form.press(key, columns, self.words) {
            Pressed::Submit(draft) => vec![Action::Open(Box::new(draft))],
            Pressed::Handled => Vec::new(),
        }
    }

    /// Goes on to the next part of the screen.
    fn turn(&mut self, by: usize) {
        const PARTS: [Focus; 3] = [Focus::List, Focus::History, Focus::Input];
        if self.history.conversation.is_none() {
            self.focus = Focus::List;
            return;
        }
        let at = PARTS.iter().position(|part| *part == self.focus).unwrap_or(0);
        self.focus = PARTS[(at + by) % PARTS.len()];
        match self.focus {
            Focus::History => self.enter_history(),
            Focus::List | Focus::Input => self.history.selected = None,
        }
    }

    fn enter_history(&mut self) {
        self.focus = Focus::History;
        if self.history.selected.is_none() {
            self.history.select(-1);
        }
        self.show_selected();
    }

    fn show_selected(&mut self) {
        if let Some((rows, height)) = self.shown_rows() {
            self.history.show_selected(&rows, height);
        }
    }

    fn press_in_list(&mut self, key: &KeyEvent) -> Vec<Action> {
        let Some(list) = self.list.as_ref() else { return Vec::new() };
        let at = self.history.conversation.and_then(|id| list.iter().position(|conversation| conversation.id == id));
        let last = list.len().saturating_sub(1);
        let page = usize::from(self.size.1 / 4).max(1);
        let to = match (key.code, at) {
            (KeyCode::Up, Some(at)) => at.saturating_sub(1),
            (KeyCode::Down, Some(at)) => (at + 1).min(last),
            (KeyCode::PageUp, Some(at)) => at.saturating_sub(page),
            (KeyCode::PageDown, Some(at)) => (at + page).min(last),
            (KeyCode::Home, _) => 0,
            (KeyCode::End, _) => last,
            (KeyCode::Enter | KeyCode::Right, Some(at)) => {
                self.focus = Focus::Input;
                at
            }
            _ => {
                return match keys::letter(key) {
                    Some('n') => self.begin_form(),
                    Some('c') => self.close_or_reopen(),
                    Some('?') => {
                        self.dialog = Some(Dialog::Help(0));
                        Vec::new()
                    }
                    Some('q') => self.press_quit(),
                    _ => Vec::new(),
                };
            }
        };
        let id = list.get(to).map(|conversation| conversation.id);
        id.map_or_else(Vec::new, |id| self.look(id))
    }

    fn close_or_reopen(&mut self) -> Vec<Action> {
        let action = self.chosen().map(|conversation| match Self::is_done(conversation) {
            true => Action::Reopen(conversation.id),
            false => Action::Close(conversation.id),
        });
        action.into_iter().collect()
    }

    fn press_in_history(&mut self, key: &KeyEvent) -> Vec<Action> {
        match key.code {
            KeyCode::Up => {
                self.history.select(-1);
                self.show_selected();
                return if self.history.selected == self.history.messages.first().map(|first| first.id) {
                    self.load_earlier()
                } else {
                    Vec::new()
                };
            }
            KeyCode::Down => {
                if self.history.select(1) {
                    self.show_selected();
                } else {
                    self.leave_history();
                }
                return Vec::new();
            }
            KeyCode::Home => {
                self.history.selected = self.history.messages.first().map(|first| first.id);
                self.show_selected();
                return self.scroll(isize::MIN);
            }
            KeyCode::End => {
                self.history.selected = self.history.messages.last().map(|last| last.id);
                return self.scroll(isize::MAX);
            }
            KeyCode::PageUp => return self.page(-1),
            KeyCode::PageDown => return self.page(1),
            KeyCode::Esc => {
                self.leave_history();
                return Vec::new();
            }
            _ => {}
        }
        let own = self.history.selected().filter(|message| Self::is_own(message));
        match (keys::letter(key), key.code, own) {
            (Some('c'), ..) => self.close_or_reopen(),
            (Some('?'), ..) => {
                self.dialog = Some(Dialog::Help(0));
                Vec::new()
            }
            (Some('n'), ..) => self.begin_form(),
            (Some('s'), ..) => {
                self.begin_save(0);
                Vec::new()
            }
            (Some('x'), ..) => self.cancel_fetch(),
            (Some('r'), _, Some(message)) if Self::is_wedged(message) || message.state == MessageState::Queued => {
                vec![Action::Retry(message.id)]
            }
            (Some('e') | None, KeyCode::Char('e') | KeyCode::Enter, Some(message)) => {
                if let (id, Some(text)) = (message.id, message.text().map(str::to_owned)) {
                    if let Some(compose) = self.compose_mut() {
                        compose.edit(id, &text);
                    }
                    self.leave_history();
                }
                Vec::new()
            }
            (_, KeyCode::Delete | KeyCode::Backspace, Some(message)) | (Some('d'), _, Some(message)) => {
                let dialog = if Self::is_wedged(message) { Dialog::Discard } else { Dialog::TakeBack };
                self.dialog = Some(dialog(message.id));
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn leave_history(&mut self) {
        self.history.selected = None;
        self.focus = Focus::Input;
    }

    fn page(&mut self, by: isize) -> Vec<Action> {
        let height = self.shown_rows().map_or(1, |(_, height)| height);
        let step = isize::try_from(height.saturating_sub(2).max(1)).unwrap_or(1);
        self.scroll(by * step)
    }

    /// Scrolls by rows; at the top earlier messages are loaded.
    fn scroll(&mut self, by: isize) -> Vec<Action> {
        let Some((rows, height)) = self.shown_rows() else { return Vec::new() };
        let top = self.history.top(&rows, height);
        let to = top.saturating_add_signed(by);
        self.history.scroll_to(&rows, height, to);
        if by < 0 && to == 0 { self.load_earlier() } else { Vec::new() }
    }

    fn load_earlier(&mut self) -> Vec<Action> {
        if !self.history.has_earlier || self.history.earlier == Earlier::Loading {
            return Vec::new();
        }
        self.history.earlier = Earlier::Loading;
        vec![Action::LoadEarlier]
    }

    fn press_in_input(&mut self, key: &KeyEvent) -> Vec<Action> {
        let Some(conversation) = self.history.conversation else {
            self.focus = Focus::List;
            return Vec::new();
        };
        let columns = self.input_columns();
        match key.code {
            KeyCode::PageUp => return self.page(-1),
            KeyCode::PageDown => return self.page(1),
            _ => {}
        }
        let Some(compose) = self.compose_mut() else { return Vec::new() };
        let before = compose.editor.text().len();
        match key.code {
            KeyCode::Esc if compose.editing.is_some() => compose.leave_edit(),
            KeyCode::Esc => self.focus = Focus::List,
            KeyCode::Up if !compose.editor.go_rows(-1, columns) => self.enter_history(),
            KeyCode::Up => {}
            KeyCode::Down => {
                compose.editor.go_rows(1, columns);
            }
            _ if keys::is_new_line(key) => compose.editor.insert("\n"),
            KeyCode::Backspace if compose.editor.text().is_empty() => {
                compose.files.pop();
            }
            KeyCode::Enter => return self.send(),
            _ => {
                keys::edit(&mut compose.editor, key);
            }
        }
        let compose = self.composing.get(&conversation);
        let (length, new) =
            compose.map_or((0, false), |compose| (compose.editor.text().len(), compose.editing.is_none()));
        if length != before && new { vec![Action::Typing(conversation, length > 0)] } else { Vec::new() }
    }

    fn send(&mut self) -> Vec<Action> {
        let Some(conversation) = self.history.conversation else { return Vec::new() };
        let Some(compose) = self.compose_mut() else { return Vec::new() };
        if compose.editor.is_blank() && (compose.files.is_empty() || compose.editing.is_some()) {
            return Vec::new();
        }
        let action = match compose.editing {
            Some(message) => {
                let text = compose.editor.text().to_owned();
                compose.leave_edit();
                Action::Edit(conversation, message, text)
            }
            None => Action::Send(conversation, compose.editor.take(), std::mem::take(&mut compose.files)),
        };
        // Who writes has read.
        self.history.first_new = None;
        self.history.scroll = crate::chat::history::Scroll::End;
        vec![action, Action::Typing(conversation, false)]
    }
}
