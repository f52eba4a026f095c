//! How well the FAQ's search finds, held against floors: on the demo's own articles and questions, and on the sets of the
//! folder that `BEISTAND_FAQ_SETS` names, whose texts are not ours and therefore stay outside. `beistand faq eval` measures,
//! by the path that an app takes, with what FTS5 does by default beside it.
//!
//! Times are printed and not asserted: this is a build for tests, and the machine may be busy.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    parts::{Fault, Run},
    process::{self, Scratch},
};

/// Articles of the demo.
const ARTICLES: &str = "server/demo/faq";

/// Questions about them, `<locale>.json`, and drafts about something else, `off-topic-<locale>.json`.
const QUESTIONS: &str = "tests/fixtures/faq-queries";

/// The languages that both have.
const LOCALES: [&str; 2] = ["de", "en"];

/// What no change may fall below.
const FLOORS: &str = "tests/fixtures/faq-floors.toml";

/// Names a folder with more sets.
const SETS: &str = "BEISTAND_FAQ_SETS";

/// What a floor can hold: its name, and where `faq eval` tells the figure.
const FIGURES: [(&str, &str); 4] =
    [("plain", "/plain/r5"), ("typo", "/typo/r5"), ("silent", "/suggest/silent"), ("speaks", "/suggest/speaks")];

/// What is better than FTS5's default or fails: ours, and theirs.
const AGAINST_DEFAULT: [(&str, &str); 2] = [("/plain/r5", "/baseline/r5"), ("/typo/r5", "/baseline_typo/r5")];

/// Measures everything that is there; needs the built programs.
pub fn check(run: &mut Run) -> Result<(), Fault> {
    let floors = floors()?;
    let folder = env::var_os(SETS).filter(|name| !name.is_empty());
    let sets = folder.map(|folder| sets(Path::new(&folder))).transpose()?;
    let mut measured = demo()?;
    run.note = match sets {
        None => format!("the demo's sets; others skipped, since {SETS} names no folder"),
        Some(sets) => {
            measured.extend(eval(&sets, None)?);
            format!("the demo's sets and {} of {SETS}", sets.len())
        }
    };
    println!("\n{}", table(&measured, &floors));
    let verdicts: Vec<Result<(), String>> = measured.iter().flat_map(|figures| judge(figures, &floors)).collect();
    let faults: Vec<String> = verdicts.iter().filter_map(|verdict| verdict.clone().err()).collect();
    run.counts.passed += (verdicts.len() - faults.len()) as u64;
    run.counts.failed += faults.len() as u64;
    if faults.is_empty() { Ok(()) } else { Err(Fault::Failed(faults.join("\n"))) }
}

fn floors() -> Result<toml::Table, String> {
    read_floors(&text(&process::root().join(FLOORS))?).map_err(|fault| format!("{FLOORS}: {fault}"))
}

/// Floors by set; a figure that nobody measures would be a floor that holds nothing.
fn read_floors(text: &str) -> Result<toml::Table, String> {
    let floors: toml::Table = text.parse().map_err(|error| format!("{error}"))?;
    for (set, of_set) in &floors {
        let of_set = of_set.as_table().ok_or_else(|| format!("{set} is no set"))?;
        for (figure, floor) in of_set {
            let known = FIGURES.iter().any(|(name, _)| name == figure);
            if !known || !floor.as_float().is_some_and(|floor| (0.0..=1.0).contains(&floor)) {
                return Err(format!("{set}: {figure} is no figure from 0.0 to 1.0"));
            }
        }
    }
    Ok(floors)
}

/// The articles of the demo as an editor gets them out of a server, with the questions of this repository.
fn demo() -> Result<Vec<Value>, String> {
    let (root, scratch) = (process::root(), Scratch::new("faq")?);
    let server = |arguments: &[&str]| -> Result<Command, String> {
        let mut command = Command::new(process::program("beistand-server")?);
        command.arg("--data").arg(scratch.path().join("server")).args(arguments);
        Ok(command)
    };
    process::output(&mut server(&["app", "add", "Shop"])?)?;
    process::output(server(&["faq", "import", "--publish"])?.arg(root.join(ARTICLES)))?;
    let mut measured = Vec::new();
    for locale in LOCALES {
        let file = scratch.path().join(format!("{locale}.json"));
        process::output(server(&["faq", "export", "--locale", locale])?.arg(&file))?;
        let mut set = json(&file)?;
        let questions = json(&root.join(QUESTIONS).join(format!("{locale}.json")))?;
        for member in ["name", "queries"] {
            set[member] = questions[member].clone();
        }
        std::fs::write(&file, set.to_string()).map_err(|error| format!("{}: {error}", file.display()))?;
        let off_topic = root.join(QUESTIONS).join(format!("off-topic-{locale}.json"));
        measured.extend(eval(&[file], Some(&off_topic))?);
    }
    Ok(measured)
}

/// All sets of a folder, in the order of their names.
fn sets(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let unusable = |said: String| format!("{SETS} names {}: {said}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(|error| unusable(error.to_string()))?;
    let mut sets: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    sets.sort();
    if sets.is_empty() { Err(unusable("no set is there".to_owned())) } else { Ok(sets) }
}

/// What `faq eval` tells of each set; without a file of off-topic questions, sets take each other's.
fn eval(sets: &[PathBuf], off_topic: Option<&Path>) -> Result<Vec<Value>, String> {
    let mut command = Command::new(process::program("beistand")?);
    command.args(["--json", "faq", "eval"]).args(sets);
    if let Some(off_topic) = off_topic {
        command.arg("--off-topic").arg(off_topic);
    }
    println!("{}", process::line_of(&command));
    let told = process::output(&mut command)?;
    let read = |line: &str| serde_json::from_str(line).map_err(|error| format!("faq eval told {line}: {error}"));
    let measured = told.lines().map(read).collect::<Result<Vec<Value>, String>>()?;
    if measured.len() == sets.len() {
        Ok(measured)
    } else {
        Err(format!("faq eval told of {} sets and not of {}", measured.len(), sets.len()))
    }
}

/// Whether a set keeps its floors and is no worse than the default; each rule is one verdict.
fn judge(figures: &Value, floors: &toml::Table) -> Vec<Result<(), String>> {
    let name = figures["name"].as_str().unwrap_or("a set without a name");
    let least = |what: &str, found: Option<f64>, least: f64, of: &str| match found {
        Some(found) if found >= least => Ok(()),
        Some(found) => Err(format!("{name}: {what} is {found:.4}, below {of} {least:.4}")),
        None => Err(format!("{name}: {what} was not measured, and {of} is {least:.4}")),
    };
    let against_floors = FIGURES.iter().filter_map(|(what, place)| {
        let floor = floors.get(name)?.get(what)?.as_float()?;
        Some(least(what, number(figures, place), floor, "its floor"))
    });
    let against_default = AGAINST_DEFAULT.iter().map(|(ours, theirs)| match number(figures, theirs) {
        Some(default) => least(ours.trim_start_matches('/'), number(figures, ours), default, "FTS5's default"),
        None => Err(format!("{name}: FTS5's default was not measured")),
    });
    against_floors.chain(against_default).collect()
}

fn number(figures: &Value, place: &str) -> Option<f64> {
    figures.pointer(place)?.as_f64()
}

/// The figures, each with its floor behind it.
fn table(measured: &[Value], floors: &toml::Table) -> String {
    let mut text = format!(
        "{:<16} {:>9}  {:>12} {:>12}  {:>14}  {:>12} {:>12}  {:>18}\n",
        "R@5", "questions", "plain", "one typo", "FTS5's default", "silent", "speaks", "p95 (default), ms"
    );
    for figures in measured {
        let name = figures["name"].as_str().unwrap_or_default();
        let shown = |place: &str| number(figures, place).map_or_else(|| "-".to_owned(), |found| format!("{found:.3}"));
        let [plain, typo, silent, speaks] = FIGURES.map(|(what, place)| {
            let floor = floors.get(name).and_then(|floors| floors.get(what)?.as_float());
            let floor = floor.map_or_else(String::new, |floor| format!(" ≥ {floor:.3}"));
            shown(place) + &floor
        });
        let default = format!("{} {}", shown("/baseline/r5"), shown("/baseline_typo/r5"));
        let time = |place: &str| number(figures, place).unwrap_or(f64::NAN);
        let times = format!("{:.1} ({:.1})", time("/p95_ms"), time("/baseline_p95_ms"));
        text.push_str(&format!(
            "{name:<16} {:>9}  {plain:>12} {typo:>12}  {default:>14}  {silent:>12} {speaks:>12}  {times:>18}\n",
            figures["queries"]
        ));
    }
    text
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Result<Value, String> {
    serde_json::from_str(&text(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(figures: &Value, floors: &str) -> Vec<String> {
        judge(figures, &read_floors(floors).unwrap()).into_iter().filter_map(Result::err).collect()
    }

    fn figures() -> Value {
        json!({
            "name": "shop", "plain": {"r5": 0.7}, "typo": {"r5": 0.6},
            "baseline": {"r5": 0.5}, "baseline_typo": {"r5": 0.4}, "suggest": {"silent": 0.9, "speaks": 0.8},
        })
    }

    #[test]
    fn a_set_fails_below_each_of_its_floors_and_not_at_them() {
        let kept = "[shop]\nplain = 0.7\ntypo = 0.6\nsilent = 0.9\nspeaks = 0.8\n";
        assert_eq!(faults(&figures(), kept), [""; 0]);
        for (figure, above) in [("plain", 0.71), ("typo", 0.61), ("silent", 0.91), ("speaks", 0.81)] {
            let faults = faults(&figures(), &format!("[shop]\n{figure} = {above}\n"));
            assert!(faults.len() == 1 && faults[0].contains(figure), "{faults:?}");
        }
        assert_eq!(faults(&figures(), "[other]\nplain = 1.0\n"), [""; 0]);
    }

    #[test]
    fn a_set_without_floors_still_has_to_be_better_than_the_default() {
        for (better, missing) in [("baseline", "plain"), ("baseline_typo", "typo")] {
            let mut worse = figures();
            worse[better]["r5"] = 0.8.into();
            let found = faults(&worse, "");
            assert!(found.len() == 1 && found[0].contains(missing), "{found:?}");
        }
    }

    #[test]
    fn a_figure_that_was_not_measured_holds_no_floor() {
        let mut alone = figures();
        alone.as_object_mut().unwrap().remove("suggest");
        assert_eq!(faults(&alone, "[shop]\nsilent = 0.9\nspeaks = 0.8\n").len(), 2);
        assert_eq!(faults(&json!({"name": "shop"}), "").len(), 2);
    }

    #[test]
    fn a_floor_under_nothing_is_a_fault_of_the_file() {
        for wrong in ["[shop]\nplane = 0.5\n", "[shop]\nplain = 5\n", "[shop]\nplain = 1.5\n", "shop = 0.5\n", "[shop"]
        {
            assert!(read_floors(wrong).is_err(), "{wrong}");
        }
    }
}
