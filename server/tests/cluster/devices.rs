//! Two devices of one user on two nodes, in all orders of what can happen to them.

use crate::nodes::{Node, SUSPECTS, three};
use crate::support::{Client, PATIENCE, Told};
use crate::talk::is_online;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happens {
    /// The laptop logs in: at `b`, or at `c` if `b` has been killed.
    Connect,
    /// The phone, which is at `a` from the beginning, logs out.
    Disconnect,
    /// The laptop's connection breaks, if it has one.
    Lost,
    /// The node `b` is killed.
    Kill,
}
use Happens::{Connect, Disconnect, Kill, Lost};

/// All orders of these.
fn orders(of: &[Happens]) -> Vec<Vec<Happens>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let begin_with = |first: &Happens| {
        let rest: Vec<_> = of.iter().copied().filter(|other| other != first).collect();
        let first = *first;
        orders(&rest).into_iter().map(move |rest| [vec![first], rest].concat())
    };
    of.iter().flat_map(begin_with).collect()
}

/// A user with one order, and a friend at `c` who sees what comes of it.
struct Case {
    order: Vec<Happens>,
    user: String,
    phone: Option<Client>,
    laptop: Option<Client>,
    friend: Client,
}

impl Case {
    async fn begin(number: usize, order: Vec<Happens>, [a, _, c]: &[Node; 3]) -> Self {
        let [user, friend] = ["u", "f"].map(|kind| format!("{kind}{number}"));
        let mut watcher = c.login(&friend, &[&user]).await;
        let mut phone = a.device(&user, "phone", &[&friend]).await;
        phone.say("by phone").await;
        assert_eq!(watcher.heard().await, (user.clone(), "by phone".to_owned()));
        Self { order, user, phone: Some(phone), laptop: None, friend: watcher }
    }

    /// Has things happen, before the node is killed or after.
    async fn go_on(&mut self, [_, b, c]: &[Node; 3], is_killed: bool) {
        let kill = self.order.iter().position(|happens| *happens == Kill).unwrap();
        let (before, after) = self.order.split_at(kill);
        let part = if is_killed { &after[1..] } else { before };
        for happens in part {
            match happens {
                Connect => {
                    let friend = self.friend.node.clone();
                    let node = if is_killed { c } else { b };
                    let mut laptop = node.device(&self.user, "laptop", &[&friend]).await;
                    laptop.say("by laptop").await;
                    laptop.until_pong().await;
                    self.laptop = Some(laptop);
                }
                Disconnect => self.phone.take().unwrap().close().await,
                Lost => self.laptop.take().into_iter().for_each(Client::break_off),
                Kill => unreachable!("it is between the parts"),
            }
        }
    }

    fn is_before(&self, one: Happens, other: Happens) -> bool {
        let at = |what| self.order.iter().position(|happens| *happens == what);
        at(one) < at(other)
    }

    /// Checks that the friend hears all that is true, and that nothing else is said meanwhile.
    async fn check(mut self, c: &Node) {
        let stays = self.is_before(Lost, Connect) && self.is_before(Kill, Connect);
        // The phone goes while nothing of the laptop is there yet: for a moment nobody is, which
        // the friend hears if it takes longer than a moment (rule C10).
        let has_gap = self.is_before(Disconnect, Connect);
        let least = usize::from(!stays);
        let mut heard = Vec::new();
        if stays {
            // Whatever else there was to hear comes before this.
            let mut laptop = self.laptop.take().unwrap();
            laptop.say("over").await;
            while heard.last().map(String::as_str) != Some("over") {
                let (of, words) = self.friend.heard().await;
                assert_eq!(of, self.user);
                heard.push(words);
            }
        } else {
            let is_gone = async { while is_online(c, &self.user).await {} };
            tokio::time::timeout(PATIENCE, is_gone).await.expect("the end of it");
            for told in self.friend.until_pong().await {
                let Told::Presence(told) = told else { panic!("{told:?}") };
                let is_offline = told.offline == Some(true);
                heard.push(if is_offline { "offline".into() } else { told.status.unwrap() });
            }
            assert_eq!(heard.last().map(String::as_str), Some("offline"), "{:?}", self.order);
        }
        let offlines = heard.iter().filter(|words| *words == "offline").count();
        let most = least + usize::from(has_gap);
        assert!((least..=most).contains(&offlines), "{:?}: {heard:?}", self.order);
        let pairs = heard.windows(2).filter(|pair| pair[0] == "offline" && pair[1] == "offline");
        assert_eq!(pairs.count(), 0, "{:?}: {heard:?}", self.order);
    }
}

#[tokio::test]
async fn two_devices_in_all_orders() {
    let (_nats, mut nodes) = three(&SUSPECTS).await;
    let mut cases = Vec::new();
    let orders = orders(&[Connect, Disconnect, Lost, Kill]);
    assert_eq!(orders.len(), 24);
    for (number, order) in orders.into_iter().enumerate() {
        cases.push(Case::begin(number, order, &nodes).await);
    }
    for case in &mut cases {
        case.go_on(&nodes, false).await;
    }
    // What was said at the node is known elsewhere before it is killed.
    let sent = nodes[1].metric("adsum_cluster_changes_sent_total").await;
    assert!(sent > 0.0);
    for node in [&nodes[0], &nodes[2]] {
        let line = "adsum_cluster_changes_taken_total";
        let others = [&nodes[0], &nodes[1], &nodes[2]].map(|other| other.name != node.name);
        let mut all = 0.0;
        for (other, is_other) in nodes.iter().zip(others) {
            if is_other {
                all += other.metric("adsum_cluster_changes_sent_total").await;
            }
        }
        node.until(line, |taken| taken >= all).await;
    }
    nodes[1].kill();
    for case in &mut cases {
        case.go_on(&nodes, true).await;
    }
    for case in cases {
        case.check(&nodes[2]).await;
    }
}
