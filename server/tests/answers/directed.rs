//! Directed presence: whoever may not be told is passed over without a trace, and all others on a
//! list are told.

use adsum_tim::{Form, Kind, TimPresence};

use crate::support::{Client, Server, Told, all_log_in, auth_with, crowd};

/// Nobody gets a second chance while a test lasts.
const NO_MORE: [&str; 2] = ["--publish-interval-ms", "86400000"];

/// What the one who is named may be, towards the sender: all of it looks alike.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Victim {
    Stranger { online: bool },
    BlocksFriend { online: bool },
    BlocksStranger { online: bool },
    BlocksAndIsInvisible,
    InvisibleStranger,
    OfflineFriend,
    InvisibleFriend,
}

use Victim::{
    BlocksAndIsInvisible, BlocksFriend, BlocksStranger, InvisibleFriend, InvisibleStranger,
    OfflineFriend, Stranger,
};

const VICTIMS: [Victim; 10] = [
    Stranger { online: false },
    Stranger { online: true },
    BlocksFriend { online: false },
    BlocksFriend { online: true },
    BlocksStranger { online: false },
    BlocksStranger { online: true },
    BlocksAndIsInvisible,
    InvisibleStranger,
    OfflineFriend,
    InvisibleFriend,
];

impl Victim {
    /// Makes an account into this, and logs in if it is to be online.
    async fn brought_about(self, server: &Server, eve: &str, name: &str) -> Option<Client> {
        let node = server.store.resolve(eve, name).unwrap().unwrap();
        if matches!(self, BlocksFriend { .. } | OfflineFriend | InvisibleFriend) {
            server.befriend(eve, &node);
        }
        if matches!(self, BlocksFriend { .. } | BlocksStranger { .. } | BlocksAndIsInvisible) {
            server.store.block(&node, eve).unwrap();
        }
        let is_invisible =
            matches!(self, BlocksAndIsInvisible | InvisibleStranger | InvisibleFriend);
        let is_online = match self {
            Stranger { online } | BlocksFriend { online } | BlocksStranger { online } => online,
            _ => is_invisible,
        };
        if !is_online {
            return None;
        }
        let invisible = if is_invisible { &[("invisible", "true")][..] } else { &[] };
        let mut client = server.login_as(name, Form::Json, auth_with(name, invisible)).await;
        client.until_pong().await;
        Some(client)
    }

    fn is_told(self) -> bool {
        self == InvisibleFriend
    }
}

/// Eve, two accounts of hers that are her friends, and so many others of each kind.
struct World {
    server: Server,
    eve: String,
    alts: [(String, Client); 2],
    victims: Vec<(Victim, String, Option<Client>)>,
}

/// Between which of eve's own accounts somebody's id is: before both, between, or behind.
const PLACES: usize = 3;

impl World {
    /// The victims stand everywhere in the order of ids, which is the order of a list.
    async fn new(flags: &[&str], kinds: &[Victim]) -> Self {
        let server = Server::run(&[&NO_MORE, flags].concat());
        let eve = server.account("eve");
        let names = crowd(PLACES * kinds.len() + 2);
        let mut all: Vec<_> = names.iter().map(|name| (server.account(name), name)).collect();
        all.sort();
        let [second, first] = [2 * kinds.len(), kinds.len()].map(|at| all.remove(at));
        let mut alts = Vec::new();
        for (node, name) in [first, second] {
            server.befriend(&eve, &node);
            alts.push((node, server.login(name).await));
        }
        let mut victims = Vec::new();
        for (kind, (node, name)) in kinds.iter().cycle().zip(all) {
            let client = kind.brought_about(&server, &eve, name).await;
            victims.push((*kind, node, client));
        }
        Self { server, eve, alts: alts.try_into().ok().unwrap(), victims }
    }

    /// Eve, who is told nothing any more.
    async fn eve(&mut self) -> Client {
        let mut eve = self.server.login("eve").await;
        assert_eq!(eve.node, self.eve);
        eve.until_pong().await;
        for (_, alt) in &mut self.alts {
            alt.until_pong().await;
        }
        eve
    }
}

/// What a receiver is told, without whom it is told to, and its number.
async fn told(client: &mut Client, case: &str) -> (TimPresence, i64) {
    let [Told::Presence(told)] = &client.until_pong().await[..] else { panic!("{case}") };
    let number = told.id.unwrap();
    (TimPresence { id: None, to_tid: None, ..TimPresence::clone(told) }, number)
}

/// Eve names accounts of her own beside the victim, in any order. Whoever the victim is, hers are
/// told the same with one number, and she is told nothing.
#[tokio::test]
async fn s1_a_list_says_nothing_of_who_is_on_it() {
    let mut world = World::new(&[], &VICTIMS).await;
    let mut eve = world.eve().await;
    let World { alts: [(one, at_one), (two, at_two)], victims, .. } = &mut world;
    let mut before = None;
    for (kind, victim, client) in victims {
        let [one, two, victim] = [&*one, &*two, &*victim].map(String::as_str);
        for list in [[one, two, victim], [one, victim, two], [victim, one, two]] {
            let case = format!("{kind:?}, {list:?}");
            eve.direct(&list, "psst").await;
            assert_eq!(eve.until_pong().await, [], "{case}");
            let ((what, number), also) = (told(at_one, &case).await, told(at_two, &case).await);
            assert_eq!((&what, number), (&also.0, also.1), "{case}");
            assert_eq!(before.get_or_insert_with(|| what.clone()), &what, "{case}");
        }
        let Some(client) = client else { continue };
        let heard = client.until_pong().await;
        assert_eq!(heard.len(), if kind.is_told() { 3 } else { 0 }, "{kind:?}: {heard:?}");
    }
    world.server.host.stop().await;
}

/// However often eve says something to somebody who may not be told, she is refused as often as if
/// nobody were there: for what is over the rate, and for nothing else.
#[tokio::test]
async fn s1_a_flood_says_nothing_of_who_is_there() {
    const SAID: usize = 380;
    const BURST: usize = 300;
    let mut world = World::new(&["--publish-burst", &BURST.to_string()], &VICTIMS).await;
    let mut at_first = None;
    for at in 0..VICTIMS.len() {
        let mut eve = world.eve().await;
        let (kind, victim, _) = &world.victims[at];
        for number in 0..SAID {
            eve.direct(&[victim], &number.to_string()).await;
        }
        let answers = eve.until_pong().await;
        assert_eq!(answers.len(), SAID - BURST, "{kind:?}");
        let code = |told: &Told| match told {
            Told::Ack(ack) if !ack.ok => ack.error.as_ref().and_then(|error| error.code),
            _ => None,
        };
        assert!(answers.iter().all(|told| code(told) == Some(5_104)), "{kind:?}: {answers:?}");
        assert_eq!(at_first.get_or_insert_with(|| answers.clone()), &answers, "{kind:?}");
        eve.close().await;
    }
    world.server.host.stop().await;
}

/// A long list with somebody on it who may not be told, first, and a friend last: all friends on it
/// are told, as often as the rate allows lists and not names.
#[tokio::test]
async fn s2_all_friends_on_a_list_are_told() {
    const NAMES: usize = 402;
    const FRIENDS: usize = 12;
    const LISTS: usize = 5;
    for block in [false, true] {
        let server = Server::run(&[&NO_MORE[..], &["--publish-burst", "5"]].concat());
        let eve = server.account("eve");
        let names = crowd(NAMES);
        let mut all: Vec<_> = names.iter().map(|name| (server.account(name), name)).collect();
        all.sort();
        // One who may not be told, many who are not there, and the friends behind them.
        let (victim, friends) = (&all[0], &all[NAMES - FRIENDS..]);
        if block {
            server.store.block(&victim.0, &eve).unwrap();
        }
        friends.iter().for_each(|(node, _)| server.befriend(&eve, node));
        let mut at_victim = server.login(victim.1).await;
        let friends: Vec<_> = friends.iter().map(|(_, name)| (*name).clone()).collect();
        let mut friends = all_log_in(&server, &friends).await;
        let mut at_eve = server.login("eve").await;
        at_eve.until_pong().await;
        for friend in &mut friends {
            friend.until_pong().await;
        }
        let list: Vec<_> = all.iter().map(|(node, _)| node.as_str()).collect();
        for number in 0..LISTS {
            let words = number.to_string();
            at_eve.direct(&list, &words).await;
            assert_eq!(at_eve.until_pong().await, [], "{number}");
            for friend in &mut friends {
                assert_eq!(friend.heard().await, (at_eve.node.clone(), words.clone()));
            }
        }
        // Five lists are five presences, however long they are.
        at_eve.direct(&list, "one too many").await;
        assert_eq!(at_eve.refusal().await, (Kind::PRESENCE.tim_type(), 5_104));
        for client in friends.iter_mut().chain([&mut at_victim]) {
            assert_eq!(client.until_pong().await, [], "block: {block}");
        }
        server.host.stop().await;
    }
}
