//! A line in words: plain ones, quoted texts and colons.

use std::collections::VecDeque;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    Plain(String),
    Text(String),
    Colon,
}

/// The words of a line that have not been read yet.
pub(crate) struct Words(VecDeque<Word>);

impl Words {
    pub(crate) fn new(words: Vec<Word>) -> Self {
        Self(words.into())
    }

    /// The next plain word, if that is what comes next.
    pub(crate) fn optional(&mut self) -> Option<String> {
        match self.0.front() {
            Some(Word::Plain(_)) => match self.0.pop_front() {
                Some(Word::Plain(word)) => Some(word),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn word(&mut self) -> Result<String, String> {
        let next = format!("{:?}", self.0.front());
        self.optional().ok_or_else(|| format!("a word was to come, not {next}"))
    }

    /// Takes this word if it is the next one.
    pub(crate) fn take(&mut self, wanted: &str) -> bool {
        let is_next = matches!(self.0.front(), Some(Word::Plain(word)) if word == wanted);
        if is_next {
            self.0.pop_front();
        }
        is_next
    }

    pub(crate) fn number(&mut self) -> Result<usize, String> {
        let word = self.word()?;
        word.parse().map_err(|_| format!("`{word}` is no number"))
    }

    pub(crate) fn colon(&mut self) -> Result<(), String> {
        match self.0.pop_front() {
            Some(Word::Colon) => Ok(()),
            other => Err(format!("a colon was to come, not {other:?}")),
        }
    }

    /// A quoted text, or one word.
    pub(crate) fn text(&mut self) -> Result<String, String> {
        match self.0.pop_front() {
            Some(Word::Plain(text) | Word::Text(text)) => Ok(text),
            other => Err(format!("a text was to come, not {other:?}")),
        }
    }

    /// The next quoted text, if that is what comes next.
    pub(crate) fn quoted(&mut self) -> Option<String> {
        match self.0.front() {
            Some(Word::Text(_)) => self.text().ok(),
            _ => None,
        }
    }

    pub(crate) fn text_after_colon(&mut self) -> Result<String, String> {
        self.colon()?;
        self.text()
    }

    /// Names up to the end or a colon; `nobody` is none.
    pub(crate) fn list(&mut self) -> Result<Vec<String>, String> {
        self.list_until(&[])
    }

    /// Names up to the end, a colon or one of these words; `nobody` is none.
    pub(crate) fn list_until(&mut self, ends: &[&str]) -> Result<Vec<String>, String> {
        if self.take("nobody") {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        while let Some(Word::Plain(word)) = self.0.front() {
            if ends.contains(&word.as_str()) {
                break;
            }
            names.extend(self.optional());
        }
        if names.is_empty() { Err("a list was to come".to_owned()) } else { Ok(names) }
    }

    pub(crate) fn end(&self) -> Result<(), String> {
        match self.0.front() {
            None => Ok(()),
            Some(word) => Err(format!("nothing was to come after that, not {word:?}")),
        }
    }
}

/// Splits a line.
pub(crate) fn split(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        rest = if first == '"' {
            let (text, after) =
                rest[1..].split_once('"').ok_or_else(|| format!("no end of quotes in: {line}"))?;
            words.push(Word::Text(text.to_owned()));
            after
        } else if first == ':' {
            words.push(Word::Colon);
            &rest[1..]
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || c == ':').unwrap_or(rest.len());
            words.push(Word::Plain(rest[..end].to_owned()));
            &rest[end..]
        };
        rest = rest.trim_start();
    }
    Ok(words)
}

/// `U[1..3].2` as U1.2 U2.2 U3.2; any other word as itself.
pub(crate) fn expand(word: &str) -> Result<Vec<String>, String> {
    let Some((before, rest)) = word.split_once('[') else { return Ok(vec![word.to_owned()]) };
    let bad = || format!("`{word}` is no range; write U[1..3]");
    let (range, after) = rest.split_once(']').ok_or_else(bad)?;
    let (from, to) = range.split_once("..").ok_or_else(bad)?;
    let number = |text: &str| text.parse::<u32>().map_err(|_| bad());
    let (from, to) = (number(from)?, number(to)?);
    if from > to {
        return Err(bad());
    }
    Ok((from..=to).map(|number| format!("{before}{number}{after}")).collect())
}
