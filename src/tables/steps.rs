//! Counts, for tests alone, how far the tables go to grow: the longest call must stay short.
//!
//! A step is an entry that is copied, moved or made. What a call does with its own lists does not
//! count, nor what is exempt: giving memory back, and making room for those who are announced.

/// Counts so many steps.
#[inline]
pub(crate) fn count(steps: usize) {
    #[cfg(test)]
    tests::add(steps);
    #[cfg(not(test))]
    let _ = steps;
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::config::Config;
    use crate::connect::Connect;
    use crate::engine::Engine;
    use crate::hasher::tests::Plain;
    use crate::key::SessionKey;
    use crate::time::Time;
    use alloc::vec::Vec;
    use core::cell::Cell;

    std::thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn add(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    /// Returns how many steps something takes.
    pub(crate) fn of(call: impl FnOnce()) -> usize {
        let before = STEPS.get();
        call();
        STEPS.get() - before
    }

    /// An engine that grows, and the longest call so far.
    struct Growing {
        engine: Engine<u64, u32, Plain>,
        sessions: Vec<SessionKey>,
        random: u64,
        longest: usize,
    }

    impl Growing {
        fn new() -> Self {
            let engine = Engine::with_hasher(Config::default(), Plain);
            Self { engine, sessions: Vec::new(), random: 1, longest: 0 }
        }

        fn below(&mut self, end: u64) -> u64 {
            self.random = self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (self.random >> 33) % end
        }

        fn any(&mut self) -> SessionKey {
            let at = self.below(self.sessions.len() as u64);
            self.sessions[at as usize]
        }

        fn call(&mut self, call: impl FnOnce(&mut Engine<u64, u32, Plain>)) {
            let engine = &mut self.engine;
            self.longest = self.longest.max(of(|| call(engine)));
        }

        fn connect(&mut self, user: u64, contacts: [u64; CONTACTS]) {
            let mut key = None;
            self.call(|engine| {
                let connect = Connect::new(user).audience(contacts);
                let (session, decisions) =
                    engine.connect(Time::ZERO, connect).expect("there is room");
                decisions.for_each(|_| {});
                key = Some(session);
            });
            self.sessions.extend(key);
        }
    }

    const CONTACTS: usize = 20;
    const USERS: u64 = if cfg!(feature = "shrunk") { 10_000 } else { 200_000 };

    /// The most steps of a call with so many contacts: about as many entries as a segment of each
    /// table has, however many users there are.
    const MOST: usize = 100 * (CONTACTS + 64);

    #[test]
    fn no_call_takes_long_because_a_table_grows() {
        let mut growing = Growing::new();
        let mut all = 0;
        while growing.engine.counts().users_known < USERS as usize {
            // Half of the contacts are new.
            let user = growing.below(2 * USERS);
            let contacts = core::array::from_fn(|_| growing.below(2 * USERS));
            if growing.engine.is_online(&user) {
                continue;
            }
            growing.connect(user, contacts);
            let (publisher, other) = (growing.any(), growing.any());
            growing.call(|engine| {
                engine.publish(Time::ZERO, publisher, 1).expect("it is there").for_each(|_| {})
            });
            let until = Time::from_millis(1 + growing.below(100_000));
            growing.call(|engine| {
                let ending = engine.publish_until(Time::ZERO, other, 1, until, Some(2));
                ending.expect("it is there").for_each(|_| {});
            });
            growing.call(|engine| {
                let millis = until.as_millis();
                if let Ok(told) = engine.direct_for(Time::ZERO, other, &[user], 1, millis) {
                    told.for_each(|_| {});
                }
            });
            growing.call(|engine| {
                engine.heartbeat(Time::ZERO, other).expect("it is there").for_each(|_| {})
            });
            if all % 4 == 3 {
                let at = growing.below(growing.sessions.len() as u64) as usize;
                let gone = growing.sessions.swap_remove(at);
                growing.call(|engine| {
                    engine.disconnect(Time::ZERO, gone).expect("it is there").for_each(|_| {})
                });
            }
            all += 1;
        }
        assert_eq!(growing.engine.verify(), Ok(()));
        assert!(growing.longest <= MOST, "{} steps in one call", growing.longest);
        // So that it is seen that steps are counted.
        assert!(growing.longest >= CONTACTS, "{} steps in one call", growing.longest);
    }

    #[test]
    fn no_call_takes_long_because_holes_are_filled() {
        let (mut growing, users) = (Growing::new(), USERS / 10);
        let contacts = |user: u64| core::array::from_fn(|nth| (user + nth as u64) % users);
        (0..users).for_each(|user| growing.connect(user, contacts(user)));
        let all = core::mem::take(&mut growing.sessions);
        for (at, session) in (0..).zip(all) {
            if at % (users / 4) != 99 && at != users - 1 {
                growing.call(|engine| {
                    engine.disconnect(Time::ZERO, session).expect("it is there").for_each(|_| {})
                });
            }
        }
        growing.engine.shrink_to_fit();
        // Others come to where those were, and more.
        growing.longest = 0;
        (users..3 * users).for_each(|user| growing.connect(user, contacts(user)));
        assert_eq!(growing.engine.verify(), Ok(()));
        assert!(growing.longest <= MOST, "{} steps in one call", growing.longest);
    }

    #[test]
    fn what_is_reserved_takes_no_step_to_grow() {
        let (users, mut reserved) = (20_000, Growing::new());
        reserved.engine.reserve(users as usize, users as usize);
        let mut grown = Growing::new();
        for user in 0..users {
            let contacts = core::array::from_fn(|nth| (user + nth as u64) % users);
            reserved.connect(user, contacts);
            grown.connect(user, contacts);
        }
        // An entry for each who is new, and those whom it pushes on.
        assert!(reserved.longest < 20 * CONTACTS, "{} steps in one call", reserved.longest);
        assert!(grown.longest > reserved.longest, "{} steps in one call", grown.longest);
        assert_eq!(reserved.engine.verify(), Ok(()));
        // Nothing of it stays, and nothing is missed.
        reserved.engine.reserve(1_000_000, 1_000_000);
        reserved.engine.shrink_to_fit();
        assert_eq!(reserved.engine.verify(), Ok(()));
    }
}
