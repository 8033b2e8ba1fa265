//! What holds after every line of every scenario.

use crate::counted::{Id, Presence};
use crate::host::{Known, Life, Seat};
use crate::names::Name;
use crate::world::World;
use adsum::{OfflineNotices, SessionId, Time};
use std::collections::BTreeMap;

/// With more receivers than these, beliefs are not compared after every line.
const FEW: usize = 50;

/// What a receiver believes or what is true: of each session what it publishes.
type Presences = BTreeMap<SessionId, String>;

pub(crate) fn check(world: &World) -> Result<(), String> {
    let engine = &world.engine;
    engine.verify()?;
    world.host.settle()?;
    let counts = engine.counts();
    if engine.deadline().is_none() != (counts.timers == 0) {
        return Err(format!("{} timers, but deadline {:?}", counts.timers, engine.deadline()));
    }
    let (mut published, mut held) = (0, 0);
    for (name, known) in &world.host.sessions {
        let is = world.life(known.key);
        if is != known.life {
            return Err(format!("{name} is {is:?}, but the host was told otherwise"));
        }
        if is == Life::Ended && engine.presence(known.key).is_some() {
            return Err(format!("{name} has ended, but its presence is kept"));
        }
        published += usize::from(engine.presence(known.key).is_some());
        held += usize::from(may_be_held(world, name));
        names_agree(world, name, known)?;
    }
    let sessions = engine.all_sessions().filter(|session| session.is_attached()).count();
    let online = engine.users_online().count();
    if (sessions + counts.detached, online) != (counts.sessions, counts.users_online) {
        return Err(format!("{sessions} sessions of {online} users, but counted: {counts:?}"));
    }
    let alive = (Presence::alive(), Id::alive());
    if alive != (counts.presences, counts.users_known + counts.topics) {
        return Err(format!("presences and ids alive: {alive:?}, but counted: {counts:?}"));
    }
    let kept = counts.presences - counts.conflated;
    // Each thing that ends by itself may keep what takes its place, and each member of a topic has
    // perhaps a presence there.
    let most = published + held + counts.expiring + counts.memberships;
    if !(published..=most).contains(&kept) {
        return Err(format!("{published} sessions have published: {counts:?}"));
    }
    let few = world.host.sessions.len() <= FEW;
    if few { no_ghosts(world) } else { Ok(()) }
}

/// Checks that the names of a session all lead to it, and those of what is over to nothing.
fn names_agree(world: &World, name: &Name, known: &Known) -> Result<(), String> {
    let engine = &world.engine;
    if let Some(old) = known.old.iter().find(|old| engine.session(**old).is_some()) {
        return Err(format!("{name} is still found by {old:?}"));
    }
    let id = known.id.ok_or_else(|| format!("{name} has no id"))?;
    let by_id = engine.session_by_id(id).map(|session| session.key);
    let by_key = engine.session(known.key).map(|session| session.id);
    let there = known.life != Life::Ended;
    if (by_id, by_key) != (there.then_some(known.key), there.then_some(id)) {
        return Err(format!("{name} is {known:?}, but found as {by_id:?} and {by_key:?}"));
    }
    Ok(())
}

/// Checks that nobody believes what is not so.
fn no_ghosts(world: &World) -> Result<(), String> {
    let never = world.host.options.offline_notices == OfflineNotices::Never;
    if never || world.host.lossy {
        return Ok(());
    }
    for seat in world.host.attached().filter(|seat| !seat.congested) {
        let truth = truth(world, seat);
        users_are_true(world, seat)?;
        for (session, text) in believed(world, seat)? {
            if !truth.contains_key(&session) && id_may_be_held(world, session) {
                continue;
            }
            if truth.get(&session) != Some(&text) {
                return Err(format!(
                    "{} believes that {} says \"{text}\"",
                    seat.name,
                    world.host.name_of_id(session)?
                ));
            }
        }
    }
    Ok(())
}

/// Checks that a receiver that is told one state holds just that state of each user.
fn users_are_true(world: &World, seat: &Seat) -> Result<(), String> {
    let key = world.host.sessions.get(&seat.name).map(|known| known.key);
    for user in seat.replica.users() {
        let Some((text, since)) = seat.replica.user(user) else { continue };
        let id = Id::new(user.as_bytes());
        let state = world.engine.representative(&id);
        let state = state.and_then(|(of, since)| Some((of.presence?.text(), since)));
        let sees = key.is_some_and(|key| world.engine.session_sees(key, &id));
        if !sees || state != Some((text.as_str(), since)) {
            return Err(format!("{} believes that {user} is \"{text}\", {since:?}", seat.name));
        }
    }
    Ok(())
}

/// Checks that everybody believes exactly what is so, where rosters are mutual and snapshots on.
pub(crate) fn beliefs_are_true(world: &World) -> Result<(), String> {
    for seat in world.host.attached().filter(|seat| !seat.congested) {
        users_are_true(world, seat)?;
        for user in world.engine.users_online().filter(|_| world.tells_users) {
            let key = world.host.sessions.get(&seat.name).map(|known| known.key);
            let sees = key.is_some_and(|key| world.engine.session_sees(key, user));
            let shows = world.engine.representative(user).is_some();
            if sees && shows && seat.replica.user(&world.host.user(user)?).is_none() {
                return Err(format!("{} knows nothing of {user:?}", seat.name));
            }
        }
        let (mut believed, truth) = (believed(world, seat)?, truth(world, seat));
        believed.retain(|id, _| truth.contains_key(id) || !id_may_be_held(world, *id));
        if believed != truth {
            let (believed, truth) = (name(world, &believed), name(world, &truth));
            return Err(format!("{} believes {believed:?}, but true is {truth:?}", seat.name));
        }
    }
    Ok(())
}

fn name(world: &World, presences: &Presences) -> Vec<String> {
    let name = |(id, text)| format!("{:?} \"{text}\"", world.host.ids.get(id));
    presences.iter().map(name).collect()
}

/// What a receiver believes, of directed presence only whose it is: that session must be there.
fn believed(world: &World, seat: &Seat) -> Result<Presences, String> {
    let mut believed = Presences::new();
    for user in seat.replica.users() {
        for (session, published, _) in seat.replica.sessions_of(user) {
            let is_over = world.engine.session_by_id(session).is_none();
            if is_over && !id_may_be_held(world, session) {
                let gone = world.host.name_of_id(session)?;
                return Err(format!("{} believes in {gone}, which has ended", seat.name));
            }
            believed.extend(published.map(|text| (session, text.clone())));
        }
    }
    Ok(believed)
}

/// Returns whether what a session showed may be held though it has ended: only while a session that
/// connected later, not too long ago, is there and shows nothing.
fn may_be_held(world: &World, name: &Name) -> bool {
    let is_over = world.host.sessions.get(name).is_some_and(|known| known.life == Life::Ended);
    if !is_over {
        return false;
    }
    let [after, last] = [name.number + 1, u32::MAX].map(|number| Name { number, ..name.clone() });
    let later = world.host.sessions.range(after..=last);
    let later = later.filter(|(_, known)| known.life != Life::Ended);
    let later: Vec<_> = later.filter_map(|(_, known)| world.engine.session(known.key)).collect();
    let settle_ms = world.host.options.settle_ms;
    let settles = |at: Time| at.saturating_add(settle_ms) > world.engine.now();
    later.iter().any(|session| session.presence.is_none() && settles(session.connected))
}

fn id_may_be_held(world: &World, id: SessionId) -> bool {
    world.host.ids.get(&id).is_some_and(|name| may_be_held(world, name))
}

/// What a session may see at this moment.
fn truth(world: &World, seat: &Seat) -> Presences {
    let mut truth = Presences::new();
    let Some(viewer) = world.host.sessions.get(&seat.name) else { return truth };
    let Some(viewer) = world.engine.session(viewer.key) else { return truth };
    for known in world.host.sessions.values() {
        let Some(session) = world.engine.session(known.key) else { continue };
        let own = viewer.user == session.user && world.host.options.own_echo;
        let sees = own || !world.tells_users && world.engine.session_sees(viewer.key, session.user);
        let presence = session.presence.filter(|_| sees && session.key != viewer.key);
        truth.extend(presence.map(|presence| (session.id, presence.text().to_owned())));
    }
    truth
}
