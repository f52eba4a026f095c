//! `cargo xtask bench bindings`: what the way from the core to Kotlin and to Swift costs. Both languages print their own
//! figures, measured with the library as optimised as the other measures have it; this only collects them into the page.

use std::{fs, process::Command};

use crate::{bench::PAGE, maven::Maven, parts::Fault, process, setup, swift};

/// The name of the measure.
pub const NAME: &str = "bindings";

/// One figure.
#[derive(PartialEq, Debug)]
struct Figure {
    what: String,
    milliseconds: f64,
    aim: Option<f64>,
}

/// Builds, measures, shows, and keeps the table unless it is only a look.
pub fn run(profile: &str, keep: Option<&str>) -> Result<(), String> {
    let said = |fault: Fault| match fault {
        Fault::Failed(said) | Fault::Missing(said) => said,
    };
    setup::for_kotlin().map_err(|missing| missing.0)?;
    crate::parts::build().map_err(said)?;
    let library = ["build", "--profile", profile, "--package", "beistand-ffi", "--package", "beistand-stage"];
    process::run(&mut process::cargo(&library))?;
    let programs = process::target(profile)?;
    let maven = Maven::prepare().map_err(said)?.with_programs(programs.clone());
    let kotlin =
        figures(&mut maven.run(
            "bindings/kotlin",
            &["-pl", "beistand", "-am", "-Ddokka.skip=true", "test-compile", "antrun:run@bench"],
        ))?;
    let swift = figures(&mut swift::bench(&programs).map_err(said)?)?;
    let table = table(&[("Kotlin", kotlin), ("Swift", swift)]);
    println!("\n{table}");
    keep.map_or(Ok(()), |commit| write(&table, commit))
}

fn figures(command: &mut Command) -> Result<Vec<Figure>, String> {
    let mut found = Vec::new();
    process::run_and_look(command, |line| found.extend(figure(line)))?;
    if found.is_empty() { Err("the measure has printed no figure".to_owned()) } else { Ok(found) }
}

/// Reads `a window of 50    1.2345 ms   aim 2.0 ms`, with whatever the tool in between puts before it in brackets.
fn figure(line: &str) -> Option<Figure> {
    let mut line = line.trim();
    while let Some((_, rest)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
        line = rest.trim();
    }
    let (what, aim) = match line.split_once(" ms   aim ") {
        Some((what, aim)) => (what, Some(aim.strip_suffix(" ms")?.parse().ok()?)),
        None => (line.strip_suffix(" ms")?, None),
    };
    let (what, number) = what.rsplit_once(' ')?;
    Some(Figure { what: what.trim().to_owned(), milliseconds: number.parse().ok()?, aim })
}

fn table(languages: &[(&str, Vec<Figure>)]) -> String {
    let mut lines = vec!["| measured | median | aim |  |".to_owned(), "|---|---:|---:|---|".to_owned()];
    for (language, figures) in languages {
        for Figure { what, milliseconds, aim } in figures {
            let (aimed, verdict) = match aim {
                Some(aim) if milliseconds <= aim => (format!("≤ {aim} ms"), "met"),
                Some(aim) => (format!("≤ {aim} ms"), "missed"),
                None => (String::new(), ""),
            };
            lines.push(format!("| {language}: {what} | {milliseconds:.4} ms | {aimed} | {verdict} |"));
        }
    }
    lines.join("\n")
}

fn write(table: &str, commit: &str) -> Result<(), String> {
    let path = process::root().join(PAGE);
    let page = fs::read_to_string(&path).map_err(|error| format!("{PAGE}: {error}"))?;
    let (begin, end) = (format!("<!-- bench: {NAME} -->"), format!("<!-- end: {NAME} -->"));
    let marked = || format!("{PAGE} has no place for the table: {begin} … {end}");
    let (before, rest) = page.split_once(&begin).ok_or_else(marked)?;
    let (_, after) = rest.split_once(&end).ok_or_else(marked)?;
    let text = format!("{before}{begin}\n\n{table}\n\nMeasured at commit {commit}.\n\n{end}{after}");
    fs::write(&path, text).map_err(|error| format!("{PAGE}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_measure_is_read_whatever_prints_it() {
        let expected = Figure { what: "window of 50, read".to_owned(), milliseconds: 1.25, aim: Some(2.0) };
        assert_eq!(
            figure("[INFO]      [bench] window of 50, read      1.2500 ms   aim 2.0 ms").as_ref(),
            Some(&expected)
        );
        assert_eq!(figure("window of 50, read 1.25 ms   aim 2.0 ms"), Some(expected));
        assert_eq!(figure("one change    3.0 ms").map(|figure| figure.aim), Some(None));
        assert_eq!(figure("[INFO] Total time:  3.2 s"), None);
    }
}
