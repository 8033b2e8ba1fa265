//! Whether users are to be seen, as they have said themselves.

use super::super::{name, options};
use super::World;
use adsum::{Event, SessionKey};
use std::collections::BTreeSet;

/// A session that says whether its user is to be seen.
pub(super) struct Wish {
    at: usize,
    life: u64,
    user: u32,
    session: SessionKey,
    is_visible: bool,
}

/// What users have said of that.
#[derive(Default)]
pub(super) struct Wishes {
    /// Sessions that have said "invisible" last.
    hidden: Vec<Wish>,
    /// Users who have said "visible" since all nodes agreed last. Which of two words is the newer
    /// that were said at nodes which did not hear each other is a matter of their clocks.
    contested: BTreeSet<u32>,
}

impl Wishes {
    pub(super) fn note(&mut self, wish: Wish) {
        if wish.is_visible {
            self.hidden.retain(|hidden| hidden.user != wish.user);
            self.contested.insert(wish.user);
        } else if !self.contested.contains(&wish.user) {
            self.hidden.push(wish);
        }
    }
}

impl World {
    /// Returns what an input at a node says of being seen.
    pub(super) fn wish_in(&self, at: usize, event: &Event<u32, u32>) -> Option<Wish> {
        let (Event::Invisible { session } | Event::Visible { session }) = *event else {
            return None;
        };
        let user = *self.nodes[at].cluster.engine().user_of(session)?;
        let (life, is_visible) = (self.nodes[at].life, matches!(event, Event::Visible { .. }));
        Some(Wish { at, life, user, session, is_visible })
    }

    /// Whether nobody is seen who has said "invisible" and is there since then (rule C13).
    pub(super) fn look_at_wishes(&mut self) -> Result<(), String> {
        for Wish { at, life, user, session, .. } in &self.wishes.hidden {
            let stays = self.nodes[*at].life == *life && self.keys(*at, *user).contains(session);
            if stays && !self.nodes[0].cluster.engine().is_invisible(user) {
                return Err(format!("{user} is seen, who was to be invisible, as {at} knows"));
            }
        }
        self.wishes.contested.clear();
        Ok(())
    }
}

fn three() -> World {
    let mut world = World::new(3, &options(), 11);
    world.wait(500);
    world
}

fn hides(world: &World, user: u32) -> [bool; 3] {
    [0, 1, 2].map(|at| world.nodes[at].cluster.engine().is_invisible(&user))
}

/// Rule C13: who is invisible is not seen because another device connects, or a list is edited, at
/// a node that has not heard of that yet.
#[test]
pub(in crate::tests) fn rule_c13_newer_lists_show_nobody_who_hides() {
    let edit = Event::AudienceReplace { user: 2, contacts: vec![1, 4] };
    for edits in [false, true] {
        let mut world = three();
        world.log_in(2, 1);
        let phone = world.log_in(0, 2);
        world.wait(50);
        world.give(0, Event::Invisible { session: phone }).expect("it is right");
        if edits {
            world.give(1, edit.clone()).expect("it is right");
        } else {
            world.log_in(1, 2);
        }
        world.wait(300);
        assert_eq!(hides(&world, 2), [true; 3], "edits: {edits}");
        let lists = [0, 1, 2].map(|at| world.nodes[at].cluster.engine().audience(&2).count());
        assert_eq!(lists, [if edits { 2 } else { 3 }; 3], "the newer lists hold");
    }
}

/// Rule C13: nor after a cut for longer than the grace, in which the other node has taken the user
/// for somebody who was not there.
#[test]
fn rule_c13_who_hides_behind_a_cut_hides_after_it() {
    let mut world = three();
    world.log_in(2, 1);
    let phone = world.log_in(0, 2);
    world.give(0, Event::Invisible { session: phone }).expect("it is right");
    world.wait(50);
    world.cut(0);
    world.wait(options().grace.node_loss_ms + 10_000);
    let laptop = world.log_in(1, 2);
    world.wait(50);
    assert_eq!(hides(&world, 2), [true, false, false]);
    world.heal();
    world.wait(3_000);
    assert_eq!(hides(&world, 2), [true; 3]);
    // Either device says the newest.
    world.give(1, Event::Visible { session: laptop }).expect("it is right");
    world.wait(50);
    assert_eq!(hides(&world, 2), [false; 3]);
}

/// Has a node hear what is under way to it from another, and do nothing about it yet: a host may
/// give it inputs of its own before it does.
fn hear(world: &mut World, from: usize, to: usize) {
    let mut heard = Vec::new();
    world.air.retain(|_, (sender, receiver, message)| {
        let is_it = (*sender, *receiver) == (from, to);
        heard.extend(is_it.then(|| message.clone()));
        !is_it
    });
    assert!(!heard.is_empty());
    let now = world.clock(to);
    for message in heard {
        world.nodes[to].cluster.receive(now, name(from), message).expect("it is right");
    }
}

/// Gives a node an input, and does nothing yet about what it has heard.
fn give_at_once(world: &mut World, at: usize, event: Event<u32, u32>) {
    let now = world.clock(at);
    let version = Some(world.version);
    let (taken, refused) = world.nodes[at].give(now, version, event).expect("it is right");
    assert_eq!(refused, None);
    world.take(at, taken).expect("it is right");
}

/// What each of three nodes has of user 2: the audience, who is blocked, and whether it hides.
fn all_have(world: &mut World, audience: &[u32], blocked: &[u32], is_hidden: bool) {
    world.wait(300);
    for at in 0..3 {
        let engine = world.nodes[at].cluster.engine();
        let of: BTreeSet<u32> = engine.audience(&2).copied().collect();
        assert_eq!(of, audience.iter().copied().collect(), "at {at}");
        let of: BTreeSet<u32> = engine.blocked(&2).copied().collect();
        assert_eq!(of, blocked.iter().copied().collect(), "at {at}");
        assert_eq!(engine.is_invisible(&2), is_hidden, "at {at}");
    }
}

/// What a node is told itself is not undone by what another has said before, and what was heard of
/// it and not done yet.
#[test]
fn rule_c13_what_is_told_before_older_lists_are_taken_holds() {
    let mut world = three();
    world.log_in(2, 1);
    let phone = world.log_in(1, 2);
    world.give(1, Event::Invisible { session: phone }).expect("it is right");
    hear(&mut world, 1, 0);
    let connect = world.connect(2, 0);
    give_at_once(&mut world, 0, connect);
    give_at_once(&mut world, 0, Event::AudienceReplace { user: 2, contacts: vec![4] });
    world.pump(0).expect("it is right");
    all_have(&mut world, &[4], &[], true);
}

/// Nor does it undo that: the one is changed, and not what it was before.
#[test]
pub(in crate::tests) fn rule_c13_what_was_heard_and_is_not_done_yet_is_what_changes() {
    let edit = |contact| Event::AudienceReplace { user: 2, contacts: vec![contact] };
    let add = |contact| Event::AudienceAdd { user: 2, contacts: vec![contact] };
    let remove = |contact| Event::AudienceRemove { user: 2, contacts: vec![contact] };
    let block = |other| Event::Block { user: 2, other };
    let unblock = |other| Event::Unblock { user: 2, other };
    type Edit = Event<u32, u32>;
    type Expected = (&'static [u32], &'static [u32]);
    let cases: [(Edit, Edit, Expected); 9] = [
        (block(1), add(5), (&[0, 1, 3, 5], &[1])),
        (block(1), edit(5), (&[5], &[1])),
        (block(1), block(3), (&[0, 1, 3], &[1, 3])),
        (block(1), unblock(1), (&[0, 1, 3], &[])),
        (edit(4), add(5), (&[4, 5], &[])),
        (edit(4), remove(4), (&[], &[])),
        (edit(4), block(4), (&[4], &[4])),
        (remove(1), add(1), (&[0, 1, 3], &[])),
        (add(5), remove(0), (&[1, 3, 5], &[])),
    ];
    for (first, second, (audience, blocked)) in cases {
        let mut world = three();
        world.log_in(2, 1);
        world.log_in(1, 2);
        world.log_in(0, 2);
        world.wait(50);
        world.give(1, first.clone()).expect("it is right");
        hear(&mut world, 1, 0);
        give_at_once(&mut world, 0, second.clone());
        world.pump(0).expect("it is right");
        all_have(&mut world, audience, blocked, false);
    }
}

/// So it is with a wish and with lists, either of which is left as it was heard.
#[test]
fn rule_c13_a_wish_changes_no_lists_and_lists_no_wish() {
    let mut world = three();
    world.log_in(2, 1);
    let phone = world.log_in(1, 2);
    let laptop = world.log_in(0, 2);
    world.wait(50);
    world.give(1, Event::AudienceReplace { user: 2, contacts: vec![4] }).expect("it is right");
    hear(&mut world, 1, 0);
    give_at_once(&mut world, 0, Event::Invisible { session: laptop });
    world.pump(0).expect("it is right");
    all_have(&mut world, &[4], &[], true);
    world.give(1, Event::Visible { session: phone }).expect("it is right");
    world.wait(50);
    world.give(1, Event::Invisible { session: phone }).expect("it is right");
    hear(&mut world, 1, 0);
    give_at_once(&mut world, 0, Event::AudienceAdd { user: 2, contacts: vec![5] });
    world.pump(0).expect("it is right");
    all_have(&mut world, &[4, 5], &[], true);
}

/// Of several words of a node's that wait, each is changed by what is given between two of them.
#[test]
fn rule_c13_what_is_given_between_two_that_wait_holds() {
    let edit = |contact| Event::AudienceReplace { user: 2, contacts: vec![contact] };
    let mut world = three();
    world.log_in(2, 1);
    world.log_in(1, 2);
    world.log_in(0, 2);
    world.wait(50);
    world.give(1, edit(3)).expect("it is right");
    world.give(1, edit(4)).expect("it is right");
    hear(&mut world, 1, 0);
    let now = world.clock(0);
    assert!(matches!(world.nodes[0].cluster.next(now), Some(crate::Next::Decisions(_))));
    give_at_once(&mut world, 0, edit(5));
    world.pump(0).expect("it is right");
    all_have(&mut world, &[5], &[], false);
}

/// Whoever is hidden, and comes here before the end elsewhere that was heard of is told, stays so
/// at all nodes.
#[test]
fn rule_c13_who_comes_while_an_end_waits_stays_hidden_at_all_nodes() {
    let mut world = three();
    world.log_in(2, 1);
    let phone = world.log_in(1, 2);
    world.give(1, Event::Invisible { session: phone }).expect("it is right");
    world.wait(50);
    world.give(1, Event::Disconnect { session: phone }).expect("it is right");
    hear(&mut world, 1, 0);
    let connect = world.connect(2, 0);
    give_at_once(&mut world, 0, connect);
    world.pump(0).expect("it is right");
    world.wait(300);
    assert_eq!(hides(&world, 2), [true; 3]);
    world.agree().expect("all are the same");
}
