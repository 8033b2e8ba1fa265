//! An engine with one topic that tests look at closely.

use adsum::{Config, Connect, Engine, Join, Options, SessionKey, Time, TopicKey, TopicOptions};

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
}
