//! Lines of at most so many columns, and two texts beside each other.

use textwrap::core::display_width;

use crate::human;

/// Beside a shorter rest nobody reads a text.
const SHORTEST: usize = 24;

/// The widest name that keeps the texts beside all others in their column.
const WIDEST_NAME: usize = 40;

/// Breaks a text into lines of at most `width` columns; marks of a terminal take none.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let lines = textwrap::wrap(text, human::folding(width.max(1)));
    // Spaces that must not be broken have done their work.
    lines.into_iter().map(|line| line.trim_end().replace('\u{a0}', " ")).collect()
}

/// Lines behind a first and further margins of the same width.
pub fn behind(lines: Vec<String>, first: &str, further: &str) -> Vec<String> {
    let margins = std::iter::once(first).chain(std::iter::repeat(further));
    let with = |(margin, line): (&str, String)| format!("{margin}{line}").trim_end().to_owned();
    margins.zip(lines).map(with).collect()
}

/// A text that is filled up to a width.
pub fn filled(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(display_width(text))))
}

/// Names with their texts beside them, or below them where there is no room.
pub fn beside(rows: &[(String, String)], width: usize) -> String {
    let widest = rows.iter().map(|(name, _)| display_width(name)).filter(|name| *name <= WIDEST_NAME).max();
    let margin = widest.unwrap_or(0) + 2;
    let mut lines = Vec::new();
    for (name, text) in rows {
        if width < margin + SHORTEST || display_width(name) + 2 > margin {
            lines.push(name.clone());
            let (indent, width) = if width < margin + SHORTEST {
                ("  ".to_owned(), width.saturating_sub(2))
            } else {
                (" ".repeat(margin), width - margin)
            };
            lines.extend(behind(wrap(text, width), &indent, &indent));
        } else {
            lines.extend(behind(wrap(text, width - margin), &filled(name, margin), &" ".repeat(margin)));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_beside_their_names_where_there_is_room() {
        let rows =
            [("how-to-return".to_owned(), "Wie schicke ich etwas zurück?".to_owned()), ("faq".into(), "Kurz".into())];
        assert_eq!(beside(&rows, 60), "how-to-return  Wie schicke ich etwas zurück?\nfaq            Kurz");
        assert_eq!(beside(&rows, 20), "how-to-return\n  Wie schicke ich\n  etwas zurück?\nfaq\n  Kurz");
    }
}
