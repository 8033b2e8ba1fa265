//! Reads a file of scenarios into sections and blocks.

use crate::input::{Input, Verb, number_texts};
use crate::names::When;
use crate::options::{self, Setting};
use crate::words::{Word, Words, expand, split};

/// Which of the numbered cases or rules a section is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) kind: String,
    /// A number, perhaps with a letter.
    pub(crate) number: String,
}

/// One scenario: everything from a heading to the next one. It starts with a new engine.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) title: String,
    pub(crate) tags: Vec<Tag>,
    /// It runs once with each of these, named as they are written.
    pub(crate) configs: Vec<(String, Setting)>,
    /// If said: how many receivers one decision takes, in the build this section is for.
    pub(crate) chunk: Option<usize>,
    pub(crate) blocks: Vec<Block>,
}

/// Inputs and what is expected of them.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) line: usize,
    pub(crate) inputs: Vec<InputLine>,
    /// Line numbers and lines; without any, the block only prepares.
    pub(crate) expected: Vec<(usize, String)>,
    /// Each is a sequence of inputs, to be tried in every order with the others.
    pub(crate) interleaved: Option<Vec<Vec<InputLine>>>,
}

/// One line of input, which may stand for many.
#[derive(Clone, Debug)]
pub(crate) struct InputLine {
    pub(crate) line: usize,
    pub(crate) when: When,
    /// Only how many decisions of each sort come of it is shown.
    pub(crate) counted: bool,
    /// The host takes only so many decisions and drops the rest.
    pub(crate) take: Option<usize>,
    pub(crate) inputs: Vec<Input>,
}

/// The sections of a file.
pub(crate) fn parse(file: &str, text: &str) -> Result<Vec<Section>, String> {
    let mut sections: Vec<Section> = Vec::new();
    let mut block: Vec<(usize, &str)> = Vec::new();
    for (line, text) in (1..).zip(text.lines().map(str::trim_end)).chain([(usize::MAX, "")]) {
        let within = |error| format!("{file}:{line}: {error}");
        if text.starts_with('#') {
            continue;
        }
        if !text.is_empty() && !text.starts_with("== ") {
            block.push((line, text));
            continue;
        }
        let lines = std::mem::take(&mut block);
        if !lines.is_empty() {
            let Some(section) = sections.last_mut() else {
                return Err(format!("{file}:{}: no heading", lines[0].0));
            };
            let taken = section.take(&lines);
            taken.map_err(|(line, error)| format!("{file}:{line}: {error}"))?;
        }
        if let Some(heading) = text.strip_prefix("== ") {
            sections.push(Section::headed(file, line, heading).map_err(within)?);
        }
    }
    for section in &mut sections {
        if section.configs.is_empty() {
            section.configs.push(("default".to_owned(), Setting::default()));
        }
        if section.blocks.iter().all(|block| block.expected.is_empty()) {
            return Err(format!("{file}:{}: nothing is expected", section.line));
        }
    }
    Ok(sections)
}

impl Section {
    /// `case 3, rule 6: what it shows`
    fn headed(file: &str, line: usize, heading: &str) -> Result<Self, String> {
        let (tags, title) = heading.split_once(": ").ok_or("a heading says `case 1: what`")?;
        let tag = |tag: &str| {
            let parts = tag.trim().split_once(' ');
            let is_number = |number: &&str| {
                let digits = number.strip_suffix(|c: char| c.is_ascii_lowercase());
                let digits = digits.unwrap_or(number);
                digits.strip_prefix(['T', 'U']).unwrap_or(digits).parse::<u32>().is_ok()
            };
            let number = parts.map(|(_, number)| number).filter(is_number);
            match parts.zip(number) {
                Some(((kind @ ("case" | "rule" | "promise"), _), number)) => {
                    Ok(Tag { kind: kind.to_owned(), number: number.to_owned() })
                }
                _ => Err(format!("`{tag}` is no case, rule or promise")),
            }
        };
        Ok(Self {
            file: file.to_owned(),
            line,
            title: title.trim().to_owned(),
            tags: tags.split(',').map(tag).collect::<Result<_, _>>()?,
            configs: Vec::new(),
            chunk: None,
            blocks: Vec::new(),
        })
    }

    /// Takes in the lines between two empty ones.
    fn take(&mut self, lines: &[(usize, &str)]) -> Result<(), (usize, String)> {
        let mut lines = lines;
        while let Some(((line, text), rest)) = lines.split_first() {
            let at = |error| (*line, error);
            if let Some(words) = text.strip_prefix("config ") {
                self.configs.push((words.to_owned(), options::parse(words).map_err(at)?));
            } else if let Some(size) = text.strip_prefix("chunk ") {
                self.chunk = Some(size.parse().map_err(|_| (*line, "no size".to_owned()))?);
            } else {
                break;
            }
            if !self.blocks.is_empty() {
                return Err(at("this belongs to the top of the section".to_owned()));
            }
            lines = rest;
        }
        if let Some((line, _)) = lines.first() {
            if self.blocks.last().is_some_and(|block| block.interleaved.is_some()) {
                return Err((*line, "every interleaving ends its section".to_owned()));
            }
            self.blocks.push(Block::parse(lines)?);
        }
        Ok(())
    }
}

impl Block {
    fn parse(lines: &[(usize, &str)]) -> Result<Self, (usize, String)> {
        let rule = lines.iter().position(|(_, text)| *text == "----");
        let (inputs, expected) = match rule {
            Some(rule) => (&lines[..rule], &lines[rule + 1..]),
            None => (lines, &[][..]),
        };
        let line = lines[0].0;
        let mut block = Self {
            line,
            inputs: Vec::new(),
            expected: expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect(),
            interleaved: None,
        };
        if let Some(((_, "every interleaving of"), sequences)) = inputs.split_first() {
            let sequence = |(line, text): &(usize, &str)| {
                let inputs = text.split(" / ").map(|text| InputLine::parse(*line, text.trim()));
                inputs.collect::<Result<Vec<_>, _>>().map_err(|error| (*line, error))
            };
            block.interleaved =
                Some(sequences.iter().map(sequence).collect::<Result<Vec<_>, _>>()?);
        } else {
            for (line, text) in inputs {
                let input = InputLine::parse(*line, text).map_err(|error| (*line, error))?;
                block.inputs.push(input);
            }
        }
        let is_setup = block.interleaved.is_none()
            && block.inputs.iter().flat_map(|line| &line.inputs).all(Input::is_setup);
        match (rule, block.expected.is_empty()) {
            (None, _) if !is_setup => Err((line, "what is expected of these?".to_owned())),
            (Some(_), true) => Err((line, "write `nothing` if nothing is expected".to_owned())),
            _ => Ok(block),
        }
    }
}

impl InputLine {
    pub(crate) fn parse(line: usize, text: &str) -> Result<Self, String> {
        let mut words = split(text)?;
        let mut parsed =
            Self { line, when: When::Same, counted: false, take: None, inputs: Vec::new() };
        let (mut times, mut old) = (1, false);
        loop {
            let number = |word: Option<&Word>| match word {
                Some(Word::Plain(word)) => word.parse().map_err(|_| format!("`{word}`: how many?")),
                _ => Err("how many?".to_owned()),
            };
            let taken = match words.first() {
                Some(Word::Plain(word)) if word.starts_with('@') => {
                    parsed.when = When::parse(word)?;
                    1
                }
                Some(Word::Plain(word)) if word == "count" => {
                    parsed.counted = true;
                    1
                }
                Some(Word::Plain(word)) if word == "old" => {
                    old = true;
                    1
                }
                Some(Word::Plain(word)) if word == "take" => {
                    parsed.take = Some(number(words.get(1))? as usize);
                    2
                }
                Some(Word::Plain(word)) if word == "repeat" => {
                    times = number(words.get(1))?;
                    2
                }
                _ => break,
            };
            words.drain(..taken);
        }
        parsed.inputs = Self::expand(&words, times)?;
        if old {
            let inputs = std::mem::take(&mut parsed.inputs).into_iter();
            parsed.inputs = inputs.map(Self::old).collect::<Result<_, _>>()?;
        }
        Ok(parsed)
    }

    /// The same input by the key that its session had before.
    fn old(input: Input) -> Result<Input, String> {
        match input {
            Input::Session(name, verb) if !matches!(verb, Verb::Connect { .. }) => {
                Ok(Input::Old(name, verb))
            }
            _ => Err("only what a session does can come by an old connection".to_owned()),
        }
    }

    /// The inputs that a line stands for: it is repeated for each name of a range in its first
    /// word; elsewhere a range is the list of its names.
    fn expand(words: &[Word], times: u32) -> Result<Vec<Input>, String> {
        let Some((Word::Plain(subject), rest)) = words.split_first() else {
            return Err("no input".to_owned());
        };
        let mut arguments = Vec::new();
        for word in rest {
            match word {
                Word::Plain(word) => arguments.extend(expand(word)?.into_iter().map(Word::Plain)),
                other => arguments.push(other.clone()),
            }
        }
        let subjects = expand(subject)?;
        let mut inputs = Vec::new();
        for time in 1..=times {
            for (at, subject) in (1..).zip(&subjects) {
                let mut words = vec![Word::Plain(subject.clone())];
                words.extend(arguments.iter().cloned());
                number_texts(&mut words, if times > 1 { time } else { at });
                inputs.push(Input::parse(&mut Words::new(words))?);
            }
        }
        Ok(inputs)
    }
}
