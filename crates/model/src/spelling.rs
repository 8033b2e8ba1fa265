//! Ids that compare equal and are spelt differently (rule 1).
//!
//! Users of the model are numbers, which have one spelling. So a second engine is given the same
//! inputs, in which each id has another spelling each time it is named. What it says must name the
//! same ids as the first, and spell each as the rule says.

use crate::host::Outcome;
use crate::{Choice, Event, User};
use adsum::{
    Config, Decision, DefaultHashBuilder, Engine, Event as EventOf, Notice, Time, TopicChange,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{Hash, Hasher};

/// So many spellings each id has.
pub const SPELLINGS: u32 = 4;

/// An id in one of its spellings, which makes it no other id.
#[derive(Clone, Copy)]
pub struct Spelt {
    pub id: User,
    pub spelling: u32,
}

impl PartialEq for Spelt {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Spelt {}

impl Hash for Spelt {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl fmt::Debug for Spelt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in spelling {}", self.id, self.spelling)
    }
}

/// As what a decision names an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mention {
    /// As a user whom it is about.
    User,
    /// As one of those whom the call names that asked for the snapshot.
    Named,
    Topic,
}

/// The second engine, and how it must spell what it says.
pub struct Spelling {
    engine: Engine<Spelt, u32>,
    /// How users spelt themselves when they came online the last time.
    users: BTreeMap<User, u32>,
    online: BTreeSet<User>,
    /// How topics were spelt in the last join before which nobody was shown there.
    topics: BTreeMap<User, u32>,
    /// So many ids have been named so far.
    named: u32,
}

impl Spelling {
    pub fn new(config: Config, choice: Option<Choice>) -> Self {
        let hasher = DefaultHashBuilder::default();
        let engine = match choice {
            Some(choice) => Engine::with_representative(config, hasher, choice.represent()),
            None => Engine::with_hasher(config, hasher),
        };
        Self {
            engine,
            users: BTreeMap::new(),
            online: BTreeSet::new(),
            topics: BTreeMap::new(),
            named: 0,
        }
    }

    /// Gives an input that the first engine was given, whose outcome is this and whose decisions
    /// mention these. `is_shown` says whether anybody visible was in the topic that it joins.
    ///
    /// # Errors
    /// What is named, or spelt, otherwise than it must be.
    pub fn input(
        &mut self,
        now: Time,
        event: &Event,
        outcome: &Outcome,
        mentioned: &[(Mention, User)],
        is_shown: bool,
    ) -> Result<(), String> {
        let Self { engine, users, online, topics, named } = self;
        let event = respelt(event, &mut |id| {
            *named += 1;
            Spelt { id, spelling: (*named / SPELLINGS + *named) % SPELLINGS }
        });
        let (newcomer, joined) = match event {
            EventOf::Connect { user, .. } => (Some(user), None),
            EventOf::Join { topic, .. } if !is_shown => (None, Some(topic)),
            _ => (None, None),
        };
        let asked_for = asked_for(&event);
        let is_advance = matches!(event, EventOf::Advance);
        let decisions = match (engine.apply(now, event), outcome) {
            (Ok(decisions), Ok(_)) => decisions,
            (Err(error), Err(first)) if error == *first => return Ok(()),
            (result, first) => {
                let (result, first) = (result.err(), first.as_ref().err());
                return Err(format!("{first:?} is {result:?} where ids have several spellings"));
            }
        };
        let newcomer = newcomer.filter(|spelt| online.insert(spelt.id));
        users.extend(newcomer.map(|Spelt { id, spelling }| (id, spelling)));
        topics.extend(joined.map(|Spelt { id, spelling }| (id, spelling)));
        let (mut seen, mut wrong) = (Vec::with_capacity(mentioned.len()), None);
        let mut over = Vec::new();
        let mut read = |decision: Decision<'_, Spelt, u32>| {
            mentions(&decision, &mut |mention, spelt: &Spelt| {
                seen.push((mention, spelt.id));
                let due = match mention {
                    Mention::User => users.get(&spelt.id),
                    Mention::Named => asked_for.get(&spelt.id),
                    Mention::Topic => topics.get(&spelt.id),
                };
                if due != Some(&spelt.spelling) {
                    wrong.get_or_insert_with(|| (mention, *spelt, due.copied()));
                }
            });
            if let Decision::Ended { user, last: true, .. } = decision {
                over.push(user.id);
            }
        };
        decisions.for_each(&mut read);
        while is_advance && engine.deadline().is_some_and(|due| due <= now.max(engine.now())) {
            engine.advance(now).for_each(&mut read);
        }
        if let Some((mention, spelt, due)) = wrong {
            return Err(format!("{mention:?} {spelt:?} has to be in spelling {due:?}"));
        }
        if seen != mentioned {
            return Err(format!("{seen:?} are named in several spellings, {mentioned:?} in one"));
        }
        over.iter().for_each(|user| _ = online.remove(user));
        let spelt = |id: &User, spelling: &u32| Spelt { id: *id, spelling: *spelling };
        topics.retain(|id, spelling| engine.topic(&spelt(id, spelling)).is_some());
        self.check_lists()
    }

    /// Gives memory back, as the first engine does: keys and ids depend on it.
    pub fn shrink_to_fit(&mut self) {
        self.engine.shrink_to_fit();
    }

    /// Checks that whoever is online is spelt so in the lists of others, too.
    fn check_lists(&self) -> Result<(), String> {
        for id in &self.online {
            let owner = Spelt { id: *id, spelling: SPELLINGS };
            for contact in self.engine.audience(&owner) {
                let is_online = self.online.contains(&contact.id);
                if is_online && self.users[&contact.id] != contact.spelling {
                    return Err(format!("{contact:?} stands in the audience of {id}"));
                }
            }
        }
        Ok(())
    }
}

/// Returns how those are spelt whom a watch names, the first time that it does.
fn asked_for(event: &EventOf<Spelt, u32>) -> BTreeMap<User, u32> {
    let mut asked_for = BTreeMap::new();
    if let EventOf::Watch { users, .. } = event {
        users.iter().for_each(|of| _ = asked_for.entry(of.id).or_insert(of.spelling));
    }
    asked_for
}

/// Shows all ids that a decision names, in their order.
pub fn mentions<K, P>(decision: &Decision<'_, K, P>, see: &mut impl FnMut(Mention, &K)) {
    match decision {
        Decision::Deliver { notice, .. } | Decision::Skipped { notice, .. } => {
            notice_mentions(notice, see);
        }
        Decision::Snapshot(snapshot) => {
            snapshot.named().for_each(|user| see(Mention::Named, user));
            snapshot.entries().for_each(|entry| see(Mention::User, entry.user));
        }
        Decision::Topic(snapshot) => {
            see(Mention::Topic, snapshot.topic());
            snapshot.entries().for_each(|entry| see(Mention::User, entry.user));
        }
        Decision::Changes(changes) => {
            see(Mention::Topic, changes.topic());
            for change in changes.iter() {
                match change {
                    TopicChange::Member { user, .. }
                    | TopicChange::SessionEnded { user, .. }
                    | TopicChange::Left { user, .. } => see(Mention::User, user),
                    _ => unreachable!("an unknown kind of change"),
                }
            }
        }
        Decision::TopicOccupied { topic, .. } | Decision::TopicVacated { topic, .. } => {
            see(Mention::Topic, topic);
        }
        Decision::Online { user, .. } | Decision::Ended { user, .. } => see(Mention::User, user),
        Decision::Close { .. } => {}
        _ => unreachable!("an unknown kind of decision"),
    }
}

fn notice_mentions<K, P>(notice: &Notice<'_, K, P>, see: &mut impl FnMut(Mention, &K)) {
    match notice {
        Notice::Presence { user, .. }
        | Notice::User { user, .. }
        | Notice::Directed { user, .. }
        | Notice::DirectedOver { user, .. }
        | Notice::Withdrawn { user, .. }
        | Notice::Visibility { user, .. }
        | Notice::SessionEnded { user, .. }
        | Notice::UserOffline { user, .. } => see(Mention::User, user),
        Notice::Joined { topic, user, .. }
        | Notice::Member { topic, user, .. }
        | Notice::MemberSessionEnded { topic, user, .. }
        | Notice::Left { topic, user, .. }
        | Notice::Said { topic, user, .. }
        | Notice::SaidOver { topic, user, .. } => {
            see(Mention::Topic, topic);
            see(Mention::User, user);
        }
        Notice::TopicClosed { topic, .. } => see(Mention::Topic, topic),
        Notice::System { .. } => {}
        _ => unreachable!("an unknown kind of notice"),
    }
}

/// Returns the same input with all its ids spelt so.
pub fn respelt(event: &Event, spell: &mut impl FnMut(User) -> Spelt) -> EventOf<Spelt, u32> {
    let event = event.clone();
    let mut all = |ids: Vec<User>| ids.into_iter().map(&mut *spell).collect();
    match event {
        Event::Connect { user, kind, audience, blocked } => {
            let (audience, blocked) = (all(audience), all(blocked));
            EventOf::Connect { user: spell(user), kind, audience, blocked }
        }
        Event::Direct { session, users, presence } => {
            EventOf::Direct { session, users: all(users), presence }
        }
        Event::DirectFor { session, users, presence, for_ms } => {
            EventOf::DirectFor { session, users: all(users), presence, for_ms }
        }
        Event::Watch { session, users } => EventOf::Watch { session, users: all(users) },
        Event::Unwatch { session, users } => EventOf::Unwatch { session, users: all(users) },
        Event::LookAt { session, topic, users } => {
            EventOf::LookAt { session, topic, users: all(users) }
        }
        Event::System { users, presence } => EventOf::System { users: all(users), presence },
        Event::AudienceAdd { user, contacts } => {
            let contacts = all(contacts);
            EventOf::AudienceAdd { user: spell(user), contacts }
        }
        Event::AudienceRemove { user, contacts } => {
            let contacts = all(contacts);
            EventOf::AudienceRemove { user: spell(user), contacts }
        }
        Event::AudienceReplace { user, contacts } => {
            let contacts = all(contacts);
            EventOf::AudienceReplace { user: spell(user), contacts }
        }
        Event::Block { user, other } => EventOf::Block { user: spell(user), other: spell(other) },
        Event::Unblock { user, other } => {
            EventOf::Unblock { user: spell(user), other: spell(other) }
        }
        Event::Expel { user } => EventOf::Expel { user: spell(user) },
        Event::Join { session, topic, join } => {
            EventOf::Join { session, topic: spell(topic), join }
        }
        Event::Remove { topic, user } => EventOf::Remove { topic: spell(topic), user: spell(user) },
        Event::Close { topic } => EventOf::Close { topic: spell(topic) },
        Event::TopicOptions { topic, options } => {
            EventOf::TopicOptions { topic: spell(topic), options }
        }
        other => without_ids(other),
    }
}

/// Returns the same input, which names no ids.
fn without_ids(event: Event) -> EventOf<Spelt, u32> {
    match event {
        Event::Disconnect { session } => EventOf::Disconnect { session },
        Event::Lost { session, cause, grace_ms } => EventOf::Lost { session, cause, grace_ms },
        Event::Resume { session } => EventOf::Resume { session },
        Event::Heartbeat { session } => EventOf::Heartbeat { session },
        Event::Active { session } => EventOf::Active { session },
        Event::Publish { session, presence } => EventOf::Publish { session, presence },
        Event::PublishUntil { session, presence, until, then } => {
            EventOf::PublishUntil { session, presence, until, then }
        }
        Event::Withdraw { session } => EventOf::Withdraw { session },
        Event::Update { session, topic, presence } => EventOf::Update { session, topic, presence },
        Event::Leave { session, topic } => EventOf::Leave { session, topic },
        Event::Look { session, topic, view } => EventOf::Look { session, topic, view },
        Event::Say { session, topic, presence, for_ms } => {
            EventOf::Say { session, topic, presence, for_ms }
        }
        Event::Invisible { session } => EventOf::Invisible { session },
        Event::Visible { session } => EventOf::Visible { session },
        Event::Congested { session } => EventOf::Congested { session },
        Event::Writable { session } => EventOf::Writable { session },
        Event::Advance => EventOf::Advance,
        other => unreachable!("it names ids: {other:?}"),
    }
}
