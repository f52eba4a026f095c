//! The look of things. Colours are few and come from the middle of the terminal's own sixteen, so that they can be read on
//! dark and on light ground; weight and inversion carry the rest.

use ratatui::style::{Color, Modifier, Style};

/// Whether colours are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Theme {
    /// Whether there are any.
    pub colours: bool,
}

impl Theme {
    /// As the environment wishes: `NO_COLOR` with any value means none (<https://no-color.org>).
    pub fn of(no_color: Option<&std::ffi::OsStr>) -> Self {
        Self { colours: no_color.is_none_or(std::ffi::OsStr::is_empty) }
    }

    fn coloured(self, style: Style, colour: Color) -> Style {
        if self.colours { style.fg(colour) } else { style }
    }

    /// What stands out.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What may be overlooked.
    pub fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// The name of somebody else.
    pub fn other(self) -> Style {
        self.coloured(self.strong(), Color::Magenta)
    }

    /// What needs the person.
    pub fn alarm(self) -> Style {
        self.coloured(self.strong(), Color::Red)
    }

    /// Where the keys go.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The banner: a bar that does not look like the titles below it.
    pub fn warning(self) -> Style {
        self.alarm().add_modifier(Modifier::REVERSED)
    }

    /// Titles of what the keys go to.
    pub fn bar(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn no_color_takes_the_colours_and_leaves_the_weight() {
        let theme = Theme::of(Some(OsStr::new("1")));
        assert_eq!((theme.alarm().fg, theme.other().fg), (None, None));
        assert!(theme.alarm().add_modifier.contains(Modifier::BOLD));
        assert!(Theme::of(None).alarm().fg.is_some() && Theme::of(Some(OsStr::new(""))).colours);
    }
}
