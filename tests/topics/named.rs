//! Those who look at members by name, and what a tick tells them (rules T9 and T9a).

use crate::room::Room;
use adsum::{Join, Options, SessionKey, TopicKey, TopicOptions, View};

impl Room {
    /// Has an observer view this, and look at these by name.
    fn looker(&mut self, user: u32, view: View, named: &[u32]) -> SessionKey {
        let (session, topic) = self.join(user, Join::Observer { view });
        drop(self.engine.look_at(self.at(), session, topic, named.to_vec()).expect("it is there"));
        session
    }

    fn leave(&mut self, (session, topic): (SessionKey, TopicKey)) {
        drop(self.engine.leave(self.at(), session, topic).expect("it is there"));
    }
}

/// Returns a room of which a sample of one is shown where there are more than two.
fn room() -> Room {
    let topics = TopicOptions { full_up_to: 2, sample: 1, coalesce_ms: 0, ..Default::default() };
    Room::of(Options::default(), topics)
}

/// However many there are, and whether it views all or little.
#[test]
fn whoever_names_a_member_is_told_of_it_beside_what_it_views() {
    for view in [View::All, View::Sample(1), View::Count] {
        let mut room = room();
        let members = [10, 11, 12].map(|user| room.member(user));
        let other = room.looker(1, view, &[10]);
        let [ann, bob] = [2, 3].map(|user| room.looker(user, view, &[12]));
        room.ticks(ann);
        room.update(members[2], 1);
        let told = vec!["12: Some(1)".to_owned()];
        let nothing = Vec::new();
        assert_eq!(room.ticks_for([other, ann, bob]), [nothing.clone(), told.clone(), told]);
        // Another comes, so that there are as many.
        room.leave(members[2]);
        room.member(13);
        let told = vec!["12 left".to_owned()];
        assert_eq!(room.ticks_for([other, ann, bob]), [nothing, told.clone(), told], "{view:?}");
    }
}

/// The topic becomes large, and all who view all are sent a snapshot.
#[test]
fn whoever_views_all_is_told_of_those_whom_it_names_what_changes_after_a_snapshot() {
    let mut room = room();
    let [ann, bob] = [1, 2].map(|user| room.looker(user, View::All, &[11, 12]));
    let [_, eve] = [10, 11].map(|user| room.member(user));
    room.ticks(ann);
    room.now += 1;
    room.update(eve, 1);
    let carol = room.member(12);
    room.update(carol, 2);
    let told = vec!["12: Some(2)".to_owned()];
    assert_eq!(room.ticks_for([ann, bob]), [told.clone(), told]);
}

/// The same snapshot has one in it who goes before the others have heard of it.
#[test]
fn whoever_names_one_who_was_there_for_others_only_is_told_of_the_rest() {
    let mut room = room();
    let ann = room.looker(1, View::Count, &[10, 12]);
    let [dan, _] = [10, 11].map(|user| room.member(user));
    room.ticks(ann);
    room.now += 1;
    let carol = room.member(12);
    room.leave(carol);
    room.update(dan, 1);
    assert_eq!(room.ticks(ann), ["10: Some(1)"]);
}

/// Rule T9: its change waits for those who have seen it before.
#[test]
fn whoever_comes_to_be_in_a_sample_is_told_of_even_if_it_has_just_changed() {
    let mut room = room();
    let members = [10, 11, 12].map(|user| room.member(user));
    let little = room.join(1, Join::Observer { view: View::Sample(1) }).0;
    let more = room.join(2, Join::Observer { view: View::Sample(3) }).0;
    room.ticks(little);
    room.update(members[1], 1);
    room.leave(members[0]);
    let told = ["11: Some(1)", "10 left"].map(str::to_owned).to_vec();
    assert_eq!(room.ticks_for([little, more]), [told.clone(), told]);
}
