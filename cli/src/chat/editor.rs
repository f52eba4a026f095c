//! Text that is being written: where the cursor stands, and what the editing keys do to it. It moves by characters as
//! people see them, and by words.

use unicode_segmentation::UnicodeSegmentation;

use super::wrap;
use beistand_core::protocol::text;

/// A text and a cursor in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Editor {
    text: String,
    /// In bytes, always between two characters.
    cursor: usize,
    /// Whether line breaks have a place in it.
    several_lines: bool,
}

/// Where a cursor goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Motion {
    /// One character back.
    Left,
    /// One character on.
    Right,
    /// To the beginning of a word.
    WordLeft,
    /// To the end of a word.
    WordRight,
    /// To the beginning of the line.
    LineStart,
    /// To the end of the line.
    LineEnd,
    /// To the very beginning.
    Start,
    /// To the very end.
    End,
}

impl Editor {
    /// An empty text of one line.
    pub fn line() -> Self {
        Self::default()
    }

    /// An empty text of any number of lines.
    pub fn words() -> Self {
        Self { several_lines: true, ..Self::default() }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing visible is in it.
    pub fn is_blank(&self) -> bool {
        text::is_blank(&self.text)
    }

    /// Takes the text out.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Replaces the text; the cursor stands behind it.
    pub fn set(&mut self, text: &str) {
        self.take();
        self.insert(text);
    }

    /// Puts something in at the cursor. What a terminal would not show is left out.
    pub fn insert(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
        let text: String = text::clean(&text)
            .chars()
            .filter(|c| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
            .map(|c| if c == '\n' && !self.several_lines { ' ' } else { c })
            .collect();
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
        // What was put in may have joined the character behind it.
        self.cursor = self.boundary_at_or_after(self.cursor);
    }

    fn boundary_at_or_after(&self, at: usize) -> usize {
        self.text.grapheme_indices(true).map(|(start, _)| start).find(|start| *start >= at).unwrap_or(self.text.len())
    }

    fn target(&self, motion: Motion) -> usize {
        let (before, after) = self.text.split_at(self.cursor);
        match motion {
            Motion::Left => before.grapheme_indices(true).next_back().map_or(0, |(at, _)| at),
            Motion::Right => after.graphemes(true).next().map_or(self.cursor, |next| self.cursor + next.len()),
            Motion::WordLeft => before.unicode_word_indices().next_back().map_or(0, |(at, _)| at),
            Motion::WordRight => {
                after.unicode_word_indices().next().map_or(self.text.len(), |(at, word)| self.cursor + at + word.len())
            }
            Motion::LineStart => before.rfind('\n').map_or(0, |at| at + 1),
            Motion::LineEnd => after.find('\n').map_or(self.text.len(), |at| self.cursor + at),
            Motion::Start => 0,
            Motion::End => self.text.len(),
        }
    }

    /// Moves the cursor.
    pub fn go(&mut self, motion: Motion) {
        self.cursor = self.target(motion);
    }

    /// Takes out what lies between the cursor and where a motion would lead.
    pub fn delete(&mut self, motion: Motion) {
        let to = self.target(motion);
        let range = to.min(self.cursor)..to.max(self.cursor);
        self.cursor = range.start;
        self.text.replace_range(range, "");
    }

    /// The lines as they are shown at a width.
    pub fn rows(&self, columns: usize) -> Vec<&str> {
        wrap::ranges(&self.text, columns).into_iter().map(|range| &self.text[range]).collect()
    }

    /// Row and column of the cursor at a width.
    pub fn place(&self, columns: usize) -> (usize, usize) {
        let ranges = wrap::ranges(&self.text, columns);
        // At a soft break the cursor stands at the beginning of the next line.
        let row = ranges.iter().rposition(|range| range.start <= self.cursor).unwrap_or(0);
        let column =
            ranges.get(row).map_or(0, |range| wrap::width(&self.text[range.start..self.cursor.max(range.start)]));
        (row, column.min(columns.saturating_sub(1)))
    }

    /// Moves the cursor up or down by rows as they are shown; `false` if there is no such row.
    pub fn go_rows(&mut self, by: isize, columns: usize) -> bool {
        let ranges = wrap::ranges(&self.text, columns);
        let (row, column) = self.place(columns);
        let Some(range) = row.checked_add_signed(by).and_then(|row| ranges.get(row)) else { return false };
        let mut at = range.start;
        for character in self.text[range.clone()].graphemes(true) {
            if wrap::width(&self.text[range.start..at]) + wrap::width(character) > column {
                break;
            }
            at += character.len();
        }
        // The end of a soft line belongs to the next one: stay in front of it.
        if at == range.end && ranges.iter().any(|other| other.start == at && other != range) && at > range.start {
            at = self.text[..at].grapheme_indices(true).next_back().map_or(0, |(start, _)| start);
        }
        self.cursor = at;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Editor {
        let mut editor = Editor::words();
        editor.insert(text);
        editor
    }

    #[test]
    fn a_character_of_several_parts_goes_as_one() {
        let mut editor = written("ae\u{301}👩‍👩‍👧‍👦");
        editor.delete(Motion::Left);
        assert_eq!(editor.text(), "ae\u{301}");
        editor.delete(Motion::Left);
        assert_eq!(editor.text(), "a");
        editor.delete(Motion::Right);
        assert_eq!(editor.text(), "a");
    }

    #[test]
    fn words_and_lines_are_ways_to_go() {
        let mut editor = written("Guten Tag,\nwo ist es?");
        editor.delete(Motion::WordLeft);
        assert_eq!(editor.text(), "Guten Tag,\nwo ist ");
        editor.go(Motion::LineStart);
        editor.insert("Frage: ");
        assert_eq!(editor.text(), "Guten Tag,\nFrage: wo ist ");
        editor.go(Motion::Start);
        editor.delete(Motion::LineEnd);
        assert_eq!(editor.text(), "\nFrage: wo ist ");
        editor.go(Motion::End);
        editor.delete(Motion::LineStart);
        assert_eq!(editor.text(), "\n");
    }

    #[test]
    fn what_is_pasted_is_cleaned() {
        assert_eq!(written("a\rb\r\nc\u{1b}[2J\u{202e}\td").text(), "a\nb\nc[2J    d");
        let mut line = Editor::line();
        line.insert("zwei\nZeilen");
        assert_eq!(line.text(), "zwei Zeilen");
    }

    #[test]
    fn the_cursor_stays_inside_at_every_width() {
        let mut editor = written("Eine Rücksendebestätigung 返品をお願い\n👩‍👩‍👧‍👦 Ende   ");
        for columns in 1..30 {
            editor.go(Motion::Start);
            let mut steps = 0;
            loop {
                let (row, column) = editor.place(columns);
                assert!(row < editor.rows(columns).len() && column < columns, "{columns}");
                let before = editor.clone();
                editor.go(Motion::Right);
                if editor == before {
                    break;
                }
                steps += 1;
            }
            assert_eq!(steps, editor.text().graphemes(true).count());
        }
    }

    #[test]
    fn up_and_down_go_by_what_is_seen() {
        let mut editor = written("eins zwei drei");
        assert_eq!(editor.place(6), (2, 4));
        assert!(editor.go_rows(-1, 6));
        assert_eq!(editor.place(6), (1, 4));
        assert!(editor.go_rows(-1, 6));
        assert!(!editor.go_rows(-1, 6));
        assert!(editor.go_rows(1, 6));
        assert_eq!(editor.place(6).0, 1);
    }
}
