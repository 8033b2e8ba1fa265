//! An engine with the table of connections that a host keeps, and what comes of its inputs in
//! canonical form.

use crate::choice::Choice;
use crate::drain::{Reading, Watch};
use crate::{Attachment, Decision, Event, Payload, User};
use adsum::{
    Config, Connect, Decisions, DefaultHashBuilder, Engine, Error, Join, SessionKey, SlotMap, Time,
    TopicKey,
};
use std::collections::BTreeSet;
use std::hash::BuildHasher;

/// What came of an input that was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The key that the drain says the input was about.
    pub about: Option<SessionKey>,
    /// What a connect or a resume gave out.
    pub begun: Option<Attachment>,
    /// The key of the topic that was joined.
    pub topic: Option<TopicKey>,
    /// When a publish goes out that has to wait.
    pub waits_until: Option<u64>,
    pub decisions: Vec<Decision>,
    /// The numbers of the notices and snapshots among them; zero where there is none.
    pub numbers: Vec<u64>,
}

/// The names that an engine gave out for an input, or such as nobody gives out, and what it chose
/// to say where it has a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub begun: Attachment,
    pub topic: TopicKey,
    /// What it told of topics.
    pub told: Vec<Decision>,
    /// Whether numbers were as great as can be, so that decisions which say the same, each to
    /// others, were taken for one.
    pub is_merged: bool,
}

impl From<Attachment> for Given {
    /// Returns the names of an input that opens no topic.
    fn from(begun: Attachment) -> Self {
        let topic = TopicKey::from_bits((u64::MAX, u32::MAX)).expect("it is not zero");
        Self { begun, topic, told: Vec::new(), is_merged: false }
    }
}

/// What came of an input, or why it was refused.
pub type Outcome = Result<Answer, Error>;

/// Returns all names that an input gave out, or such as nobody gives out.
pub fn given(outcome: &Outcome) -> Given {
    let topic = outcome.as_ref().ok().and_then(|answer| answer.topic);
    let given = Given::from(begun(outcome));
    let is_of_topics =
        |told: &&Decision| matches!(told, Decision::Topic { .. } | Decision::Changes { .. });
    let decisions = outcome.iter().flat_map(|answer| &answer.decisions);
    let told = decisions.filter(is_of_topics).cloned().collect();
    let is_merged = outcome.as_ref().is_ok_and(|answer| answer.numbers.contains(&u64::MAX));
    Given { topic: topic.unwrap_or(given.topic), told, is_merged, ..given }
}

/// Returns the names of what an input has begun, or such as nobody gives out.
pub fn begun(outcome: &Outcome) -> Attachment {
    outcome.as_ref().ok().and_then(|answer| answer.begun).unwrap_or(Attachment::NONE)
}

pub struct Host<P, S = DefaultHashBuilder> {
    pub engine: Engine<User, P, S>,
    /// The attachments that have a connection, as the host itself can know.
    pub sockets: SlotMap<()>,
    /// Those of them that the host has called congested.
    pub congested: BTreeSet<SessionKey>,
    pub last_id: u64,
    /// Receivers of notices and entries of snapshots so far.
    pub deliveries: u64,
    pub skipped: u64,
    /// How often it has called `advance` again because something was still due.
    pub advanced_again: u64,
}

impl<P: Payload, S: BuildHasher> Host<P, S> {
    pub fn new(config: Config, hasher: S) -> Self {
        Self::with_choice(config, None, hasher)
    }

    /// Returns one whose users' contacts are told one state of each, if it is said how to choose.
    pub fn with_choice(config: Config, choice: Option<Choice>, hasher: S) -> Self {
        let engine = match choice {
            Some(choice) => Engine::with_representative(config, hasher, choice.represent()),
            None => Engine::with_hasher(config, hasher),
        };
        Self {
            engine,
            sockets: SlotMap::new(),
            congested: BTreeSet::new(),
            last_id: 0,
            deliveries: 0,
            skipped: 0,
            advanced_again: 0,
        }
    }

    /// Gives an input and takes its decisions, at most `take` of them: then the drain is dropped.
    /// If all are taken, time is told until nothing is due any more.
    ///
    /// # Errors
    /// What a decision may not be, whatever the input.
    pub fn handle(
        &mut self,
        now: Time,
        event: &Event,
        take: usize,
        watch: &mut Watch<'_, P>,
    ) -> Result<Outcome, String> {
        let Self { engine, sockets, congested, .. } = self;
        // Makes no difference, or the model would find it.
        let named = crate::session_of(&mut event.clone()).copied();
        engine.prefetch(named.into_iter().cycle().take(17));
        let mut decisions = match verb(engine, now, event) {
            Ok(decisions) => decisions,
            Err(error) => return Ok(Err(error)),
        };
        let about = decisions.session();
        let waits_until = decisions.waits_until().map(Time::as_millis);
        let replaced = note_input(sockets, congested, event, about)?;
        let mut reading = Reading::new(sockets, congested, self.last_id);
        reading.replaced = replaced;
        for _ in 0..take {
            let Some(decision) = decisions.next() else {
                if decisions.next().is_some() {
                    return Err("a drain that was at its end went on".into());
                }
                break;
            };
            reading.read(&decision, watch)?;
        }
        drop(decisions);
        if take == usize::MAX {
            reading.must_be_complete()?;
            if let Event::Advance = event {
                self.advanced_again += advance_again(engine, now, &mut reading, watch)?;
            }
        }
        self.last_id = reading.last_id;
        self.deliveries += reading.deliveries;
        self.skipped += reading.skipped;
        let (numbers, decisions) = reading.told.into_iter().unzip();
        let begun = self.begun(event, about)?;
        let topic = match event {
            Event::Join { topic, .. } => self.engine.topic(topic).map(|topic| topic.key()),
            _ => None,
        };
        Ok(Ok(Answer { about, begun, topic, waits_until, decisions, numbers }))
    }

    /// Asks for the names of what a connect or a resume has begun.
    fn begun(
        &self,
        event: &Event,
        about: Option<SessionKey>,
    ) -> Result<Option<Attachment>, String> {
        let (Event::Connect { .. } | Event::Resume { .. }, Some(key)) = (event, about) else {
            return Ok(None);
        };
        let session = self.engine.id_of(key).ok_or("a new attachment is not known")?;
        Ok(Some(Attachment { key, session }))
    }

    /// Asks which of these are connected: after a drain that was dropped half-way, the host has to
    /// look for itself.
    pub fn look_again(&mut self, keys: impl IntoIterator<Item = SessionKey>) {
        self.sockets = SlotMap::new();
        for key in keys.into_iter().filter(|key| self.engine.is_attached(*key)) {
            self.sockets.insert(key, ());
        }
        self.congested.retain(|key| self.engine.is_congested(*key));
    }
}

/// Calls `advance` until nothing is due at that moment any more, as a host has to before another
/// input. Returns how often.
fn advance_again<P: Payload, S: BuildHasher>(
    engine: &mut Engine<User, P, S>,
    now: Time,
    reading: &mut Reading<'_>,
    watch: &mut Watch<'_, P>,
) -> Result<u64, String> {
    let mut calls = 0;
    while engine.deadline().is_some_and(|due| due <= now.max(engine.now())) {
        let mut decisions = engine.advance(now);
        while let Some(decision) = decisions.next() {
            reading.read(&decision, watch)?;
        }
        drop(decisions);
        reading.must_be_complete()?;
        calls += 1;
        if calls > 1_000_000 {
            return Err("there is always something due".into());
        }
    }
    Ok(calls)
}

/// Gives the verb, and not [`Engine::apply`]: that one is held against the verbs elsewhere.
///
/// # Errors
/// The verb's own.
///
/// # Panics
/// At an event that the host does not know, and where a drain is about another session than the
/// verb says.
pub fn verb<'e, P: Payload, S: BuildHasher>(
    engine: &'e mut Engine<User, P, S>,
    now: Time,
    event: &Event,
) -> Result<Decisions<'e, User, P, S>, Error> {
    match event {
        Event::Connect { user, kind, audience, blocked } => {
            let connect = Connect::new(*user)
                .kind(*kind)
                .audience(audience.iter().copied())
                .blocked(blocked.iter().copied());
            let (key, decisions) = engine.connect(now, connect)?;
            assert_eq!(decisions.session(), Some(key), "a connect is about the new session");
            Ok(decisions)
        }
        Event::Disconnect { session } => engine.disconnect(now, *session),
        Event::Lost { session, cause, grace_ms: None } => engine.lost(now, *session, *cause),
        Event::Lost { session, cause, grace_ms: Some(grace_ms) } => {
            engine.lost_with_grace(now, *session, *cause, *grace_ms)
        }
        Event::Resume { session } => {
            let (key, decisions) = engine.resume(now, *session)?;
            assert_eq!(decisions.session(), Some(key), "a resume is about the new attachment");
            Ok(decisions)
        }
        Event::Heartbeat { session } => engine.heartbeat(now, *session),
        Event::Active { session } => engine.active(now, *session),
        Event::Publish { session, presence } => {
            engine.publish(now, *session, P::make(*presence, Some(*session)))
        }
        Event::PublishUntil { session, presence, until, then } => {
            let then = then.map(|then| P::make(then, Some(*session)));
            let presence = P::make(*presence, Some(*session));
            engine.publish_until(now, *session, presence, *until, then)
        }
        Event::Withdraw { session } => engine.withdraw(now, *session),
        Event::Direct { session, users, presence } => {
            engine.direct(now, *session, users, P::make(*presence, Some(*session)))
        }
        Event::DirectFor { session, users, presence, for_ms } => {
            let presence = P::make(*presence, Some(*session));
            engine.direct_for(now, *session, users, presence, *for_ms)
        }
        Event::Watch { session, users } => engine.watch(now, *session, users.iter().copied()),
        Event::Unwatch { session, users } => engine.unwatch(now, *session, users),
        Event::AudienceAdd { user, contacts } => {
            engine.audience_add(now, user, contacts.iter().copied())
        }
        Event::AudienceRemove { user, contacts } => engine.audience_remove(now, user, contacts),
        Event::AudienceReplace { user, contacts } => {
            engine.audience_replace(now, user, contacts.iter().copied())
        }
        Event::Block { user, other } => engine.block(now, user, *other),
        Event::Unblock { user, other } => engine.unblock(now, user, other),
        Event::Invisible { session } => engine.invisible(now, *session),
        Event::Visible { session } => engine.visible(now, *session),
        Event::Congested { session } => engine.congested(now, *session),
        Event::Writable { session } => engine.writable(now, *session),
        Event::System { users, presence } => engine.system(now, users, P::make(*presence, None)),
        Event::Expel { user } => Ok(engine.expel(now, user)),
        Event::Advance => Ok(engine.advance(now)),
        other => verb_of_topics(engine, now, other),
    }
}

fn verb_of_topics<'e, P: Payload, S: BuildHasher>(
    engine: &'e mut Engine<User, P, S>,
    now: Time,
    event: &Event,
) -> Result<Decisions<'e, User, P, S>, Error> {
    match event {
        Event::Join { session, topic, join } => {
            let make = |said: u32| P::make(said, Some(*session));
            let join = match *join {
                Join::Member { presence, view } => {
                    Join::Member { presence: presence.map(make), view }
                }
                Join::Observer { view } => Join::Observer { view },
            };
            Ok(engine.join(now, *session, *topic, join)?.1)
        }
        Event::Update { session, topic, presence } => {
            engine.update(now, *session, *topic, P::make(*presence, Some(*session)))
        }
        Event::Leave { session, topic } => engine.leave(now, *session, *topic),
        Event::Look { session, topic, view } => engine.look(now, *session, *topic, *view),
        Event::LookAt { session, topic, users } => {
            engine.look_at(now, *session, *topic, users.iter().copied())
        }
        Event::Say { session, topic, presence, for_ms } => {
            let presence = P::make(*presence, Some(*session));
            engine.say(now, *session, *topic, presence, *for_ms)
        }
        Event::Remove { topic, user } => Ok(engine.remove(now, topic, user)),
        Event::Close { topic } => Ok(engine.close(now, topic)),
        Event::TopicOptions { topic, options } => engine.topic_options(now, topic, *options),
        other => unreachable!("the host does not know {other:?}"),
    }
}

/// Notes what the host knows of its connections before the first decision. Returns the attachment
/// whose connection a resume has replaced.
fn note_input(
    sockets: &mut SlotMap<()>,
    congested: &mut BTreeSet<SessionKey>,
    event: &Event,
    about: Option<SessionKey>,
) -> Result<Option<SessionKey>, String> {
    let Some(key) = about else {
        return Ok(None);
    };
    match event {
        Event::Connect { .. } => match sockets.insert(key, ()) {
            None => {}
            Some((other, ())) => return Err(format!("{key:?} has the slot of {other:?}")),
        },
        Event::Resume { session } => {
            congested.remove(session);
            return match sockets.insert(key, ()) {
                None => Ok(None),
                Some((other, ())) if other == *session && other != key => Ok(Some(other)),
                Some((other, ())) => Err(format!("{key:?} has the slot of {other:?}")),
            };
        }
        Event::Disconnect { .. } | Event::Lost { .. } => {
            congested.remove(&key);
            sockets.remove(key);
        }
        Event::Congested { .. } => _ = congested.insert(key),
        Event::Writable { .. } => _ = congested.remove(&key),
        _ => {}
    }
    Ok(None)
}
