//! What a host may do about the engine's memory: fetch it, make room in it, give it back. Decisions
//! do not depend on any of it.

use crate::engine::Engine;
use crate::key::SessionKey;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// Fetches into the processor's caches what the next inputs of these sessions will read.
    ///
    /// It changes nothing and may always be left out. A host that has several inputs waiting, from
    /// a channel or a batch of packets, calls it with their sessions before it hands the inputs in
    /// one by one: with so many users online that no cache holds them, a publish then costs six
    /// tenths (`docs/SPEED.md`). Sixteen to some hundred at a time are a good number: with more,
    /// the first are out of the caches again before their turn comes, and beyond 4,096 no more are
    /// taken from the list. Keys of sessions that have ended are passed over.
    ///
    /// # Costs
    /// O(1) per session: three accesses to memory, and up to sixteen cache lines of its contacts.
    ///
    /// ```
    /// # use adsum::{Config, Connect, Engine, Time};
    /// # let mut engine: Engine<u64, &str> = Engine::new(Config::default());
    /// # let now = Time::from_millis(0);
    /// # let (ada, _) = engine.connect(now, Connect::new(1).audience([2]))?;
    /// let waiting = [(ada, "here"), (ada, "busy")];
    /// engine.prefetch(waiting.iter().map(|(session, _)| *session));
    /// for (session, presence) in waiting {
    ///     let mut decisions = engine.publish(now, session, presence)?;
    ///     while let Some(decision) = decisions.next() { /* send it */ }
    /// }
    /// # Ok::<(), adsum::Error>(())
    /// ```
    pub fn prefetch(&self, sessions: impl IntoIterator<Item = SessionKey>) {
        self.state.tables().prefetch(sessions);
    }

    /// Makes room for so many users known, contacts of online users included, and so many sessions
    /// in all, for a host that knows how many there will be. It may always be left out: the tables
    /// grow in small steps as users and sessions come, so that no input waits for a table to be
    /// copied. This call does what those would have done between them, and so it may take long.
    ///
    /// The room stays until [`shrink_to_fit`](Self::shrink_to_fit). As with `Vec::reserve`, numbers
    /// that memory does not hold end the process.
    ///
    /// ```
    /// # use adsum::{Config, Connect, Engine, Time};
    /// let mut engine = Engine::<u64, &str>::new(Config::default());
    /// engine.reserve(20_000, 5_000);
    /// # engine.connect(Time::ZERO, Connect::new(1).audience([2]))?;
    /// # assert_eq!(engine.counts().users_known, 2);
    /// # Ok::<(), adsum::Error>(())
    /// ```
    pub fn reserve(&mut self, users: usize, sessions: usize) {
        self.state.reserve(users, sessions);
    }

    /// Gives back memory that only a past peak needed. Otherwise the engine keeps it, so that it
    /// allocates nothing once warm.
    ///
    /// The lists of those who stay are cut to what is in them: audiences, whom a user has blocked,
    /// its sessions, whom a session watches, what its directed presence reached and what it missed,
    /// whom a member looks at by name, and what waits for a topic's tick. The next entry that such
    /// a list gets allocates again.
    ///
    /// Whoever stays keeps its place in the tables, and with it the segments that it lies in: with
    /// small ids and presences, some 60 KB for a session and some 25 KB for a user, where nobody
    /// else is near. Two bytes and some bits stay for each place up to that of the last user who is
    /// still known: they lie in one piece, because every fan-out reads them. So of what a crowd of
    /// two million took about a sixteenth is left if a hundred of it stay, wherever they are, and
    /// their 20 contacts each stay known.
    ///
    /// Keys and ids of sessions that have ended stay stale. A record that has been used for a
    /// billion attachments is not given back for that.
    ///
    /// Nothing is told, and what is told later is the same, to the same receivers and in the same
    /// order, as far as that means anything. But sessions that connect later may get other keys and
    /// slots than without this call, and a decision may name its receivers in another order:
    /// whoever replays inputs makes the call where it was made
    /// ([what holds of every input](crate::rules#what-holds-of-every-input)).
    ///
    /// # Costs
    /// It walks over everything, each list of each user, session and topic included, and may copy
    /// all of it: for a quiet moment, not for every one.
    pub fn shrink_to_fit(&mut self) {
        self.state.shrink_to_fit();
    }
}
