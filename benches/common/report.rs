//! What a benchmark says: a line for each comparison as it comes, then `RATIO` lines for scripts,
//! a table and a plot.

use super::arguments::Scale;
use super::plot;
use super::row::Row;
use std::fmt::Write as _;
use std::path::Path;

pub(crate) struct Report {
    name: &'static str,
    title: &'static str,
    scale: Scale,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(name: &'static str, title: &'static str, scale: Scale) -> Self {
        println!("\n{name}: {title}");
        Self { name, title, scale, rows: Vec::new() }
    }

    /// `ours` against `other`, in nanoseconds an operation.
    pub(crate) fn compare(&mut self, question: String, ours: f64, other: f64, target: Option<f64>) {
        self.add(Row { question, unit: "ns", ours, other, target, note: String::new() });
    }

    pub(crate) fn add(&mut self, mut row: Row) {
        if self.scale == Scale::Smoke {
            row.target = None;
        }
        let Row { question, unit, ours, other, note, .. } = &row;
        let target = row.target.map_or_else(String::new, |target| format!("target {target:.3}"));
        let verdict = if row.is_above_target() { "ABOVE" } else { "" };
        println!(
            "{question:<44} {ours:>12.1} {unit:<4} against {other:>12.1}   {:>8.3}  {target:<12} \
             {verdict:<5} {note}",
            row.ratio()
        );
        self.rows.push(row);
    }

    /// The lines for scripts; and the table and the plot under `target/bench`, if this was a
    /// measurement. Returns whether no target was missed.
    pub(crate) fn finish(self) -> bool {
        println!();
        for row in &self.rows {
            println!("RATIO {} {:.2} {:.2} {:.4}", row.question, row.ours, row.other, row.ratio());
        }
        if self.scale == Scale::Smoke {
            return true;
        }
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
        let directory = target.join("bench");
        std::fs::create_dir_all(&directory).expect("a directory for what was measured");
        let table = directory.join(self.name).with_extension("md");
        std::fs::write(&table, self.table()).expect("a table is written");
        let picture = table.with_extension("svg");
        plot::bars(&picture, self.title, &self.rows).expect("a plot is drawn");
        println!("written: {} and {}", table.display(), picture.display());
        !self.rows.iter().any(Row::is_above_target)
    }

    fn table(&self) -> String {
        let mut text = format!("# {}\n\n{}\n\n", self.name, self.title);
        text.push_str("| question | ours | other | unit | ratio | target | |\n");
        text.push_str("| --- | ---: | ---: | --- | ---: | ---: | --- |\n");
        for row in &self.rows {
            let target = row.target.map_or_else(String::new, |target| format!("{target:.3}"));
            let above = if row.is_above_target() { "**above** " } else { "" };
            let Row { question, unit, ours, other, note, .. } = row;
            let ratio = row.ratio();
            writeln!(
                text,
                "| {question} | {ours:.1} | {other:.1} | {unit} | {ratio:.3} | {target} \
                 | {above}{note} |"
            )
            .expect("a string takes everything");
        }
        text
    }
}
