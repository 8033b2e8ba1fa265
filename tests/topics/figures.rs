//! What the engine says that it has done, counted anew by its decisions.

use adsum::{Decision, NoticeId, Stats};

#[derive(Default)]
pub(crate) struct Figures {
    notices: u64,
    deliveries: u64,
    skipped: u64,
    /// The notice of the last decision: a large fan-out comes in several, one after the other.
    last: Option<NoticeId>,
}

impl Figures {
    pub(crate) fn count(&mut self, decision: &Decision<'_, u32, u32>) {
        match decision {
            Decision::Deliver { notice, to } => {
                self.notice(notice.id());
                self.deliveries += to.len() as u64;
            }
            Decision::Skipped { notice, to } => {
                self.notice(notice.id());
                self.skipped += to.len() as u64;
            }
            Decision::Snapshot(snapshot) => {
                self.notices += snapshot.len() as u64;
                self.deliveries += snapshot.len() as u64;
            }
            Decision::Topic(snapshot) => {
                self.notices += snapshot.len() as u64;
                self.deliveries += (snapshot.len() * snapshot.to().len()) as u64;
            }
            Decision::Changes(changes) => {
                self.notices += u64::from(changes.is_first());
                self.deliveries += changes.to().len() as u64;
            }
            _ => {}
        }
    }

    fn notice(&mut self, id: NoticeId) {
        self.notices += u64::from(self.last != Some(id));
        self.last = Some(id);
    }

    /// Checks that the engine says the same.
    pub(crate) fn check(&self, stats: &Stats) -> Result<(), String> {
        let own = (self.notices, self.deliveries, self.skipped);
        let said = (stats.notices, stats.deliveries, stats.skipped);
        if own == said { Ok(()) } else { Err(format!("{said:?} are said, {own:?} have come")) }
    }
}
