//! The page that keeps the figures. What a tool measures and what a person concludes stand in one place: this replaces
//! what stands between its marks and leaves every other word alone.

use std::path::Path;

use beistand_protocol::UnixMillis;

use crate::Failure;
use crate::figures::{self, Row};

/// Puts the machine and the measured tables into the page.
pub fn write(page: &Path, machine: &[String], commit: &str, measured: &[(&str, Vec<Row>)]) -> Result<(), Failure> {
    let mut text = std::fs::read_to_string(page)?;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let day = UnixMillis(i64::try_from(since.as_millis())?).to_rfc3339().unwrap_or_default();
    let day = day.get(..10).unwrap_or_default();
    text = replaced(&text, "machine", &machine.iter().map(|line| format!("- {line}\n")).collect::<String>())?;
    for (name, rows) in measured {
        let table = format!("{}\nMeasured on {day} at commit {commit}.\n", figures::markdown(rows));
        text = replaced(&text, name, &table)?;
    }
    Ok(std::fs::write(page, text)?)
}

fn replaced(text: &str, name: &str, with: &str) -> Result<String, Failure> {
    let (begin, end) = (format!("<!-- bench: {name} -->\n"), format!("<!-- end: {name} -->"));
    let found = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = found.ok_or_else(|| format!("the page has no place for {name}"))?;
    Ok(format!("{before}{begin}\n{with}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = "before\n<!-- bench: a -->\nold\n<!-- end: a -->\nafter";
        let once = replaced(page, "a", "new\n").unwrap();
        assert_eq!(once, "before\n<!-- bench: a -->\n\nnew\n\n<!-- end: a -->\nafter");
        assert_eq!(replaced(&once, "a", "new\n").unwrap(), once);
        assert!(replaced(page, "b", "new").is_err());
    }
}
