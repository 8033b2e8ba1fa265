//! Laws about the one state of a user (rules U1 to U7).

use adsum::{
    Candidate, Config, Connect, DefaultHashBuilder, DeviceKind, Engine, Notice, Options, Represent,
    SessionKey, Time,
};
use std::cell::RefCell;

/// Ranks by what is shown; of those alike, the one on the lowest kind of device.
fn busiest(all: &[Candidate<'_, u32>]) -> usize {
    let rank = |at: &usize| (*all[*at].presence, std::cmp::Reverse(all[*at].kind.0));
    (0..all.len()).max_by_key(rank).unwrap_or(0)
}

/// A user with devices, and one contact who hears of it.
struct Pair {
    engine: Engine<u32, u32>,
    devices: Vec<SessionKey>,
    told: Vec<String>,
}

impl Pair {
    fn new(represent: Represent<u32>, kinds: &[u8]) -> Self {
        let options = Options { publish_rate: None, settle_ms: 0, ..Options::default() };
        let config = Config::new(options).expect("the options go together");
        let hasher = DefaultHashBuilder::default();
        let mut engine = Engine::with_representative(config, hasher, represent);
        let mut connect = |user: u32, kind: u8| {
            let connect = Connect::new(user).kind(DeviceKind(kind)).audience([1 - user]);
            let (key, decisions) = engine.connect(Time::ZERO, connect).expect("there is room");
            decisions.for_each(|_| {});
            key
        };
        connect(1, 0);
        let devices = kinds.iter().map(|kind| connect(0, *kind)).collect();
        Self { engine, devices, told: Vec::new() }
    }

    fn publish(&mut self, device: usize, presence: u32) {
        let decisions = self.engine.publish(Time::ZERO, self.devices[device], presence);
        let told = &mut self.told;
        decisions.expect("it is attached").for_each(|decision| {
            if let adsum::Decision::Deliver { notice, .. } = decision
                && let Notice::User { presence, kind, .. } = notice
            {
                told.push(format!("{kind:?} {presence}"));
            }
        });
        assert_eq!(self.engine.verify(), Ok(()));
    }

    fn speaks(&self) -> u32 {
        let (session, _) = self.engine.representative(&0).expect("something is shown");
        *session.presence.expect("who speaks shows something")
    }
}

/// Calls with every order of these.
fn orders(left: &mut Vec<usize>, order: &mut Vec<usize>, each: &mut dyn FnMut(&[usize])) {
    if left.is_empty() {
        return each(order);
    }
    for at in 0..left.len() {
        let one = left.remove(at);
        order.push(one);
        orders(left, order, each);
        order.pop();
        left.insert(at, one);
    }
}

/// The same candidates, the same choice (rule U3): in whatever order devices have come to show what
/// they show, and whatever they showed before, the same one speaks.
#[test]
fn how_it_came_to_what_is_shown_makes_no_difference() {
    let shown = [2, 5, 5, 1];
    let mut tried = 0;
    orders(&mut vec![0, 1, 2, 3], &mut Vec::new(), &mut |order| {
        for before in [None, Some(9), Some(0)] {
            let mut pair = Pair::new(busiest, &[3, 2, 1, 0]);
            for device in order {
                before.into_iter().for_each(|before| pair.publish(*device, before));
                pair.publish(*device, shown[*device]);
            }
            // Of the two that show 5, the third is on the lower kind of device.
            let speaks = pair.engine.representative(&0).map(|(session, _)| session.key);
            assert_eq!((speaks, pair.speaks()), (Some(pair.devices[2]), 5), "{order:?}");
            tried += 1;
        }
    });
    assert_eq!(tried, 24 * 3);
}

thread_local! {
    static SHOWN: RefCell<Vec<Vec<(u8, u32)>>> = const { RefCell::new(Vec::new()) };
}

fn noted(all: &[Candidate<'_, u32>]) -> usize {
    let list = all.iter().map(|of| (of.kind.0, *of.presence)).collect();
    SHOWN.with_borrow_mut(|shown| shown.push(list));
    0
}

/// A function is shown the candidates in the order in which they connected, and not asked about one
/// alone (rule U3).
#[test]
fn candidates_stand_in_the_order_in_which_they_connected() {
    SHOWN.take();
    let mut pair = Pair::new(noted, &[7, 8, 9]);
    pair.publish(2, 20);
    assert_eq!(SHOWN.take(), [[]; 0]);
    pair.publish(0, 30);
    pair.publish(1, 40);
    assert_eq!(SHOWN.take(), [vec![(7, 30), (9, 20)], vec![(7, 30), (8, 40), (9, 20)]]);
}

/// Two devices that fight make no notice unless the choice changes, or the one that speaks says
/// something (rule U2): what contacts hear is just that.
#[test]
fn devices_that_fight_are_heard_only_as_far_as_the_choice_changes() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut byte = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 40) as u8
    };
    let (mut silent, mut heard) = (0, 0);
    for _ in 0..200 {
        let mut pair = Pair::new(busiest, &[0, 1, 2]);
        let mut shown = [None; 3];
        for _ in 0..40 {
            let (device, presence) = (usize::from(byte() % 3), u32::from(byte() % 4));
            let spoke = |shown: &[Option<u32>; 3]| {
                let rank = |at: &usize| (shown[*at], std::cmp::Reverse(*at));
                (0..3).filter(|at| shown[*at].is_some()).max_by_key(rank)
            };
            let before = spoke(&shown);
            shown[device] = Some(presence);
            let after = spoke(&shown).expect("one shows something");
            pair.publish(device, presence);
            let told = std::mem::take(&mut pair.told);
            if before == Some(after) && after != device {
                assert_eq!(told, [""; 0]);
                silent += 1;
            } else {
                let kind = if before.is_none() { "First" } else { "Update" };
                let said = shown[after].expect("it speaks");
                assert_eq!(told, [format!("{kind} {said}")]);
                heard += 1;
            }
        }
    }
    assert!(silent > 1_000 && heard > 1_000, "{silent} silent, {heard} heard");
}
