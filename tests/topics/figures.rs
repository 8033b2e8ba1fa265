//! What the engine says that it has done, counted anew by its decisions.

use adsum::{Decision, NoticeId, Stats};

#[derive(Default)]
pub(crate) struct Figures {
    notices: u64,
    deliveries: u64,
    skipped: u64,
    /// What the last decision told: to many it comes in several, one after the other.
    last: Option<(NoticeId, String)>,
}

impl Figures {
    pub(crate) fn count(&mut self, decision: &Decision<'_, u32, u32>) {
        match decision {
            Decision::Deliver { notice, to } => {
                self.told(1, (notice.id(), String::new()));
                self.deliveries += to.len() as u64;
            }
            Decision::Skipped { notice, to } => {
                self.told(1, (notice.id(), String::new()));
                self.skipped += to.len() as u64;
            }
            Decision::Snapshot(snapshot) => {
                self.notices += snapshot.len() as u64;
                self.deliveries += snapshot.len() as u64;
            }
            Decision::Topic(snapshot) => {
                let entries: Vec<_> = snapshot.entries().collect();
                self.told(snapshot.len() as u64, (snapshot.id(), format!("{entries:?}")));
                self.deliveries += (snapshot.len() * snapshot.to().len()) as u64;
            }
            Decision::Changes(changes) => {
                let all: Vec<_> = changes.iter().collect();
                let notices = u64::from(changes.is_first());
                self.told(notices, (changes.id(), format!("{all:?}")));
                self.deliveries += changes.to().len() as u64;
            }
            _ => {}
        }
    }

    /// Counts so many notices, unless this goes on with what was told last.
    fn told(&mut self, notices: u64, what: (NoticeId, String)) {
        if self.last.as_ref() != Some(&what) {
            self.notices += notices;
        }
        self.last = Some(what);
    }

    /// Checks that the engine says the same.
    pub(crate) fn check(&self, stats: &Stats) -> Result<(), String> {
        let own = (self.notices, self.deliveries, self.skipped);
        let said = (stats.notices, stats.deliveries, stats.skipped);
        if own == said { Ok(()) } else { Err(format!("{said:?} are said, {own:?} have come")) }
    }
}
