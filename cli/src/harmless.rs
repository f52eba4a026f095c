//! Texts of other people, made harmless for a terminal: they cannot steer it, and they cannot pretend to be something
//! else by turning the direction of writing.

/// What stands in the place of something harmful. Not U+FFFD: some terminals leave that out, and their columns go wrong.
const INSTEAD: char = '▯';

/// A text without what would steer a terminal or turn what stands beside it; lines stay lines.
pub fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .filter_map(|c| match c {
            '\n' | '\u{2028}' | '\u{2029}' => Some('\n'),
            '\t' => Some(' '),
            // A lone carriage return would write over the line.
            c if c.is_control() || turns_writing(c) => Some(INSTEAD),
            // Marks of direction change nothing by themselves and have no width; terminals differ in what they do.
            '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{feff}' | '\u{ad}' => None,
            c => Some(c),
        })
        .collect()
}

/// The same, on one line, with single spaces.
pub fn line(text: &str) -> String {
    lines(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Embeddings, overrides and isolates, and the annotation marks that hide text.
fn turns_writing(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_steers_the_terminal_or_turns_the_writing() {
        assert_eq!(lines("a\u{1b}[2Jb"), "a▯[2Jb");
        assert_eq!(lines("photo\u{202e}gpj.exe"), "photo▯gpj.exe");
        assert_eq!(lines("a\r\nb\rc\td"), "a\nb▯c d");
        assert_eq!(lines("x\u{9b}31m\u{7}\u{200f}"), "x▯31m▯");
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line(" eins\n\n zwei\u{2028}drei "), "eins zwei drei");
    }
}
