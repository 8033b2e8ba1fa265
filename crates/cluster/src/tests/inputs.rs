//! Inputs that are drawn at random.

use super::{TOPICS, USERS, World};
use adsum::{Event, Join, LostCause, TopicOptions, View};

impl World {
    fn users(&mut self) -> Vec<u32> {
        let mask = self.random(1 << USERS);
        (0..USERS).filter(|user| mask >> user & 1 == 1).collect()
    }

    fn event(&mut self, at: usize) -> Option<Event<u32, u32>> {
        let attached = self.session(at, true);
        let presence = self.random(1_000);
        let user = self.random(USERS);
        Some(match self.random(32) {
            0..5 => self.connect(user, (presence % 2) as u8),
            5..11 => Event::Publish { session: attached?, presence },
            11 => {
                let until = self.clock(at).saturating_add(u64::from(self.random(400)));
                let then = (self.random(2) == 0).then_some(presence + 1_000);
                Event::PublishUntil { session: attached?, presence, until, then }
            }
            12 => Event::Withdraw { session: attached? },
            13 => Event::Invisible { session: attached? },
            14 => Event::Visible { session: attached? },
            15 | 16 => Event::Lost {
                session: attached?,
                cause: LostCause::ConnectionError,
                grace_ms: [None, Some(0), Some(300)][self.random(3) as usize],
            },
            17 | 18 => Event::Resume { session: self.session(at, false)? },
            19..22 => Event::Disconnect { session: self.session(at, false)? },
            22 => Event::Watch { session: attached?, users: self.users() },
            23 | 24 => {
                let topic = 100 + self.random(TOPICS);
                let presence = (self.random(2) == 0).then_some(presence);
                let join = match self.random(3) {
                    0 => Join::Observer { view: View::All },
                    _ => Join::Member { presence, view: View::All },
                };
                Event::Join { session: attached?, topic, join }
            }
            25 => {
                let topic = self.nodes[at].cluster.engine().topics_of(attached?).next()?.key();
                Event::Update { session: attached?, topic, presence }
            }
            26 => {
                let topic = self.nodes[at].cluster.engine().topics_of(attached?).next()?.key();
                Event::Leave { session: attached?, topic }
            }
            27 => Event::Direct { session: attached?, users: self.users(), presence },
            28 => Event::DirectFor {
                session: attached?,
                users: self.users(),
                presence,
                for_ms: u64::from(self.random(300)),
            },
            29 => {
                let topic = self.nodes[at].cluster.engine().topics_of(attached?).next()?.key();
                let for_ms = presence.is_multiple_of(2).then_some(100);
                Event::Say { session: attached?, topic, presence, for_ms }
            }
            30 => {
                let topic = 100 + self.random(TOPICS);
                let sample = 1 + self.random(20) as u16;
                Event::TopicOptions {
                    topic,
                    options: TopicOptions { sample, ..self.options.topics },
                }
            }
            _ => Event::Expel { user },
        })
    }

    /// One input at one node, and perhaps a mishap.
    pub(in crate::tests) fn step(&mut self, has_mishaps: bool) -> Result<(), String> {
        let wait = [0, 0, 3, 20, 70, 150][self.random(6) as usize];
        self.run(wait)?;
        let at = self.random(self.nodes.len() as u32) as usize;
        if has_mishaps {
            match self.random(60) {
                0 => self.cut(at),
                1 | 2 => self.heal(),
                3 => self.kill(at),
                4 | 5 => (0..self.nodes.len()).for_each(|at| self.start(at)),
                _ => {}
            }
        }
        if self.nodes[at].is_up {
            if self.has_edits && self.random(12) == 0 {
                return self.edit(at);
            }
            if let Some(event) = self.event(at) {
                return self.give(at, event);
            }
        }
        Ok(())
    }

    /// Two users become contacts, or are so no longer.
    fn edit(&mut self, at: usize) -> Result<(), String> {
        let (a, b) = (self.random(USERS), self.random(USERS));
        if a == b {
            return Ok(());
        }
        // What only one of the two knows of.
        match self.random(8) {
            0 => return self.give(at, Event::Block { user: a, other: b }),
            1 => return self.give(at, Event::Unblock { user: a, other: b }),
            2 => return self.give(at, Event::AudienceAdd { user: a, contacts: vec![b] }),
            3 => return self.give(at, Event::AudienceRemove { user: a, contacts: vec![b] }),
            _ => {}
        }
        for pair in [(a, b), (b, a)] {
            if !self.friends.remove(&pair) {
                self.friends.insert(pair);
            }
        }
        for user in [a, b] {
            self.give(at, Event::AudienceReplace { user, contacts: self.contacts(user) })?;
        }
        Ok(())
    }
}
