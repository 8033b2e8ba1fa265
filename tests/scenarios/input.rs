//! One input line: what it says, read from its words.

use crate::names::{Name, duration, moment};
use crate::rooms::{RoomInput, RoomVerb};
use crate::words::{Word, Words};
use adsum::LostCause;

/// What a session does, or what becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verb {
    Connect {
        kind: u8,
        audience: Option<Vec<String>>,
        blocked: Option<Vec<String>>,
    },
    Disconnect,
    /// With a grace for this loss alone, if one is given.
    Lost(LostCause, Option<u64>),
    Resume,
    Heartbeat,
    /// A person does something on its device.
    Active,
    Publish(String),
    /// Until a moment, and what takes its place then.
    PublishUntil(String, u64, Option<String>),
    Withdraw,
    Direct(Vec<String>, String),
    /// For so long.
    DirectFor(Vec<String>, u64, String),
    Watch(Vec<String>),
    Unwatch(Vec<String>),
    Invisible,
    Visible,
    Congested,
    Writable,
    Room(RoomVerb),
}

/// What one input line says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    Session(Name, Verb),
    /// The same by the key that the session had before it was resumed.
    Old(Name, Verb),
    Adds(String, Vec<String>),
    Removes(String, Vec<String>),
    Replaces(String, Vec<String>),
    Blocks(String, String),
    Unblocks(String, String),
    System(Vec<String>, String),
    Expel(String),
    Room(RoomInput),
    Advance,
    /// The host's own loop: `advance` at each deadline until this moment.
    Wait,
    /// What the host knows by itself: nothing of this is an input of the engine.
    /// Each with each, in so many groups into which they are dealt out like cards.
    Friends(Vec<String>, usize),
    FriendsWith(String, Vec<String>),
    Roster(String, Vec<String>),
    Blocklist(String, Vec<String>),
    Id(String, Vec<u8>),
    /// Connected, and `here` published unless silent; what they are told is not shown.
    Given(Vec<Name>, bool),
    Remember,
    ShrinkToFit,
}

impl Input {
    /// Returns whether it only prepares, so that it needs no expectation.
    pub(crate) const fn is_setup(&self) -> bool {
        matches!(
            self,
            Self::Friends(..)
                | Self::FriendsWith(..)
                | Self::Roster(..)
                | Self::Blocklist(..)
                | Self::Id(..)
                | Self::Given(..)
                | Self::Remember
                | Self::ShrinkToFit
        )
    }

    pub(crate) fn parse(words: &mut Words) -> Result<Self, String> {
        let subject = words.word()?;
        if let Some(input) = RoomInput::parse(&subject, words)? {
            words.end()?;
            return Ok(Self::Room(input));
        }
        let input = match subject.as_str() {
            "system" => {
                let users = words.list()?;
                Self::System(users, words.text_after_colon()?)
            }
            "expel" => Self::Expel(words.word()?),
            "advance" => Self::Advance,
            "wait" => Self::Wait,
            "remember" => Self::Remember,
            "shrink" => Self::ShrinkToFit,
            "friends" => Self::friends(words)?,
            "roster" | "blocklist" => {
                let user = words.word()?;
                words.colon()?;
                let users = words.list()?;
                let roster = subject == "roster";
                if roster { Self::Roster(user, users) } else { Self::Blocklist(user, users) }
            }
            "id" => Self::Id(words.word()?, Self::bytes(words)?),
            "given" => {
                let silent = words.take("silent");
                let names = words.list()?;
                let names = names.iter().map(|name| Name::parse(name));
                Self::Given(names.collect::<Result<_, _>>()?, !silent)
            }
            _ if subject.contains('.') => {
                Self::Session(Name::parse(&subject)?, Verb::parse(words)?)
            }
            _ => Self::of_user(subject, words)?,
        };
        words.end()?;
        Ok(input)
    }

    fn friends(words: &mut Words) -> Result<Self, String> {
        let first = words.word()?;
        if words.take("with") {
            return Ok(Self::FriendsWith(first, words.list()?));
        }
        let mut all = words.list_until(&["in"])?;
        all.insert(0, first);
        let groups = if words.take("in") { words.number()? } else { 1 };
        if groups > 1 && !words.take("groups") || groups == 0 {
            return Err("write `friends U[1..9] in 3 groups`".to_owned());
        }
        Ok(Self::Friends(all, groups))
    }

    fn of_user(user: String, words: &mut Words) -> Result<Self, String> {
        let verb = words.word()?;
        Ok(match verb.as_str() {
            "adds" => Self::Adds(user, words.list()?),
            "removes" => Self::Removes(user, words.list()?),
            "replaces" => Self::Replaces(user, words.list()?),
            "blocks" => Self::Blocks(user, words.word()?),
            "unblocks" => Self::Unblocks(user, words.word()?),
            _ => return Err(format!("no input is called `{user} {verb}`")),
        })
    }

    /// `"text"`, `bytes ff 00` or `filler 65536`
    fn bytes(words: &mut Words) -> Result<Vec<u8>, String> {
        if words.take("bytes") {
            let hex = |word: String| u8::from_str_radix(&word, 16).map_err(|e| e.to_string());
            return words.list()?.into_iter().map(hex).collect();
        }
        if words.take("filler") {
            return Ok(vec![b'x'; words.number()?]);
        }
        words.text().map(String::into_bytes)
    }
}

impl Verb {
    fn parse(words: &mut Words) -> Result<Self, String> {
        let verb = words.word()?;
        if let Some(verb) = RoomVerb::parse(&verb, words)? {
            return Ok(Self::Room(verb));
        }
        Ok(match verb.as_str() {
            "connect" => Self::connect(words)?,
            "disconnect" => Self::Disconnect,
            "lost" => Self::lost(words)?,
            "resume" => Self::Resume,
            "heartbeat" => Self::Heartbeat,
            "active" => Self::Active,
            "publish" => Self::publish(words)?,
            "withdraw" => Self::Withdraw,
            "direct" => {
                let users = words.list_until(&["for"])?;
                match words.take("for") {
                    false => Self::Direct(users, words.text_after_colon()?),
                    true => {
                        let millis = duration(&words.word()?)?;
                        Self::DirectFor(users, millis, words.text_after_colon()?)
                    }
                }
            }
            "watch" => Self::Watch(words.list()?),
            "unwatch" => Self::Unwatch(words.list()?),
            "invisible" => Self::Invisible,
            "visible" => Self::Visible,
            "congested" => Self::Congested,
            "writable" => Self::Writable,
            _ => return Err(format!("no session can `{verb}`")),
        })
    }

    /// `"busy"`, `"busy" until 15s`, `"busy" until 15s then "here"`
    fn publish(words: &mut Words) -> Result<Self, String> {
        let text = words.text()?;
        if !words.take("until") {
            return Ok(Self::Publish(text));
        }
        let until = moment(&words.word()?)?;
        let then = words.take("then").then(|| words.text()).transpose()?;
        Ok(Self::PublishUntil(text, until, then))
    }

    /// `error`, `timeout`, `node` or `going away`, and `grace 20s`
    fn lost(words: &mut Words) -> Result<Self, String> {
        let cause = match words.optional().as_deref() {
            None | Some("error") => LostCause::ConnectionError,
            Some("timeout") => LostCause::Timeout,
            Some("node") => LostCause::NodeLoss,
            Some("going") if words.take("away") => LostCause::GoingAway,
            Some(other) => return Err(format!("nothing is lost by `{other}`")),
        };
        let grace = words.take("grace").then(|| duration(&words.word()?)).transpose()?;
        Ok(Self::Lost(cause, grace))
    }

    fn connect(words: &mut Words) -> Result<Self, String> {
        let (mut kind, mut audience, mut blocked) = (0, None, None);
        while let Some(option) = words.optional() {
            match option.as_str() {
                "kind" => kind = words.number()?,
                "audience" => audience = Some(words.list_until(&["kind", "blocked"])?),
                "blocked" => blocked = Some(words.list_until(&["kind", "audience"])?),
                _ => return Err(format!("nobody connects with `{option}`")),
            }
        }
        let kind = u8::try_from(kind).map_err(|_| format!("{kind} is no device kind"))?;
        Ok(Self::Connect { kind, audience, blocked })
    }
}

/// Says `#` in a text as this number.
pub(crate) fn number_texts(words: &mut [Word], number: u32) {
    for word in words {
        if let Word::Text(text) = word {
            *text = text.replace('#', &number.to_string());
        }
    }
}
