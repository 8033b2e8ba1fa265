//! The loop that every host runs, with nothing around it: three people, no network, and a printout
//! of who is told what.
//!
//! `cargo run --example roll_call`

use adsum::{Config, Decision, Decisions, DeviceKind, Engine, Notice, SessionKey, SlotMap, Time};
use std::hash::RandomState;

const PHONE: DeviceKind = DeviceKind(1);
const DESKTOP: DeviceKind = DeviceKind(2);

/// What a host keeps for a session: a socket, or here a name to print.
type Sockets = SlotMap<&'static str>;

fn main() -> Result<(), adsum::Error> {
    let mut engine = Engine::<&str, &str>::new(Config::default());
    let mut sockets = Sockets::new();
    let mut clock = (0..).step_by(1_000).map(Time::from_millis);
    let mut now = || clock.next().unwrap_or(Time::MAX);

    println!("ann connects and says that she is here");
    let (ann, decisions) = engine.connect(now(), "ann", DESKTOP, ["bob", "cyd"], [])?;
    sockets.insert(ann.slot(), "ann");
    carry_out(decisions, &mut sockets);
    carry_out(engine.publish(now(), ann, "here")?, &mut sockets);

    println!("bob connects: his snapshot has her in it, and nobody hears of him yet");
    let (bob, decisions) = engine.connect(now(), "bob", DESKTOP, ["ann"], [])?;
    sockets.insert(bob.slot(), "bob");
    carry_out(decisions, &mut sockets);
    carry_out(engine.publish(now(), bob, "reading")?, &mut sockets);

    println!("ann's phone connects as well");
    let (phone, decisions) = engine.connect(now(), "ann", PHONE, ["bob", "cyd"], [])?;
    sockets.insert(phone.slot(), "ann's phone");
    carry_out(decisions, &mut sockets);
    carry_out(engine.publish(now(), phone, "on the train")?, &mut sockets);

    println!("ann closes her desktop: she is not offline");
    hang_up(&mut engine, &mut sockets, now(), ann)?;

    println!("the train enters a tunnel: nobody notices until the grace is over");
    let lost = engine.lost(now(), phone, adsum::LostCause::ConnectionError)?;
    carry_out(lost, &mut sockets);
    while let Some(at) = engine.deadline() {
        carry_out(engine.advance(at), &mut sockets);
        if !engine.is_online(&"ann") {
            break;
        }
        // Bob's client is alive and says so.
        carry_out(engine.heartbeat(at, bob)?, &mut sockets);
    }
    hang_up(&mut engine, &mut sockets, now(), bob)
}

fn hang_up(
    engine: &mut Engine<&str, &str>,
    sockets: &mut Sockets,
    now: Time,
    session: SessionKey,
) -> Result<(), adsum::Error> {
    sockets.remove(session.slot());
    carry_out(engine.disconnect(now, session)?, sockets);
    Ok(())
}

fn carry_out(mut decisions: Decisions<'_, &str, &str, RandomState>, sockets: &mut Sockets) {
    while let Some(decision) = decisions.next() {
        match decision {
            Decision::Deliver { notice, to } => {
                let text = encode(&notice);
                for socket in to.iter().filter_map(|slot| sockets.get(*slot)) {
                    println!("    to {socket}: {text}");
                }
            }
            Decision::Snapshot(snapshot) => {
                let socket = sockets.get(snapshot.to()).copied().unwrap_or("the new session");
                println!("    to {socket}: {} in sight", snapshot.len());
                for entry in snapshot.entries() {
                    println!("        {} is {:?}", entry.user, entry.presence);
                }
            }
            Decision::Close { session, reason, resumable } => {
                println!("    close {session:?}: {reason:?}");
                if !resumable {
                    sockets.remove(session.slot());
                }
            }
            _ => {}
        }
    }
}

/// A real host would make a frame here, once, whoever gets it.
fn encode(notice: &Notice<'_, &str, &str>) -> String {
    match notice {
        Notice::Presence { user, kind, presence, .. } => {
            format!("{user} is {presence:?} ({kind:?})")
        }
        Notice::SessionEnded { user, .. } => format!("{user} has one device less"),
        Notice::UserOffline { user, .. } => format!("{user} is offline"),
        other => format!("{other:?}"),
    }
}
