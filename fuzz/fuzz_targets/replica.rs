//! A replica that is told anything at all, by a server that may be hostile: it must hold no more
//! than it was made for, and say of itself what is so.

#![no_main]

use adsum::Replica;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

const LIMIT: usize = 5;

/// Session to presence and directed presence, by user: what the replica should hold.
type Truth = BTreeMap<(u8, u8), (Option<u8>, Option<u8>, bool)>;

fuzz_target!(|bytes: &[u8]| {
    let mut replica = Replica::<u8, u8, u8>::new(LIMIT);
    let mut truth = Truth::new();
    for told in bytes.chunks_exact(3) {
        let (user, session, presence) = (told[1] % 8, told[1] / 8 % 4, told[2]);
        let fits = truth.len() < LIMIT || truth.contains_key(&(user, session));
        match told[0] % 6 {
            0 => {
                assert_eq!(replica.set_presence(user, session, presence).is_ok(), fits);
                if fits {
                    let entry = truth.entry((user, session)).or_default();
                    (entry.0, entry.2) = (Some(presence), true);
                }
            }
            1 => {
                assert_eq!(replica.set_directed(user, session, presence).is_ok(), fits);
                if fits {
                    let entry = truth.entry((user, session)).or_default();
                    (entry.1, entry.2) = (Some(presence), true);
                }
            }
            2 => {
                replica.end_session(&user, session);
                truth.remove(&(user, session));
            }
            3 => {
                replica.end_user(&user);
                truth.retain(|(other, _), _| *other != user);
            }
            4 => {
                replica.begin_snapshot();
                for entry in truth.values_mut() {
                    (entry.1, entry.2) = (None, false);
                }
            }
            _ => {
                replica.end_snapshot();
                truth.retain(|_, (_, _, repeated)| *repeated);
            }
        }
        assert_eq!(replica.len(), truth.len());
        assert_eq!(replica.is_empty(), truth.is_empty());
        for user in 0..8 {
            let mut held: Vec<_> = replica
                .sessions_of(&user)
                .map(|(session, published, directed)| {
                    ((user, session), (published.copied(), directed.copied()))
                })
                .collect();
            held.sort_unstable();
            let of_user = truth.range((user, 0)..=(user, u8::MAX));
            let expected: Vec<_> = of_user.map(|(key, (p, d, _))| (*key, (*p, *d))).collect();
            assert_eq!(held, expected);
            assert_eq!(replica.is_present(&user), !held.is_empty());
        }
    }
});
