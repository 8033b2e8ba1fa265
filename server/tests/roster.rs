//! Names, and friends asked by name.

mod support;

use std::collections::BTreeMap;

use adsum_tim::{Form, Kind, TimNodes, TimUserBean, ntype, rtype};
use support::{Client, Server, Told, auth};

async fn ask_names(client: &mut Client, ntype: i32, nodes: &[&str]) {
    let nodelist = Some(nodes.iter().map(|node| (*node).to_owned()).collect());
    let asked = TimNodes { ntype, nodelist, ..TimNodes::default() };
    client.send(asked.to_request(client.form, Kind::NODES)).await;
}

#[tokio::test]
async fn names_are_answered_of_those_one_knows() {
    let server = Server::start();
    let [ann, bob] = server.friends(["ann", "bob"]);
    let stranger = server.account("a stranger");
    for form in [Form::Json, Form::Thrift] {
        let mut client = server.login_as("ann", form, auth("ann")).await;
        ask_names(&mut client, ntype::USER_INFO, &[&bob, &stranger, &ann, "nobody"]).await;
        let Told::Nodes(nodes) = client.next().await else { panic!("no names") };
        let named =
            |node: &String, name: &str| (node.clone(), TimUserBean { name: Some(name.to_owned()) });
        let usermap = BTreeMap::from([named(&ann, "ann"), named(&bob, "bob")]);
        let wanted =
            TimNodes { ntype: ntype::USER_INFO, usermap: Some(usermap), ..TimNodes::default() };
        assert_eq!(nodes, wanted);
        // Nobody's names are silence, as in tim.
        ask_names(&mut client, ntype::USER_INFO, &[&stranger]).await;
        assert_eq!(client.until_pong().await, []);
        // What is asked of nobody, of too many at once, or of what is not offered, is refused.
        let many = vec![bob.as_str(); 1_001];
        for (ntype, nodes, code) in [
            (ntype::USER_INFO, &[][..], 4_104),
            (ntype::USER_INFO, &many[..], 4_104),
            (ntype::ROSTER, &[bob.as_str()][..], 4_107),
            (ntype::ROOM_INFO, &[bob.as_str()][..], 4_107),
            (ntype::MODIFY_USER, &[bob.as_str()][..], 4_107),
        ] {
            ask_names(&mut client, ntype, nodes).await;
            assert_eq!(client.refusal().await, (Kind::NODES.tim_type(), code), "{ntype}");
        }
        client.close().await;
    }
    server.host.stop().await;
    let closed = Server::with(|config| config.services.no_nodes = true);
    let ann = closed.account("ann");
    let mut client = closed.login("ann").await;
    ask_names(&mut client, ntype::USER_INFO, &[&ann]).await;
    assert_eq!(client.refusal().await, (Kind::NODES.tim_type(), 4_107));
    closed.host.stop().await;
}

#[tokio::test]
async fn a_friend_is_asked_by_name_or_by_id() {
    let server = Server::start();
    let (ann, bob) = (server.account("ann"), server.account("bob"));
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    at_ann.ask(rtype::ADD_ROSTER, Some("bob")).await;
    let Told::Message(asked) = at_bob.next().await else { panic!("no request") };
    assert_eq!((asked.bn_type, asked.from_tid.unwrap().node), (Some(4), ann.clone()));
    at_bob.ask(rtype::ADD_ROSTER, Some(&ann)).await;
    let Told::Message(friends) = at_ann.next().await else { panic!("no answer") };
    assert_eq!((friends.bn_type, friends.from_tid.unwrap().node), (Some(5), bob.clone()));
    // Whether somebody is there by a name is said no other way than by an id.
    for (named, code) in [("bob", 4_117), ("ann", 4_105), (ann.as_str(), 4_105), ("nobody", 4_106)]
    {
        at_ann.ask(rtype::ADD_ROSTER, Some(named)).await;
        assert_eq!(at_ann.refusal().await, (Kind::BUSINESS.tim_type(), code), "{named}");
    }
    // A name alone neither ends a friendship nor blocks.
    for edit in [rtype::REMOVE_ROSTER, rtype::BLOCK_ROSTER] {
        at_ann.ask(edit, Some("bob")).await;
        assert_eq!(at_ann.refusal().await, (Kind::BUSINESS.tim_type(), 4_106));
    }
    assert_eq!(at_bob.until_pong().await, []);
    // Who has blocked one looks, by name too, like somebody who has not answered.
    at_bob.ask(rtype::BLOCK_ROSTER, Some(&ann)).await;
    at_bob.until_pong().await;
    at_ann.until_pong().await;
    at_ann.ask(rtype::ADD_ROSTER, Some("bob")).await;
    assert_eq!(at_ann.until_pong().await, []);
    assert_eq!(at_bob.until_pong().await, []);
    server.host.stop().await;
}
