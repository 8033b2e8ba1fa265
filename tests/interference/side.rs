//! One of two histories: an engine with its host, and all that one user can observe of it.

use crate::spelt::Spellings;
use adsum::{Config, DefaultHashBuilder, Error, SessionId, SessionKey, Time, TopicKey};
use adsum_model::Attachment;
use adsum_model::host::Given;
use adsum_model::told::{Names, Ordinal};
use adsum_model::{Choice, Decision, Event, Host, Notice, Outcome, User, session_of, topic_of};
use std::collections::BTreeSet;

/// An input of a history.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) now: Time,
    pub(crate) event: Event,
    /// The attachment that it names.
    pub(crate) by: Option<Ordinal>,
    /// The name of the topic whose key it names.
    pub(crate) topic: Option<User>,
    /// Whose input it is, if it is a user's.
    pub(crate) of: Option<User>,
}

pub(crate) struct Side {
    pub(crate) host: Host<u32>,
    /// An engine that is given the same in ids that have several spellings, if there is one.
    spellings: Option<Spellings>,
    observer: User,
    hidden: User,
    /// The sessions of the hidden user, and those of all others.
    hidden_names: Names,
    names: Names,
    /// Whose those of the others are.
    owners: Vec<User>,
    /// The topics that there were, each with its name.
    topics: Vec<(TopicKey, User)>,
    /// What the observer has seen so far.
    pub(crate) told: Vec<String>,
}

impl Side {
    pub(crate) fn new(
        config: &Config,
        choice: Option<Choice>,
        observer: User,
        hidden: User,
    ) -> Self {
        Self {
            host: Host::with_choice(config.clone(), choice, DefaultHashBuilder::default()),
            spellings: None,
            observer,
            hidden,
            hidden_names: Names::default(),
            names: Names::default(),
            owners: Vec::new(),
            topics: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Has the observer see how ids are spelt, too.
    pub(crate) fn with_spellings(mut self, config: &Config, choice: Option<Choice>) -> Self {
        self.spellings = Some(Spellings::new(config, choice, self.observer));
        self
    }

    /// Takes down an input that names keys of this side. `None` if it names one that was never
    /// given out.
    pub(crate) fn input(&self, now: Time, event: Event) -> Option<Input> {
        let (mut by, mut of) = (None, user_of(&event));
        if let Some(key) = session_of(&mut event.clone()).copied() {
            by = self.names.find(key).or_else(|| self.hidden_names.find(key));
            let own = self.names.find(key).map(|ordinal| self.owners[ordinal.session]);
            of = Some(own.unwrap_or(self.hidden));
            by?;
        }
        let key = topic_of(&mut event.clone()).copied();
        let known = key.and_then(|key| self.topics.iter().find(|(known, _)| *known == key));
        let topic = known.map(|(_, name)| *name);
        // The last key of a name: of those before there need not be as many on the other side.
        let last = self.topics.iter().rev().find(|(_, name)| Some(*name) == topic);
        let topic = topic.filter(|_| last.map(|(last, _)| *last) == key);
        (key.is_some() == topic.is_some()).then_some(Input { now, event, by, topic, of })
    }

    /// Gives an input. What the observer sees of it is added to what it has seen.
    ///
    /// # Errors
    /// What no decision may be, whoever sees it.
    pub(crate) fn give(&mut self, input: &Input) -> Result<Outcome, String> {
        let mut event = input.event.clone();
        let is_hidden = input.of == Some(self.hidden);
        let names = if is_hidden { &mut self.hidden_names } else { &mut self.names };
        names.rename(&mut event, input.by, None)?;
        if let (Some(key), Some(name)) = (topic_of(&mut event), input.topic) {
            // Under the name that it has now, or had last.
            let mut topics = self.topics.iter().rev();
            let last = topics.find(|(_, of)| *of == name).map(|(key, _)| *key);
            // One that nobody but the hidden user was in has none on the other side.
            *key = last.unwrap_or_else(|| Given::from(Attachment::NONE).topic);
        }
        let outcome = self.host.handle(input.now, &event, usize::MAX, &mut |_, _| {})?;
        if let Some(begun) = outcome.as_ref().ok().and_then(|answer| answer.begun) {
            names.add(begun);
            if let (Event::Connect { user, .. }, false) = (&event, is_hidden) {
                self.owners.push(*user);
            }
        }
        if let (Event::Join { topic, .. }, Ok(answer)) = (&event, &outcome) {
            let key = answer.topic.filter(|key| self.topics.iter().all(|(known, _)| known != key));
            self.topics.extend(key.map(|key| (key, *topic)));
        }
        let mut lines: Vec<(Option<User>, String)> = Vec::new();
        if input.of == Some(self.observer) {
            let result = match &outcome {
                Ok(answer) => format!("accepted, waits until {:?}", answer.waits_until),
                Err(Error::AlreadyJoined { .. }) => "it is in the topic".into(),
                Err(error) => format!("{error:?}"),
            };
            lines.push((None, result));
        }
        if let Ok(answer) = &outcome {
            let of = |decision: &Decision| decision.notice().and_then(|notice| notice.user());
            let told = answer.decisions.iter();
            lines.extend(told.filter_map(|one| self.line(one).map(|line| (of(one), line))));
        }
        // The order of users in what one call tells means nothing; what is told of one has its own.
        if let Event::Connect { .. } | Event::Writable { .. } = event {
            let both_of_users =
                |a: &(Option<User>, _), b: &(Option<User>, _)| a.0.is_some() == b.0.is_some();
            for of_users in lines.chunk_by_mut(both_of_users) {
                of_users.sort_by_key(|(user, _)| *user);
            }
        }
        self.told.extend(lines.into_iter().map(|(_, line)| line));
        if let (Some(spellings), Ok(_)) = (&mut self.spellings, &outcome) {
            let seen = spellings.give(input.now, &event, (input.of, self.hidden));
            self.told.extend((!seen.is_empty()).then(|| format!("spelt {seen:?}")));
        }
        Ok(outcome)
    }

    /// Returns what the observer sees of a decision, if anything.
    fn line(&self, decision: &Decision) -> Option<String> {
        match decision {
            Decision::Deliver { notice, to } => {
                let own = self.all_own(to)?;
                Some(format!("{} to {own:?}", self.notice(notice)))
            }
            Decision::Snapshot { to, visible, named, entries, users } => {
                let own = self.own(*to)?;
                let mut lines = Vec::new();
                for (session, (user, presence)) in entries {
                    lines.push((*user, self.place(*session), *presence));
                }
                lines.sort_unstable();
                let states = users.iter().map(|(user, of)| (user, of.presence, of.idle_since));
                let states: Vec<_> = states.collect();
                let of = format!("{named:?} to {own:?}, visible {visible}");
                Some(format!("snapshot of {of}: {lines:?}, {states:?}"))
            }
            Decision::Close { session, reason, resumable } => {
                let own = self.own(*session);
                own.map(|own| format!("close {own:?}: {reason:?}, {resumable}"))
            }
            Decision::Topic { topic, view, counts, entries, to } => {
                let own = self.all_own(to)?;
                let of = |(user, id, said): &(User, SessionId, Option<u32>)| {
                    (*user, self.place(*id), *said)
                };
                let entries: Vec<_> = entries.iter().map(of).collect();
                Some(format!("topic {topic} to {own:?}: {view:?}, {counts:?}, {entries:?}"))
            }
            Decision::Changes { topic, view, counts, changes, to } => {
                let own = self.all_own(to)?;
                let shown = changes.shown.iter();
                let mut shown: Vec<_> =
                    shown.map(|(id, (user, said))| (*user, self.place(*id), *said)).collect();
                shown.sort_unstable();
                let ended = changes.ended.iter().map(|(id, user)| (*user, self.place(*id)));
                let ended: BTreeSet<_> = ended.collect();
                let left = &changes.left;
                let changes = format!("{shown:?}, {ended:?}, {left:?}");
                Some(format!("changes of {topic} to {own:?}: {view:?}, {counts:?}, {changes}"))
            }
            // These are for the host.
            Decision::Skipped { .. }
            | Decision::Online { .. }
            | Decision::TopicOccupied { .. }
            | Decision::TopicVacated { .. }
            | Decision::Ended { .. } => None,
        }
    }

    /// Returns the observer's attachments among these, if there are any.
    fn all_own(&self, to: &BTreeSet<SessionKey>) -> Option<BTreeSet<Ordinal>> {
        let own: BTreeSet<_> = to.iter().filter_map(|key| self.own(*key)).collect();
        (!own.is_empty()).then_some(own)
    }

    /// Returns the observer's attachment of this key.
    fn own(&self, key: SessionKey) -> Option<Ordinal> {
        let ordinal = self.names.find(key)?;
        (self.owners[ordinal.session] == self.observer).then_some(ordinal)
    }

    /// Returns what a session is called: by the order in which those of the hidden user came, or
    /// those of all others.
    fn place(&self, session: SessionId) -> String {
        match (self.names.position_of(session), self.hidden_names.position_of(session)) {
            (Some(place), _) => place.to_string(),
            (None, hidden) => format!("hidden {hidden:?}"),
        }
    }

    fn notice(&self, notice: &Notice) -> String {
        match notice {
            Notice::Presence { user, session, first, presence } => {
                format!("{user}, {} says {presence}, first {first}", self.place(*session))
            }
            Notice::Directed { user, session, presence } => {
                format!("{user}, {} directs {presence}", self.place(*session))
            }
            Notice::DirectedOver { user, session } => {
                format!("{user}, {} no longer directs", self.place(*session))
            }
            Notice::Withdrawn { user, session } => {
                format!("{user}, {} shows nothing", self.place(*session))
            }
            Notice::SessionEnded { user, session } => {
                format!("{user}, {} has ended", self.place(*session))
            }
            Notice::Joined { topic, user, session, presence } => {
                let place = self.place(*session);
                format!("in {topic}: {user} comes with {place}, {presence:?}")
            }
            Notice::Member { topic, user, session, first, presence } => {
                let place = self.place(*session);
                format!("in {topic}: {user}, {place} shows {presence:?}, first {first}")
            }
            Notice::MemberSessionEnded { topic, user, session } => {
                format!("in {topic}: {user}, {} has gone", self.place(*session))
            }
            Notice::Said { topic, user, session, presence } => {
                format!("in {topic}: {user}, {} says {presence}", self.place(*session))
            }
            Notice::SaidOver { topic, user, session } => {
                format!("in {topic}: {user}, {} says nothing", self.place(*session))
            }
            Notice::User { .. }
            | Notice::Left { .. }
            | Notice::TopicClosed { .. }
            | Notice::UserOffline { .. }
            | Notice::Visibility { .. }
            | Notice::System { .. } => {
                format!("{notice:?}")
            }
        }
    }
}

/// Returns whose input it is, where it names a user.
fn user_of(event: &Event) -> Option<User> {
    match event {
        Event::Connect { user, .. }
        | Event::AudienceAdd { user, .. }
        | Event::AudienceRemove { user, .. }
        | Event::AudienceReplace { user, .. }
        | Event::Block { user, .. }
        | Event::Unblock { user, .. }
        | Event::Expel { user } => Some(*user),
        _ => None,
    }
}
