//! One of two histories: an engine with its host, and all that one user can observe of it.

use adsum::{Config, DefaultHashBuilder, Time};
use adsum_model::told::{Names, Ordinal};
use adsum_model::{Choice, Decision, Event, Host, Notice, Outcome, User, session_of};
use std::collections::BTreeSet;

/// An input of a history.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) now: Time,
    pub(crate) event: Event,
    /// The attachment that it names.
    pub(crate) by: Option<Ordinal>,
    /// Whose input it is, if it is a user's.
    pub(crate) of: Option<User>,
}

pub(crate) struct Side {
    pub(crate) host: Host<u32>,
    observer: User,
    hidden: User,
    /// The sessions of the hidden user, and those of all others.
    hidden_names: Names,
    names: Names,
    /// Whose those of the others are.
    owners: Vec<User>,
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
            observer,
            hidden,
            hidden_names: Names::default(),
            names: Names::default(),
            owners: Vec::new(),
            told: Vec::new(),
        }
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
        Some(Input { now, event, by, of })
    }

    /// Gives an input. What the observer sees of it is added to what it has seen.
    ///
    /// # Errors
    /// What no decision may be, whoever sees it.
    pub(crate) fn give(&mut self, input: &Input) -> Result<Outcome, String> {
        let mut event = input.event.clone();
        let is_hidden = input.of == Some(self.hidden);
        let names = if is_hidden { &mut self.hidden_names } else { &mut self.names };
        names.rename(&mut event, input.by)?;
        let outcome = self.host.handle(input.now, &event, usize::MAX, &mut |_, _| {})?;
        if let Some(begun) = outcome.as_ref().ok().and_then(|answer| answer.begun) {
            names.add(begun);
            if let (Event::Connect { user, .. }, false) = (&event, is_hidden) {
                self.owners.push(*user);
            }
        }
        let mut lines = Vec::new();
        if input.of == Some(self.observer) {
            lines.push(match &outcome {
                Ok(answer) => format!("accepted, waits until {:?}", answer.waits_until),
                Err(error) => format!("{error:?}"),
            });
        }
        if let Ok(answer) = &outcome {
            lines.extend(answer.decisions.iter().filter_map(|decision| self.line(decision)));
        }
        // In these the order of users means nothing.
        if let Event::Connect { .. } | Event::Writable { .. } = event {
            lines.sort();
        }
        self.told.extend(lines);
        Ok(outcome)
    }

    /// Returns what the observer sees of a decision, if anything.
    fn line(&self, decision: &Decision) -> Option<String> {
        match decision {
            Decision::Deliver { notice, to } => {
                let own: BTreeSet<_> = to.iter().filter_map(|key| self.own(*key)).collect();
                (!own.is_empty()).then(|| format!("{} to {own:?}", self.notice(notice)))
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
            // These are for the host.
            Decision::Skipped { .. } | Decision::Online { .. } | Decision::Ended { .. } => None,
        }
    }

    /// Returns the observer's attachment of this key.
    fn own(&self, key: adsum::SessionKey) -> Option<Ordinal> {
        let ordinal = self.names.find(key)?;
        (self.owners[ordinal.session] == self.observer).then_some(ordinal)
    }

    /// Returns what a session is called: by the order in which those of the hidden user came, or
    /// those of all others.
    fn place(&self, session: adsum::SessionId) -> String {
        match (self.names.place(session), self.hidden_names.place(session)) {
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
            Notice::User { .. }
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
