//! What is due: leases, graces and publishes that wait for a token, in their order.

use crate::{Decision, Model, Output};
use adsum::{CloseReason, EndReason, LostCause, SessionId};

/// What a deadline is for. Where one input set two of the same moment, what the session said goes
/// out before its lease lapses: the last word is never lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Token,
    Lease,
    Grace,
    Settle,
}

impl Model {
    pub(super) fn advance(&mut self, now: u64) -> Output {
        let now = self.clamp(now);
        self.accept(now);
        let mut out = Output::default();
        while let Some((at, id, due)) = self.next_due(now) {
            self.moments += 1;
            out.deadlines.push((out.decisions.len(), at));
            match due {
                Due::Token => self.publish_waiting(&mut out, id, at),
                Due::Lease => self.lapse(&mut out, id, at),
                Due::Grace => {
                    let (_, cause) = self.sessions[&id].lost.expect("the session is detached");
                    self.end(&mut out, id, EndReason::Lost(cause), at, None);
                }
                Due::Settle => self.end_held(&mut out, id),
            }
        }
        out
    }

    fn lapse(&mut self, out: &mut Output, id: SessionId, at: u64) {
        let grace_ms = self.grace_ms(LostCause::Timeout);
        out.decisions.push(Decision::Close {
            session: self.sessions[&id].key,
            reason: CloseReason::LeaseLapsed,
            resumable: grace_ms > 0,
        });
        self.lose(out, id, at, LostCause::Timeout, grace_ms);
    }

    fn next_due(&self, now: u64) -> Option<(u64, SessionId, Due)> {
        let mut due = Vec::new();
        for (id, session) in self.showing() {
            let timers = [
                (session.token, Due::Token),
                (session.lease, Due::Lease),
                (session.grace, Due::Grace),
                (session.settle, Due::Settle),
            ];
            for (timer, what) in timers {
                if let Some((at, order)) = timer.filter(|(at, _)| *at <= now) {
                    due.push((at, order, what, id));
                }
            }
        }
        due.into_iter().min().map(|(at, _, what, id)| (at, id, what))
    }
}
