//! Many of whom each has a short list, and one whom all of them are about.

use super::*;
use crate::config::OfflineNotices;

const MANY: u64 = if cfg!(feature = "shrunk") { 2_000 } else { 50_000 };
const STAR: u64 = 0;

/// An engine with one user and very many contacts of it, who list nobody. It shows something.
fn star(offline_notices: OfflineNotices) -> (Growing, SessionKey) {
    let mut growing = Growing::with(|options| {
        let many = 2 * MANY as u32;
        (options.max_audience, options.max_direct, options.max_told) = (many, many, many);
        (options.offline_notices, options.publish_rate) = (offline_notices, None);
    });
    for user in (1..=MANY).chain([STAR]) {
        let audience = 1..=if user == STAR { MANY } else { 0 };
        let connected = growing.engine.connect(Time::ZERO, Connect::new(user).audience(audience));
        let (session, decisions) = connected.expect("there is room");
        all_of(decisions);
        growing.sessions.push(session);
    }
    let star = growing.sessions[MANY as usize];
    taken(growing.engine.publish(Time::ZERO, star, 1));
    (growing, star)
}

/// Has the star direct something to all of its contacts.
fn direct_to_all(growing: &mut Growing, star: SessionKey) {
    let names: Vec<u64> = (1..=MANY).collect();
    taken(growing.engine.direct(Time::ZERO, star, &names, 1));
    assert_eq!(growing.engine.counts().told, MANY as usize);
}

/// Whether they were told something, or may believe something because nobody told them.
#[test]
fn to_remove_all_contacts_moves_few_entries_for_each() {
    for notices in [OfflineNotices::ToWhoeverSaw, OfflineNotices::Never] {
        let (mut growing, star) = star(notices);
        if notices == OfflineNotices::Never {
            taken(growing.engine.invisible(Time::ZERO, star));
        }
        direct_to_all(&mut growing, star);
        let moved = moved(|| {
            assert!(taken(growing.engine.audience_replace(Time::ZERO, &STAR, [])) > 0);
        });
        // Each lies in a piece of a list, and of very small pieces there is a table.
        let each = if cfg!(feature = "shrunk") { 600 } else { 300 };
        assert!(moved <= each * MANY as usize, "{moved} entries moved");
        assert_eq!((growing.engine.counts().told, growing.engine.verify()), (0, Ok(())));
    }
}

#[test]
fn to_direct_something_to_one_moves_few_entries_however_many_were_told() {
    let (mut growing, star) = star(OfflineNotices::ToWhoeverSaw);
    direct_to_all(&mut growing, star);
    for user in (1..=MANY).rev().take(1_000) {
        growing.call("direct", 1, |engine, now| taken(engine.direct(now, star, &[user], 1)));
        growing.call("direct_for", 1, |engine, now| {
            taken(engine.direct_for(now, star, &[user], 1, 10))
        });
    }
    growing.now += 100;
    growing.call("advance", 1, |engine, now| all_of(engine.advance(now)));
    assert_eq!(growing.engine.counts().told, MANY as usize - 1_000);
    assert_eq!(growing.engine.verify(), Ok(()));
}

/// Whether it blocks or is blocked, and where the one who blocks goes with its blocks and comes.
#[test]
fn to_block_one_moves_few_entries_however_many_are_hidden_from_it() {
    let (mut growing, _) = star(OfflineNotices::ToWhoeverSaw);
    let mut total = 0;
    // Backwards, so that each has its place before all others.
    for user in (1..=MANY).rev() {
        total += moved(|| {
            growing.call("block", 1, |engine, now| taken(engine.block(now, &user, STAR)));
        });
    }
    for user in 1..=MANY / 8 {
        total += moved(|| {
            growing.call("unblock", 1, |engine, now| taken(engine.unblock(now, &user, &STAR)));
        });
    }
    for at in (MANY / 4..MANY / 2).rev() {
        let session = growing.sessions[at as usize];
        total += moved(|| {
            growing.call("disconnect", 1, |engine, now| taken(engine.disconnect(now, session)));
            growing.call("connect", 1, |engine, now| {
                let connect = Connect::new(at + 1).blocked([STAR]);
                all_of(engine.connect(now, connect).expect("there is room").1)
            });
        });
    }
    assert!(total <= 400 * MANY as usize, "{total} entries moved");
    assert_eq!(growing.engine.counts().blocked_pairs as u64, MANY - MANY / 8);
    assert_eq!(growing.engine.verify(), Ok(()));
}
