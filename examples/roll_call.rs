//! The loop that every host runs, with nothing around it: three people, no network, and a printout
//! of who is told what.
//!
//! `cargo run --example roll_call`

use adsum::{Config, Connect, Decision, Decisions, DeviceKind, Engine, Error, LostCause, Notice};
use adsum::{SessionKey, SlotMap, Time};

const PHONE: DeviceKind = DeviceKind(1);

/// What a host keeps for a session: a socket, or here a name to print.
type Sockets = SlotMap<&'static str>;

fn main() -> Result<(), Error> {
    let mut house = House { engine: Engine::new(Config::default()), sockets: SlotMap::new() };
    let mut clock = (0..).step_by(1_000).map(Time::from_millis);
    let mut now = || clock.next().unwrap_or(Time::MAX);

    println!("ann connects and says that she is here");
    let ann = house.connect(now(), "ann", Connect::new("ann").audience(["bob", "cyd"]))?;
    house.publish(now(), ann, "here")?;

    println!("bob connects: his snapshot has her in it, and nobody hears of him yet");
    let bob = house.connect(now(), "bob", Connect::new("bob").audience(["ann"]))?;
    house.publish(now(), bob, "reading")?;

    println!("ann's phone connects as well");
    let phone = Connect::new("ann").kind(PHONE).audience(["bob", "cyd"]);
    let phone = house.connect(now(), "ann's phone", phone)?;
    house.publish(now(), phone, "on the train")?;

    println!("ann closes her desktop: she is not offline");
    carry_out(house.engine.disconnect(now(), ann)?, &mut house.sockets);

    println!("the train enters a tunnel: nobody notices, and the phone is back within its grace");
    house.lose(now(), phone)?;
    let (phone, decisions) = house.engine.resume(now(), phone)?;
    house.sockets.insert(phone, "ann's phone");
    carry_out(decisions, &mut house.sockets);

    println!("the next tunnel is longer than the grace");
    house.lose(now(), phone)?;
    while let Some(at) = house.engine.deadline().filter(|_| house.engine.is_online("ann")) {
        // What is due happens before any other input.
        while house.engine.deadline().is_some_and(|due| due <= at) {
            carry_out(house.engine.advance(at), &mut house.sockets);
        }
        // Bob's client is alive and says so.
        carry_out(house.engine.heartbeat(at, bob)?, &mut house.sockets);
    }
    println!("bob leaves");
    carry_out(house.engine.disconnect(now(), bob)?, &mut house.sockets);
    assert!(house.sockets.is_empty(), "every session has ended");
    Ok(())
}

struct House {
    engine: Engine<&'static str, &'static str>,
    sockets: Sockets,
}

impl House {
    fn connect<const N: usize>(
        &mut self,
        now: Time,
        socket: &'static str,
        connect: Connect<&'static str, [&'static str; N]>,
    ) -> Result<SessionKey, Error> {
        let (session, decisions) = self.engine.connect(now, connect)?;
        // Before the decisions: the snapshot among them is for this socket.
        self.sockets.insert(session, socket);
        carry_out(decisions, &mut self.sockets);
        Ok(session)
    }

    fn publish(
        &mut self,
        now: Time,
        session: SessionKey,
        presence: &'static str,
    ) -> Result<(), Error> {
        carry_out(self.engine.publish(now, session, presence)?, &mut self.sockets);
        Ok(())
    }

    fn lose(&mut self, now: Time, session: SessionKey) -> Result<(), Error> {
        carry_out(self.engine.lost(now, session, LostCause::ConnectionError)?, &mut self.sockets);
        Ok(())
    }
}

/// Does what the engine has decided.
fn carry_out(decisions: Decisions<'_, &str, &str>, sockets: &mut Sockets) {
    decisions.for_each(|decision| match decision {
        Decision::Deliver { notice, to } => {
            let text = encode(&notice);
            for (_, socket) in to.iter().filter_map(|slot| sockets.at(*slot)) {
                println!("    to {socket}: {text}");
            }
        }
        Decision::Snapshot(snapshot) => {
            let socket = sockets.get(snapshot.receiver()).copied().unwrap_or("nobody");
            println!("    to {socket}: {} in sight", snapshot.len());
            for entry in snapshot.entries() {
                println!("        {} is {:?}", entry.user, entry.presence);
            }
        }
        Decision::Close { session, reason, .. } => {
            let socket = sockets.get(session).copied().unwrap_or("nobody");
            println!("    close the connection of {socket}: {reason:?}");
        }
        Decision::Online { user, .. } => println!("    (edge: {user} has come online)"),
        Decision::Ended { user, session, reason, last, .. } => {
            let socket = sockets.remove(session).unwrap_or("nobody");
            println!("    (the session of {socket} has ended: {reason:?})");
            if last {
                println!("    (edge: {user} has gone offline)");
            }
        }
        _ => {}
    });
}

/// Returns what is told. A real host makes a frame here, once for all receivers.
fn encode(notice: &Notice<'_, &str, &str>) -> String {
    match notice {
        Notice::Presence { user, kind, presence, .. } => {
            format!("{user} is {presence:?} ({kind:?})")
        }
        Notice::SessionEnded { user, .. } => format!("{user} has one device less"),
        Notice::Withdrawn { user, .. } => format!("{user} has one device that shows nothing"),
        Notice::UserOffline { user, .. } => format!("{user} is offline"),
        other => format!("{other:?}"),
    }
}
