//! What one session is told, and what it believes, which may be more than there is room for.

use adsum::{Decision, Engine, Notice, Replica, ReplicaFull, Scope, SessionKey};
use adsum_model::User;
use adsum_model::queries::equal;
use std::collections::BTreeSet;

/// More sessions than any case has.
pub(crate) const LARGE: usize = 1_000;

pub(crate) struct Receiver {
    pub(crate) replica: Replica<User, u32>,
    limit: usize,
    /// Whether something of contacts found no room, and no snapshot has made that good.
    pub(crate) is_cut: bool,
    /// The topics of which something did.
    cut_topics: BTreeSet<User>,
    /// Of how many sessions the snapshot at hand has told so far.
    told: usize,
    pub(crate) times_full: u32,
    pub(crate) times_right_again: u32,
}

impl Receiver {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            replica: Replica::new(limit),
            limit,
            is_cut: false,
            cut_topics: BTreeSet::new(),
            told: 0,
            times_full: 0,
            times_right_again: 0,
        }
    }

    /// Takes in a decision.
    ///
    /// # Errors
    /// If a snapshot that fits is not taken in, or one that does not is.
    pub(crate) fn hear(&mut self, decision: &Decision<'_, User, u32>) -> Result<(), String> {
        match decision {
            Decision::Deliver { notice, .. } => {
                let takes_over = match notice {
                    Notice::Presence { user, .. } => self.replica.is_present(*user),
                    Notice::Joined { topic, user, .. } | Notice::Member { topic, user, .. } => {
                        self.replica.members(*topic).any(|(member, ..)| member == *user)
                    }
                    _ => false,
                };
                let was_over = self.sessions() > self.limit;
                let heard = self.replica.apply(notice);
                // So whoever takes over is not missing when the session before ends, whether or not
                // it takes over in topics at the same time.
                equal("whether a takeover finds no room", takes_over && heard.is_err(), {
                    takes_over && heard.is_err() && was_over
                })?;
                match notice {
                    Notice::TopicClosed { topic, .. } => self.forget_topic(**topic),
                    Notice::Joined { topic, .. }
                    | Notice::Member { topic, .. }
                    | Notice::Said { topic, .. } => self.note_topic(**topic, heard),
                    _ => self.note(heard),
                }
            }
            Decision::Snapshot(snapshot) => {
                let heard = self.replica.apply_snapshot(snapshot);
                if snapshot.is_first() {
                    self.told = 0;
                }
                self.told += snapshot.entries().len();
                if snapshot.scope() != Scope::Everything {
                    self.note(heard);
                } else if snapshot.is_last() {
                    // Whatever was there before, topics included.
                    let (held, fits) = (self.replica.len(), heard.is_ok());
                    // One more than fits if it was held already.
                    let bounds = [0, 1].map(|more| self.told.min(self.limit + more));
                    equal("how much of it", held.clamp(bounds[0], bounds[1]), held)?;
                    equal("whether a snapshot fits", fits, held == self.told)?;
                    self.times_right_again += u32::from(self.is_cut && fits);
                    self.is_cut = false;
                    self.cut_topics.clear();
                    self.note(heard);
                }
            }
            Decision::Topic(snapshot) => {
                let heard = self.replica.apply_topic(snapshot);
                if snapshot.is_first() {
                    self.cut_topics.remove(snapshot.topic());
                }
                self.note_topic(*snapshot.topic(), heard);
            }
            Decision::Changes(changes) => {
                let heard = self.replica.apply_changes(changes);
                self.note_topic(*changes.topic(), heard);
            }
            _ => {}
        }
        Ok(())
    }

    /// How many sessions it holds, of contacts and in topics.
    fn sessions(&self) -> usize {
        let in_topic = |topic| {
            let sessions = self.replica.members(topic).map(|(user, session, _)| (*user, session));
            let said = self.replica.said(topic).map(|(user, session, _)| (*user, session));
            sessions.chain(said).collect::<BTreeSet<_>>().len()
        };
        self.replica.len() + self.replica.topics().map(in_topic).sum::<usize>()
    }

    fn note(&mut self, heard: Result<(), ReplicaFull>) {
        self.is_cut |= heard.is_err();
        self.times_full += u32::from(heard.is_err());
    }

    fn note_topic(&mut self, topic: User, heard: Result<(), ReplicaFull>) {
        if heard.is_err() {
            self.cut_topics.insert(topic);
            self.times_full += 1;
        }
    }

    pub(crate) fn forget_topic(&mut self, topic: User) {
        self.replica.forget_topic(&topic);
        self.cut_topics.remove(&topic);
    }

    /// Checks what it believes of topics, once their ticks have come.
    ///
    /// # Errors
    /// What is not so, or is missing though everything found room.
    pub(crate) fn check_topics(
        &self,
        engine: &Engine<User, u32>,
        key: SessionKey,
    ) -> Result<(), String> {
        let believed = |topic: &User| self.replica.members(topic).collect::<Vec<_>>();
        if self.cut_topics.is_empty() {
            return match self.replica.differs_in_topics(engine, key) {
                Some(topic) => Err(format!("{:?} of topic {topic}", believed(topic))),
                None => Ok(()),
            };
        }
        for name in self.replica.topics() {
            let Some(topic) = engine.topic(name) else {
                return Err(format!("in topic {name}, which there is not"));
            };
            let is_so = |(user, session, presence): &(&User, _, Option<&u32>)| {
                let mut members = topic.members();
                let member = members.find(|member| member.session == *session);
                member.is_some_and(|of| of.user == *user && of.presence == *presence)
            };
            if !believed(name).iter().all(is_so) {
                return Err(format!("{:?} of topic {name}, some of it untrue", believed(name)));
            }
        }
        Ok(())
    }
}
