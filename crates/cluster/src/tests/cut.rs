//! A user of whom so much is to be said that it fits into no message.

use super::few::Few;
use super::{config, node, options};
use crate::{Body, Message};
use adsum::{Event, SessionKey};

/// The user whose lists are too long, and the only contact in them.
const LARGE: u32 = 99;
const CONTACT: u32 = 7;

/// Leaves out what a transport would that is as narrow as that.
fn cut(mut message: Message<u32, u32>) -> Message<u32, u32> {
    let states = match &mut message.body {
        Body::Ops(states) => states,
        Body::Sync(sync) => &mut sync.states,
        _ => return message,
    };
    for user in states.iter_mut().filter(|state| state.user == LARGE) {
        if user.state.lists.take_if(|lists| lists.audience == [CONTACT]).is_some() {
            user.is_cut = true;
            (user.state.sessions, user.state.ended, user.stamps) = Default::default();
        }
    }
    message
}

/// Two nodes, of which the second has that user and another.
fn two() -> (Few, [SessionKey; 2]) {
    let mut few = Few::new(2);
    few.on_its_way = cut;
    let sessions = [LARGE, 5].map(|user| few.log_in(1, user, CONTACT, 0));
    few.wait(1);
    (few, sessions)
}

fn publish(few: &mut Few, session: SessionKey, presence: u32) {
    few.gives(1, None, Event::Publish { session, presence });
}

/// Rule C2: the node's other users are seen at once, and nothing is asked for again and again.
#[test]
fn who_fits_into_no_message_holds_up_nobody_else() {
    let (mut few, sessions) = two();
    let gaps = few.nodes[0].stats().gaps;
    for presence in 0..100 {
        sessions.iter().for_each(|session| publish(&mut few, *session, presence));
        few.wait(20);
        assert_eq!((few.shown(0, 5), few.shown(0, LARGE)), (Some(presence), None));
    }
    assert_eq!(few.nodes[0].stats().gaps, gaps);
    // With other lists, which fit, it is seen again.
    few.gives(1, None, Event::AudienceReplace { user: LARGE, contacts: vec![8] });
    few.wait(1);
    assert_eq!(few.shown(0, LARGE), Some(99));
    publish(&mut few, sessions[0], 100);
    few.wait(1);
    assert_eq!(few.shown(0, LARGE), Some(100));
}

/// So it is for a node that comes later, and asks for everything.
#[test]
fn who_fits_into_no_message_fits_into_no_answer() {
    let (mut few, sessions) = two();
    few.nodes[0] = node(0, 2, &options(), config());
    (0..20).for_each(|_| few.wait(50));
    assert_eq!((few.shown(0, 5), few.shown(0, LARGE)), (Some(0), None));
    sessions.iter().for_each(|session| publish(&mut few, *session, 2));
    few.wait(1);
    assert_eq!((few.shown(0, 5), few.shown(0, LARGE)), (Some(2), None));
    few.gives(1, None, Event::Disconnect { session: sessions[0] });
    few.wait(1);
    let stats = few.nodes[0].stats();
    few.wait(10 * config().beat_ms);
    assert_eq!(few.nodes[0].stats().wrong_digests, stats.wrong_digests, "both count the same");
}
