//! Laws of watching: that it is as good as being a contact, and nobody else's affair.

use crate::script::{Input, Of, Script, law};
use crate::{Trouble, believes, meanwhile_of, no_limits, told_of_endings};
use adsum::{Config, DeviceKind, Options, SessionId, SessionKey, Time};
use adsum_model::choice::State;
use adsum_model::host::begun;
use adsum_model::queries::equal;
use adsum_model::told::{self, Names, Ordinal};
use adsum_model::{Decision, Event, Host, Outcome, User};
use std::collections::BTreeMap;

/// Everybody who is ever named.
const ALL: std::ops::Range<User> = 0..8;

/// An engine of which only what concerns some users is heard.
struct Hearing {
    host: Host<u32>,
    names: Names,
    /// Whose sessions those with these names are.
    owners: Vec<User>,
}

impl Hearing {
    fn new(script: &Script) -> Self {
        let host = script.host();
        Self { host, names: Names::default(), owners: Vec::new() }
    }

    /// Gives an input, which names attachments by the keys that they have here.
    fn give(&mut self, input: &Input) -> Result<Outcome, String> {
        let mut event = input.event.clone();
        self.names.rename(&mut event, input.by, input.topic)?;
        let outcome = self.host.handle(input.now, &event, usize::MAX, &mut |_, _| {})?;
        self.names.add_all(&outcome);
        if let (Ok(_), Event::Connect { user, .. }) = (&outcome, event) {
            self.owners.push(user);
        }
        Ok(outcome)
    }

    fn owner(&self, key: SessionKey) -> User {
        let ordinal = self.names.find(key).expect("the session connected");
        self.owners[ordinal.session]
    }

    /// Returns what these users, or the host, are told of their sessions, each apart.
    fn lines(&self, outcome: &Outcome, is_heard: impl Fn(User) -> bool) -> Vec<String> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return vec![format!("{error:?}")],
        };
        let apiece = answer.decisions.iter().cloned().flat_map(told::apiece);
        let heard = apiece.filter(|decision| match decision {
            Decision::Deliver { to, .. }
            | Decision::Skipped { to, .. }
            | Decision::Topic { to, .. }
            | Decision::Changes { to, .. } => to.iter().all(|key| is_heard(self.owner(*key))),
            Decision::TopicOccupied { .. } | Decision::TopicVacated { .. } => false,
            Decision::Snapshot { to: session, .. }
            | Decision::Close { session, .. }
            | Decision::Online { session, .. }
            | Decision::Ended { session, .. } => is_heard(self.owner(*session)),
        });
        let mut lines: Vec<String> = heard.map(|said| told::line(&self.names, &said)).collect();
        lines.sort();
        lines
    }

    /// Returns what is shown to whoever has just attached, of each session and each user as one,
    /// however many snapshots it took.
    fn shown(&self, outcomes: &[Outcome]) -> BTreeMap<Of, (User, u32, Option<u64>)> {
        let mut shown = BTreeMap::new();
        let place = |id: &SessionId| self.names.position_of(*id).expect("the session connected");
        for answer in outcomes.iter().flatten() {
            for decision in &answer.decisions {
                if let Decision::Snapshot { entries, users, .. } = decision {
                    let of_session = |(id, (user, said)): (&SessionId, &(User, u32))| {
                        (Of::Session(place(id)), (*user, *said, None))
                    };
                    shown.extend(entries.iter().map(of_session));
                    let of_user = |(user, of): (&User, &State)| {
                        (Of::User(*user), (*user, of.presence, of.idle_since))
                    };
                    shown.extend(users.iter().map(of_user));
                }
            }
        }
        shown
    }
}

/// To watch everybody whose audience leaves one out is as good as to be
/// everybody's contact.
#[test]
fn whoever_watches_everybody_is_told_what_a_contact_is() {
    let shows_all = |options: &mut Options| {
        no_limits(options);
        options.snapshot_on_connect = true;
    };
    law(shows_all, |case, script| {
        let viewer = User::from(case.ops.last().map_or(0, |op| op.0[2])) % 3;
        let mut listed = Hearing::new(script);
        let mut watching = Hearing::new(script);
        for input in &script.inputs {
            let input = keeping_all_in_sight(input, viewer, &watching);
            let is_told = |user| user == viewer;
            let outcome = listed.give(&with(&input, viewer))?;
            let other = watching.give(&without(&input, viewer))?;
            let is_newcomer = matches!(input.event, Event::Connect { user, .. } if user == viewer);
            if is_newcomer && other.is_ok() {
                // Shrunk, a slow receiver is sent a snapshot after so few notes that the lists
                // must be equally long.
                let both = [
                    (&mut listed, outcome, cfg!(feature = "shrunk")),
                    (&mut watching, other, true),
                ];
                let [shown, others_shown] = both.map(|(side, outcome, watches)| {
                    let watch = Event::Watch { session: begun(&outcome).key, users: ALL.collect() };
                    let mut outcomes = vec![outcome];
                    if watches {
                        let watch = Input { now: input.now, event: watch, by: None, topic: None };
                        outcomes.push(side.give(&watch)?);
                    }
                    Ok::<_, String>(side.shown(&outcomes))
                });
                equal("what a newcomer is shown", others_shown?, shown?)?;
            } else {
                let told = watching.lines(&other, is_told);
                equal("what it is told", told, listed.lines(&outcome, is_told))
                    .map_err(|fault| format!("{viewer} after {:?}: {fault}", input.event))?;
            }
        }
        Ok(())
    });
}

/// Returns an input as it may be here: the viewer lists everyone, so that a snapshot can find them,
/// and goes on watching.
fn keeping_all_in_sight(input: &Input, viewer: User, side: &Hearing) -> Input {
    let mut input = input.clone();
    let by = input.by.map(|by| side.owners[by.session]);
    match &mut input.event {
        Event::Connect { user, audience, .. } if *user == viewer => *audience = ALL.collect(),
        Event::AudienceAdd { user, contacts }
        | Event::AudienceRemove { user, contacts }
        | Event::AudienceReplace { user, contacts }
            if *user == viewer =>
        {
            (*user, *contacts) = (User::MAX, Vec::new());
        }
        Event::AudienceAdd { contacts, .. } | Event::AudienceRemove { contacts, .. } => {
            contacts.retain(|contact| *contact != viewer);
        }
        Event::Watch { session, .. } | Event::Unwatch { session, .. } if by == Some(viewer) => {
            input.event = Event::Heartbeat { session: *session };
        }
        _ => {}
    }
    input
}

/// Returns an input with the viewer in everybody's audience.
fn with(input: &Input, viewer: User) -> Input {
    let mut input = without(input, viewer);
    match &mut input.event {
        Event::Connect { user, audience: list, .. }
        | Event::AudienceReplace { user, contacts: list }
            if *user != viewer =>
        {
            list.push(viewer);
        }
        _ => {}
    }
    input
}

/// Returns an input with the viewer in nobody's audience.
fn without(input: &Input, viewer: User) -> Input {
    let mut input = input.clone();
    match &mut input.event {
        Event::Connect { user, audience: list, .. }
        | Event::AudienceReplace { user, contacts: list }
            if *user != viewer =>
        {
            list.retain(|contact| *contact != viewer);
        }
        _ => {}
    }
    input
}

/// Whom a user's sessions watch is nobody else's affair: all others, and the host of their
/// sessions, are told the same if they watch nobody and only say that they are alive.
#[test]
fn whom_somebody_watches_is_nobody_elses_affair() {
    law(
        |_| {},
        |case, script| {
            let watcher = User::from(case.ops.last().map_or(0, |op| op.0[2])) % 3;
            let mut with = Hearing::new(script);
            let mut without = Hearing::new(script);
            for input in &script.inputs {
                let outcome = with.give(input)?;
                let mut other = input.clone();
                if let Event::Watch { session, .. } | Event::Unwatch { session, .. } = input.event
                    && input.by.is_some_and(|by| with.owners[by.session] == watcher)
                {
                    if outcome.is_err() {
                        continue;
                    }
                    other.event = Event::Heartbeat { session };
                }
                let is_heard = |user| user != watcher;
                let expected = without.give(&other)?;
                let expected = without.lines(&expected, is_heard);
                equal("what others are told", with.lines(&outcome, is_heard), expected)?;
            }
            Ok(())
        },
    );
}

/// Whoever ends its watch has forgotten whom it watched, whether or not more is told of that user:
/// one who takes no notices while the user lists it and blocks it believes what it would otherwise.
#[test]
fn whoever_watched_and_was_congested_since_has_forgotten_whom_it_watched() {
    let session = SessionKey::from_bits((1 << 32, 0)).expect("any will do");
    let connect = |user: User, audience: &[User], blocked: &[User]| {
        let [audience, blocked] = [audience, blocked].map(<[User]>::to_vec);
        Event::Connect { user, kind: DeviceKind(0), audience, blocked }
    };
    let input = |by: Option<usize>, event| {
        let by = by.map(|session| Ordinal { session, attachment: 0 });
        Input { now: Time::ZERO, event, by, topic: None }
    };
    let inputs = vec![
        input(None, connect(0, &[], &[])),
        input(None, connect(4, &[0], &[])),
        input(Some(0), Event::Publish { session, presence: 10 }),
        input(Some(1), Event::Watch { session, users: vec![0] }),
        input(Some(1), Event::Unwatch { session, users: vec![0] }),
        input(None, connect(0, &[4], &[4])),
        input(Some(1), Event::Publish { session, presence: 14 }),
    ];
    let mut options = Options::default();
    told_of_endings(&mut options);
    let config = Config::new(options).expect("the options go together");
    let script = Script { config, choice: None, inputs };
    meanwhile_of(1, 12, &script, Trouble::Congested, believes).expect("it believes the same");
}
