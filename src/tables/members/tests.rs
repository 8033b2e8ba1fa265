use super::*;
use crate::hasher::tests::Plain;
use crate::key::DeviceKind;
use crate::time::Time;
use crate::topic::TopicCounts;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use proptest::prelude::*;

type Rooms = Tables<u64, u32, Plain>;

/// So many users are online, with two sessions each.
const USERS: u32 = 5;

fn tables() -> Rooms {
    let mut tables = Rooms::new(Plain);
    for id in 0..USERS.into() {
        let user = tables.intern(id).expect("there is room");
        let place = tables.go_online(user, &[], &[]);
        for _ in 0..2 {
            tables.add_session((user, place), DeviceKind(0), (Time::ZERO, 0));
        }
    }
    tables.forget_fresh();
    tables
}

fn user_of(session: u32) -> u32 {
    session / 2
}

/// What a session is in the one topic that there is: as what it joined, and whether it is shown.
#[derive(Clone, Copy, Debug)]
struct In {
    is_member: bool,
    is_shown: bool,
}

/// What a topic should be: who is in it how, and the users who are shown, in their order.
#[derive(Default)]
struct Model {
    sessions: BTreeMap<u32, In>,
    order: Vec<u32>,
}

impl Model {
    fn shown(&self, user: u32) -> usize {
        let is_it = |(session, own): &(&u32, &In)| {
            user_of(**session) == user && own.is_member && own.is_shown
        };
        self.sessions.iter().filter(is_it).count()
    }

    fn learn(&mut self) {
        let mut order = core::mem::take(&mut self.order);
        order.retain(|user| self.shown(*user) > 0);
        let shown = (0..USERS).filter(|user| self.shown(*user) > 0);
        let new: Vec<u32> = shown.filter(|user| !order.contains(user)).collect();
        order.extend(new);
        self.order = order;
    }

    fn counts(&self) -> TopicCounts {
        let of = |is_member| {
            let shown = self.sessions.values().filter(|own| own.is_shown);
            shown.filter(|own| own.is_member == is_member).count() as u32
        };
        TopicCounts { users: self.order.len() as u32, sessions: of(true), observers: of(false) }
    }
}

fn check(tables: &Rooms, topic: TopicIndex, model: &Model) {
    assert_eq!(tables.topics().topic(topic).counts, model.counts());
    let (mut place, mut order) = (0, Vec::new());
    while let Some((at, lead)) = tables.topics().next_seat(topic, place) {
        let user = tables.user_in(lead);
        assert_eq!(tables.topics().is(lead, Mark::Others), model.shown(user.0) > 1);
        assert_eq!(tables.shown_in(topic, user).count(), model.shown(user.0));
        order.push(user.0);
        place = at + 1;
    }
    assert_eq!(order, model.order);
    for session in 0..USERS * 2 {
        let is_in = tables.membership_in(SessionIndex(session), topic).is_some();
        assert_eq!(is_in, model.sessions.contains_key(&session));
    }
    let first_two = model.order.iter().take(2).next_back();
    let end = first_two.and_then(|user| tables.seat_of(topic, User(*user))).unwrap_or(0);
    assert_eq!(
        tables.topics.sample_end(topic, 2, &mut crate::tables::topics::Seats::default()),
        end
    );
}

proptest! {
    /// Rules T1, T6 and T15: members are users in the order in which they came to be shown.
    #[test]
    fn members_are_users_in_their_order(
        steps in proptest::collection::vec((0_u8..6, 0..USERS * 2), 0..90),
    ) {
        let mut tables = tables();
        let topic = tables.open_topic(7, &TopicOptions::default()).expect("there is room");
        tables.forget_fresh();
        let mut model = Model::default();
        for (step, session) in steps {
            let index = SessionIndex(session);
            let own = model.sessions.get(&session).copied();
            let membership = tables.membership_in(index, topic);
            match (step, own, membership) {
                (0..2, None, _) => {
                    let (is_member, view) = (step == 0, [View::All, View::Count][step as usize]);
                    let membership = tables.join_topic(index, topic, is_member, view);
                    tables.set_own_presence(membership, session);
                    model.sessions.insert(session, In { is_member, is_shown: false });
                }
                (2, Some(own), Some(membership)) if !own.is_shown => {
                    let is_first = own.is_member && model.shown(user_of(session)) == 0;
                    prop_assert_eq!(tables.show_in_topic(topic, membership), is_first);
                    let shown = In { is_shown: true, ..own };
                    model.sessions.insert(session, shown);
                }
                (3.., Some(own), Some(membership)) => {
                    if own.is_shown {
                        let hidden = tables.hide_in_topic(topic, membership);
                        let is_last = model.shown(user_of(session)) == 1;
                        let expected = own.is_member.then_some(is_last);
                        prop_assert_eq!(hidden.map(|(is_last, _)| is_last), expected);
                        model.sessions.insert(session, In { is_shown: false, ..own });
                    }
                    if step > 3 {
                        let left = tables.leave_topic(topic, membership);
                        prop_assert_eq!(left.and_then(|own| own.presence), Some(session));
                        model.sessions.remove(&session);
                    }
                }
                _ => {}
            }
            model.learn();
            check(&tables, topic, &model);
        }
    }
}

#[test]
fn what_is_broken_is_seen() {
    let rooms = || {
        let mut tables = tables();
        let topic = tables.open_topic(7, &TopicOptions::default()).expect("there is room");
        for session in 0..4 {
            let view = if session == 3 { View::Count } else { View::All };
            let one = tables.join_topic(SessionIndex(session), topic, session != 2, view);
            tables.set_own_presence(one, session);
            tables.show_in_topic(topic, one);
            tables.seat_in_topic(one, false);
        }
        tables.forget_fresh();
        tables
    };
    let breaks: [fn(&mut Rooms); 11] = [
        |tables| tables.topics.topic_mut(TopicIndex(0)).counts.users += 1,
        |tables| tables.topics.topic_mut(TopicIndex(0)).counts.observers += 1,
        |tables| tables.topics.topic_mut(TopicIndex(0)).groups.reverse(),
        |tables| tables.topics.mark(MembershipIndex(1), Mark::Shown, false),
        |tables| tables.topics.mark(MembershipIndex(0), Mark::Dirty, true),
        |tables| tables.topics.mark(MembershipIndex(0), Mark::Others, false),
        |tables| tables.topics.mark(MembershipIndex(1), Mark::Waits, true),
        |tables| tables.topics.presences += 1,
        |tables| _ = tables.topics.end(SessionIndex(0), MembershipIndex(0)),
        |tables| tables.online.at_mut(Place(0)).is_in_topics = false,
        // Two channels for those who view the same.
        |tables| {
            let topic = TopicIndex(0);
            let channel = tables.topics.channel_of(topic, View::Nothing, false);
            tables.topics.channels.transfer(MembershipIndex(1), channel);
            tables.seat_in_topic(MembershipIndex(1), false);
            tables.topics.topic_mut(topic).groups[0].view = View::Count;
        },
    ];
    assert_eq!(rooms().verify(), Ok(()));
    for (nth, break_it) in breaks.iter().enumerate() {
        let mut tables = rooms();
        break_it(&mut tables);
        assert!(tables.verify().is_err(), "the break number {nth} is not seen");
    }
}

/// A membership is another's at once, or as soon as no tick is going to tell of it any more.
#[test]
fn a_membership_that_is_left_is_used_again() {
    let mut tables = tables();
    let topic = tables.open_topic(7, &TopicOptions::default()).expect("there is room");
    tables.forget_fresh();
    tables.join_topic(SessionIndex(8), topic, true, View::All);
    let join = |tables: &mut Rooms| tables.join_topic(SessionIndex(0), topic, true, View::All);
    let one = join(&mut tables);
    tables.leave_topic(topic, one);
    let waits: [fn(&mut Rooms, TopicIndex, MembershipIndex) -> bool; 3] = [
        |tables, topic, one| {
            tables.topics.note_changed(topic, one, false, true);
            false
        },
        |tables, topic, one| {
            tables.topics.note_changed(topic, one, true, false);
            true
        },
        |tables, topic, one| {
            tables.topics.arrive(topic, one);
            true
        },
    ];
    for wait in waits {
        assert_eq!(join(&mut tables), one);
        let is_slow = wait(&mut tables, topic, one);
        tables.leave_topic(topic, one);
        let other = join(&mut tables);
        assert_ne!(other, one, "a tick would tell of somebody else");
        tables.clear_pending(topic, is_slow);
        assert_eq!(tables.topics.channels.memberships(), 2);
        // It is free now, and the other one is taken away.
        let next = tables.join_topic(SessionIndex(2), topic, true, View::All);
        assert_eq!(next, one);
        tables.leave_topic(topic, other);
        tables.leave_topic(topic, next);
    }
}

/// Rule T11: of those who are congested when a tick has told all, whoever had been sent a snapshot
/// before has missed this one; whoever has not knows all that there was.
#[test]
fn only_who_was_told_before_a_tick_has_missed_it() {
    let mut tables = tables();
    let topic = tables.open_topic(7, &TopicOptions::default()).expect("there is room");
    tables.forget_fresh();
    let all: Vec<_> = (0..5)
        .map(|session| {
            let one = tables.join_topic(SessionIndex(session), topic, true, View::All);
            tables.seat_in_topic(one, false);
            one
        })
        .collect();
    let is = |tables: &Rooms, mark| all.iter().map(|one| tables.topics.is(*one, mark)).collect();
    let has_late = |tables: &Rooms| tables.topics.topic(topic).has_late;
    let are_late = |tables: &Rooms| {
        let channel = tables.topics.topic(topic).groups[0].channel;
        tables.topics.are_late(channel)
    };
    // Three are congested, who knew all until then; two of them count as told.
    for session in [1, 2, 3] {
        tables.set_congested(SessionIndex(session), true);
    }
    assert!(!has_late(&tables) && !are_late(&tables), "nobody waits for a tick");
    for one in [1, 3] {
        tables.topics.mark(all[one], Mark::Told, true);
    }
    assert!(are_late(&tables));
    let told: Vec<bool> = is(&tables, Mark::Told);
    assert_eq!(told, [false, true, false, true, false]);
    let channel = tables.topics.topic(topic).groups[0].channel;
    tables.mark_late(channel);
    let dirty: Vec<bool> = is(&tables, Mark::Dirty);
    assert_eq!(dirty, [false, true, false, true, false]);
    assert!(!are_late(&tables), "they have missed it");
    let told: Vec<bool> = is(&tables, Mark::Told);
    assert_eq!(told, [false; 5]);
}
