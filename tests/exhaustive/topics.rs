//! The same of topics: two users with two sessions each, two topics, all distinct states that so
//! many inputs lead to, from nobody in a topic and from where both sessions of somebody invisible
//! are in one.
//!
//! One topic is joined by members who view all, the other by one session of each user that views a
//! sample and one that observes and counts. There is room for one user before a topic is large, so
//! that all rules of large topics are met, and each update but the first waits for a token. Where
//! blocks hide there is no large topic, and there the users block each other besides.

use crate::{Visited, explore};
use adsum::{
    DeviceKind, Grace, Join, LostCause, Options, Rate, SessionKey, Time, TopicBlocks, TopicOptions,
    View,
};
use adsum_model::{Event, Model, User, World};

/// What a session does, or has done to it.
#[derive(Clone, Copy, Debug)]
enum Verb {
    Join(User),
    Leave(User),
    Update(User),
    Say(User),
    Look(User),
    LookAt(User),
    Lost,
    Resume,
    Congested,
    Writable,
    Invisible,
    Visible,
    Publish,
    Disconnect,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    /// Of a user's sessions, one by its place among them.
    Session(Verb, User, usize),
    Block(User),
    Unblock(User),
    Remove(User, User),
    Close(User),
    /// To the next deadline.
    Tick,
}

impl Action {
    /// Returns all actions, or those of which as many as possible can be done in little time.
    fn all(is_full: bool) -> Vec<Self> {
        let few = [
            Verb::Join(0),
            Verb::Join(1),
            Verb::Leave(0),
            Verb::Update(0),
            Verb::Lost,
            Verb::Resume,
            Verb::Congested,
            Verb::Writable,
            Verb::Invisible,
            Verb::Visible,
        ];
        let more = [
            Verb::Leave(1),
            Verb::Update(1),
            Verb::Say(0),
            Verb::Look(0),
            Verb::LookAt(0),
            Verb::Publish,
            Verb::Disconnect,
        ];
        let verbs = few.into_iter().chain(more.into_iter().filter(|_| is_full));
        let sessions = || [0, 1].into_iter().flat_map(|user| [(user, 0), (user, 1)]);
        let of_all = verbs
            .flat_map(|verb| sessions().map(move |(user, nth)| Self::Session(verb, user, nth)));
        let of_none = [Self::Remove(0, 0), Self::Close(0)].into_iter().filter(|_| is_full);
        [Self::Tick].into_iter().chain(of_all).chain(of_none).collect()
    }

    /// Returns all actions where blocks hide, without those that change who sees all: everybody
    /// does there.
    fn all_hiding(is_full: bool) -> Vec<Self> {
        let mut all = Self::all(is_full);
        all.extend([Self::Block(0), Self::Block(1), Self::Unblock(0), Self::Unblock(1)]);
        all
    }

    /// Returns what it is as things stand; `None` if it is nothing.
    fn event(self, model: &Model, nth: usize) -> Option<(Time, Event)> {
        let now = Time::from_millis(model.now);
        let event = match self {
            Self::Session(verb, user, place) => {
                let session = *model.keys_of(user).get(place)?;
                of_session(verb, session, model, (user, place), nth as u32)?
            }
            Self::Block(user) => Event::Block { user, other: 1 - user },
            Self::Unblock(user) => Event::Unblock { user, other: 1 - user },
            Self::Remove(topic, user) => Event::Remove { topic, user },
            Self::Close(topic) => Event::Close { topic },
            Self::Tick => {
                return Some((Time::from_millis(*model.deadlines().first()?), Event::Advance));
            }
        };
        Some((now, event))
    }
}

fn of_session(
    verb: Verb,
    session: SessionKey,
    model: &Model,
    (user, place): (User, usize),
    presence: u32,
) -> Option<Event> {
    let key = |name: User| model.topics.get(&name).map(|topic| topic.key);
    Some(match verb {
        Verb::Join(0) => {
            let join = Join::Member { presence: None, view: View::All };
            Event::Join { session, topic: 0, join }
        }
        Verb::Join(topic) => {
            let join = match place {
                0 => Join::Member { presence: Some(presence), view: View::Sample(1) },
                _ => Join::Observer { view: View::Count },
            };
            Event::Join { session, topic, join }
        }
        Verb::Leave(topic) => Event::Leave { session, topic: key(topic)? },
        Verb::Update(topic) => Event::Update { session, topic: key(topic)?, presence },
        Verb::Say(topic) => Event::Say { session, topic: key(topic)?, presence, for_ms: Some(100) },
        Verb::Look(topic) => Event::Look { session, topic: key(topic)?, view: View::Count },
        Verb::LookAt(topic) => Event::LookAt { session, topic: key(topic)?, users: vec![1 - user] },
        Verb::Lost => Event::Lost { session, cause: LostCause::ConnectionError, grace_ms: None },
        Verb::Resume => Event::Resume { session },
        Verb::Congested => Event::Congested { session },
        Verb::Writable => Event::Writable { session },
        Verb::Invisible => Event::Invisible { session },
        Verb::Visible => Event::Visible { session },
        Verb::Publish => Event::Publish { session, presence },
        Verb::Disconnect => Event::Disconnect { session },
    })
}

/// Ways to set what changes who is told what, and when: three of them, or all. The last ones are
/// those where blocks hide.
fn options(is_full: bool) -> impl Iterator<Item = Options> {
    let ways: &[u8] = if is_full { &[0, 1, 2, 3, 4, 5] } else { &[0, 3, 4] };
    ways.iter().map(|bits| Options {
        own_echo: bits & 1 == 0,
        grace: Grace { connection_error_ms: 250, ..Grace::NONE },
        lease: None,
        publish_rate: None,
        direct_rate: None,
        topic_rate: Some(Rate { burst: 1, interval_ms: 150 }),
        settle_ms: 0,
        topics: TopicOptions {
            // Where blocks hide there is room for both.
            full_up_to: if bits & 4 == 0 { 1 } else { 2 },
            sample: 1,
            coalesce_ms: if bits & 2 == 0 { 0 } else { 50 },
            max_members: 2,
            blocks: if bits & 4 == 0 { TopicBlocks::Ignored } else { TopicBlocks::Hidden },
        },
        ..Options::default()
    })
}

/// Returns a world in which two users have two sessions each.
fn peopled(options: &Options) -> World {
    let mut world = World::new(options.clone());
    for user in [0, 0, 1, 1] {
        let (audience, blocked) = (Vec::new(), Vec::new());
        let event = Event::Connect { user, kind: DeviceKind(0), audience, blocked };
        world.input(Time::ZERO, &event).unwrap_or_else(|fault| panic!("{fault}"));
    }
    world
}

/// Returns one in which one of each user's sessions is in a topic, and the other one of a user who
/// is invisible is too: one input shows them both.
fn gathered(options: &Options) -> World {
    let mut world = peopled(options);
    let keys = |world: &World, user| world.model.keys_of(user);
    let (others, own) = (keys(&world, 0), keys(&world, 1));
    let invisible = Event::Invisible { session: own[0] };
    world.input(Time::ZERO, &invisible).unwrap_or_else(|fault| panic!("{fault}"));
    for session in [others[0], own[0], own[1]] {
        let join = Join::Member { presence: None, view: View::All };
        let event = Event::Join { session, topic: 0, join };
        world.input(Time::ZERO, &event).unwrap_or_else(|fault| panic!("{fault}"));
    }
    world
}

#[test]
fn every_state_of_topics_is_as_the_model_says() {
    let full = std::env::var("ADSUM_EXHAUSTIVE_LENGTH").ok();
    let length = full.as_ref().map_or(3, |length| length.parse().expect("it is a number"));
    let is_full = full.is_some();
    let (usual, hiding) = (Action::all(is_full), Action::all_hiding(is_full));
    let explore_every_second = |first: usize| {
        let mut visited = Visited::default();
        for options in options(full.is_some()).skip(first).step_by(2) {
            let hides = options.topics.blocks == TopicBlocks::Hidden;
            let alphabet = if hides { &hiding } else { &usual };
            for begin in [peopled, gathered] {
                explore(
                    &|| begin(&options),
                    (alphabet, |action, at, nth| action.event(at, nth)),
                    length,
                    &mut visited,
                );
            }
            if full.is_some() {
                eprintln!("topics: {visited:?}");
            }
        }
        visited
    };
    // On two processors.
    let (mut visited, others) = std::thread::scope(|scope| {
        let others = scope.spawn(|| explore_every_second(1));
        (explore_every_second(0), others.join().expect("it is as the model says"))
    });
    visited.add(&others);
    println!("topics, sequences of {length} inputs: {visited:?}");
    // Should a change of the alphabet or of what counts as a state shrink the search, it shows.
    assert!(visited.states >= 2_000 * visited.options, "{visited:?}");
    assert!(visited.refusals > 0 && visited.options >= 3, "{visited:?}");
}
