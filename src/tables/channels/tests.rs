use super::*;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use proptest::prelude::*;

/// What each session should be, by its membership.
type Model = BTreeMap<u32, (SessionIndex, ChannelIndex, bool, Link)>;

const LINKS: [Link; 3] = [Link::Attached, Link::Congested, Link::Detached];

fn slot(session: SessionIndex) -> Slot {
    Slot::near(session.0, 0)
}

fn check(channels: &Channels, model: &Model, used: &[ChannelIndex]) {
    let link_of = |session| model.values().find(|(own, ..)| *own == session).expect("it is in").3;
    assert!(channels.is_right(used.iter().copied(), |session| (slot(session), link_of(session))));
    assert_eq!(channels.memberships(), model.len());
    for channel in used {
        let of_channel = |link| {
            let is_it = move |(_, of, covered, own): &&(_, ChannelIndex, bool, Link)| {
                of == channel && !*covered && *own == link
            };
            let mut sessions: Vec<_> = model.values().filter(is_it).map(|m| m.0).collect();
            sessions.sort_unstable();
            sessions
        };
        let (mut lent, mut from) = (Vec::new(), 0);
        while from < channels.attached(*channel) {
            let slots = channels.slots(*channel, from, usize::MAX);
            assert!(!slots.is_empty() && slots.len() <= SEGMENT);
            lent.extend_from_slice(slots);
            from += slots.len();
        }
        assert!(channels.slots(*channel, from, usize::MAX).is_empty());
        lent.sort_unstable();
        let receiving = of_channel(Link::Attached);
        assert_eq!(lent, receiving.iter().map(|session| slot(*session)).collect::<Vec<_>>());
        let congested = 0..channels.congested(*channel);
        let mut congested: Vec<_> =
            congested.map(|at| channels.congested_at(*channel, at)).collect();
        congested.sort_unstable();
        assert_eq!(congested, of_channel(Link::Congested));
        let mut listening: Vec<_> = channels.listening(*channel).collect();
        listening.sort_unstable();
        let mut all = receiving;
        all.extend(congested);
        all.sort_unstable();
        assert_eq!(listening, all);
    }
}

proptest! {
    #[test]
    fn members_stand_where_they_belong_and_only_those_who_receive_are_lent(
        steps in proptest::collection::vec((0_u8..10, any::<u8>(), 0_usize..3), 0..80),
    ) {
        let mut channels: Channels = Channels::new();
        let used = [channels.open(), channels.open()];
        let mut model = Model::new();
        for (session, (step, which, link)) in (0..).map(SessionIndex).zip(steps) {
            let nth = usize::from(which) % model.len().max(1);
            let one = model.keys().nth(nth).map(|key| MembershipIndex(*key));
            match (step, one) {
                (0..3, _) | (_, None) => {
                    let channel = used[usize::from(which % 2)];
                    let membership = channels.join(channel, session);
                    channels.put(membership, (slot(session), LINKS[link]));
                    model.insert(membership.0, (session, channel, false, LINKS[link]));
                }
                (3, Some(membership)) => {
                    let (_, channel, ..) = model.remove(&membership.0).expect("it is in");
                    let left = model.values().filter(|(_, of, ..)| *of == channel).count();
                    prop_assert_eq!(channels.leave(membership), left == 0);
                }
                (7, Some(membership)) => {
                    // Those who arrive are lent too, behind those who receive.
                    let of = model.get_mut(&membership.0).expect("it is in");
                    let before = channels.receiving(of.1);
                    let stood = channels.part_of(membership) == Part::Receiving;
                    of.3 = Link::Attached;
                    channels.seat(membership, (slot(of.0), of.3), !of.2);
                    let left = before - usize::from(stood);
                    prop_assert_eq!(channels.receiving(of.1), left);
                    if link == 0 {
                        channels.welcome(of.1);
                        prop_assert_eq!(channels.receiving(of.1), channels.attached(of.1));
                    }
                }
                (9, Some(membership)) => {
                    let (_, channel, ..) = model[&membership.0];
                    let is_congested = channels.part_of(membership) > Part::Arriving
                        && channels.part_of(membership) < Part::Silent;
                    let before = channels.clean(channel);
                    let stood = channels.part_of(membership) == Part::Congested;
                    channels.set_dirty(membership, link > 0);
                    let part = if link > 0 { Part::Dirty } else { Part::Congested };
                    prop_assert_eq!(is_congested, channels.part_of(membership) == part);
                    let stands = is_congested && link == 0;
                    let clean = before + usize::from(stands) - usize::from(stood);
                    prop_assert_eq!(channels.clean(channel), clean);
                }
                (8, Some(membership)) => {
                    let of = model.get_mut(&membership.0).expect("it is in");
                    let to = used[usize::from(of.1 == used[0])];
                    channels.transfer(membership, to);
                    (of.1, of.2) = (to, channels.is_covered(membership));
                    channels.put(membership, (slot(of.0), of.3));
                }
                (_, Some(membership)) => {
                    let of = model.get_mut(&membership.0).expect("it is in");
                    (of.2, of.3) = (step == 4, LINKS[link]);
                    channels.cover(membership, step == 4);
                    channels.put(membership, (slot(of.0), of.3));
                }
            }
            check(&channels, &model, &used);
        }
    }
}

#[test]
fn memory_comes_back_when_a_crowd_has_gone() {
    let mut channels: Channels = Channels::new();
    let channel = channels.open();
    let crowd = (0..3 * SEGMENT.max(SPARE) as u32).map(SessionIndex);
    let all: Vec<_> = crowd.map(|session| channels.join(channel, session)).collect();
    for membership in &all {
        let session = channels.session(*membership);
        channels.put(*membership, (slot(session), Link::Attached));
    }
    assert_eq!(channels.receiving(channel), all.len());
    let last = all.iter().position(|membership| channels.leave(*membership));
    assert_eq!(last, Some(all.len() - 1));
    channels.close(channel);
    assert_eq!(channels.channels[0].members.capacity(), 0, "a large one is not kept");
    channels.shrink_to_fit();
    assert_eq!((channels.span(), channels.memberships.len()), (0, 0));
    assert_eq!(channels.open(), ChannelIndex(0));
}

#[test]
fn what_is_broken_is_seen() {
    let mut channels: Channels = Channels::new();
    let used = [channels.open()];
    for (session, arrives) in [(1, false), (2, true)] {
        let session = SessionIndex(session);
        let membership = channels.join(used[0], session);
        channels.seat(membership, (slot(session), Link::Attached), arrives);
    }
    let state_of = |wrong: u32| {
        move |session: SessionIndex| {
            let is_wrong = session.0 == wrong;
            (if is_wrong { slot(SessionIndex(9)) } else { slot(session) }, Link::Attached)
        }
    };
    let is_right =
        |channels: &Channels, wrong| channels.is_right(used.into_iter(), state_of(wrong));
    assert!(is_right(&channels, 0));
    // Another slot than that of one who receives, or who arrives.
    assert!(!is_right(&channels, 1) && !is_right(&channels, 2));
    channels.outside += 1;
    assert!(!is_right(&channels, 0), "a membership is nobody's");
    channels.outside -= 1;
    channels.open();
    assert!(!is_right(&channels, 0), "a channel is nobody's");
}
