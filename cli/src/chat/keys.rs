//! What keys do, named once: the help line and the help show what stands here, and `state/` listens to nothing else.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::editor::{Editor, Motion};

macro_rules! listed {
    ($(#[$doc:meta])* $name:ident { $($member:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $($member),* }

        impl $name {
            /// All of them.
            #[cfg(test)]
            pub const ALL: [Self; [$(stringify!($member)),*].len()] = [$(Self::$member),*];
        }
    };
}

listed!(
    /// Something that a key does.
    Hint {
        Help, Quit, NextPane, New, Redraw, Choose, OpenChosen, Close, Reopen, Select, Page, Ends, Edit, TakeBack, Retry,
        Discard, Back, Send, NewLine, Words, DeleteWord, DeleteLine, NextField, ChooseValue, SendForm, Yes, No,
        CloseHelp, Attach, Detach, Save, CancelFetch, SaveHere, NextFile,
    }
);

listed!(
    /// A key or a pair of keys, as it is named to a person.
    Pressed {
        F1, CtrlC, CtrlL, CtrlN, CtrlS, CtrlW, CtrlUK, CtrlArrows, Tab, Escape, Enter, AltEnter, UpDown, LeftRight, Pages,
        Ends, Delete, C, E, N, R, Yes, CtrlO, Backspace, S, X,
    }
);

/// A key with what it does.
pub type Bound = (Pressed, Hint);

/// Keys that work wherever one is.
pub const EVERYWHERE: [Bound; 6] = [
    (Pressed::F1, Hint::Help),
    (Pressed::Tab, Hint::NextPane),
    (Pressed::CtrlN, Hint::New),
    (Pressed::Escape, Hint::Back),
    (Pressed::CtrlL, Hint::Redraw),
    (Pressed::CtrlC, Hint::Quit),
];

/// Keys of the list.
pub const IN_LIST: [Bound; 5] = [
    (Pressed::UpDown, Hint::Choose),
    (Pressed::Enter, Hint::OpenChosen),
    (Pressed::N, Hint::New),
    (Pressed::C, Hint::Close),
    (Pressed::C, Hint::Reopen),
];

/// Keys of the history.
pub const IN_HISTORY: [Bound; 11] = [
    (Pressed::UpDown, Hint::Select),
    (Pressed::Pages, Hint::Page),
    (Pressed::Ends, Hint::Ends),
    (Pressed::E, Hint::Edit),
    (Pressed::R, Hint::Retry),
    (Pressed::Delete, Hint::TakeBack),
    (Pressed::Delete, Hint::Discard),
    (Pressed::S, Hint::Save),
    (Pressed::X, Hint::CancelFetch),
    (Pressed::C, Hint::Close),
    (Pressed::C, Hint::Reopen),
];

/// Keys of the input.
pub const IN_INPUT: [Bound; 9] = [
    (Pressed::Enter, Hint::Send),
    (Pressed::AltEnter, Hint::NewLine),
    (Pressed::CtrlO, Hint::Attach),
    (Pressed::Backspace, Hint::Detach),
    (Pressed::UpDown, Hint::Select),
    (Pressed::Pages, Hint::Page),
    (Pressed::CtrlArrows, Hint::Words),
    (Pressed::CtrlW, Hint::DeleteWord),
    (Pressed::CtrlUK, Hint::DeleteLine),
];

/// Keys of the form.
pub const IN_FORM: [Bound; 4] = [
    (Pressed::CtrlS, Hint::SendForm),
    (Pressed::Tab, Hint::NextField),
    (Pressed::LeftRight, Hint::ChooseValue),
    (Pressed::Escape, Hint::Back),
];

/// Whether a key is pressed together with Ctrl and nothing else that matters.
pub fn is_ctrl(key: &KeyEvent, letter: char) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char(letter)
}

/// A letter without Ctrl or Alt.
pub fn letter(key: &KeyEvent) -> Option<char> {
    match key.code {
        KeyCode::Char(c) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => Some(c),
        _ => None,
    }
}

/// Whether a key asks for a new line: Alt or Shift with Enter, or Ctrl+J, which every terminal can tell apart.
pub fn is_new_line(key: &KeyEvent) -> bool {
    let with_enter = key.code == KeyCode::Enter && key.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SHIFT);
    with_enter || is_ctrl(key, 'j')
}

/// The editing keys, as in a shell or an editor. `false` if the key is none of them.
pub fn edit(editor: &mut Editor, key: &KeyEvent) -> bool {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let word = ctrl || alt;
    match key.code {
        KeyCode::Left if word => editor.go(Motion::WordLeft),
        KeyCode::Right if word => editor.go(Motion::WordRight),
        KeyCode::Left => editor.go(Motion::Left),
        KeyCode::Right => editor.go(Motion::Right),
        KeyCode::Home if ctrl => editor.go(Motion::Start),
        KeyCode::End if ctrl => editor.go(Motion::End),
        KeyCode::Home => editor.go(Motion::LineStart),
        KeyCode::End => editor.go(Motion::LineEnd),
        KeyCode::Backspace if word => editor.delete(Motion::WordLeft),
        KeyCode::Delete if word => editor.delete(Motion::WordRight),
        KeyCode::Backspace => editor.delete(Motion::Left),
        KeyCode::Delete => editor.delete(Motion::Right),
        // AltGr arrives as Ctrl and Alt together on some systems: then it is a letter like any other.
        KeyCode::Char(c) if ctrl == alt => editor.insert(c.encode_utf8(&mut [0; 4])),
        KeyCode::Char('a') if ctrl => editor.go(Motion::LineStart),
        KeyCode::Char('e') if ctrl => editor.go(Motion::LineEnd),
        KeyCode::Char('b') if ctrl => editor.go(Motion::Left),
        KeyCode::Char('f') if ctrl => editor.go(Motion::Right),
        KeyCode::Char('b') if alt => editor.go(Motion::WordLeft),
        KeyCode::Char('f') if alt => editor.go(Motion::WordRight),
        KeyCode::Char('d') if alt => editor.delete(Motion::WordRight),
        KeyCode::Char('h') if ctrl => editor.delete(Motion::Left),
        KeyCode::Char('d') if ctrl => editor.delete(Motion::Right),
        KeyCode::Char('w') if ctrl => editor.delete(Motion::WordLeft),
        KeyCode::Char('u') if ctrl => editor.delete(Motion::LineStart),
        KeyCode::Char('k') if ctrl => editor.delete(Motion::LineEnd),
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(editor: &mut Editor, code: KeyCode, modifiers: KeyModifiers) -> bool {
        edit(editor, &KeyEvent::new(code, modifiers))
    }

    #[test]
    fn the_editing_keys_are_those_of_a_shell() {
        let mut editor = Editor::words();
        editor.insert("Wo ist mein Paket?");
        assert!(press(&mut editor, KeyCode::Char('w'), KeyModifiers::CONTROL));
        assert_eq!(editor.text(), "Wo ist mein ");
        press(&mut editor, KeyCode::Char('a'), KeyModifiers::CONTROL);
        press(&mut editor, KeyCode::Char('d'), KeyModifiers::ALT);
        assert_eq!(editor.text(), " ist mein ");
        press(&mut editor, KeyCode::Char('k'), KeyModifiers::CONTROL);
        assert_eq!(editor.text(), "");
        press(&mut editor, KeyCode::Char('@'), KeyModifiers::CONTROL | KeyModifiers::ALT);
        assert_eq!(editor.text(), "@");
        assert!(!press(&mut editor, KeyCode::F(5), KeyModifiers::NONE));
    }
}
