//! The YAML between two lines of `---` at the beginning of a file. Anchors and aliases are not taken: no article needs
//! them, and with them a page of YAML can stand for gigabytes.

use serde::{Deserialize, de::DeserializeOwned};
use serde_saphyr::{budget, options};

use super::fault::Fault;

/// The front matter of an article.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct ArticleMatter {
    pub(super) title: String,
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) also_asked_as: Vec<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    #[serde(default)]
    pub(super) position: u32,
    #[serde(default)]
    pub(super) draft: bool,
}

/// The front matter of `_collection.md`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct CollectionMatter {
    pub(super) title: String,
    #[serde(default)]
    pub(super) position: u32,
}

/// Reads the front matter of a file; also gives the rest, and the line on which that begins.
pub(super) fn read<'a, T: DeserializeOwned>(path: &str, text: &'a str) -> Result<(T, &'a str, usize), Fault> {
    let (yaml, body, line) = split(text).ok_or_else(|| {
        Fault::at(path, 1, "front matter is missing: a line `---`, then `title: …`, then a line `---`")
    })?;
    let options = options! {
        budget: budget! {
            max_anchors: 0,
            max_aliases: 0,
            max_depth: 8,
            max_nodes: 1_000,
            max_events: 10_000,
        },
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options(yaml, options) {
        Ok(matter) => Ok((matter, body, line)),
        Err(error) => {
            // The first line of the file is `---`.
            let line = error.location().map_or(0, |at| usize::try_from(at.line()).unwrap_or(0)) + 1;
            let reason = error.without_snippet().to_string();
            Err(Fault::at(path, line, reason.lines().next().unwrap_or("not YAML")))
        }
    }
}

/// The YAML, the rest, and the line on which the rest begins.
fn split(text: &str) -> Option<(&str, &str, usize)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().filter(|line| line.trim_end() == "---")?;
    let mut end = first.len();
    for (number, line) in lines.enumerate() {
        if line.trim_end() == "---" {
            let body = &text[end + line.len()..];
            let blank = body.len() - body.trim_start_matches(['\r', '\n']).len();
            let skipped = body[..blank].matches('\n').count();
            return Some((&text[first.len()..end], &body[blank..], number + 3 + skipped));
        }
        end += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn article(text: &str) -> Result<(ArticleMatter, String, usize), String> {
        read::<ArticleMatter>("a.md", text)
            .map(|(matter, body, line)| (matter, body.to_owned(), line))
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn what_editors_write_is_read() {
        let text = "---\ntitle: \"Größe: welche?\"\nalso_asked_as:\n  - passt nicht\n  - 'zu klein'\ntags: [a, b]\n\
                    position: 3\ndraft: true\n---\n\nSo.\n---\nWeiter.\n";
        let (matter, body, line) = article(text).unwrap();
        assert_eq!((&*matter.title, matter.position, matter.draft), ("Größe: welche?", 3, true));
        assert_eq!(matter.also_asked_as, ["passt nicht", "zu klein"]);
        assert_eq!((&*body, line), ("So.\n---\nWeiter.\n", 11));
        let (matter, body, _) = article("\u{feff}---\r\ntitle: A # kein Titel\r\n---\r\nSo.\r\n").unwrap();
        assert_eq!((&*matter.title, &*body), ("A", "So.\r\n"));
        assert_eq!(article("---\ntitle: 404\n---\n").unwrap().0.title, "404");
    }

    #[test]
    fn a_fault_names_its_line() {
        for (text, named) in [
            ("So.", "a.md:1: front matter is missing"),
            ("---\ntitle: A\n", "a.md:1: front matter is missing"),
            ("---\ntitle: A\ncolour: red\n---\n", "a.md:3: "),
            ("---\nposition: 1\n---\n", "title"),
            ("---\ntitle: A\nposition: hoch\n---\n", "a.md:3: "),
            ("---\ntitle: [\n---\n", "a.md:"),
            ("---\ntitle: &x A\ntags: [*x, *x]\n---\n", "a.md:"),
        ] {
            let fault = article(text).unwrap_err();
            assert!(fault.contains(named), "{named}: {fault}");
        }
    }

    #[test]
    fn a_bomb_is_refused_at_once() {
        let mut bomb = "---\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let row = format!("*a{}, ", level - 1).repeat(10);
            bomb += &format!("a{level}: &a{level} [{row}]\n");
        }
        bomb += "title: *a29\n---\n";
        assert!(article(&bomb).unwrap_err().starts_with("a.md:"));
        let deep = format!("---\ntitle: {}x{}\n---\n", "[".repeat(50_000), "]".repeat(50_000));
        assert!(article(&deep).unwrap_err().starts_with("a.md:"));
    }
}
