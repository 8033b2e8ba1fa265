//! What happens on the server, in figures: what a page draws as it happens.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use adsum_cluster::NodeState;
use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;

use super::command::{Command, Figures};
use super::engine::edge_counter::unix_ms;
use super::question::{Question, TopicNow};

/// How many topics are named: those with the most users.
const TOPICS: usize = 20;
/// How long what was read is good for all who ask.
const GOOD_FOR: Duration = Duration::from_millis(400);

/// What was read last, and when.
#[derive(Default)]
pub(crate) struct Pulse(Mutex<Option<(Instant, Bytes)>>);

impl Pulse {
    /// Returns the figures as JSON: the same for all who ask at about the same time. `None` if the
    /// engine's thread does not answer.
    pub(crate) async fn read(&self, commands: &Sender<Command>) -> Option<Bytes> {
        let known = self.last();
        if known.is_some() {
            return known;
        }
        let text = Bytes::from(read(commands).await?.to_string());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), text.clone()));
        Some(text)
    }

    fn last(&self) -> Option<Bytes> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, text) = last.as_ref()?;
        (at.elapsed() < GOOD_FOR).then(|| text.clone())
    }
}

async fn read(commands: &Sender<Command>) -> Option<Value> {
    let (reply, answer) = oneshot::channel();
    commands.send(Command::Figures(reply)).await.ok()?;
    let figures = answer.await.ok()?;
    let (reply, answer) = oneshot::channel();
    commands.send(Command::Ask(Question::Topics(TOPICS, reply))).await.ok()?;
    Some(json(&figures, &answer.await.ok()?))
}

fn json(figures: &Figures, topics: &[TopicNow]) -> Value {
    let Figures { counts, stats, cluster } = figures;
    let topics: Vec<_> = topics
        .iter()
        .map(|topic| json!({ "topic": topic.name.as_ref(), "users": topic.users }))
        .collect();
    let nodes: Vec<_> = cluster
        .iter()
        .flat_map(|cluster| &cluster.nodes)
        .map(|node| {
            let state = match node.state {
                NodeState::Alive => "alive",
                NodeState::Left => "left",
                _ => "suspected",
            };
            json!({ "node": node.id.to_string(), "state": state, "users": node.users })
        })
        .collect();
    json!({
        "at": unix_ms(), "users": counts.users_online, "sessions": counts.sessions,
        "detached": counts.detached, "congested": counts.congested,
        "presences": counts.presences, "notices": stats.notices,
        "deliveries": stats.deliveries, "topics": counts.topics,
        "memberships": counts.memberships, "largest": topics, "nodes": nodes,
    })
}
