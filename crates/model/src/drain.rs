//! Reads the decisions of one drain as a host does, and puts them into canonical form.

use crate::choice::State;
use crate::{Decision, Notice, Payload, User};
use adsum::{PresenceKind, Scope, SessionKey, Slot, SlotMap, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// The most receivers or entries of one decision.
const CHUNK: usize = if cfg!(feature = "shrunk") { 4 } else { 4_096 };

/// Is shown every decision as it comes, with the attachments that it names as receivers.
pub type Watch<'a, P> = dyn FnMut(&adsum::Decision<'_, User, P>, &[SessionKey]) + 'a;

/// Reads one drain.
pub(crate) struct Reading<'a> {
    sockets: &'a mut SlotMap<()>,
    congested: &'a mut BTreeSet<SessionKey>,
    /// An attachment that had a connection until the input replaced it.
    pub(crate) replaced: Option<SessionKey>,
    /// What was read, with the number of each notice.
    pub(crate) told: Vec<(u64, Decision)>,
    pub(crate) last_id: u64,
    open_snapshot: bool,
    pub(crate) deliveries: u64,
    pub(crate) skipped: u64,
}

impl<'a> Reading<'a> {
    pub(crate) const fn new(
        sockets: &'a mut SlotMap<()>,
        congested: &'a mut BTreeSet<SessionKey>,
        last_id: u64,
    ) -> Self {
        Self {
            sockets,
            congested,
            replaced: None,
            told: Vec::new(),
            last_id,
            open_snapshot: false,
            deliveries: 0,
            skipped: 0,
        }
    }

    /// Takes in a decision.
    ///
    /// # Errors
    /// What it may not be, whatever the input.
    pub(crate) fn read<P: Payload>(
        &mut self,
        decision: &adsum::Decision<'_, User, P>,
        watch: &mut Watch<'_, P>,
    ) -> Result<(), String> {
        if self.open_snapshot && !matches!(decision, adsum::Decision::Snapshot(_)) {
            return Err("something comes between the parts of a snapshot".into());
        }
        match decision {
            adsum::Decision::Deliver { notice, to } => {
                let to = self.receivers(to, false)?;
                watch(decision, &to);
                self.deliveries += to.len() as u64;
                self.add(notice.id().get(), &canonical(notice), &to, false)
            }
            adsum::Decision::Skipped { notice, to } => {
                let to = self.receivers(to, true)?;
                watch(decision, &to);
                self.skipped += to.len() as u64;
                self.add(notice.id().get(), &canonical(notice), &to, true)
            }
            adsum::Decision::Snapshot(snapshot) => {
                let to = self.receivers(&[snapshot.to()], false)?;
                watch(decision, &to);
                self.add_snapshot(snapshot, to[0])
            }
            other => {
                watch(other, &[]);
                self.add_state(other)
            }
        }
    }

    /// Checks that nothing is open at the end of a drain.
    ///
    /// # Errors
    /// What is.
    pub(crate) fn must_be_complete(&self) -> Result<(), String> {
        match self.replaced {
            _ if self.open_snapshot => Err("a snapshot has no last part".into()),
            Some(key) => Err(format!("the connection of {key:?}, which is replaced, stays open")),
            None => Ok(()),
        }
    }

    /// Returns the attachments behind these slots: all connected at this moment, all congested or
    /// none.
    fn receivers(&self, slots: &[Slot], congested: bool) -> Result<Vec<SessionKey>, String> {
        if slots.is_empty() || slots.len() > CHUNK {
            return Err(format!("a decision has {} receivers", slots.len()));
        }
        let mut keys = Vec::new();
        for slot in slots {
            let Some((key, ())) = self.sockets.at(*slot) else {
                return Err(format!(
                    "{slot:?} is named as a receiver and nobody is attached there"
                ));
            };
            if self.congested.contains(&key) != congested {
                return Err(format!("{key:?} is told, or skipped, though (not) congested"));
            }
            if keys.contains(&key) {
                return Err(format!("{key:?} is named twice"));
            }
            keys.push(key);
        }
        Ok(keys)
    }

    fn add(
        &mut self,
        id: u64,
        notice: &Notice,
        to: &[SessionKey],
        is_skipped: bool,
    ) -> Result<(), String> {
        if let Some((last, decision)) = self.told.last_mut()
            && *last == id
            && (id < u64::MAX || decision.may_go_on(notice, to, is_skipped))
        {
            if decision.notice() != Some(notice) {
                return Err(format!("notice {id} is both {decision:?} and {notice:?}"));
            }
            match decision {
                Decision::Deliver { to: so_far, .. } if !is_skipped => {
                    return extend(so_far, to);
                }
                Decision::Skipped { to: so_far, .. } if is_skipped => {
                    return extend(so_far, to);
                }
                Decision::Deliver { .. } => {}
                _ => return Err(format!("notice {id} is delivered after it was skipped")),
            }
        } else {
            self.next_id(id)?;
        }
        let (notice, to) = (notice.clone(), to.iter().copied().collect());
        let decision = if is_skipped {
            Decision::Skipped { notice, to }
        } else {
            Decision::Deliver { notice, to }
        };
        self.told.push((id, decision));
        Ok(())
    }

    fn next_id(&mut self, id: u64) -> Result<(), String> {
        // There is no greater one than the greatest.
        if id <= self.last_id && id < u64::MAX {
            return Err(format!("notice {id} follows notice {}", self.last_id));
        }
        self.last_id = id;
        Ok(())
    }

    fn add_snapshot<P: Payload>(
        &mut self,
        snapshot: &Snapshot<'_, User, P>,
        receiver: SessionKey,
    ) -> Result<(), String> {
        if snapshot.receiver() != receiver {
            return Err(format!("a snapshot for {receiver:?} is {:?}", snapshot.receiver()));
        }
        let named = named_in(snapshot)?;
        if snapshot.is_first() == self.open_snapshot {
            return Err("the first part of a snapshot is marked, and only that".into());
        }
        if snapshot.is_first() {
            let id = snapshot.id().get();
            self.next_id(id)?;
            let (visible, entries) = (snapshot.is_visible(), BTreeMap::new());
            let to = receiver;
            let users = BTreeMap::new();
            self.told.push((id, Decision::Snapshot { to, visible, named, entries, users }));
        } else if !matches!(self.told.last(),
            Some((_, Decision::Snapshot { named: first, .. })) if *first == named)
        {
            return Err(format!("a snapshot goes on with {named:?}, and did not begin so"));
        }
        self.open_snapshot = !snapshot.is_last();
        if snapshot.len() > CHUNK || snapshot.len() != snapshot.entries().len() {
            return Err(format!("a part of a snapshot has {} entries", snapshot.len()));
        }
        if snapshot.is_empty() && !(snapshot.is_first() && snapshot.is_last()) {
            return Err("a snapshot of several parts has an empty one".into());
        }
        for entry in snapshot.entries() {
            let Some((id, Decision::Snapshot { to, visible, entries, users, .. })) =
                self.told.last_mut()
            else {
                return Err("a snapshot goes on that has not begun".into());
            };
            if (*to, *visible) != (receiver, snapshot.is_visible()) {
                return Err("a snapshot goes on otherwise than it began".into());
            }
            if [snapshot.id().get(), entry.id.get()] != [*id; 2] {
                return Err(format!("a snapshot is numbered {id} and {}", entry.id.get()));
            }
            let (session, user, presence) = (entry.session, *entry.user, entry.presence.said());
            let idle_since = entry.idle_since.map(adsum::Time::as_millis);
            let stands_twice = if entry.is_user {
                users.insert(user, State { session, presence, idle_since }).is_some()
            } else {
                entries.insert(session, (user, presence)).is_some() || idle_since.is_some()
            };
            if stands_twice {
                return Err(format!("{:?} stands twice in a snapshot", entry.session));
            }
            self.deliveries += 1;
        }
        Ok(())
    }

    /// Takes in what is said to the host alone.
    fn add_state<P>(&mut self, decision: &adsum::Decision<'_, User, P>) -> Result<(), String> {
        let decision = match *decision {
            adsum::Decision::Close { session, reason, resumable } => {
                self.congested.remove(&session);
                let is_replaced = self.replaced.take_if(|key| *key == session).is_some();
                if self.sockets.remove(session).is_none() && !is_replaced {
                    return Err(format!("{session:?} is to be closed and has no connection"));
                }
                Decision::Close { session, reason, resumable }
            }
            adsum::Decision::Online { user, session, visible } => {
                Decision::Online { user: *user, session, visible }
            }
            adsum::Decision::Ended { user, session, id, reason, since, last, visible } => {
                if self.sockets.get(session).is_some() {
                    return Err(format!("{session:?} has ended and is still connected"));
                }
                let (user, since) = (*user, since.as_millis());
                Decision::Ended { user, session, id, reason, since, last, visible }
            }
            _ => {
                let kind = std::mem::discriminant(decision);
                return Err(format!("an unknown kind of decision: {kind:?}"));
            }
        };
        self.told.push((0, decision));
        Ok(())
    }
}

impl Decision {
    /// Returns whether a decision about this notice may go on where this one ends. Once numbers are
    /// as great as can be, they no longer say so, and two notices that are alike cannot be told
    /// from one: they are taken for one, and compared by what everyone hears
    /// ([`Output::agrees_without_numbers`](crate::Output::agrees_without_numbers)).
    fn may_go_on(&self, notice: &Notice, to: &[SessionKey], is_skipped: bool) -> bool {
        match self {
            Self::Deliver { notice: own, .. } if is_skipped => own == notice,
            Self::Deliver { notice: own, to: so_far } => {
                own == notice && !to.iter().any(|key| so_far.contains(key))
            }
            Self::Skipped { notice: own, to: so_far } => {
                is_skipped && own == notice && !to.iter().any(|key| so_far.contains(key))
            }
            _ => false,
        }
    }
}

/// Returns whom a snapshot is about, if not everyone.
fn named_in<P>(snapshot: &Snapshot<'_, User, P>) -> Result<Option<BTreeSet<User>>, String> {
    let all = snapshot.named();
    let (len, named) = (all.len(), all.copied().collect::<BTreeSet<User>>());
    match snapshot.scope() {
        Scope::Everything if named.is_empty() => Ok(None),
        Scope::Users if named.len() == len => Ok(Some(named)),
        scope => Err(format!("a snapshot of {scope:?} names {len} users, {named:?}")),
    }
}

fn extend(so_far: &mut BTreeSet<SessionKey>, to: &[SessionKey]) -> Result<(), String> {
    for key in to {
        if !so_far.insert(*key) {
            return Err(format!("{key:?} is told the same notice twice"));
        }
    }
    Ok(())
}

fn canonical<P: Payload>(notice: &adsum::Notice<'_, User, P>) -> Notice {
    match *notice {
        adsum::Notice::Presence { user, session, kind, presence, .. } => Notice::Presence {
            user: *user,
            session,
            first: kind == PresenceKind::First,
            presence: presence.said(),
        },
        adsum::Notice::User { user, kind, idle_since, presence, .. } => Notice::User {
            user: *user,
            first: kind == PresenceKind::First,
            idle_since: idle_since.map(adsum::Time::as_millis),
            presence: presence.said(),
        },
        adsum::Notice::Directed { user, session, presence, .. } => {
            Notice::Directed { user: *user, session, presence: presence.said() }
        }
        adsum::Notice::DirectedOver { user, session, .. } => {
            Notice::DirectedOver { user: *user, session }
        }
        adsum::Notice::Withdrawn { user, session, .. } => {
            Notice::Withdrawn { user: *user, session }
        }
        adsum::Notice::Visibility { user, visible, .. } => {
            Notice::Visibility { user: *user, visible }
        }
        adsum::Notice::SessionEnded { user, session, .. } => {
            Notice::SessionEnded { user: *user, session }
        }
        adsum::Notice::UserOffline { user, .. } => Notice::UserOffline { user: *user },
        adsum::Notice::System { presence, .. } => Notice::System { presence: presence.said() },
        _ => unreachable!("an unknown kind of notice"),
    }
}
