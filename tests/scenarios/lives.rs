//! How a host sees its sessions come, lose their connections, return and end: the decisions that
//! are for the host alone, and its own table.

use crate::counted::{Id, Presence};
use crate::host::{Checked, Host, Known, Life, Seat};
use crate::names::{Name, show_moment};
use crate::told::{Told, end_reason};
use adsum::{CloseReason, Decision, EndReason, Replica, SessionId, SessionKey, Time};

impl Host {
    /// Gives a session that connects, or is resumed, a connection.
    pub(crate) fn seat(&mut self, name: Name, key: SessionKey, awaits_snapshot: bool) -> Checked {
        let replica = Replica::new(usize::MAX);
        let seat = Seat { name: name.clone(), congested: false, awaits_snapshot, replica };
        if let Some(other) = self.names.insert(key, name.clone()) {
            return Err(format!("{other} has had this key before {name}"));
        }
        let before = self.seats.insert(key, seat).map(|(key, _)| key);
        match self.sessions.get_mut(&name) {
            Some(known) => {
                let had_connection = known.life == Life::Attached;
                if before != had_connection.then_some(known.key) || key.slot() != known.key.slot() {
                    return Err(format!("{name} has come to a slot of {before:?}, with {key:?}"));
                }
                known.old.push(std::mem::replace(&mut known.key, key));
                (known.life, known.gone_at) = (Life::Attached, None);
                self.replaced = before;
            }
            None if before.is_some() => return Err(format!("{name} has the slot of {before:?}")),
            None => {
                self.first = self.others(&name).is_none().then(|| name.clone());
                let (old, life) = (Vec::new(), Life::Attached);
                self.sessions.insert(name, Known { key, old, id: None, life, gone_at: None });
            }
        }
        Ok(())
    }

    /// Takes a session's connection away, if it has one.
    pub(crate) fn unseat(&mut self, name: &Name, life: Life, gone_at: Option<Time>) -> Checked {
        let known = self.sessions.get_mut(name).ok_or("the host knows no such session")?;
        if known.life == Life::Attached {
            self.seats.remove(known.key).ok_or_else(|| format!("{name} has no seat"))?;
            (known.life, known.gone_at) = (life, gone_at);
        }
        Ok(())
    }

    /// From now on receivers are told of a session by this.
    pub(crate) fn learn_id(&mut self, name: &Name, id: SessionId) -> Checked {
        if let Some(other) = self.ids.insert(id, name.clone()).filter(|other| other != name) {
            return Err(format!("{other} has had the id of {name}"));
        }
        let known = self.sessions.get_mut(name).ok_or("the host knows no such session")?;
        known.id = Some(id);
        Ok(())
    }

    /// Another session of the same user that has not ended.
    fn others(&self, name: &Name) -> Option<&Name> {
        let least = Name { user: name.user.clone(), number: 0 };
        let most = Name { number: u32::MAX, ..least.clone() };
        let of_user = self.sessions.range(least..=most);
        let mut there = of_user.filter(|(_, known)| known.life != Life::Ended);
        there.find(|(other, _)| *other != name).map(|(other, _)| other)
    }

    /// Some decisions have to come before all others.
    pub(crate) fn first_things_first(&self, decision: &Decision<'_, Id, Presence>) -> Checked {
        if let Some(old) = self.replaced
            && !matches!(decision, Decision::Close { session, .. } if *session == old)
        {
            return Err(format!("the old connection of {} is still open", self.name(old)?));
        }
        if let Some(first) = &self.first
            && !matches!(decision, Decision::Online { .. })
        {
            return Err(format!("nobody has said that with {first} its user is online"));
        }
        Ok(())
    }

    pub(crate) fn online(
        &mut self,
        user: &Id,
        session: SessionKey,
        visible: bool,
        told: &mut Vec<Told>,
    ) -> Checked {
        let name = self.name(session)?;
        self.open_notice = None;
        if self.first.take().as_ref() != Some(&name) || self.user(user)? != name.user || !visible {
            return Err(format!("{user:?} comes online, visible: {visible}, with {name}"));
        }
        told.push(Told::Online { session: name });
        Ok(())
    }

    pub(crate) fn close(
        &mut self,
        session: SessionKey,
        reason: CloseReason,
        resumable: bool,
        told: &mut Vec<Told>,
    ) -> Checked {
        let name = self.name(session)?;
        self.open_notice = None;
        let why = match reason {
            CloseReason::LeaseLapsed => "lease lapsed",
            CloseReason::Evicted => "evicted",
            CloseReason::Expelled => "expelled",
            CloseReason::Replaced => "replaced",
            other => return Err(format!("{name} is closed for {other:?}")),
        };
        let why = if resumable { format!("{why}, resumable") } else { why.to_owned() };
        let known = self.sessions.get(&name).ok_or("the host knows no such session")?;
        if reason == CloseReason::Replaced {
            if self.replaced.take() != Some(session) || resumable {
                return Err(format!("{name} had no other connection, but is told: {why}"));
            }
        } else if known.key != session || known.life != Life::Attached {
            return Err(format!("{name} has no connection at {session:?}, but is told: {why}"));
        } else {
            // A lease may have lapsed long ago.
            let gone_at = (reason != CloseReason::LeaseLapsed).then_some(self.now);
            let life = if resumable { Life::Detached } else { Life::Ending };
            self.unseat(&name, life, gone_at)?;
        }
        told.push(Told::Close { session: name, why });
        Ok(())
    }

    /// A session has ended: the host is told so once, when its connection is gone.
    pub(crate) fn ended(
        &mut self,
        decision: &Decision<'_, Id, Presence>,
        told: &mut Vec<Told>,
    ) -> Checked {
        let Decision::Ended { user, session, id, reason, since, last, visible } = *decision else {
            return Err(format!("{decision:?} is no end"));
        };
        let name = self.name(session)?;
        self.open_notice = None;
        let is_last = self.others(&name).is_none();
        if name.user != self.user(user)? || last != is_last {
            return Err(format!("{decision:?} comes where {name} is the last: {is_last}"));
        }
        let known = self.sessions.get_mut(&name).ok_or("the host knows no such session")?;
        let was_lost = match known.life {
            Life::Attached => return Err(format!("{name} ends with an open connection")),
            Life::Ended => return Err(format!("{name} ended before")),
            Life::Detached => true,
            Life::Ending => matches!(reason, EndReason::Lost(_)),
        };
        if known.key != session || known.id != Some(id) {
            return Err(format!("{name} is {known:?}, but ends with {decision:?}"));
        }
        if since > self.now || known.gone_at.is_some_and(|gone_at| gone_at != since) {
            return Err(format!("{name} was gone at {:?}, not at {since:?}", known.gone_at));
        }
        known.life = Life::Ended;
        let since = was_lost.then(|| show_moment(since.as_millis() - self.origin));
        told.push(Told::Ended { session: name, why: end_reason(reason)?, since, last, visible });
        Ok(())
    }
}
