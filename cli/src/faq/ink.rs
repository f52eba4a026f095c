//! Bold, italic and struck words, where the output is a terminal. Each word is marked by itself, so that a line may end
//! between any two of them without marks reaching into the margin of the next.

/// Whether words may be marked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ink {
    /// Letters only, as in a file or a pipe.
    Plain,
    /// A terminal that knows marks.
    Terminal,
}

impl Ink {
    /// What stands out.
    pub fn bold(self, text: &str) -> String {
        self.marked(text, "\x1b[1m", "\x1b[22m")
    }

    /// What is said with emphasis.
    pub fn italic(self, text: &str) -> String {
        self.marked(text, "\x1b[3m", "\x1b[23m")
    }

    /// What no longer holds. Left out it would say the opposite, so plain letters show it as well.
    pub fn struck(self, text: &str) -> String {
        match self {
            Self::Plain if !text.trim().is_empty() => format!("~~{text}~~"),
            _ => self.marked(text, "\x1b[9m", "\x1b[29m"),
        }
    }

    fn marked(self, text: &str, begin: &str, end: &str) -> String {
        if self == Self::Plain {
            return text.to_owned();
        }
        let words = text.split_inclusive([' ', '\n']).map(|piece| {
            let word = piece.trim_end_matches([' ', '\n']);
            let behind = &piece[word.len()..];
            if word.is_empty() { behind.to_owned() } else { format!("{begin}{word}{end}{behind}") }
        });
        words.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_marked_by_itself() {
        assert_eq!(Ink::Terminal.bold(" 30 Tage "), " \x1b[1m30\x1b[22m \x1b[1mTage\x1b[22m ");
        assert_eq!(Ink::Plain.bold("30 Tage"), "30 Tage");
        assert_eq!(Ink::Plain.struck("39 €"), "~~39 €~~");
    }
}
