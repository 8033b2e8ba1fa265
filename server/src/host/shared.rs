//! What all connections of a server share.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use adsum_tim::Limits;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::bucket::Bucket;
use super::changed_queues::ChangedQueues;
use super::command::Command;
use super::demo::cast::Cast;
use super::directory::Directory;
use super::edits::Edits;
use super::forwarding::Forwarding;
use super::lobby::Lobby;
use super::metrics::Metrics;
use super::pulse::Pulse;
use super::registrations::Registrations;
use super::seats::Seats;
use super::v1::bye::Herd;
use crate::config::Config;

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) tuning: Tuning,
    pub(crate) limits: Limits,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) queues: Arc<ChangedQueues>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) directory: Directory,
    /// The seats of those who are logged in.
    pub(crate) seats: Arc<Seats>,
    /// Bounds the accounts that an address makes.
    pub(crate) registrations: Registrations,
    /// Where everybody else is.
    pub(crate) lobby: Arc<Lobby>,
    /// Finds out whose requests proxies pass on.
    pub(crate) forwarding: Forwarding,
    /// Cancelled when the server is to end.
    pub(crate) stop: CancellationToken,
    /// When that was first seen.
    pub(crate) stopped: OnceLock<Instant>,
    /// Bounds changes of rosters.
    pub(crate) edits: Edits,
    /// Bounds the directed presences of all connections together.
    pub(crate) directed: Option<Mutex<Bucket>>,
    /// Of one of several servers: whether it knows what the others know, and lets clients in.
    pub(crate) ready: Option<watch::Receiver<bool>>,
    /// Sees to it that those who are told to come back do not all come at once.
    pub(crate) herd: Herd,
    /// What happens here, for who draws it.
    pub(crate) pulse: Pulse,
    /// Of a demonstration: the accounts of its people.
    pub(crate) cast: Option<Cast>,
    /// tim's acks to a login carry a number of the server's.
    pub(crate) server_number: i64,
}

/// Settings that have no key, because nobody but a test should need one.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// How long a connection may take nothing of what is sent to it before it is given up.
    pub write_deadline: Duration,
    /// How long the peer has to answer a close frame.
    pub linger: Duration,
    /// The size of the system's buffer for what was written and not yet taken.
    pub send_buffer_bytes: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            write_deadline: Duration::from_secs(60),
            linger: Duration::from_secs(2),
            send_buffer_bytes: 128 * 1024,
        }
    }
}

impl Shared {
    /// Returns whether one more directed presence may be sent now.
    pub(crate) fn may_direct(&self) -> bool {
        let Some(bucket) = &self.directed else { return true };
        bucket.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now())
    }

    /// Returns whether there are other servers that clients can come to.
    pub(crate) const fn is_one_of_several(&self) -> bool {
        self.ready.is_some()
    }

    /// Waits until clients may be let in.
    pub(crate) async fn until_ready(&self) {
        if let Some(ready) = &self.ready {
            // The thread ends only when the whole server does.
            let _ = ready.clone().wait_for(|ready| *ready).await;
        }
    }

    /// Returns how long a connection goes on when the server stops: all of them at once would come
    /// to another server at once, if there is one.
    pub(crate) fn time_to_leave(&self) -> Duration {
        let mut random = [0; 2];
        if !self.is_one_of_several() || getrandom::fill(&mut random).is_err() {
            return Duration::ZERO;
        }
        // The rest of the time is for the last of them to take its leave.
        let most = Duration::from_millis(self.config.network.drain_timeout_ms).mul_f64(0.7);
        most.mul_f64(f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX))
    }

    /// Waits until the server has stopped for so long.
    pub(crate) async fn until_stop(&self, ago: Duration) {
        self.stop.cancelled().await;
        let stopped = *self.stopped.get_or_init(Instant::now);
        if !ago.is_zero() {
            tokio::time::sleep_until((stopped + ago).into()).await;
        }
    }

    /// Gives the engine's thread a command. This waits while the thread has too much to do, and so
    /// does the client whose frame it is.
    pub(crate) async fn command(&self, command: Command) {
        // The thread ends only when the whole server does.
        let _ = self.commands.send(command).await;
    }
}
