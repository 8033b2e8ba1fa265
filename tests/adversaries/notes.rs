//! What is kept for a slow reader, in bytes: a constant for each note that is left, whatever was
//! noted before (rule 14).

use crate::common::{at, config};
use adsum::{Connect, Engine, SessionKey};
use allocation_counter::measure;
use std::hash::{BuildHasherDefault, DefaultHasher};

type Slow = Engine<u32, u32, BuildHasherDefault<DefaultHasher>>;

const PEOPLE: u32 = 12_000;
const READER: u32 = PEOPLE + 1;
/// The most notes, for whoever has a short list.
const NOTES: usize = if cfg!(feature = "shrunk") { 4 } else { 1_024 };
/// The most bytes that are kept for a note, what is needed to find it included.
const A_NOTE: usize = 100;
/// The most bytes that are kept for whoever has been slow, however little it misses: some pieces of
/// its list, a part of the pool that they lie in, and what the engine itself works with.
const AT_REST: usize = 40_000;

/// Two readers, the second with this audience, and people who list both. They have published and
/// withdrawn while the first, who lists them all, was slow, so that nothing is new but what is
/// noted for the second, which is slow from now on.
fn slow(audience: u32) -> (Slow, SessionKey, Vec<SessionKey>) {
    let config = config(|options| {
        (options.publish_rate, options.lease) = (None, None);
        options.max_audience = PEOPLE;
    });
    let mut engine = Slow::with_hasher(config, BuildHasherDefault::default());
    let mut connect = |user, contacts: Vec<u32>| {
        let connected = engine.connect(at(0), Connect::new(user).audience(contacts));
        let (key, decisions) = connected.expect("there is room");
        decisions.for_each(|_| {});
        key
    };
    let first = connect(PEOPLE, (0..PEOPLE).collect());
    let reader = connect(READER, (0..audience).collect());
    let keys: Vec<_> = (0..PEOPLE).map(|user| connect(user, vec![PEOPLE, READER])).collect();
    congested(&mut engine, first);
    come(&mut engine, &keys);
    writable(&mut engine, first);
    go(&mut engine, &keys);
    congested(&mut engine, reader);
    (engine, reader, keys)
}

fn come<'k>(engine: &mut Slow, keys: impl IntoIterator<Item = &'k SessionKey>) {
    for key in keys {
        engine.publish(at(0), *key, 1).expect("it is attached").for_each(|_| {});
    }
}

fn go<'k>(engine: &mut Slow, keys: impl IntoIterator<Item = &'k SessionKey>) {
    for key in keys {
        engine.withdraw(at(0), *key).expect("it is attached").for_each(|_| {});
    }
}

fn congested(engine: &mut Slow, reader: SessionKey) {
    engine.congested(at(0), reader).expect("it is attached").for_each(|_| {});
}

fn writable(engine: &mut Slow, reader: SessionKey) {
    engine.writable(at(0), reader).expect("it is attached").for_each(|_| {});
}

/// Says by how many bytes what the engine keeps has grown, and how many notes are left.
fn grown(engine: &mut Slow, work: impl FnOnce(&mut Slow)) -> (i64, usize) {
    let memory = measure(|| work(engine));
    assert_eq!(engine.verify(), Ok(()));
    (memory.bytes_current, engine.counts().missed)
}

/// The most bytes for so many notes.
const fn most(notes: usize) -> i64 {
    (AT_REST + A_NOTE * notes) as i64
}

/// They come in groups, of each of which but one goes again before the next has come: what is left
/// lies as far apart as can be, and there is never more of it than is allowed.
fn come_and_leave_holes(engine: &mut Slow, keys: &[SessionKey]) {
    let mut before: &[SessionKey] = &[];
    for group in keys.chunks(64) {
        come(engine, group);
        go(engine, before.iter().skip(1));
        before = group;
    }
}

#[test]
fn strangers_who_come_and_go_cost_a_slow_reader_no_memory() {
    let (mut engine, _, keys) = slow(0);
    let (bytes, notes) = grown(&mut engine, |engine| come_and_leave_holes(engine, &keys));
    assert!(notes <= NOTES, "{notes}");
    assert!(bytes <= most(notes), "{bytes} bytes for {notes} notes");
    // More than is allowed leaves a mark, and then even less.
    let (more, notes) = grown(&mut engine, |engine| come(engine, &keys));
    assert_eq!(notes, 0, "a mark is in place of all");
    assert!(bytes + more <= most(0), "{bytes} and {more} bytes for a mark");
}

/// The reader lists them all, so that all may be noted: whoever goes unseen takes its part along.
#[test]
fn what_was_noted_of_contacts_and_is_over_takes_no_memory() {
    let (mut engine, _, keys) = slow(PEOPLE);
    let (mut bytes, notes) = grown(&mut engine, |engine| come(engine, &keys));
    assert_eq!(notes, PEOPLE as usize);
    assert!(bytes <= most(notes), "{bytes} bytes for {notes} notes");
    for left_of in [8, 64, 1_000, PEOPLE as usize] {
        let stays = |&(at, _): &(usize, &SessionKey)| at % left_of == 0;
        let those_who_go: Vec<_> =
            keys.iter().enumerate().filter(|one| !stays(one)).map(|(_, key)| *key).collect();
        let (change, notes) = grown(&mut engine, |engine| go(engine, &those_who_go));
        bytes += change;
        assert_eq!(notes, keys.len().div_ceil(left_of));
        assert!(bytes <= most(notes), "{bytes} bytes for {notes} notes");
        let (change, _) = grown(&mut engine, |engine| come(engine, &those_who_go));
        bytes += change;
    }
}

/// Told what it missed, or sent a snapshot, it keeps no more than if little had been missed.
#[test]
fn whoever_has_caught_up_gives_the_memory_back() {
    for audience in [0, PEOPLE] {
        let (mut engine, reader, keys) = slow(audience);
        for turn in 0..3 {
            let (bytes, notes) = grown(&mut engine, |engine| {
                come(engine, &keys);
                writable(engine, reader);
                go(engine, &keys);
                congested(engine, reader);
            });
            assert_eq!(notes, 0);
            let most = if turn == 0 { most(0) } else { 0 };
            assert!(bytes <= most, "{bytes} bytes are kept with an audience of {audience}");
        }
    }
}
