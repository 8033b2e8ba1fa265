//! A trace: who came and went in one channel, and when.
//!
//! One event a line, its columns parted by tabs: date (yyyymmdd), time (hhmm), event (join, part,
//! quit, kick, nick), user, and what more there is to say: of a quit its reason (clean, timeout,
//! error, netsplit, killed), of a nick the new name. People are numbers. A first line that names
//! the columns may be there.
//!
//! A trace knows minutes. Its events are spread evenly over their minute, in their order: the best
//! guess there is, and without it no grace shorter than a minute could be told from another. Where
//! the trace's clock was set back, time stands still until it has caught up.

use crate::lines;
use adsum::Time;
use std::io::BufRead;

const HEADER: &str = "date\thhmm\tevent\tuser\targ";
const MINUTE_MS: u64 = 60_000;

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub at: Time,
    pub user: u32,
    pub what: What,
}

/// What somebody did, or what happened to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Join,
    Part,
    Kick,
    Quit(Reason),
    /// A new name.
    Nick(u32),
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Clean,
    Timeout,
    Error,
    Netsplit,
    Killed,
}

/// Reads a trace to its end.
///
/// # Errors
/// The first line that is not of this form, with its number and what is wrong with it.
pub fn read(input: &mut dyn BufRead) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    let mut is_first_line = true;
    // The minute at which we are, and where its events begin.
    let (mut minute, mut begin) = (0, 0);
    lines::for_each(input, |line| {
        let is_header = std::mem::take(&mut is_first_line) && line == HEADER;
        if is_header {
            return Ok(());
        }
        let (at, user, what) = parse(line)?;
        if at > minute {
            spread(&mut records[begin..], minute);
            (minute, begin) = (at, records.len());
        }
        records.push(Record { at: Time::ZERO, user, what });
        Ok(())
    })?;
    spread(&mut records[begin..], minute);
    Ok(records)
}

fn spread(records: &mut [Record], minute: u64) {
    let count = records.len() as u64;
    for (nth, record) in (0..).zip(records) {
        record.at = Time::from_millis(minute * MINUTE_MS + nth * MINUTE_MS / count);
    }
}

/// Reads one line: the minute since 1970, who, and what.
fn parse(line: &str) -> Result<(u64, u32, What), String> {
    let columns: Vec<&str> = line.split('\t').collect();
    let (date, time, event, user, arg) = match columns[..] {
        [date, time, event, user] => (date, time, event, user, ""),
        [date, time, event, user, arg] => (date, time, event, user, arg),
        _ => return Err(format!("{} columns instead of 4 or 5", columns.len())),
    };
    let what = match event {
        "join" => What::Join,
        "part" => What::Part,
        "kick" => What::Kick,
        "quit" => What::Quit(reason(arg)?),
        "nick" => What::Nick(lines::person(arg)?),
        _ => return Err(format!("{event:?} is not an event")),
    };
    let day = day(date).ok_or_else(|| format!("{date:?} is not a date"))?;
    let minute = minute(time).ok_or_else(|| format!("{time:?} is not a time"))?;
    Ok((day * 24 * 60 + minute, lines::person(user)?, what))
}

fn reason(text: &str) -> Result<Reason, String> {
    Ok(match text {
        "clean" => Reason::Clean,
        "timeout" => Reason::Timeout,
        "error" => Reason::Error,
        "netsplit" => Reason::Netsplit,
        "killed" => Reason::Killed,
        _ => return Err(format!("{text:?} is not a reason to quit")),
    })
}

/// Reads that many digits, and nothing else.
fn digits(text: &str, count: usize) -> Option<u64> {
    let are_digits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| are_digits)
}

fn minute(time: &str) -> Option<u64> {
    let time = digits(time, 4)?;
    let (hour, minute) = (time / 100, time % 100);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// Returns the number of days since 1970-01-01.
fn day(date: &str) -> Option<u64> {
    let date = digits(date, 8)?;
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let february = if is_leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month.checked_sub(1)?).ok()?;
    let is_date = year >= 1970 && (1..=*lengths.get(before)?).contains(&day);
    let years: u64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    is_date.then(|| years + lengths[..before].iter().sum::<u64>() + day - 1)
}
