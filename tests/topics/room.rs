//! An engine with one topic that tests look at closely.

use adsum::{
    Config, Connect, Decision, Decisions, Engine, Join, Options, SessionKey, Time, TopicChange,
    TopicKey, TopicOptions, View,
};

pub(crate) struct Room {
    pub(crate) engine: Engine<u32, u32>,
    /// The moment of the next input, in milliseconds.
    pub(crate) now: u64,
}

impl Room {
    /// Returns a room with these options, without rates and leases.
    pub(crate) fn of(options: Options, topics: TopicOptions) -> Self {
        let options = Options { topics, topic_rate: None, lease: None, ..options };
        let config = Config::new(options).expect("the options are in range");
        Self { engine: Engine::new(config), now: 0 }
    }

    pub(crate) fn at(&self) -> Time {
        Time::from_millis(self.now)
    }

    /// Has a new session of a user join.
    pub(crate) fn join(&mut self, user: u32, join: Join<u32>) -> (SessionKey, TopicKey) {
        let now = self.at();
        let session = self.engine.connect(now, Connect::new(user)).expect("there is room").0;
        (session, self.engine.join(now, session, 7, join).expect("there is room").0)
    }

    pub(crate) fn update(&mut self, (session, topic): (SessionKey, TopicKey), presence: u32) {
        drop(self.engine.update(self.at(), session, topic, presence).expect("it is a member"));
    }

    /// Has a new session of a user join as a member that is told nothing.
    pub(crate) fn member(&mut self, user: u32) -> (SessionKey, TopicKey) {
        self.join(user, Join::Member { presence: None, view: View::Nothing })
    }

    /// Lets all ticks come. Returns what one session is told by them.
    pub(crate) fn ticks(&mut self, to: SessionKey) -> Vec<String> {
        let [heard] = self.ticks_for([to]);
        heard
    }

    /// Does so, and returns what each of several is told.
    pub(crate) fn ticks_for<const N: usize>(&mut self, to: [SessionKey; N]) -> [Vec<String>; N] {
        self.now += 1_000;
        heard(self.engine.advance(Time::from_millis(self.now)), to)
    }
}

/// Returns what each of these is told, in words.
fn heard<const N: usize>(
    mut decisions: Decisions<'_, u32, u32>,
    to: [SessionKey; N],
) -> [Vec<String>; N] {
    let mut heard = to.map(|_| Vec::new());
    while let Some(decision) = decisions.next() {
        for (session, heard) in to.iter().zip(&mut heard) {
            match &decision {
                Decision::Topic(part) if part.to().contains(&session.slot()) => {
                    heard.push(format!("{:?} of {}", part.view(), part.len()));
                }
                Decision::Changes(part) if part.to().contains(&session.slot()) => {
                    heard.extend(part.iter().map(|change| match change {
                        TopicChange::Member { user, presence, .. } => {
                            format!("{user}: {presence:?}")
                        }
                        TopicChange::SessionEnded { user, .. } => format!("{user} has one less"),
                        TopicChange::Left { user, .. } => format!("{user} left"),
                        other => format!("{other:?}"),
                    }));
                }
                _ => {}
            }
        }
    }
    heard
}
