//! What is due: leases, graces, publishes that wait for a token and what ends by itself, in their
//! order.

use crate::topics::Service;
use crate::{Attachment, Decision, Model, Output, User};
use adsum::{CloseReason, EndReason, LostCause, SessionId};

/// What a deadline is for. Where one input set two of the same moment, what the session said goes
/// out before its lease lapses: the last word is never lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Token,
    Lease,
    Grace,
    Held,
    Expiry,
    /// Of directed presence: its place in line.
    Call(u64),
    Idle,
    /// Of what a session shows or says in this topic.
    Update(User),
    Said(User),
    Tick(User, Service),
}

impl Model {
    pub(super) fn advance(&mut self, now: u64) -> Output {
        let now = self.clamp(now);
        self.accept(now);
        let mut out = Output::default();
        while let Some((at, id, due)) = self.next_due(now) {
            let start = out.decisions.len();
            self.moments += 1;
            self.at = at;
            match due {
                Due::Token => self.publish_waiting(&mut out, id, at),
                Due::Lease => self.lapse(&mut out, id, at),
                Due::Grace => {
                    let (_, cause) = self.sessions[&id].lost.expect("the session is detached");
                    self.end(&mut out, id, EndReason::Lost(cause), at, None);
                }
                Due::Held => self.end_held(&mut out, id),
                Due::Expiry => self.expire(&mut out, id),
                Due::Call(order) => self.end_call(&mut out, id, order),
                Due::Idle => self.become_idle(id, at),
                Due::Update(name) => self.update_waiting(&mut out, name, id),
                Due::Said(name) => self.end_said(&mut out, name, id),
                Due::Tick(name, service) => {
                    self.tick(&mut out, name, service);
                    out.unordered_since(start);
                }
            }
            self.tell_new_states(&mut out);
            self.bound_missed();
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
            let expiry = session.expiry.map(|expiry| expiry.timer);
            let calls = session.calls.iter().filter_map(|call| call.expiry);
            let calls = calls.map(|timer| (Some(timer), Due::Call(timer.1)));
            let timers = [
                (expiry, Due::Expiry),
                (session.token, Due::Token),
                (session.lease, Due::Lease),
                (session.grace, Due::Grace),
                (session.held_until, Due::Held),
                (self.idle_timer(id), Due::Idle),
            ];
            for (timer, what) in timers.into_iter().chain(calls) {
                if let Some((at, order)) = timer.filter(|(at, _)| *at <= now) {
                    // What ends by itself comes last at its moment (rule 27), but for idleness
                    // (rule U4).
                    let group = match what {
                        Due::Idle => 2,
                        Due::Expiry | Due::Call(_) => 1,
                        _ => 0,
                    };
                    due.push((at, group, order, what, id));
                }
            }
        }
        self.due_in_topics(now, &mut due);
        due.into_iter().min().map(|(at, _, _, what, id)| (at, id, what))
    }

    fn due_in_topics(&self, now: u64, due: &mut Vec<(u64, u8, u64, Due, SessionId)>) {
        for (name, topic) in &self.topics {
            let places = topic.places.iter().flat_map(|(id, place)| {
                let token = place.waiting.map(|(_, timer)| (1, timer, Due::Update(*name), *id));
                let said = place.said.flatten().map(|timer| (1, timer, Due::Said(*name), *id));
                token.into_iter().chain(said)
            });
            // After all others of the moment (rule T10). They are nobody's.
            let nobody = Attachment::NONE.session;
            let ticks = [Service::Fast, Service::Slow].into_iter().filter_map(|service| {
                let tick = topic.tick(service)?;
                Some((3, tick.timer, Due::Tick(*name, service), nobody))
            });
            for (group, (at, order), what, id) in places.chain(ticks) {
                if at <= now {
                    due.push((at, group, order, what, id));
                }
            }
        }
    }
}
