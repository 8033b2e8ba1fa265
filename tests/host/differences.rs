//! `Replica::differs_from` finds each way in which a replica can be wrong.

use crate::fake::{Client, House};
use adsum::{Difference, LostCause, Options, SessionId};

/// Three friends, of whom ann and bob have published 1 and 2, and what cyd believes.
fn friends() -> (House, [Client; 3]) {
    let mut house = House::new(Options::default());
    let ann = house.connect("ann", &["bob", "cyd"], 100);
    let bob = house.connect("bob", &["ann", "cyd"], 100);
    let mut cyd = house.connect("cyd", &["ann", "bob"], 100);
    house.publish(&ann, 1);
    house.publish(&bob, 2);
    house.read_all(&mut cyd);
    house.check(&cyd);
    (house, [ann, bob, cyd])
}

fn id(house: &House, client: &Client) -> SessionId {
    house.host.engine().id_of(house.key(client)).expect("the session is there")
}

fn difference(house: &House, client: &Client) -> Option<Difference> {
    client.replica.differs_from(house.host.engine(), house.key(client))
}

#[test]
fn a_session_that_is_not_there_has_no_truth() {
    let (mut house, [ann, bob, cyd]) = friends();
    let key = house.key(&cyd);
    house.host.disconnect(house.now, cyd.id).expect("the id is current");
    let found = cyd.replica.differs_from(house.host.engine(), key);
    assert_eq!(found, Some(Difference::NoSession));
    drop([ann, bob]);
}

#[test]
fn what_did_not_arrive_is_missing_or_stale() {
    let (mut house, [ann, bob, mut cyd]) = friends();
    house.publish(&ann, 3);
    assert_eq!(difference(&house, &cyd), Some(Difference::Stale(id(&house, &ann))));
    house.read_all(&mut cyd);
    cyd.replica.end_user("bob");
    assert_eq!(difference(&house, &cyd), Some(Difference::Missing(id(&house, &bob))));
    // Directed presence does not stand for what is published.
    let bobs = id(&house, &bob);
    cyd.replica.set_directed("bob".to_owned(), bobs, 9).expect("there is room");
    assert_eq!(difference(&house, &cyd), Some(Difference::Missing(bobs)));
}

#[test]
fn who_has_ended_or_hides_is_a_ghost() {
    let (mut house, [ann, bob, mut cyd]) = friends();
    let ids = [id(&house, &ann), id(&house, &bob)];
    house.host.disconnect(house.now, ann.id).expect("the id is current");
    assert_eq!(difference(&house, &cyd), Some(Difference::Ghost(ids[0])));
    house.read_all(&mut cyd);
    house.check(&cyd);
    house.host.invisible(house.now, bob.id).expect("the id is current");
    assert_eq!(difference(&house, &cyd), Some(Difference::Ghost(ids[1])));
    house.read_all(&mut cyd);
    house.check(&cyd);
}

#[test]
fn directed_presence_of_a_session_that_has_ended_is_a_ghost() {
    let (mut house, [ann, bob, mut cyd]) = friends();
    house.host.invisible(house.now, ann.id).expect("the id is current");
    house.host.direct(house.now, ann.id, ["cyd"], 5).expect("cyd is a contact");
    house.read_all(&mut cyd);
    house.check(&cyd);
    let anns = id(&house, &ann);
    house.host.lost_with_grace(house.now, ann.id, LostCause::Timeout, 0).expect("it is in range");
    assert_eq!(difference(&house, &cyd), Some(Difference::Ghost(anns)));
    house.read_all(&mut cyd);
    house.check(&cyd);
    drop(bob);
}

#[test]
fn what_is_held_for_others_after_a_loss_is_not_to_be_missing() {
    let (mut house, [ann, _bob, mut cyd]) = friends();
    let anns = id(&house, &ann);
    let _phone = house.connect("ann", &["bob", "cyd"], 100);
    house.host.lost_with_grace(house.now, ann.id, LostCause::Timeout, 0).expect("it is in range");
    house.read_all(&mut cyd);
    house.check(&cyd);
    cyd.replica.end_session("ann", anns);
    assert_eq!(difference(&house, &cyd), Some(Difference::Missing(anns)));
}

#[test]
fn what_is_held_under_another_name_is_a_ghost() {
    let (house, [ann, _bob, mut cyd]) = friends();
    let anns = id(&house, &ann);
    cyd.replica.end_session("ann", anns);
    cyd.replica.set_presence("bob".to_owned(), anns, 1).expect("there is room");
    assert_eq!(difference(&house, &cyd), Some(Difference::Ghost(anns)));
}

#[test]
fn own_devices_count_as_own_echo_says() {
    for own_echo in [true, false] {
        let mut house = House::new(Options { own_echo, ..Options::default() });
        let desktop = house.connect("ann", &[], 100);
        let mut phone = house.connect("ann", &[], 100);
        house.publish(&desktop, 1);
        house.publish(&phone, 2);
        let expected = own_echo.then(|| Difference::Missing(id(&house, &desktop)));
        assert_eq!(difference(&house, &phone), expected);
        house.read_all(&mut phone);
        house.check(&phone);
        assert_eq!(phone.replica.len(), usize::from(own_echo), "nobody is shown itself");
    }
}

#[test]
fn a_difference_says_what_it_is() {
    let (house, [ann, ..]) = friends();
    let id = id(&house, &ann);
    let texts = [
        (Difference::NoSession, "the engine has no such session".to_owned()),
        (Difference::Missing(id), format!("{id:?} shows something that is not held")),
        (Difference::Stale(id), format!("{id:?} shows something else than is held")),
        (Difference::Ghost(id), format!("{id:?} is a ghost")),
        (Difference::GhostUser, "a user is a ghost".to_owned()),
    ];
    for (difference, text) in texts {
        assert_eq!(difference.to_string(), text);
    }
}
