//! Runs a section: once with each of its configurations, and with each of them in two ways.

use crate::always;
use crate::expect;
use crate::host::CHUNK;
use crate::input::Input;
use crate::names::show_moment;
use crate::options::Setting;
use crate::script::{Block, InputLine, Section};
use crate::told::count;
use crate::world::{MANY, Mode, World};

/// What is left after the last moment of a scenario that runs at the end of time: more than any
/// lease or grace.
const REST_MS: u64 = 30 * 86_400_000;

/// Runs a section in every way there is.
///
/// The error is a text with the file, the line, and what was expected and told.
pub(crate) fn run(section: &Section) -> Result<(), String> {
    if section.chunk.is_some_and(|chunk| chunk != CHUNK) {
        return Ok(());
    }
    for (words, config) in &section.configs {
        let from_zero = Mode { name: "by verbs", by_events: false, seed: 1, origin: 0 };
        let latest = Run::of(section, words, config, from_zero).all()?;
        // Once more with another hasher, by events, and as late as time allows.
        let origin = u64::MAX.saturating_sub(latest.saturating_add(REST_MS));
        let late = Mode { name: "by events, late", by_events: true, seed: 2, origin };
        Run::of(section, words, config, late).all()?;
    }
    Ok(())
}

struct Run<'a> {
    section: &'a Section,
    words: &'a str,
    config: &'a Setting,
    mode: Mode,
    world: World,
    /// The moment of the last input.
    at: u64,
}

impl<'a> Run<'a> {
    fn of(section: &'a Section, words: &'a str, config: &'a Setting, mode: Mode) -> Self {
        Self { section, words, config, mode, world: World::new(config, mode), at: 0 }
    }

    /// The latest moment that the section speaks of.
    fn all(mut self) -> Result<u64, String> {
        for at in 0..self.section.blocks.len() {
            match &self.section.blocks[at].interleaved {
                None => self.block(&self.section.blocks[at])?,
                Some(sequences) => self.interleave(at, sequences)?,
            }
        }
        Ok(self.world.latest)
    }

    fn block(&mut self, block: &Block) -> Result<(), String> {
        let hashed = self.world.hashed;
        let mut lines = Vec::new();
        for line in &block.inputs {
            let told = self.line(line).map_err(|error| self.failed(line.line, &error))?;
            lines.extend(told);
        }
        if !block.expected.is_empty() {
            self.compare(block, lines, self.world.hashed - hashed)?;
        }
        Ok(())
    }

    /// Gives the inputs of a line; the lines that come of it.
    fn line(&mut self, line: &InputLine) -> Result<Vec<String>, String> {
        let with_parts = self.section.chunk.is_some();
        let mut told = Vec::new();
        let mut lines = Vec::new();
        self.world.thorough = line.inputs.len() <= MANY;
        for input in &line.inputs {
            self.at = line.when.from(self.at);
            if *input == Input::Wait {
                self.world.latest = self.world.latest.max(self.at);
                self.world.advance_by_deadlines(self.at, &mut |due, more| {
                    let stamp = show_moment(due);
                    let stamped = more.iter().map(|told| told.line(with_parts));
                    lines.extend(stamped.map(|told| format!("@{stamp} {told}")));
                    told.extend(more);
                })?;
                continue;
            }
            self.world.input(self.at, input, line.take, &mut told)?;
            if self.world.thorough {
                always::check(&self.world)?;
            }
        }
        always::check(&self.world)?;
        let waited = line.inputs.contains(&Input::Wait);
        match (line.counted, waited) {
            (true, _) => lines = count(&told),
            (false, true) => {}
            (false, false) => lines.extend(told.iter().map(|told| told.line(with_parts))),
        }
        Ok(lines)
    }

    fn compare(&mut self, block: &Block, mut told: Vec<String>, hashed: u64) -> Result<(), String> {
        let is_check = |line: &str| expect::is_check(line).is_some();
        let decisions = block.expected.iter().filter(|(_, line)| !is_check(line));
        let mut expected: Vec<_> = decisions.map(|(line, text)| (*line, text.as_str())).collect();
        if expected.first().is_some_and(|(_, text)| *text == "in any order") {
            expected.remove(0);
            expected.sort_by_key(|(_, text)| *text);
            told.sort();
        }
        if told.is_empty() {
            told.push("nothing".to_owned());
        }
        let is_as_expected = told.iter().eq(expected.iter().map(|(_, text)| text));
        if !is_as_expected {
            let line = differs_at(&expected, &told).unwrap_or(block.line);
            return Err(self.failed(line, &difference(&expected, &told)));
        }
        for (line, text) in &block.expected {
            if let Some(check) = expect::is_check(text) {
                let is_so = expect::check(&mut self.world, check, hashed);
                is_so.map_err(|error| self.failed(*line, &format!("{text}: {error}")))?;
            }
        }
        Ok(())
    }

    /// Tries sequences of inputs in every order that keeps each of them in its own.
    fn interleave(&mut self, at: usize, sequences: &[Vec<InputLine>]) -> Result<(), String> {
        // Ids and presences are counted for one world at a time.
        self.world = World::new(self.config, self.mode);
        let block = &self.section.blocks[at];
        let lengths: Vec<_> = sequences.iter().map(Vec::len).collect();
        let mut orders = Vec::new();
        all_orders(&mut vec![0; lengths.len()], &lengths, &mut Vec::new(), &mut orders);
        for order in &orders {
            let mut run = Run::of(self.section, self.words, self.config, self.mode);
            for before in &self.section.blocks[..at] {
                run.block(before)?;
            }
            let mut next = vec![0; sequences.len()];
            for sequence in order {
                let line = &sequences[*sequence][next[*sequence]];
                next[*sequence] += 1;
                let done = run.line(line).and_then(|_| always::beliefs_are_true(&run.world));
                done.map_err(|error| {
                    self.failed(line.line, &format!("in the order {order:?}: {error}"))
                })?;
            }
            let checks = Block {
                expected: block.expected[1..].to_vec(),
                inputs: Vec::new(),
                interleaved: None,
                line: block.line,
            };
            let nothing = vec![(block.line, "nothing".to_owned())];
            let expected = nothing.into_iter().chain(checks.expected).collect();
            run.compare(&Block { expected, ..checks }, Vec::new(), 0)?;
        }
        let (line, expected) = &block.expected[0];
        let told = format!("{} orders", orders.len());
        if *expected != told {
            return Err(self.failed(*line, &difference(&[(*line, expected.as_str())], &[told])));
        }
        Ok(())
    }

    fn failed(&self, line: usize, error: &str) -> String {
        let Section { file, title, .. } = self.section;
        let (words, mode) = (self.words, self.mode.name);
        format!("{file}:{line}: \"{title}\" with config {words}, {mode}:\n{error}")
    }
}

/// Every way to merge sequences of these lengths.
fn all_orders(
    taken: &mut Vec<usize>,
    lengths: &[usize],
    order: &mut Vec<usize>,
    orders: &mut Vec<Vec<usize>>,
) {
    if taken == lengths {
        orders.push(order.clone());
        return;
    }
    for sequence in 0..lengths.len() {
        if taken[sequence] < lengths[sequence] {
            taken[sequence] += 1;
            order.push(sequence);
            all_orders(taken, lengths, order, orders);
            order.pop();
            taken[sequence] -= 1;
        }
    }
}

/// The line of the first expectation that was not met.
fn differs_at(expected: &[(usize, &str)], told: &[String]) -> Option<usize> {
    let pairs = expected.iter().enumerate();
    let mut differing =
        pairs.filter(|(at, (_, text))| told.get(*at).is_none_or(|told| told != text));
    differing.next().map(|(_, (line, _))| *line)
}

/// What was expected and what was told, side by side as a diff.
fn difference(expected: &[(usize, &str)], told: &[String]) -> String {
    let expected: Vec<_> = expected.iter().map(|(_, text)| *text).collect();
    // The longest common subsequence from each pair of places on.
    let mut common = vec![vec![0; told.len() + 1]; expected.len() + 1];
    for e in (0..expected.len()).rev() {
        for t in (0..told.len()).rev() {
            common[e][t] = match expected[e] == told[t] {
                true => common[e + 1][t + 1] + 1,
                false => common[e + 1][t].max(common[e][t + 1]),
            };
        }
    }
    let mut lines = vec!["  (- expected, + told)".to_owned()];
    let (mut e, mut t) = (0, 0);
    while e < expected.len() || t < told.len() {
        if e < expected.len() && t < told.len() && expected[e] == told[t] {
            lines.push(format!("    {}", told[t]));
            (e, t) = (e + 1, t + 1);
        } else if t == told.len() || (e < expected.len() && common[e + 1][t] >= common[e][t + 1]) {
            lines.push(format!("  - {}", expected[e]));
            e += 1;
        } else {
            lines.push(format!("  + {}", told[t]));
            t += 1;
        }
    }
    lines.join("\n")
}
