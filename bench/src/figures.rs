//! Figures and how they are shown: one table, each aim beside what was measured and beside its reference of the same run.

use std::time::Duration;

/// One row of the table.
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The median of the runs.
    pub figure: f64,
    /// In what.
    pub unit: &'static str,
    /// The lowest and the highest run.
    pub spread: Option<(f64, f64)>,
    /// What the same machine does without us, or in comparison.
    pub beside: String,
    /// What it should be.
    pub aim: Option<Aim>,
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Aim {
    /// Not above.
    AtMost(f64),
    /// Not below.
    AtLeast(f64),
}

impl Aim {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) => figure >= least,
        }
    }
}

impl Row {
    /// A figure of several runs: their median.
    pub fn of_runs(what: impl Into<String>, runs: &[f64], unit: &'static str) -> Self {
        let sorted = sorted(runs);
        let spread = (sorted.len() > 1).then(|| (sorted[0], sorted[sorted.len() - 1]));
        Self { what: what.into(), figure: median(runs), unit, spread, beside: String::new(), aim: None }
    }

    /// A single figure.
    pub fn single(what: impl Into<String>, figure: f64, unit: &'static str) -> Self {
        Self { what: what.into(), figure, unit, spread: None, beside: String::new(), aim: None }
    }

    /// With its reference.
    pub fn beside(mut self, reference: impl Into<String>) -> Self {
        self.beside = reference.into();
        self
    }

    /// With its aim.
    pub fn aim(mut self, aim: Aim) -> Self {
        self.aim = Some(aim);
        self
    }

    fn cells(&self) -> [String; 6] {
        let spread = self.spread.map(|(low, high)| format!("{} – {}", number(low), number(high)));
        let aim = self.aim.map(|aim| match aim {
            Aim::AtMost(most) => format!("≤ {}", number(most)),
            Aim::AtLeast(least) => format!("≥ {}", number(least)),
        });
        let verdict = self.aim.map_or("", |aim| if aim.is_met(self.figure) { "met" } else { "missed" });
        [
            self.what.clone(),
            format!("{} {}", number(self.figure), self.unit).trim_end().to_owned(),
            spread.unwrap_or_default(),
            self.beside.clone(),
            aim.unwrap_or_default(),
            verdict.to_owned(),
        ]
    }
}

const HEAD: [&str; 6] = ["measured", "median", "lowest – highest run", "beside it, in the same run", "aim", ""];

/// The table for a terminal.
pub fn text(rows: &[Row]) -> String {
    let cells: Vec<[String; 6]> = std::iter::once(HEAD.map(str::to_owned)).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut out = String::new();
    for row in &cells {
        let line: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())))
            .collect();
        out.push_str(line.join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// The table for a page.
pub fn markdown(rows: &[Row]) -> String {
    let line = |cells: &[String; 6]| format!("| {} |\n", cells.join(" | "));
    let mut out = line(&HEAD.map(str::to_owned)) + "|---|---:|---:|---|---:|---|\n";
    rows.iter().for_each(|row| out.push_str(&line(&row.cells())));
    out
}

/// Three significant digits, with a comma at the thousands.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => {
            let digits = format!("{value:.0}");
            let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
            let mut grouped = String::from(sign);
            for (place, digit) in digits.chars().enumerate() {
                if place > 0 && (digits.len() - place).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Milliseconds as a number.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The value that so many hundredths of all are not above.
pub fn percentile(values: &[f64], hundredths: usize) -> f64 {
    let sorted = sorted(values);
    let place = (sorted.len() * hundredths).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).map(f64::from).rev().collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 99)), (50.0, 99.0));
        assert_eq!((median(&[3.0]), percentile(&[1.0, 2.0], 99)), (3.0, 2.0));
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn an_aim_says_whether_it_is_met() {
        let row = Row::of_runs("x", &[900.0, 1234.0, 1300.0], "/s").aim(Aim::AtLeast(1000.0));
        let cells = row.cells();
        assert_eq!(cells[1..], ["1,234 /s", "900 – 1,300", "", "≥ 1,000", "met"].map(str::to_owned));
        assert_eq!(Row::single("y", 1.5, "×").aim(Aim::AtMost(1.3)).cells()[5], "missed");
    }
}
