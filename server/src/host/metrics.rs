//! Metrics for the operator: numbers without names, and never a presence.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adsum::{CloseReason, EndReason, Error, Notice};
use adsum_tim::Form;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::command::{Command, Figures, Node, Presence};
use super::end_cause::end_cause;
use super::hashing::PasswordCounts;
use super::transport::wire::Wire;
use crate::cluster::{ClusterFigures, ClusterMetrics};
use crate::label::Word;
use crate::usage::Usage;
use crate::webhooks::WebhookMetrics;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: Word,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: Word,
}

type ByKind = Family<Kind, Counter>;
type ByReason = Family<Reason, Counter>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InForm {
    form: Word,
}

/// Bytes that wait for all connections together. There is one server in a process, and each
/// connection counts here until its very end.
pub(crate) static QUEUED_BYTES: AtomicU64 = AtomicU64::new(0);

/// Counters that grow as things happen, and the text made from them.
pub(crate) struct Metrics {
    registry: Registry,
    connections: Gauge,
    events: ByKind,
    notices: ByKind,
    deliveries: ByKind,
    encodings: Family<InForm, Counter>,
    fan_out: Histogram,
    batch_seconds: Histogram,
    stalled_seconds: Counter<f64, AtomicU64>,
    refusals: ByReason,
    frames_refused: ByReason,
    logins_refused: ByReason,
    registrations_refused: ByReason,
    closed: ByReason,
    ended: ByReason,
    skipped: Counter,
    congested: Counter,
    store_errors: Counter,
    queue_depth: Gauge,
    pub(crate) webhook: WebhookMetrics,
    pub(crate) cluster: Arc<ClusterMetrics>,
}

fn word(family: &ByReason, reason: &'static str) {
    family.get_or_create(&Reason { reason: Word(reason) }).inc();
}

fn kind(family: &ByKind, kind: &'static str, count: u64) {
    family.get_or_create(&Kind { kind: Word(kind) }).inc_by(count);
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("adsum"),
            connections: Gauge::default(),
            events: ByKind::default(),
            notices: ByKind::default(),
            deliveries: ByKind::default(),
            encodings: Family::default(),
            fan_out: Histogram::new([
                1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 4e3,
            ]),
            batch_seconds: Histogram::new(exponential_buckets(1e-5, 4.0, 9)),
            stalled_seconds: Counter::default(),
            refusals: ByReason::default(),
            frames_refused: ByReason::default(),
            logins_refused: ByReason::default(),
            registrations_refused: ByReason::default(),
            closed: ByReason::default(),
            ended: ByReason::default(),
            skipped: Counter::default(),
            congested: Counter::default(),
            store_errors: Counter::default(),
            queue_depth: Gauge::default(),
            webhook: WebhookMetrics::default(),
            cluster: Arc::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let to = &mut self.registry;
        to.register("connections", "Open connections", self.connections.clone());
        to.register("events", "Inputs to the engine, by kind", self.events.clone());
        to.register("notices", "Notices, by kind", self.notices.clone());
        to.register("deliveries", "Receivers of notices, by kind", self.deliveries.clone());
        to.register(
            "encodings",
            "Presences that were encoded, once for all receivers of a form",
            self.encodings.clone(),
        );
        to.register("fan_out", "Receivers of one notice", self.fan_out.clone());
        to.register_with_unit(
            "batch",
            "Time that the engine's thread takes for one batch of commands",
            Unit::Seconds,
            self.batch_seconds.clone(),
        );
        to.register_with_unit(
            "stalled",
            "Time in which the server did not get to run; deadlines are put off by as much",
            Unit::Seconds,
            self.stalled_seconds.clone(),
        );
        to.register("refusals", "Inputs that the engine refused", self.refusals.clone());
        to.register(
            "frames_refused",
            "Frames that were answered by an error",
            self.frames_refused.clone(),
        );
        to.register("logins_refused", "Logins that were refused", self.logins_refused.clone());
        to.register(
            "registrations_refused",
            "Accounts that were asked for and not made",
            self.registrations_refused.clone(),
        );
        to.register("closed", "Connections that the server closed", self.closed.clone());
        to.register("sessions_ended", "Sessions that have ended", self.ended.clone());
        to.register(
            "skipped",
            "Directed or system notices not sent to who reads too slowly",
            self.skipped.clone(),
        );
        to.register("congested", "How often a connection's queue was full", self.congested.clone());
        to.register("store_errors", "Failures of the store", self.store_errors.clone());
        to.register(
            "queue_depth",
            "Commands that wait for the engine's thread",
            self.queue_depth.clone(),
        );
        self.webhook.register(to);
    }

    pub(crate) fn connected(&self) {
        self.connections.inc();
    }

    pub(crate) fn disconnected(&self) {
        self.connections.dec();
    }

    pub(crate) fn event(&self, command: &Command) {
        let name = match command {
            Command::Connect(_) => "connect",
            Command::Resume(_) => "resume",
            Command::Heartbeat(_) => "heartbeat",
            Command::Publish(..) | Command::PublishFor(_) => "publish",
            Command::Withdraw(_) => "withdraw",
            Command::Direct(_) => "direct",
            Command::Watch(_) => "watch",
            Command::Unwatch(_) => "unwatch",
            Command::Active(_) | Command::Person(_) => "active",
            Command::Disconnect(_) => "disconnect",
            Command::Lost(..) | Command::SentAway(..) => "lost",
            Command::Asked(asked) => asked.verb.name(),
            Command::Invisible(_) => "invisible",
            Command::Visible(_) => "visible",
            Command::Roster(_) => "roster",
            Command::RosterMessage(..) | Command::Relation(..) => "tell",
            Command::System(_) => "system",
            Command::Expel(..) => "expel",
            Command::Ask(question) => question.name(),
            Command::WhoResumes(..)
            | Command::Online(..)
            | Command::WhoIsOffline(..)
            | Command::WhoIsOnline(..)
            | Command::Figures(_) => "query",
            Command::Hear(_) => "hear",
            Command::Leave(_) => "leave",
            // What is kept is counted when it is said.
            Command::Begin
            | Command::LateWord(_)
            | Command::LetGo(_)
            | Command::QueuesChanged
            | Command::Stop => return,
        };
        kind(&self.events, name, 1);
    }

    pub(crate) fn notice(&self, notice: &Notice<'_, Node, Presence>, receivers: usize) {
        let name = match notice {
            Notice::Presence { .. } => "presence",
            Notice::User { .. } => "user",
            Notice::Directed { .. } => "directed",
            Notice::DirectedOver { .. } => "directed_over",
            Notice::Withdrawn { .. } => "withdrawn",
            Notice::SessionEnded { .. } => "session_ended",
            Notice::UserOffline { .. } => "offline",
            Notice::System { .. } => "system",
            Notice::Joined { .. } | Notice::Member { .. } => "member",
            Notice::Left { .. } | Notice::MemberSessionEnded { .. } => "left",
            Notice::Said { .. } | Notice::SaidOver { .. } => "said",
            _ => "other",
        };
        kind(&self.notices, name, 1);
        kind(&self.deliveries, name, receivers as u64);
        self.fan_out.observe(receivers as f64);
    }

    pub(crate) fn encoded(&self, wire: Wire) {
        let form = match wire {
            Wire::Tim(Form::Json) => "json",
            Wire::Tim(Form::Thrift) => "thrift",
            Wire::V1 => "v1",
        };
        self.encodings.get_or_create(&InForm { form: Word(form) }).inc();
    }

    pub(crate) fn snapshot(&self, entries: usize) {
        kind(&self.notices, "snapshot", entries as u64);
        kind(&self.deliveries, "snapshot", entries as u64);
    }

    pub(crate) fn skipped(&self, receivers: usize) {
        self.skipped.inc_by(receivers as u64);
    }

    pub(crate) fn congested(&self) {
        self.congested.inc();
    }

    pub(crate) fn refused(&self, error: Error) {
        word(
            &self.refusals,
            match error {
                Error::UnknownSession => "unknown_session",
                Error::Detached => "detached",
                Error::SessionLimit { .. } => "session_limit",
                Error::AudienceLimit { .. } => "audience_limit",
                Error::BlockedLimit { .. } => "blocked_limit",
                Error::DirectLimit { .. } => "direct_limit",
                Error::WatchLimit { .. } => "watch_limit",
                Error::RateLimited { .. } => "rate_limited",
                _ => "other",
            },
        );
    }

    pub(crate) fn closed(&self, reason: CloseReason) {
        word(
            &self.closed,
            match reason {
                CloseReason::LeaseLapsed => "lease_lapsed",
                CloseReason::Evicted => "evicted",
                CloseReason::Expelled => "expelled",
                _ => "other",
            },
        );
    }

    pub(crate) fn ended(&self, reason: EndReason) {
        word(&self.ended, end_cause(reason));
    }

    pub(crate) fn closed_for(&self, reason: &'static str) {
        word(&self.closed, reason);
    }

    pub(crate) fn frame_refused(&self, reason: &'static str) {
        word(&self.frames_refused, reason);
    }

    pub(crate) fn login_refused(&self, reason: &'static str) {
        word(&self.logins_refused, reason);
    }

    pub(crate) fn registration_refused(&self, reason: &'static str) {
        word(&self.registrations_refused, reason);
    }

    pub(crate) fn store_failed(&self) {
        self.store_errors.inc();
    }

    pub(crate) fn queue_depth(&self, waiting: usize) {
        self.queue_depth.set(waiting as i64);
    }

    pub(crate) fn batch(&self, took: Duration) {
        self.batch_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn stalled(&self, time: Duration) {
        self.stalled_seconds.inc_by(time.as_secs_f64());
    }

    /// Returns all metrics as OpenMetrics.
    pub(crate) fn text(
        &self,
        figures: Figures,
        passwords: PasswordCounts,
        pending: usize,
    ) -> String {
        let cluster = figures.cluster.as_ref().map(|figures| self.cluster(figures));
        let now = now(&figures, passwords, pending);
        let mut text = String::new();
        // Only the last of them ends the text.
        let mut part = |registry: &Registry| {
            let mut one = String::new();
            if encode(&mut one, registry).is_ok() {
                text.push_str(one.trim_end_matches("# EOF\n"));
            }
        };
        part(&self.registry);
        part(&now);
        cluster.iter().for_each(&mut part);
        part(&process());
        text.push_str("# EOF\n");
        text
    }
}

impl Metrics {
    /// Returns what there is to see of the other servers.
    fn cluster(&self, figures: &ClusterFigures) -> Registry {
        let mut cluster = Registry::with_prefix("adsum_cluster");
        self.cluster.register(&mut cluster);
        figures.register(&self.cluster, &mut cluster);
        cluster
    }
}

/// Returns what is counted at this moment.
fn now(figures: &Figures, passwords: PasswordCounts, pending: usize) -> Registry {
    let counts = figures.counts;
    let mut now = Registry::with_prefix("adsum");
    let gauges: [(&str, &str, usize); 15] = [
        ("sessions", "Sessions, detached ones included", counts.sessions),
        ("detached", "Sessions whose connection is lost and that may come back", counts.detached),
        ("congested_now", "Sessions that read too slowly at this moment", counts.congested),
        ("users_online", "Users with a session", counts.users_online),
        ("users_known", "Users online and all in their lists", counts.users_known),
        ("presences", "Presence values", counts.presences),
        ("conflated", "Presences that wait for their turn", counts.conflated),
        ("audience_entries", "Entries in audiences", counts.audience_entries),
        ("watches", "Accounts that sessions watch, each pair counted", counts.watches),
        ("missed", "Things to be told to those who read too slowly", counts.missed),
        ("timers", "Deadlines that are armed", counts.timers),
        ("pending", "Connections that nobody has logged in on", pending),
        ("passwords_hashing", "Passwords that are being hashed", passwords.hashing),
        ("passwords_waiting", "Passwords that wait to be hashed", passwords.waiting),
        (
            "queued_bytes",
            "Bytes that wait for all connections together",
            QUEUED_BYTES.load(Ordering::Relaxed) as usize,
        ),
    ];
    for (name, help, value) in gauges {
        now.register(name, help, ConstGauge::new(value as i64));
    }
    now.register(
        "engine_inputs",
        "Inputs that the engine accepted",
        ConstCounter::new(figures.stats.inputs),
    );
    now.register(
        "publishes_conflated",
        "Publishes over the rate",
        ConstCounter::new(figures.stats.conflated),
    );
    now
}

/// Returns what the operating system says of this process.
fn process() -> Registry {
    let mut process = Registry::with_prefix("process");
    if let Some(usage) = Usage::own() {
        process.register_with_unit(
            "cpu",
            "User and system time",
            Unit::Seconds,
            ConstCounter::new(usage.cpu.as_secs_f64()),
        );
        process.register_with_unit(
            "resident_memory",
            "Resident memory",
            Unit::Bytes,
            ConstGauge::new((usage.resident_kib * 1_024) as i64),
        );
    }
    process
}
