//! The drain: takes the decisions about one input, one at a time.

use crate::decision::Decision;
use crate::fanout::deliveries::Delivery;
use crate::fanout::plan::{EndReport, Step};
use crate::fanout::snapshots::Part;
use crate::fanout::subject::Subject;
use crate::fanout::topic_steps::{TopicPart, TopicSubject};
use crate::hasher::DefaultHashBuilder;
use crate::key::{SessionKey, TopicKey};
use crate::notice::{Notice, NoticeId, PresenceKind};
use crate::rules::State;
use crate::snapshot::{Changes, Snapshot, TopicSnapshot};
use crate::tables::ids::{TopicIndex, User};
use crate::time::Time;
use core::fmt;
use core::hash::{BuildHasher, Hash};

/// The decisions about one input, to be taken one by one until there is none left. It lends each,
/// so it is no `Iterator`: write `while let Some(decision) = decisions.next()`, or
/// [`for_each`](Self::for_each).
///
/// It borrows the engine, so the compiler sees to it that one input's decisions are drained before
/// the next input is given. Decisions are worked out as they are taken: memory stays bounded by
/// one decision, however many sessions are affected.
///
/// Dropping it before the end loses the notices that were not taken, but no state: the input has
/// happened all the same, and congested sessions still learn of it later. Only deadlines which
/// [`advance`](crate::Engine::advance) had not come to stay due for the next one.
///
/// With `?` a refusal is passed on and the decisions are at hand. A `Result` that is held in a
/// variable borrows the engine as long as it lives, its error too, so take it apart at once:
///
/// ```
/// use adsum::{Config, Connect, Decision, Engine, Time};
///
/// # fn main() -> Result<(), adsum::Error> {
/// let mut engine = Engine::<&str, &str>::new(Config::default());
/// let now = Time::ZERO;
/// let (session, decisions) = engine.connect(now, Connect::new("ann"))?;
/// decisions.for_each(|decision| println!("{decision:?}"));
///
/// match engine.publish(now, session, "here") {
///     Ok(mut decisions) => {
///         while let Some(decision) = decisions.next() {
///             if let Decision::Deliver { notice, to } = decision {
///                 println!("{notice:?} to {to:?}");
///             }
///         }
///     }
///     Err(error) => println!("refused: {error}"),
/// }
///
/// // The error alone, to be looked at after the next input: it borrows nothing.
/// let refused = engine.heartbeat(now, session).err();
/// engine.disconnect(now, session)?.for_each(|_| {});
/// assert_eq!(refused, None);
/// # Ok(())
/// # }
/// ```
#[must_use = "decisions that nobody takes are notices that nobody gets"]
pub struct Decisions<'e, K: Eq + Hash, P, S: BuildHasher = DefaultHashBuilder> {
    state: &'e mut State<K, P, S>,
    context: InputContext,
}

/// Deadlines that give nothing to tell fire one after the other until they have gone over so much,
/// each of them one step and each entry of a list another. Then the drain ends and the rest stays
/// due, or a million that were set for one moment would be one long call.
pub(crate) const AT_ONCE: usize = if cfg!(feature = "shrunk") { 16 } else { 1_024 };

/// What the drain knows of its input.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InputContext {
    /// Deadlines up to here are fired as the drain comes to them.
    pub(crate) until: Option<Time>,
    pub(crate) session: Option<SessionKey>,
    pub(crate) waits_until: Option<Time>,
}

/// What the next decision about a topic is.
enum NextOfTopic {
    Delivery(Delivery),
    Snapshot(TopicPart),
    Changes(TopicPart),
    Occupied(TopicIndex, TopicKey),
    Vacated(TopicIndex, TopicKey),
}

impl<'e, K: Eq + Hash, P, S: BuildHasher> Decisions<'e, K, P, S> {
    pub(crate) const fn new(state: &'e mut State<K, P, S>, context: InputContext) -> Self {
        Self { state, context }
    }

    /// Returns the session that the input was about: for a connect and a resume, the key of the
    /// new attachment. `None` for inputs that name no session.
    #[must_use]
    pub const fn session(&self) -> Option<SessionKey> {
        self.context.session
    }

    /// Returns when an accepted publish, or an [update](crate::Engine::update) in a topic, goes
    /// out, if it has to wait for a token ([rule 13](crate::rules#rule-13-publish-rate) and
    /// [rule T12](crate::rules#rule-t12-limits-and-rates-of-topics)); `None` if it is told now.
    /// Whether anybody hears of it is known from the decisions alone, and is not for clients.
    #[must_use]
    pub const fn waits_until(&self) -> Option<Time> {
        self.context.waits_until
    }

    /// Returns the next decision. `None` when there is nothing left to do, then and ever after.
    // Not an `Iterator`: each decision borrows from the engine until the next one is asked for.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Option<Decision<'_, K, P>> {
        self.state.begin_call();
        // Every drain ends so, and most after one decision.
        if self.state.step().is_none() && !self.fires() {
            return None;
        }
        self.next_after_work()
    }

    /// Works on what is left until there is a decision.
    fn next_after_work(&mut self) -> Option<Decision<'_, K, P>> {
        loop {
            let Some(step) = self.state.step() else {
                if self.fires_another() {
                    continue;
                }
                return None;
            };
            // Each decision is made here, where it is returned: none is copied on its way.
            match *step {
                Step::FanOut(_) => {
                    if let Some(delivery) = self.state.next_delivery() {
                        return Some(delivered(self.state, delivery));
                    }
                }
                Step::Snapshot(snapshot) => {
                    let part = self.state.next_part(snapshot);
                    return Some(Decision::Snapshot(snapshot_of(self.state, part)));
                }
                Step::Close { session, reason, resumable } => {
                    self.state.complete_step();
                    return Some(Decision::Close { session, reason, resumable });
                }
                Step::Online { user, session } => {
                    self.state.complete_step();
                    let tables = self.state.tables();
                    let (visible, session) =
                        (tables.is_visible(user), tables.sessions().key(session));
                    return Some(Decision::Online {
                        user: tables.users().id(user),
                        session,
                        visible,
                    });
                }
                Step::ReportEnd(EndReport { user, session, id, reason, since, last, visible }) => {
                    self.state.complete_step();
                    let user = self.state.tables().users().id(user);
                    return Some(Decision::Ended {
                        user,
                        session,
                        id,
                        reason,
                        since,
                        last,
                        visible,
                    });
                }
                Step::TellTopic(_)
                | Step::CloseTopic(_)
                | Step::TopicSnapshot(_)
                | Step::Changes(_)
                | Step::Occupied { .. }
                | Step::Vacated { .. } => {
                    if let Some(next) = next_of_topic(self.state) {
                        return Some(decision_of_topic(self.state, next));
                    }
                }
                Step::MakeWay { .. }
                | Step::RemoteUpdate
                | Step::Speak { .. }
                | Step::Pass
                | Step::EndTick { .. }
                | Step::KnowTopic { .. }
                | Step::ForgetTopic { .. } => self.state.do_step(),
            }
        }
    }

    /// Fires the next deadline, if one has come that this drain is to fire.
    #[inline]
    fn fires(&mut self) -> bool {
        self.context.until.is_some_and(|until| self.state.fire_next(until))
    }

    /// Does so after one that gave nothing to tell, unless this call has gone over so much that the
    /// drain ends here.
    #[inline]
    fn fires_another(&mut self) -> bool {
        self.context.until.is_some_and(|until| self.fires_if_short(until))
    }

    #[inline(never)]
    fn fires_if_short(&mut self, until: Time) -> bool {
        if self.state.plan().gone_over() >= AT_ONCE {
            self.context.until = None;
            return false;
        }
        self.state.fire_next(until)
    }

    /// Takes all that are left.
    pub fn for_each(mut self, mut each: impl FnMut(Decision<'_, K, P>)) {
        while let Some(decision) = self.next() {
            each(decision);
        }
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> Drop for Decisions<'_, K, P, S> {
    fn drop(&mut self) {
        self.state.finish_drain();
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> fmt::Debug for Decisions<'_, K, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decisions").field("context", &self.context).finish_non_exhaustive()
    }
}

/// Works on a step that is about a topic. Apart from the others, so that those stay short: most
/// inputs are about none.
#[inline(never)]
fn next_of_topic<K: Eq + Hash, P, S: BuildHasher>(
    state: &mut State<K, P, S>,
) -> Option<NextOfTopic> {
    let key = |topic| {
        let key = state.tables().topics().key(topic);
        key.unwrap_or_else(|| unreachable!("a topic is kept until all is told about it"))
    };
    let next = match *state.step()? {
        Step::TellTopic(of) => {
            return state.next_topic_delivery(of).map(NextOfTopic::Delivery);
        }
        Step::CloseTopic(of) => return state.next_closing(of).map(NextOfTopic::Delivery),
        Step::TopicSnapshot(of) => return Some(NextOfTopic::Snapshot(state.next_topic_part(of))),
        Step::Changes(of) => return Some(NextOfTopic::Changes(state.next_changes(of))),
        Step::Occupied { topic } => NextOfTopic::Occupied(topic, key(topic)),
        Step::Vacated { topic } => NextOfTopic::Vacated(topic, key(topic)),
        _ => unreachable!("the step is about a topic"),
    };
    state.complete_step();
    Some(next)
}

/// Returns the decision about a notice and those who are told it, or who are not.
fn delivered<K: Eq + Hash, P, S: BuildHasher>(
    state: &State<K, P, S>,
    delivery: Delivery,
) -> Decision<'_, K, P> {
    let (notice, to) = (notice(state), state.plan().to(state.tables().channels()));
    match delivery {
        Delivery::Deliver => Decision::Deliver { notice, to },
        Delivery::Skipped => Decision::Skipped { notice, to },
    }
}

fn snapshot_of<K: Eq + Hash, P, S: BuildHasher>(
    state: &State<K, P, S>,
    part: Part,
) -> Snapshot<'_, K, P> {
    let tables = state.tables();
    let (users, sessions, voices) = (tables.users(), tables.sessions(), tables.voices());
    Snapshot { users, sessions, voices, plan: state.plan(), part }
}

#[inline(never)]
fn decision_of_topic<K: Eq + Hash, P, S: BuildHasher>(
    state: &State<K, P, S>,
    next: NextOfTopic,
) -> Decision<'_, K, P> {
    let (tables, plan) = (state.tables(), state.plan());
    let to_topic = || plan.to(tables.topics().channels());
    match next {
        NextOfTopic::Delivery(Delivery::Deliver) => {
            Decision::Deliver { notice: topic_notice(state), to: to_topic() }
        }
        NextOfTopic::Delivery(Delivery::Skipped) => {
            Decision::Skipped { notice: topic_notice(state), to: to_topic() }
        }
        NextOfTopic::Snapshot(part) => Decision::Topic(TopicSnapshot {
            tables: tables.topic_tables(),
            entries: plan.members(),
            to: to_topic(),
            part,
        }),
        NextOfTopic::Changes(part) => Decision::Changes(Changes {
            tables: tables.topic_tables(),
            changes: plan.changes(),
            to: to_topic(),
            part,
        }),
        NextOfTopic::Occupied(topic, key) => {
            Decision::TopicOccupied { topic: tables.topics().name(topic), key }
        }
        NextOfTopic::Vacated(topic, key) => {
            Decision::TopicVacated { topic: tables.topics().name(topic), key }
        }
    }
}

/// Returns the notice about a topic that is being told.
fn topic_notice<K: Eq + Hash, P, S: BuildHasher>(state: &State<K, P, S>) -> Notice<'_, K, P> {
    let (topic, subject, id) = state.plan().current_topic();
    let (id, tables) = (NoticeId(id), state.tables().topic_tables());
    let topic = tables.name(topic);
    match subject {
        TopicSubject::Joined { membership } => {
            let (user, session, presence) = tables.member(membership);
            Notice::Joined { id, topic, user, session, presence }
        }
        TopicSubject::Member { membership, first } => {
            let (user, session, presence) = tables.member(membership);
            let kind = if first { PresenceKind::First } else { PresenceKind::Update };
            Notice::Member { id, topic, user, session, kind, presence }
        }
        TopicSubject::SessionEnded { user, session } => {
            Notice::MemberSessionEnded { id, topic, user: tables.user(user), session }
        }
        TopicSubject::Left { user, reason } => {
            Notice::Left { id, topic, user: tables.user(user), reason }
        }
        TopicSubject::Closed { reason } => Notice::TopicClosed { id, topic, reason },
        TopicSubject::Said { membership } => {
            let (user, session, _) = tables.member(membership);
            let said = "what is said is kept until it is out";
            let presence = state.plan().said().expect(said);
            Notice::Said { id, topic, user, session, presence }
        }
        TopicSubject::SaidOver { user, session } => {
            Notice::SaidOver { id, topic, user: tables.user(user), session }
        }
    }
}

/// Returns the notice that says the one state of a user.
#[cold]
fn user_notice<K: Eq + Hash, P, S: BuildHasher>(
    state: &State<K, P, S>,
    id: NoticeId,
    user: User,
    first: bool,
) -> Notice<'_, K, P> {
    let tables = state.tables();
    let said = "whoever is told of shows something";
    let (session, idle_since) = tables.representative(user).expect(said);
    Notice::User {
        id,
        user: tables.users().id(user),
        kind: if first { PresenceKind::First } else { PresenceKind::Update },
        idle_since,
        presence: tables.sessions().presence(session).expect(said),
    }
}

/// Returns the notice that is being told.
fn notice<K: Eq + Hash, P, S: BuildHasher>(state: &State<K, P, S>) -> Notice<'_, K, P> {
    let (subject, id) = state.plan().current();
    let (id, users, sessions) = (NoticeId(id), state.tables().users(), state.tables().sessions());
    let said = "the notice's sender or words are kept until it is out";
    match subject {
        Subject::Presence { session, first } => Notice::Presence {
            id,
            user: users.id(sessions.user(session)),
            session: sessions.id(session),
            kind: if first { PresenceKind::First } else { PresenceKind::Update },
            presence: sessions.presence(session).expect(said),
        },
        Subject::User { user, first } => user_notice(state, id, user, first),
        Subject::Directed { session } => Notice::Directed {
            id,
            user: users.id(sessions.user(session)),
            session: sessions.id(session),
            presence: state.plan().said().expect(said),
        },
        Subject::DirectedOver { user, session } => {
            Notice::DirectedOver { id, user: users.id(user), session }
        }
        Subject::Withdrawn { user, session } => {
            Notice::Withdrawn { id, user: users.id(user), session }
        }
        Subject::Visibility { user } => {
            let visible = state.tables().is_visible(user);
            Notice::Visibility { id, user: users.id(user), visible }
        }
        Subject::SessionEnded { user, session } => {
            Notice::SessionEnded { id, user: users.id(user), session }
        }
        Subject::Offline { user, .. } => Notice::UserOffline { id, user: users.id(user) },
        Subject::System => Notice::System { id, presence: state.plan().said().expect(said) },
    }
}
