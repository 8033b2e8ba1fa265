//! A graph of friends: everyone logs in, and then connections are lost.
//!
//! One friendship a line, two numbers, known to both. Everyone's audience are their friends. Every
//! receiver is a [`Replica`], and whatever is told is counted: each friend is told once, or nobody.

use crate::edges::{self, Edges};
use crate::lines;
use adsum::{
    Config, Decision, DeviceKind, Engine, Event, LostCause, Notice, Options, Replica, SessionKey,
    SlotMap, Time,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

pub type Graph = BTreeMap<u32, BTreeSet<u32>>;

/// Reads a graph to its end. A friendship that stands there twice is one.
///
/// # Errors
/// The first line that is not of this form, with its number and what is wrong with it.
pub fn read(input: &mut dyn BufRead) -> Result<Graph, String> {
    let mut graph = Graph::new();
    lines::for_each(input, |line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [one, other] = columns[..] else {
            return Err(format!("{} columns instead of 2", columns.len()));
        };
        let (one, other) = (lines::person(one)?, lines::person(other)?);
        if one == other {
            return Err(format!("{one} is a friend of none but {one}"));
        }
        graph.entry(one).or_default().insert(other);
        graph.entry(other).or_default().insert(one);
        Ok(())
    })?;
    Ok(graph)
}

/// What was counted, and found to be what it should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub people: usize,
    pub friendships: usize,
    /// Those who were lost and came back, and what anybody else was told of it.
    pub returned: usize,
    pub told_of_return: usize,
    /// Those who were lost and did not, and what their friends were told of it.
    pub gone: usize,
    pub told_of_gone: usize,
    /// What the host was told.
    pub edges: edges::Tally,
}

/// What one receiver was told of one other: a presence, or that it is offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Presence,
    InSnapshot,
    Offline,
}

/// Who was told of whom.
type Told = Vec<(u32, u32, What)>;

struct Room<'g> {
    graph: &'g Graph,
    engine: Engine<u32, u32>,
    grace_ms: u64,
    sessions: BTreeMap<u32, SessionKey>,
    /// Whose connection it is.
    sockets: SlotMap<u32>,
    replicas: BTreeMap<u32, Replica<u32, u32>>,
    edges: Edges,
}

/// Has everyone log in and publish. Every second one is lost at once and comes back when the grace
/// is all but over; then all the others are lost at once and never come back.
///
/// # Errors
/// The first difference between who was told what and who should have been.
pub fn lose_half(graph: &Graph) -> Result<Counted, String> {
    let mut room = Room::new(graph);
    let now = Time::from_millis(1_000);
    room.log_in(now)?;
    let (returning, leaving): (Vec<_>, Vec<_>) =
        (0..).zip(graph.keys().copied()).partition(|(nth, _)| nth % 2 == 0);
    let users = |half: Vec<(usize, u32)>| half.into_iter().map(|(_, user)| user).collect();
    let (returning, leaving): (BTreeSet<u32>, BTreeSet<u32>) = (users(returning), users(leaving));
    let told_of_return = room.lose_and_resume(now, &returning)?;
    let told_of_gone = room.lose_for_good(room.engine.now(), &leaving)?;
    Ok(Counted {
        people: graph.len(),
        friendships: graph.values().map(BTreeSet::len).sum::<usize>() / 2,
        returned: returning.len(),
        told_of_return,
        gone: leaving.len(),
        told_of_gone,
        edges: room.edges.tally,
    })
}

impl<'g> Room<'g> {
    fn new(graph: &'g Graph) -> Self {
        let options = Options { lease: None, ..Options::default() };
        let grace_ms = options.grace.connection_error_ms;
        let config = Config::new(options).expect("the options go together");
        let replicas = graph.keys().map(|user| (*user, Replica::new(graph.len()))).collect();
        let (sessions, sockets) = (BTreeMap::new(), SlotMap::new());
        let (engine, edges) = (Engine::new(config), Edges::new(grace_ms));
        Self { graph, engine, grace_ms, sessions, sockets, replicas, edges }
    }

    /// Logs everyone in. Of any two friends, the first is told when the second publishes, and the
    /// second has the first in its snapshot.
    fn log_in(&mut self, now: Time) -> Result<(), String> {
        let (kind, blocked) = (DeviceKind(0), Vec::new());
        let (mut told, mut must) = (Told::new(), Told::new());
        for (user, friends) in self.graph {
            let audience = friends.iter().copied().collect();
            let blocked = blocked.clone();
            let connect = Event::Connect { user: *user, kind, audience, blocked };
            self.input(now, connect, Some(*user), &mut told)?;
            let session = *self.sessions.get(user).ok_or("a session has no key")?;
            self.input(now, Event::Publish { session, presence: *user }, None, &mut told)?;
            for friend in friends.range(..user) {
                must.push((*user, *friend, What::InSnapshot));
                must.push((*friend, *user, What::Presence));
            }
        }
        same("as everyone logs in", told, must)?;
        self.check_beliefs()
    }

    /// Returns how many were told that these were away: nobody should be.
    fn lose_and_resume(&mut self, now: Time, users: &BTreeSet<u32>) -> Result<usize, String> {
        let mut told = Told::new();
        self.lose(now, users, &mut told)?;
        let until = now.saturating_add(self.grace_ms);
        let just_before = Time::from_millis(until.as_millis() - 1);
        self.advance(just_before, &mut told)?;
        same("as half are lost", told, Told::new())?;

        let (mut told, mut must) = (Told::new(), Told::new());
        for user in users {
            let session = self.sessions[user];
            self.input(until, Event::Resume { session }, Some(*user), &mut told)?;
            must.extend(self.graph[user].iter().map(|friend| (*user, *friend, What::InSnapshot)));
        }
        self.advance(until.saturating_add(self.grace_ms), &mut told)?;
        let others = told.iter().filter(|(.., what)| *what != What::InSnapshot).count();
        same("as half are back", told, must)?;
        self.check_beliefs()?;
        Ok(others)
    }

    /// Returns how many were told that these are gone: each friend who is still there, once.
    fn lose_for_good(&mut self, now: Time, users: &BTreeSet<u32>) -> Result<usize, String> {
        let mut told = Told::new();
        self.lose(now, users, &mut told)?;
        same("as the other half is lost", told, Told::new())?;
        let (mut told, mut must) = (Told::new(), Told::new());
        self.advance(now.saturating_add(self.grace_ms), &mut told)?;
        for user in users {
            let left = self.graph[user].difference(users);
            must.extend(left.map(|friend| (*friend, *user, What::Offline)));
            self.sessions.remove(user);
        }
        let count = told.len();
        same("as the other half is over", told, must)?;
        self.check_beliefs()?;
        match self.engine.counts().users_online {
            online if online == self.sessions.len() => Ok(count),
            online => Err(format!("{online} are online instead of {}", self.sessions.len())),
        }
    }

    fn lose(&mut self, now: Time, users: &BTreeSet<u32>, told: &mut Told) -> Result<(), String> {
        for user in users {
            let (session, cause) = (self.sessions[user], LostCause::ConnectionError);
            self.sockets.remove(session);
            let lost = Event::Lost { session, cause, grace_ms: None };
            self.input(now, lost, None, told)?;
        }
        Ok(())
    }

    /// Lets time pass, from deadline to deadline.
    fn advance(&mut self, until: Time, told: &mut Told) -> Result<(), String> {
        while let Some(at) = self.engine.deadline().filter(|at| *at <= until) {
            self.input(at, Event::Advance, None, told)?;
        }
        self.input(until, Event::Advance, None, told)
    }

    /// Gives one input; `attaching` is whose session is attached by it.
    fn input(
        &mut self,
        now: Time,
        event: Event<u32, u32>,
        attaching: Option<u32>,
        told: &mut Told,
    ) -> Result<(), String> {
        let Self { engine, sessions, sockets, replicas, edges, .. } = self;
        let mut decisions = engine.apply(now, event.clone()).map_err(|error| error.to_string())?;
        let attached = decisions.session();
        if let Some((user, session)) = attaching.zip(attached) {
            sessions.insert(user, session);
            sockets.insert(session, user);
        }
        let nobody = || "somebody is told who has no connection".to_owned();
        while let Some(decision) = decisions.next() {
            edges.note(&decision);
            match decision {
                Decision::Deliver { notice, to } => {
                    for slot in to {
                        let (_, receiver) = sockets.at(*slot).ok_or_else(nobody)?;
                        told.push(seen(*receiver, &notice)?);
                        let replica = replicas.get_mut(receiver).ok_or_else(nobody)?;
                        replica.apply(&notice).map_err(|full| full.to_string())?;
                    }
                }
                Decision::Snapshot(snapshot) => {
                    let receiver = *sockets.get(snapshot.receiver()).ok_or_else(nobody)?;
                    let entries = snapshot.entries();
                    told.extend(entries.map(|entry| (receiver, *entry.user, What::InSnapshot)));
                    let replica = replicas.get_mut(&receiver).ok_or_else(nobody)?;
                    replica.apply_snapshot(&snapshot).map_err(|full| full.to_string())?;
                }
                Decision::Close { .. } | Decision::Online { .. } | Decision::Ended { .. } => {}
                other => return Err(format!("nobody has reason to decide {other:?}")),
            }
        }
        edges.hold(now, &event, attached)
    }

    /// Checks that everyone there believes in those of their friends who are there, and in nobody
    /// else.
    fn check_beliefs(&self) -> Result<(), String> {
        for (user, session) in &self.sessions {
            if !self.engine.is_attached(*session) {
                return Err(format!("{user} is not attached"));
            }
            let mut believed: Vec<u32> = self.replicas[user].users().copied().collect();
            believed.sort_unstable();
            let there = |friend: &&u32| self.sessions.contains_key(friend);
            if !self.graph[user].iter().filter(there).eq(&believed) {
                return Err(format!("{user} believes in {believed:?}"));
            }
        }
        Ok(())
    }
}

fn seen(receiver: u32, notice: &Notice<'_, u32, u32>) -> Result<(u32, u32, What), String> {
    match notice {
        Notice::Presence { user, presence, .. } if user == presence => {
            Ok((receiver, **user, What::Presence))
        }
        Notice::UserOffline { user, .. } => Ok((receiver, **user, What::Offline)),
        other => Err(format!("nobody has reason to be told {other:?}")),
    }
}

/// Checks that those were told who must be, each as often.
fn same(when: &str, mut told: Told, mut must: Told) -> Result<(), String> {
    told.sort_unstable();
    must.sort_unstable();
    if told == must {
        return Ok(());
    }
    let at = told.iter().zip(&must).take_while(|(told, must)| told == must).count();
    Err(format!("{when}: (receiver, whom, what) is {:?}, and not {:?}", told.get(at), must.get(at)))
}
