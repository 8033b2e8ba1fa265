//! Topics in scenarios: what can be done in them, and what is told of them.

use crate::counted::{Id, Presence};
use crate::host::{CHUNK, Checked, Host, Seat};
use crate::names::{Name, duration};
use crate::told::{Told, end_reason};
use crate::words::Words;
use adsum::{
    Changes, Error, Event, Join, LeaveReason, Notice, PresenceKind, SessionKey, Slot, TopicBlocks,
    TopicChange, TopicClosing, TopicCounts, TopicKey, TopicOptions, TopicSnapshot, View,
};
use std::collections::HashMap;

/// What a session does in a topic, of which this is the name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RoomVerb {
    /// Observing, or as a member with a presence of its own.
    Join(String, bool, Option<String>, View),
    Update(String, String),
    Leave(String),
    Look(String, View),
    LookAt(String, Vec<String>),
    /// For so long, if it is said for how long.
    Say(String, String, Option<u64>),
}

impl RoomVerb {
    /// `join room`, `join room "busy" view count`, `join room observing`, `update room "away"`,
    /// `leave room`, `look room sample 3`, `look room at A B`, `say room "typing" for 5s`
    pub(crate) fn parse(verb: &str, words: &mut Words) -> Result<Option<Self>, String> {
        let parsed = match verb {
            "join" => {
                let room = words.word()?;
                let observes = words.take("observing");
                let text = words.quoted();
                let view = if words.take("view") { view(words)? } else { View::All };
                Self::Join(room, observes, text, view)
            }
            "update" => Self::Update(words.word()?, words.text()?),
            "leave" => Self::Leave(words.word()?),
            "look" => {
                let room = words.word()?;
                match words.take("at") {
                    true => Self::LookAt(room, words.list()?),
                    false => Self::Look(room, view(words)?),
                }
            }
            "say" => {
                let (room, text) = (words.word()?, words.text()?);
                let millis = words.take("for").then(|| duration(&words.word()?)).transpose()?;
                Self::Say(room, text, millis)
            }
            _ => return Ok(None),
        };
        Ok(Some(parsed))
    }

    pub(crate) const fn speaks(&self) -> bool {
        matches!(self, Self::Update(..) | Self::Say(..) | Self::Join(_, _, Some(_), _))
    }

    fn room(&self) -> &str {
        match self {
            Self::Join(room, ..)
            | Self::Update(room, _)
            | Self::Leave(room)
            | Self::Look(room, _)
            | Self::LookAt(room, _)
            | Self::Say(room, ..) => room,
        }
    }

    /// The engine's event. `room` is the topic's id, and `key` its key.
    pub(crate) fn bind(
        &self,
        session: SessionKey,
        room: Id,
        key: Option<TopicKey>,
        mut id: impl FnMut(&str) -> Id,
    ) -> Result<Event<Id, Presence>, String> {
        let topic = || key.ok_or_else(|| format!("nobody was ever in {}", self.room()));
        let new = |text: &String| Presence::new(text);
        Ok(match self {
            Self::Join(_, true, _, view) => {
                Event::Join { session, topic: room, join: Join::Observer { view: *view } }
            }
            Self::Join(_, false, text, view) => {
                let join = Join::Member { presence: text.as_ref().map(new), view: *view };
                Event::Join { session, topic: room, join }
            }
            Self::Update(_, text) => {
                Event::Update { session, topic: topic()?, presence: new(text) }
            }
            Self::Leave(_) => Event::Leave { session, topic: topic()? },
            Self::Look(_, view) => Event::Look { session, topic: topic()?, view: *view },
            Self::LookAt(_, users) => {
                let users = users.iter().map(|user| id(user)).collect();
                Event::LookAt { session, topic: topic()?, users }
            }
            Self::Say(_, text, for_ms) => {
                Event::Say { session, topic: topic()?, presence: new(text), for_ms: *for_ms }
            }
        })
    }

    pub(crate) fn name(&self) -> String {
        self.room().to_owned()
    }
}

/// `nothing`, `count`, `sample 3` or `all`
fn view(words: &mut Words) -> Result<View, String> {
    Ok(match words.word()?.as_str() {
        "nothing" => View::Nothing,
        "count" => View::Count,
        "sample" => View::Sample(words.number()? as u16),
        "all" => View::All,
        other => return Err(format!("nobody views `{other}`")),
    })
}

/// What becomes of a topic by no session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RoomInput {
    Close(String),
    Remove(String, String),
    Options(String, TopicOptions),
}

impl RoomInput {
    /// `close room`, `remove A from room`, `options room full_up_to=3`, of which the first word has
    /// been read
    pub(crate) fn parse(subject: &str, words: &mut Words) -> Result<Option<Self>, String> {
        Ok(Some(match subject {
            "close" => Self::Close(words.word()?),
            "remove" => {
                let user = words.word()?;
                if !words.take("from") {
                    return Err("write `remove A from room`".to_owned());
                }
                Self::Remove(words.word()?, user)
            }
            "options" => {
                let room = words.word()?;
                let mut options = TopicOptions::default();
                for word in words.list()? {
                    let (name, value) = word.split_once('=').ok_or("write full_up_to=3")?;
                    set(&mut options, name, value)?;
                }
                Self::Options(room, options)
            }
            _ => return Ok(None),
        }))
    }
}

/// Sets an option of topics.
pub(crate) fn set(options: &mut TopicOptions, name: &str, value: &str) -> Result<(), String> {
    let number = || value.parse::<u32>().map_err(|_| format!("`{value}` is no number"));
    match (name, value) {
        ("full_up_to", _) => options.full_up_to = number()?,
        ("sample", _) => options.sample = number()? as u16,
        ("coalesce_ms", _) => options.coalesce_ms = number()?,
        ("max_members", _) => options.max_members = number()?,
        ("blocks", "hidden") => options.blocks = TopicBlocks::Hidden,
        ("blocks", "ignored") => options.blocks = TopicBlocks::Ignored,
        _ => return Err(format!("topics have no option `{name}`")),
    }
    Ok(())
}

pub(crate) fn refused(error: Error) -> Option<String> {
    Some(match error {
        Error::AlreadyJoined { .. } => "AlreadyJoined".to_owned(),
        Error::TopicLimit { limit } => format!("TopicLimit {limit}"),
        Error::MemberLimit { limit } => format!("MemberLimit {limit}"),
        Error::NamedLimit { limit } => format!("NamedLimit {limit}"),
        Error::TopicOptions { option, value, min, max } => {
            format!("TopicOptions {option}={value}, not {min} to {max}")
        }
        _ => return None,
    })
}

/// `all`, `sample 2`
fn show_view(view: View) -> Checked<String> {
    Ok(match view {
        View::Nothing => "nothing".to_owned(),
        View::Count => "count".to_owned(),
        View::Sample(users) => format!("sample {users}"),
        View::All => "all".to_owned(),
        other => return Err(format!("nobody is shown {other:?}")),
    })
}

fn show_counts(counts: TopicCounts) -> String {
    format!("{}/{}/{}", counts.users, counts.sessions, counts.observers)
}

/// Which part it is of several.
const fn show_part(is_first: bool, is_last: bool) -> &'static str {
    match (is_first, is_last) {
        (true, true) => "",
        (true, false) => " begins",
        (false, false) => " goes on",
        (false, true) => " ends",
    }
}

fn reason(reason: LeaveReason) -> Checked<&'static str> {
    Ok(match reason {
        LeaveReason::Left => "by itself",
        LeaveReason::Removed => "removed",
        LeaveReason::Ended(reason) => end_reason(reason)?,
        other => return Err(format!("nobody leaves for {other:?}")),
    })
}

fn shown(name: &Name, presence: Option<&Presence>) -> String {
    presence.map_or_else(|| name.to_string(), |presence| format!("{name} \"{}\"", presence.text()))
}

impl Host {
    /// The first words of a notice about a topic, and the rest up to the receivers.
    pub(crate) fn describe_in_room(
        &self,
        notice: &Notice<'_, Id, Presence>,
    ) -> Checked<(&'static str, String)> {
        Ok(match notice {
            Notice::Joined { topic, session, presence, .. } => {
                let name = self.name_of_id(*session)?;
                ("joined", format!("{} {}", self.user(topic)?, shown(&name, *presence)))
            }
            Notice::Member { topic, session, kind, presence, .. } => {
                let name = self.name_of_id(*session)?;
                let is_first = *kind == PresenceKind::First;
                let kind = if is_first { "member first" } else { "member update" };
                (kind, format!("{} {}", self.user(topic)?, shown(&name, *presence)))
            }
            Notice::MemberSessionEnded { topic, session, .. } => {
                let name = self.name_of_id(*session)?;
                ("member ended", format!("{} {name}", self.user(topic)?))
            }
            Notice::Left { topic, user, reason: why, .. } => {
                let (room, user) = (self.user(topic)?, self.user(user)?);
                ("left", format!("{room} {user} {}", reason(*why)?))
            }
            Notice::TopicClosed { topic, reason, .. } => {
                let why = match reason {
                    TopicClosing::Closed => "to all",
                    TopicClosing::Removed => "to those removed",
                    other => return Err(format!("nothing is closed for {other:?}")),
                };
                ("closed", format!("{} {why}", self.user(topic)?))
            }
            Notice::Said { topic, session, presence, .. } => {
                let name = self.name_of_id(*session)?;
                ("said", format!("{} {name} \"{}\"", self.user(topic)?, presence.text()))
            }
            Notice::SaidOver { topic, session, .. } => {
                ("said over", format!("{} {}", self.user(topic)?, self.name_of_id(*session)?))
            }
            other => return Err(format!("no receiver knows what to do with {other:?}")),
        })
    }

    /// Sends a snapshot of a topic.
    pub(crate) fn room(
        &mut self,
        snapshot: &TopicSnapshot<'_, Id, Presence>,
        told: &mut Vec<Told>,
    ) -> Checked {
        let room = self.user(snapshot.topic())?;
        let mut entries = Vec::new();
        for entry in snapshot.entries() {
            let name = self.name_of_id(entry.session)?;
            entries.push((entry.session, name, entry.presence));
        }
        let lines = entries.iter().map(|(_, name, presence)| shown(name, *presence)).collect();
        let to = self.seated(snapshot.to())?;
        for slot in snapshot.to() {
            let Some((_, seat)) = self.seats.at_mut(*slot) else { continue };
            let replica = &mut seat.replica;
            if snapshot.is_first() {
                let begin = replica.begin_topic_snapshot(room.clone(), snapshot.view());
                begin.map_err(|_| "a replica without a limit is full")?;
            }
            replica.set_topic_counts(&room, snapshot.counts());
            for (session, name, presence) in &entries {
                let text = presence.map(|presence| presence.text().to_owned());
                let set = replica.set_member(&room, name.user.clone(), *session, text);
                set.map_err(|_| "a replica without a limit is full")?;
            }
            if snapshot.is_last() {
                let end = replica.end_topic_snapshot(&room);
                end.map_err(|_| "a replica without a limit is full")?;
            }
        }
        let (view, counts) = (show_view(snapshot.view())?, show_counts(snapshot.counts()));
        let part = show_part(snapshot.is_first(), snapshot.is_last());
        self.tell_room(
            format!("topic{part} {room} {view} {counts}"),
            lines,
            to,
            snapshot.id().get(),
            told,
        )
    }

    /// Sends what has changed in a topic.
    pub(crate) fn room_changes(
        &mut self,
        changes: &Changes<'_, Id, Presence>,
        told: &mut Vec<Told>,
    ) -> Checked {
        let room = self.user(changes.topic())?;
        let mut lines = Vec::new();
        for change in changes.iter() {
            lines.push(match change {
                TopicChange::Member { session, presence, .. } => {
                    shown(&self.name_of_id(session)?, presence)
                }
                TopicChange::SessionEnded { session, .. } => {
                    format!("ended {}", self.name_of_id(session)?)
                }
                TopicChange::Left { user, reason: why } => {
                    format!("left {} {}", self.user(user)?, reason(why)?)
                }
                other => return Err(format!("nobody changes by {other:?}")),
            });
        }
        let to = self.seated(changes.to())?;
        let (view, counts) = (show_view(changes.view())?, show_counts(changes.counts()));
        let part = show_part(changes.is_first(), changes.is_last());
        self.tell_room(
            format!("changes{part} {room} {view} {counts}"),
            lines,
            to,
            changes.id().get(),
            told,
        )
    }

    /// The names of receivers, all of whom must be attached and writable.
    fn seated(&self, slots: &[Slot]) -> Checked<Vec<Name>> {
        if slots.is_empty() || slots.len() > CHUNK.max(4) {
            return Err(format!("{} receivers in one decision", slots.len()));
        }
        let seat = |slot: &Slot| match self.seats.at(*slot).map(|(_, seat)| seat) {
            Some(Seat { congested: true, name, .. }) => Err(format!("{name} is congested")),
            Some(Seat { awaits_snapshot: true, name, .. }) => {
                Err(format!("{name} is told something before its snapshot"))
            }
            Some(seat) => Ok(seat.name.clone()),
            None => Err(format!("the receiver at {slot:?} has no connection")),
        };
        slots.iter().map(seat).collect()
    }

    fn tell_room(
        &mut self,
        head: String,
        entries: Vec<String>,
        to: Vec<Name>,
        id: u64,
        told: &mut Vec<Told>,
    ) -> Checked {
        let goes_on = self.open_notice == Some(id);
        if !goes_on {
            self.count_ids(id)?;
            self.open_notice = Some(id);
        }
        match told.last_mut() {
            Some(Told::Room { head: of, entries: said, to: before, .. })
                if goes_on && *of == head && *said == entries =>
            {
                before.extend(to);
            }
            _ => told.push(Told::Room { head, entries, to }),
        }
        Ok(())
    }
}

/// Has a receiver believe a notice about a topic. `user` is what an id is called.
pub(crate) fn believe(
    seat: &mut Seat,
    notice: &Notice<'_, Id, Presence>,
    user: impl Fn(&Id) -> String,
) -> Checked {
    let replica = &mut seat.replica;
    let full = |_| "a replica without a limit is full".to_owned();
    match notice {
        Notice::Joined { topic, user: id, session, presence, .. }
        | Notice::Member { topic, user: id, session, presence, .. } => {
            let text = presence.map(|presence| presence.text().to_owned());
            replica.set_member(&user(topic), user(id), *session, text).map_err(full)
        }
        Notice::Said { topic, user: id, session, presence, .. } => {
            let text = presence.text().to_owned();
            replica.set_said(&user(topic), user(id), *session, text).map_err(full)
        }
        Notice::SaidOver { topic, user: id, session, .. } => {
            replica.end_said(&user(topic), &user(id), *session);
            Ok(())
        }
        Notice::MemberSessionEnded { topic, user: id, session, .. } => {
            replica.end_member_session(&user(topic), &user(id), *session);
            Ok(())
        }
        Notice::Left { topic, user: id, .. } => {
            replica.end_member(&user(topic), &user(id));
            Ok(())
        }
        Notice::TopicClosed { topic, .. } => {
            replica.forget_topic(&user(topic));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The keys that topics have or had last, by their names.
pub(crate) type RoomKeys = HashMap<String, TopicKey>;
