//! Everything that an engine can be asked about topics, in Rust and in C.

use crate::pair::Pair;
use crate::queries::{ask, key, listed, many, of, session, session_in_c};
use crate::read::{ids, lent};
use crate::record::Record;
use crate::{Id, Shown};
use adsum::{DefaultHashBuilder, Topic, TopicBlocks};
use adsum_ffi::info::{adsum_member, adsum_topic_info};
use adsum_ffi::names::{adsum_topic, adsum_view};
use adsum_ffi::queries::topics::*;
use adsum_ffi::status::adsum_status as status;
use std::collections::BTreeSet;

type OfBytes<'e> = Topic<'e, Id, Shown, DefaultHashBuilder>;

fn in_rust(of: &OfBytes<'_>) -> Vec<u8> {
    let (counts, options) = (of.counts(), of.options());
    let numbers = [counts.users, counts.sessions, counts.observers, options.full_up_to];
    let record = Record::default().pair(of.key().to_bits()).bytes(of.name()).is(of.is_large());
    let record = record.slots(numbers.into_iter());
    let record = record.is(options.blocks == TopicBlocks::Hidden);
    record.slots([options.sample.into(), options.coalesce_ms, options.max_members].into_iter()).0
}

fn in_c(of: &adsum_topic_info) -> Vec<u8> {
    let (counts, options) = (of.counts, of.options);
    let numbers = [counts.users, counts.sessions, counts.observers, options.full_up_to];
    let record = Record::default().pair((of.key.name, of.key.place));
    let record = record.bytes(lent(&of.name).expect("it has a name")).is(of.is_large);
    let record = record.slots(numbers.into_iter());
    let record = record.is(options.blocks == 1);
    record.slots([options.sample.into(), options.coalesce_ms, options.max_members].into_iter()).0
}

fn view(of: adsum_view) -> Vec<u8> {
    Record::default().number(of.kind.into()).number(of.sample.into()).0
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort();
    items
}

pub(crate) fn equal_topics(pair: &Pair) {
    let (rust, c) = (&pair.rust, pair.c);
    // SAFETY: the engine is there, and so is what is handed in or written to.
    unsafe {
        let all = many(|out, len| adsum_all_topics(c, out, len)).iter().map(in_c);
        assert_eq!(sorted(all), sorted(rust.topics().map(|topic| in_rust(&topic))));
        for one in rust.all_sessions() {
            let topics = many(|out, len| adsum_topics_of(c, key(one.key), out, len));
            let expected: Vec<_> = rust.topics_of(one.key).map(|topic| in_rust(&topic)).collect();
            assert_eq!(topics.iter().map(in_c).collect::<Vec<_>>(), expected);
        }
        let stale = adsum_topic::default();
        assert!(ask(|out| adsum_topic_by_key(c, stale, out)).is_none());
        assert!(ask(|out| adsum_topic_by_name(c, of(b"no topic"), out)).is_none());
        assert!(ask(|out| adsum_topic_users(c, stale, out)).is_none());
    }
    for topic in rust.topics() {
        equal_of_topic(pair, &topic);
    }
}

fn equal_of_topic(pair: &Pair, topic: &OfBytes<'_>) {
    let (rust, c) = (&pair.rust, pair.c);
    let (name, place) = topic.key().to_bits();
    let of_topic = adsum_topic { name, place };
    // SAFETY: the engine is there, and so is what is handed in or written to.
    unsafe {
        let by_key = ask(|out| adsum_topic_by_key(c, of_topic, out)).expect("it is there");
        let by_name = ask(|out| adsum_topic_by_name(c, of(topic.name()), out));
        let by_name = by_name.expect("it is there");
        assert_eq!([in_c(&by_key), in_c(&by_name)], [in_rust(topic), in_rust(topic)]);
        let users = ids(&ask(|out| adsum_topic_users(c, of_topic, out)).expect("it is there"));
        assert!(users.iter().map(|user| &**user).eq(topic.users().map(|user| &**user)));
        let sessions = many(|out, len| adsum_topic_sessions(c, of_topic, out, len)).iter();
        let sessions = sessions.map(|one| (session_in_c(&one.session), view(one.view)));
        let expected = topic.sessions().map(|(one, seen)| (session(&one), view(seen.into())));
        assert_eq!(sorted(sessions), sorted(expected));
        let observers = many(|out, len| adsum_topic_observers(c, of_topic, out, len)).iter();
        let expected = topic.observers().map(|one| session(&one));
        assert_eq!(sorted(observers.map(session_in_c)), sorted(expected));
        for one in rust.all_sessions() {
            let seen = ask(|out| adsum_topic_view(c, of_topic, key(one.key), out));
            assert_eq!(seen, topic.view(one.key).map(Into::into));
            let shown = ask(|out| adsum_topic_presence(c, of_topic, key(one.key), out));
            let shown = shown.as_ref().map(lent);
            assert_eq!(shown, topic.presence(one.key).map(|shown| shown.map(|shown| &**shown)));
            let named = listed(|out| adsum_topic_looks_at(c, of_topic, key(one.key), out));
            assert!(named.into_iter().eq(sorted(topic.looks_at(one.key).map(|id| id.to_vec()))));
        }
    }
    equal_members(pair, topic, of_topic);
}

/// Reads a topic in pages of two users, which must be what it is as a whole.
fn equal_members(pair: &Pair, topic: &OfBytes<'_>, of_topic: adsum_topic) {
    let mut expected = topic.members();
    let mut after = 0;
    loop {
        let page: &[adsum_member] = many(|out, len| {
            // SAFETY: the engine is there, and so is what is written to.
            let status = unsafe { adsum_topic_members(pair.c, of_topic, after, 2, out, len) };
            assert_eq!(status, status::ADSUM_OK);
            status
        });
        let Some(last) = page.last() else { break };
        assert!(page.iter().all(|one| one.cursor > after));
        let users: BTreeSet<_> = page.iter().map(|one| one.cursor).collect();
        assert!(users.len() <= 2, "{users:?}");
        for one in page {
            let member = expected.next().expect("there is another member");
            assert_eq!((one.cursor, one.session), (member.cursor, member.session.to_bits()));
            assert_eq!(lent(&one.user), Some(&**member.user));
            assert_eq!(lent(&one.presence), member.presence.map(|shown| &**shown));
        }
        after = last.cursor;
    }
    assert!(expected.next().is_none(), "a member is on no page");
}
