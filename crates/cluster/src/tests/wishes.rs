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

/// What a node is told itself is not undone by what another has said before, and what was heard of
/// it and not done yet.
#[test]
fn rule_c13_what_is_told_before_older_lists_are_taken_holds() {
    let mut world = three();
    world.log_in(2, 1);
    let phone = world.log_in(1, 2);
    world.give(1, Event::Invisible { session: phone }).expect("it is right");
    let mut heard = Vec::new();
    world.air.retain(|_, (from, to, message)| {
        let is_it = (*from, *to) == (1, 0);
        heard.extend(is_it.then(|| message.clone()));
        !is_it
    });
    assert!(!heard.is_empty());
    let now = world.clock(0);
    for message in heard {
        world.nodes[0].cluster.receive(now, name(1), message).expect("it is right");
    }
    // All of it is given before anything of what was heard is done.
    let edit = Event::AudienceReplace { user: 2, contacts: vec![4] };
    for event in [world.connect(2, 0), edit] {
        let version = Some(world.version);
        let (taken, refused) = world.nodes[0].give(now, version, event).expect("it is right");
        assert_eq!(refused, None);
        world.take(0, taken).expect("it is right");
    }
    world.pump(0).expect("it is right");
    world.wait(300);
    for at in 0..3 {
        let engine = world.nodes[at].cluster.engine();
        assert_eq!(engine.audience(&2).copied().collect::<Vec<_>>(), [4], "at {at}");
    }
    assert_eq!(hides(&world, 2), [true; 3]);
}
