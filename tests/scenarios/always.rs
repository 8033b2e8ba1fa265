//! What holds after every line of every scenario.

use crate::counted::{Id, Presence};
use crate::host::{Life, Seat};
use crate::world::World;
use adsum::{OfflineNotices, SessionKey};
use std::collections::BTreeMap;

/// With more receivers than these, beliefs are not compared after every line.
const FEW: usize = 50;

/// What a receiver believes or what is true: of each session what it publishes.
type Presences = BTreeMap<SessionKey, String>;

pub(crate) fn check(world: &World) -> Result<(), String> {
    let engine = &world.engine;
    engine.verify()?;
    world.host.settle()?;
    let counts = engine.counts();
    if engine.deadline().is_none() != (counts.timers == 0) {
        return Err(format!("{} timers, but deadline {:?}", counts.timers, engine.deadline()));
    }
    let mut published = 0;
    for (name, (key, life)) in &world.host.sessions {
        if world.life(*key) != *life {
            return Err(format!(
                "{name} is {:?}, but the host was told otherwise",
                world.life(*key)
            ));
        }
        if *life == Life::Ended && engine.presence(*key).is_some() {
            return Err(format!("{name} has ended, but its presence is kept"));
        }
        published += usize::from(engine.presence(*key).is_some());
    }
    let alive = (Presence::alive(), Id::alive());
    if alive != (counts.presences, counts.users_known) {
        return Err(format!("presences and ids alive: {alive:?}, but counted: {counts:?}"));
    }
    if counts.presences != published + counts.conflated {
        return Err(format!("{published} sessions have published: {counts:?}"));
    }
    let few = world.host.sessions.len() <= FEW;
    if few { no_ghosts(world) } else { Ok(()) }
}

/// Does nobody believe what is not so?
fn no_ghosts(world: &World) -> Result<(), String> {
    let never = world.host.options.offline_notices == OfflineNotices::Never;
    if never || world.host.lossy {
        return Ok(());
    }
    for seat in world.host.attached().filter(|seat| !seat.congested) {
        let truth = truth(world, seat);
        for (session, text) in believed(world, seat)? {
            if truth.get(&session) != Some(&text) {
                return Err(format!(
                    "{} believes that {} says \"{text}\"",
                    seat.name,
                    world.host.name(session)?
                ));
            }
        }
    }
    Ok(())
}

/// Does everybody believe exactly what is so? Asked where rosters are mutual and snapshots on.
pub(crate) fn beliefs_are_true(world: &World) -> Result<(), String> {
    for seat in world.host.attached().filter(|seat| !seat.congested) {
        let (believed, truth) = (believed(world, seat)?, truth(world, seat));
        if believed != truth {
            let (believed, truth) = (name(world, &believed), name(world, &truth));
            return Err(format!("{} believes {believed:?}, but true is {truth:?}", seat.name));
        }
    }
    Ok(())
}

fn name(world: &World, presences: &Presences) -> Vec<String> {
    let name = |(key, text)| format!("{:?} \"{text}\"", world.host.names.get(key));
    presences.iter().map(name).collect()
}

/// What a receiver believes, of directed presence only whose it is: that session must be there.
fn believed(world: &World, seat: &Seat) -> Result<Presences, String> {
    let mut believed = Presences::new();
    for user in seat.replica.users() {
        for (session, published, _) in seat.replica.sessions_of(user) {
            if world.life(session) == Life::Ended {
                let gone = world.host.name(session)?;
                return Err(format!("{} believes in {gone}, which has ended", seat.name));
            }
            believed.extend(published.map(|text| (session, text.clone())));
        }
    }
    Ok(believed)
}

/// What a session may see at this moment.
fn truth(world: &World, seat: &Seat) -> Presences {
    let mut truth = Presences::new();
    let viewer = world.engine.user_of(seat.key);
    for (key, _) in world.host.sessions.values() {
        let (user, presence) = (world.engine.user_of(*key), world.engine.presence(*key));
        let Some(((viewer, user), presence)) = viewer.zip(user).zip(presence) else { continue };
        let own = viewer == user && world.host.options.own_echo;
        if *key != seat.key && (own || world.engine.sees(viewer, user)) {
            truth.insert(*key, presence.text().to_owned());
        }
    }
    truth
}
