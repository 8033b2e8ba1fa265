//! Every short history in a small world: an observer, somebody hidden, and somebody whom both know.

use crate::hiding::Hiding;
use crate::side::{Input, Side};
use adsum::{
    Config, DeviceKind, DirectTo, Grace, LostCause, OfflineNotices, Options, OverLimit, Rate, Time,
};
use adsum_model::queries::equal;
use adsum_model::told::Ordinal;
use adsum_model::{Choice, Event, User};

const OBSERVER: User = 0;
const HIDDEN: User = 1;
const THIRD: User = 2;

/// What can be done in this world. Sessions are named by their owner and the order in which they
/// came; of the observer and the third there is one from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Connect,
    Active,
    Publish,
    /// For four milliseconds, then nothing.
    PublishBriefly,
    Withdraw,
    /// To whoever is hidden; the hidden one, to the others.
    Direct,
    /// To the other two.
    DirectMore,
    /// To the same, for four milliseconds.
    DirectFor,
    Disconnect,
    Lose,
    Resume,
    Congested,
    Writable,
    /// Each of the others becomes a contact.
    Befriend,
    Part,
    Block,
    Expel,
    /// The other two; a stranger's observer only the third.
    Watch,
    Unwatch,
    /// Somebody who never comes: one too many for whoever watches the other two.
    WatchMore,
}

const OF_OBSERVER: [Act; 11] = [
    Act::Publish,
    Act::Direct,
    Act::DirectMore,
    Act::DirectFor,
    Act::Resume,
    Act::Congested,
    Act::Writable,
    Act::Befriend,
    Act::Connect,
    Act::Watch,
    Act::Unwatch,
];
const OF_HIDDEN: [Act; 15] = [
    Act::Active,
    Act::Connect,
    Act::Publish,
    Act::PublishBriefly,
    Act::Withdraw,
    Act::Direct,
    Act::DirectFor,
    Act::Disconnect,
    Act::Lose,
    Act::Congested,
    Act::Befriend,
    Act::Part,
    Act::Block,
    Act::Expel,
    Act::Watch,
];
const OF_THIRD: [Act; 4] = [Act::Publish, Act::Direct, Act::DirectMore, Act::Disconnect];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Of(User, Act),
    /// So many milliseconds later.
    Advance(u64),
}

fn alphabet() -> Vec<Step> {
    let of = |user| move |act: &Act| Step::Of(user, *act);
    let all = OF_OBSERVER.iter().map(of(OBSERVER)).chain(OF_HIDDEN.iter().map(of(HIDDEN)));
    all.chain(OF_THIRD.iter().map(of(THIRD))).chain([Step::Advance(3), Step::Advance(40)]).collect()
}

/// A history as it goes.
struct Run {
    side: Side,
    now: u64,
    /// Of each user: sessions that have connected, and the attachments of the last one.
    sessions: [usize; 3],
    attachments: [usize; 3],
    /// The last session of each, among those of its side.
    last: [usize; 3],
    others: usize,
    hiding: Hiding,
}

impl Run {
    fn new(options: &Options, hiding: Hiding) -> Result<Self, String> {
        let config = Config::new(options.clone()).expect("the options go together");
        // Where somebody can be idle, one state of each user is told.
        let choice = options.idle_after_ms.map(|_| Choice::Last);
        let mut run = Self {
            side: Side::new(&config, choice, OBSERVER, HIDDEN),
            now: 0,
            sessions: [0; 3],
            attachments: [0; 3],
            last: [0; 3],
            others: 0,
            hiding,
        };
        run.step(Step::Of(OBSERVER, Act::Connect), 0)?;
        run.step(Step::Of(THIRD, Act::Connect), 0)?;
        run.step(Step::Of(THIRD, Act::Publish), 1)?;
        Ok(run)
    }

    fn step(&mut self, step: Step, presence: u32) -> Result<(), String> {
        let (user, act) = match step {
            Step::Advance(by) => {
                self.now += by;
                return self.give(Event::Advance, None, None);
            }
            Step::Of(user, act) => (user, act),
        };
        let event = self.event(user, act, presence);
        let of = user as usize;
        let names_one = adsum_model::session_of(&mut event.clone()).is_some();
        if names_one && self.sessions[of] == 0 {
            return Ok(());
        }
        let by = Ordinal { session: self.last[of], attachment: self.attachments[of] };
        self.give(event, names_one.then_some(by), Some(user))?;
        // Invisible from the first moment on.
        let hides = (self.hiding, user, act) == (Hiding::Invisible, HIDDEN, Act::Connect);
        if hides && self.sessions[of] > 0 {
            let by = Ordinal { session: self.last[of], attachment: 0 };
            let event = Event::Invisible { session: adsum_model::Attachment::NONE.key };
            self.give(event, Some(by), Some(HIDDEN))?;
        }
        Ok(())
    }

    fn event(&self, user: User, act: Act, presence: u32) -> Event {
        let session = adsum_model::Attachment::NONE.key;
        let mut others = vec![(user + 1) % 3, (user + 2) % 3];
        // A stranger has nothing to do with the observer.
        if (self.hiding, user) == (Hiding::Stranger, HIDDEN)
            || (self.hiding, user) == (Hiding::Invisible, HIDDEN)
                && matches!(act, Act::Direct | Act::DirectFor)
        {
            others.retain(|other| *other != OBSERVER);
        }
        let blocked = match (self.hiding, user) {
            (Hiding::BlocksObserver, HIDDEN) => vec![OBSERVER],
            (Hiding::IsBlocked, OBSERVER) => vec![HIDDEN],
            _ => Vec::new(),
        };
        match act {
            Act::Connect => Event::Connect { user, kind: DeviceKind(0), audience: others, blocked },
            Act::Publish => Event::Publish { session, presence },
            Act::Direct => {
                others.retain(|other| user == HIDDEN || *other == HIDDEN);
                Event::Direct { session, users: others, presence }
            }
            Act::DirectFor => Event::DirectFor { session, users: others, presence, for_ms: 4 },
            Act::PublishBriefly => {
                let until = Time::from_millis(self.now + 4);
                Event::PublishUntil { session, presence, until, then: None }
            }
            Act::Withdraw => Event::Withdraw { session },
            Act::DirectMore => Event::Direct { session, users: others, presence },
            Act::Active => Event::Active { session },
            Act::Disconnect => Event::Disconnect { session },
            Act::Lose => Event::Lost { session, cause: LostCause::ConnectionError, grace_ms: None },
            Act::Resume => Event::Resume { session },
            Act::Congested => Event::Congested { session },
            Act::Writable => Event::Writable { session },
            Act::Befriend => Event::AudienceAdd { user, contacts: others },
            Act::Part => Event::AudienceRemove { user, contacts: others },
            Act::Block => Event::Block { user, other: THIRD },
            Act::Expel => Event::Expel { user },
            Act::Watch => {
                if (self.hiding, user) == (Hiding::Stranger, OBSERVER) {
                    others.retain(|other| *other != HIDDEN);
                }
                Event::Watch { session, users: others }
            }
            Act::Unwatch => Event::Unwatch { session, users: others },
            Act::WatchMore => Event::Watch { session, users: vec![3] },
        }
    }

    fn give(&mut self, event: Event, by: Option<Ordinal>, of: Option<User>) -> Result<(), String> {
        let begins = matches!(event, Event::Connect { .. });
        let resumes = matches!(event, Event::Resume { .. });
        let input = Input { now: Time::from_millis(self.now), event, by, topic: None, of };
        let outcome = self.side.give(&input)?;
        if let (Some(of), Ok(_)) = (of, &outcome) {
            let at = of as usize;
            if begins {
                let place = if of == HIDDEN { &mut self.sessions[at] } else { &mut self.others };
                self.last[at] = *place;
                *place += 1;
                self.attachments[at] = 0;
                self.sessions[at] = self.sessions[at].max(1);
            }
            self.attachments[at] += usize::from(resumes);
        }
        Ok(())
    }
}

fn all_options() -> Vec<Options> {
    let mut all = Vec::new();
    for offline_notices in
        [OfflineNotices::ToWhoeverSaw, OfflineNotices::ToAllContacts, OfflineNotices::Never]
    {
        for direct_to in [DirectTo::Contacts, DirectTo::Anyone] {
            all.push(Options {
                offline_notices,
                direct_to,
                grace: Grace { connection_error_ms: 10, ..Grace::NONE },
                lease: None,
                max_sessions: 1,
                over_limit: OverLimit::EvictOldest { min_age_ms: 0 },
                max_direct: 2,
                max_told: 2,
                max_watched: 2,
                publish_rate: Some(Rate { burst: 1, interval_ms: 2 }),
                direct_rate: Some(Rate { burst: 2, interval_ms: 5 }),
                settle_ms: 7,
                ..Options::default()
            });
        }
    }
    let as_one = all.clone().into_iter();
    all.extend(as_one.map(|options| Options { idle_after_ms: Some(3), ..options }));
    all
}

/// Compares every history of this length with what is left of it without the hidden user's inputs.
/// Returns how many there were.
fn explore(options: &Options, hiding: Hiding, length: usize) -> u64 {
    let alphabet = alphabet();
    let mut histories = 0;
    for number in 0..alphabet.len().pow(length as u32) {
        let mut rest = number;
        let path: Vec<Step> = (0..length)
            .map(|_| {
                let step = alphabet[rest % alphabet.len()];
                rest /= alphabet.len();
                step
            })
            .collect();
        // Where nothing hidden happens, or before it has come, there is nothing to compare.
        let of_hidden = path.iter().find(|step| matches!(step, Step::Of(HIDDEN, _)));
        if of_hidden != Some(&Step::Of(HIDDEN, Act::Connect)) {
            continue;
        }
        histories += 1;
        if let Err(fault) = compare(options, hiding, &path) {
            panic!("{hiding:?}, {options:?}\n{path:?}\n{fault}");
        }
    }
    histories
}

fn compare(options: &Options, hiding: Hiding, path: &[Step]) -> Result<(), String> {
    let [mut with, mut without] = [Run::new(options, hiding)?, Run::new(options, hiding)?];
    let ends = [Act::Writable, Act::DirectMore, Act::WatchMore].map(|act| Step::Of(OBSERVER, act));
    for (nth, step) in path.iter().chain(&ends).chain(&[Step::Advance(100)]).enumerate() {
        with.step(*step, 10 + nth as u32)?;
        match step {
            Step::Of(HIDDEN, _) => {}
            step => without.step(*step, 10 + nth as u32)?,
        }
        equal("what is seen", &with.side.told, &without.side.told)?;
    }
    Ok(())
}

/// `ADSUM_INTERFERENCE_LENGTH` says how long histories are.
#[test]
fn every_short_history_looks_the_same() {
    let length = std::env::var("ADSUM_INTERFERENCE_LENGTH").ok();
    let length = length.map_or(3, |length| length.parse().expect("it is a number"));
    let mut histories = 0;
    for options in all_options() {
        for hiding in Hiding::ALL {
            // Going invisible tells all contacts that it is offline: that one came is seen, which
            // "Non-interference" in the rules excepts by name.
            let is_seen = options.offline_notices == OfflineNotices::ToAllContacts;
            if !(hiding == Hiding::Invisible && is_seen) {
                histories += explore(&options, hiding, length);
            }
        }
    }
    println!("histories of {length} inputs: {histories}");
    assert!(histories > 5_000, "only {histories}");
}
