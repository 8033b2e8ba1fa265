//! What happened in a run, in numbers: a row of the reviewed summary.

use std::fmt::Write as _;

#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) runs: u64,
    pub(crate) clients: u64,
    /// Everything that happened in the world.
    pub(crate) events: u64,
    /// Inputs that the engine accepted.
    pub(crate) inputs: u64,
    /// Notices, once for each receiver.
    pub(crate) notices: u64,
    /// As many notices would a host send that tells every contact of every word, of every lost
    /// connection, and of every one that is back.
    pub(crate) naive: u64,
    /// Notices that said what their receiver knew.
    pub(crate) idle: u64,
    pub(crate) snapshots: u64,
    /// Connections that were lost.
    pub(crate) lost: u64,
    /// Ends of connections that were reported when their session had another, or none any more.
    pub(crate) late: u64,
    /// Clients that were back before anyone heard of it.
    pub(crate) hidden: u64,
    /// Clients that were back as a new session.
    pub(crate) seen: u64,
    pub(crate) congested: u64,
    /// Times at which a frame was dropped, and a snapshot made good for it.
    pub(crate) overflows: u64,
    pub(crate) longest_wrong_ms: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.runs, other.runs),
            (&mut self.clients, other.clients),
            (&mut self.events, other.events),
            (&mut self.inputs, other.inputs),
            (&mut self.notices, other.notices),
            (&mut self.naive, other.naive),
            (&mut self.idle, other.idle),
            (&mut self.snapshots, other.snapshots),
            (&mut self.lost, other.lost),
            (&mut self.late, other.late),
            (&mut self.hidden, other.hidden),
            (&mut self.seen, other.seen),
            (&mut self.congested, other.congested),
            (&mut self.overflows, other.overflows),
        ];
        for (sum, more) in sums {
            *sum += more;
        }
        self.longest_wrong_ms = self.longest_wrong_ms.max(other.longest_wrong_ms);
    }

    fn columns(&self) -> [(&'static str, u64); 15] {
        [
            ("runs", self.runs),
            ("clients", self.clients),
            ("events", self.events),
            ("inputs", self.inputs),
            ("notices", self.notices),
            ("naive", self.naive),
            ("spared", self.naive.saturating_sub(self.notices)),
            ("idle", self.idle),
            ("snapshots", self.snapshots),
            ("lost", self.lost),
            ("late", self.late),
            ("hidden", self.hidden),
            ("seen", self.seen),
            ("congested", self.congested),
            ("overflows", self.overflows),
        ]
    }

    /// The summary of several scenarios, one a row.
    pub(crate) fn table(rows: &[(&str, Self)]) -> String {
        let mut table = format!("{:<17}", "scenario");
        for (name, _) in Self::default().columns() {
            _ = write!(table, "{name:>10}");
        }
        _ = writeln!(table, "{:>18}", "longest wrong, s");
        for (name, tally) in rows {
            _ = write!(table, "{name:<17}");
            for (_, number) in tally.columns() {
                _ = write!(table, "{number:>10}");
            }
            _ = writeln!(table, "{:>18.3}", tally.longest_wrong_ms as f64 / 1_000.0);
        }
        table
    }
}
