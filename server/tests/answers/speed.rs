//! Nothing is dropped, and nothing waits, that a client which reads could have taken.

use std::time::{Duration, Instant};

use adsum_tim::{Kind, TimPresence};
use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::support::{Client, Server, Told, all_log_in, crowd, says};

/// tim's "here I am", which asks friends for theirs, and the answer to it.
const ASKS: i8 = 1;
const ANSWERS: i8 = 2;

/// Once at once, as is the default, and once with rests, in which more gathers than a queue holds.
const SETTINGS: [&[&str]; 2] = [&[], &["--write-rest-ms", "90"]];

/// A server on which the first of so many people is everybody's friend, and all of them on it.
async fn all_around_one(flags: &[&str], friends: usize) -> (Server, Vec<Client>) {
    let server = Server::run(flags);
    let names = crowd(friends + 1);
    names.iter().for_each(|name| drop(server.account(name)));
    let friends_of_one = "INSERT INTO relations (low, high, low_side, high_side) \
                          SELECT a.id, b.id, 1, 1 FROM accounts a JOIN accounts b ON a.id < b.id \
                          WHERE 'p000' IN (a.name, b.name)";
    server.program().sql().execute_batch(friends_of_one).unwrap();
    let clients = all_log_in(&server, &names).await;
    (server, clients)
}

/// Reads so many presences; the words of all, sorted.
async fn hear(client: &mut Client, count: usize) -> Vec<String> {
    let mut heard = Vec::with_capacity(count);
    while heard.len() < count {
        match client.next().await {
            Told::Presence(told) => heard.push(told.status.unwrap()),
            other => panic!("{other:?} instead of a presence"),
        }
    }
    heard.sort();
    heard
}

/// tim's own flow: one comes and says so, and 319 friends answer at once, each with a presence to
/// the newcomer alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_every_answer_to_an_announcement_arrives() {
    for flags in SETTINGS {
        let (_server, mut clients) = all_around_one(flags, 319).await;
        let mut newcomer = clients.remove(0);
        newcomer.publish(&TimPresence { sub_status: Some(ASKS), ..says("hello") }).await;
        let node = newcomer.node.clone();
        let mut friends = JoinSet::new();
        for mut friend in clients {
            let to = node.clone();
            friends.spawn(async move {
                assert_eq!(friend.heard().await.1, "hello");
                let answer = TimPresence {
                    sub_status: Some(ANSWERS),
                    to_list: Some(vec![to]),
                    ..says(&friend.node)
                };
                friend.send(answer.to_request(friend.form, Kind::PRESENCE)).await;
                friend
            });
        }
        let heard = hear(&mut newcomer, 319).await;
        let mut wanted: Vec<_> =
            friends.join_all().await.into_iter().map(|friend| friend.node).collect();
        wanted.sort();
        assert_eq!(heard, wanted, "{flags:?}");
    }
}

/// One who says much to one other, at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_all_that_one_says_to_another_arrives() {
    for flags in SETTINGS {
        let (_server, mut clients) = all_around_one(flags, 1).await;
        let (mut bob, mut ann) = (clients.remove(1), clients.remove(0));
        let mut wanted: Vec<_> = (0..280).map(|number| format!("number {number}")).collect();
        for words in &wanted {
            ann.direct(&[&bob.node], words).await;
        }
        wanted.sort();
        assert_eq!(hear(&mut bob, 280).await, wanted, "{flags:?}");
        assert_eq!(ann.until_pong().await, [], "{flags:?}");
    }
}

/// The time that so many of a hundred do not exceed.
fn percentile(times: &mut [Duration], of_hundred: usize) -> Duration {
    times.sort();
    times[(times.len() - 1) * of_hundred / 100]
}

/// Pings come so seldom that nothing that was written before could hold up the answer.
const PING_EVERY: Duration = Duration::from_millis(200);

/// How long presences took to the last of the friends, in the median and at most but for one in a
/// hundred, and somebody else's pings meanwhile, in the median and the slowest.
#[derive(Debug)]
struct Latencies {
    median: Duration,
    nearly_all: Duration,
    ping: Duration,
    slowest_ping: Duration,
}

impl Latencies {
    /// Returns whether a presence is about as fast as a ping, and hardly one waits for anything but
    /// for what a ping waits for as well: another process that the machine runs.
    fn are_good(&self) -> bool {
        let longest = (self.ping * 60).max(self.slowest_ping * 5);
        self.median <= self.ping * 5 && self.nearly_all <= longest
    }
}

async fn latencies(
    clients: &mut [Client],
    pinger: &mut Client,
    rate: u32,
    count: usize,
) -> Latencies {
    let mut pace = tokio::time::interval(Duration::from_secs(1) / rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (one, friends) = clients.split_first_mut().unwrap();
    let (mut told, mut pinged, mut last) = (Vec::new(), Vec::new(), None::<Instant>);
    for number in 0..count {
        pace.tick().await;
        let words = format!("{rate} {number}");
        let start = Instant::now();
        one.say(&words).await;
        for heard in join_all(friends.iter_mut().map(Client::heard)).await {
            assert_eq!(heard.1, words);
        }
        told.push(start.elapsed());
        if last.is_some_and(|last| last.elapsed() < PING_EVERY) {
            continue;
        }
        let start = Instant::now();
        assert_eq!(pinger.until_pong().await, []);
        pinged.push(start.elapsed());
        last = Some(Instant::now());
    }
    Latencies {
        median: percentile(&mut told, 50),
        nearly_all: percentile(&mut told, 99),
        ping: percentile(&mut pinged, 50),
        slowest_ping: percentile(&mut pinged, 100),
    }
}

/// How often all of it is measured before the test fails: whatever else the machine does may slow
/// one round, what the server waits for slows them all.
const ROUNDS: usize = 5;

/// However often somebody says something, a friend hears it about as soon as a ping is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s4_presence_is_as_fast_as_a_ping() {
    let (server, mut clients) = all_around_one(&["--publish-burst", "0"], 1).await;
    server.account("pinger");
    let mut pinger = server.login("pinger").await;
    for (rate, count) in [(10, 10), (20, 30), (50, 60), (200, 150)] {
        let mut rounds = Vec::new();
        let is_fast = loop {
            let round = latencies(&mut clients, &mut pinger, rate, count).await;
            let is_fast = round.are_good();
            rounds.push(round);
            if is_fast || rounds.len() == ROUNDS {
                break is_fast;
            }
        };
        assert!(is_fast, "{rate} a second: {rounds:?}");
    }
}
