//! Laws: of two ways to say something, or of two hosts that differ in one thing, what must come
//! out the same. None of these tests knows what that is, so none repeats a mistake of the model.
//!
//! That the hash seed, the steps in which time is told, and users who have nothing to do with each
//! other do not matter either stands in `determinism.rs`.

mod one_state;
mod script;
mod watching;

use adsum::{Error, Grace, Join, LostCause, OfflineNotices, Options, SessionKey, Time};
use adsum_model::queries::equal;
use adsum_model::told::users_of;
use adsum_model::{Case, Choice, Event, User};
use script::{Input, Player, Script, law, law_for};
use std::collections::BTreeMap;

/// So many that no list and no session is one too many.
fn no_limits(options: &mut Options) {
    (options.max_sessions, options.max_sessions_per_kind) = (500, Some(500));
    (options.max_audience, options.max_blocked) = (500, 500);
    (options.max_direct, options.max_told) = (500, 1 << 20);
    options.max_watched = 500;
}

fn patience(options: &mut Options) {
    no_limits(options);
    options.lease = None;
    options.grace = Grace {
        connection_error_ms: 1_000,
        timeout_ms: 1_000,
        node_loss_ms: Grace::LIMIT_MS,
        going_away_ms: 1_000,
    };
}

// ---- what happens to a connection is its own affair

/// A session is lost and resumed within the grace: everybody else is told what they would have
/// been told otherwise, and nothing more.
#[test]
fn that_a_session_was_lost_and_resumed_is_nobody_elses_affair() {
    // What a session showed is held for one that is attached, not for one that is lost (rule 6).
    let holds_nothing = |options: &mut Options| {
        patience(options);
        options.settle_ms = 0;
    };
    // Whoever chooses by what is attached gives this up (rule U2).
    let chosen = |choice: Option<Choice>| choice.filter(|by| *by != Choice::Attached);
    law_for(chosen, holds_nothing, |case, script| {
        meanwhile(case, script, Trouble::Lost, |_, _| Ok(()))
    });
}

fn told_of_endings(options: &mut Options) {
    patience(options);
    options.offline_notices = OfflineNotices::ToWhoeverSaw;
    options.snapshot_on_connect = true;
}

/// A session takes no notices for a while: everybody else is told what they would have been told
/// otherwise, and once it takes them again it believes what it would have believed.
#[test]
fn that_a_session_was_congested_is_nobody_elses_affair_and_it_misses_nothing() {
    law(told_of_endings, |case, script| {
        // One to whom a topic is closed is sent everything anew.
        let closes = |event: &Event| matches!(event, Event::Remove { .. } | Event::Close { .. });
        let may_be_anew = script.inputs.iter().any(|input| closes(&input.event));
        let check =
            if cfg!(feature = "shrunk") || may_be_anew { believes_no_more } else { believes };
        meanwhile(case, script, Trouble::Congested, check)
    });
}

fn believes(without: &Player, with: &Player) -> Result<(), String> {
    equal("what it believes", with.beliefs(), without.beliefs())
}

/// Where a snapshot makes good, it leaves out those who list the receiver and whom it does not list
/// itself: it may believe less, and nothing else.
fn believes_no_more(without: &Player, with: &Player) -> Result<(), String> {
    let (mut beliefs, due) = (with.beliefs(), without.beliefs());
    beliefs.retain(|session, presence| due.get(session) != Some(presence));
    equal("what it believes too much", beliefs, BTreeMap::new())
}

/// A session is resumed while it still has a connection: everybody else is told what they would
/// have been told otherwise (rule 5).
#[test]
fn that_a_session_changed_its_connection_is_nobody_elses_affair() {
    law(patience, |case, script| meanwhile(case, script, Trouble::Replaced, |_, _| Ok(())));
}

/// Of counts a snapshot says what changes say. Which it is depends on whether somebody who takes
/// notices joins with that view (rule T10).
fn counted_alike(told: Vec<String>) -> Vec<String> {
    let alike = |line: String| match line.strip_prefix("changes of ") {
        Some(rest) if rest.contains(", Count, ") => {
            format!("topic {rest}").replacen(": {}, {}, {} to", ": [] to", 1)
        }
        _ => line,
    };
    told.into_iter().map(alike).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Lost,
    Congested,
    Replaced,
}

/// Plays the inputs for two engines, in one of which a session has trouble from some input on,
/// until it speaks itself or a few inputs later. `afterwards` is asked each time that is over.
fn meanwhile(
    case: &Case,
    script: &Script,
    trouble: Trouble,
    afterwards: fn(&Player, &Player) -> Result<(), String>,
) -> Result<(), String> {
    let choice = case.ops.last().map_or([0; 6], |op| op.0);
    let (apart, length) = (usize::from(choice[2]) % 4, 1 + usize::from(choice[3]) % 12);
    meanwhile_of(apart, length, script, trouble, afterwards)
}

/// The same of this session, for so many inputs at most.
fn meanwhile_of(
    apart: usize,
    length: usize,
    script: &Script,
    trouble: Trouble,
    afterwards: fn(&Player, &Player) -> Result<(), String>,
) -> Result<(), String> {
    let (mut without, mut with) = (Player::apart(script, apart), Player::apart(script, apart));
    let mut since: Option<(usize, Time)> = None;
    for (at, input) in script.inputs.iter().enumerate() {
        let own = input.is_of(apart);
        let now = input.now.max(with.now());
        let in_time = |since: Time| now < since.saturating_add(Grace::LIMIT_MS);
        if let Some((began, time)) = since
            && (own || !in_time(time) || at - began >= length)
        {
            end(&mut with, &without, trouble, afterwards)?;
            since = None;
        } else if since.is_none() && !own && in_time(with.now()) && without.is_well(apart) {
            since = Some((at, with.now()));
            let session = with.names.last_key(apart).ok_or("nobody is well")?;
            with.besides(match trouble {
                Trouble::Lost => lost(session),
                Trouble::Congested => Event::Congested { session },
                Trouble::Replaced => Event::Resume { session },
            })?;
        }
        let [told, due] = [with.play(input)?, without.play(input)?].map(counted_alike);
        equal("what others are told", told, due)?;
    }
    Ok(())
}

/// The long grace is that of this cause.
fn lost(session: SessionKey) -> Event {
    Event::Lost { session, cause: LostCause::NodeLoss, grace_ms: None }
}

fn end(
    with: &mut Player,
    without: &Player,
    trouble: Trouble,
    afterwards: fn(&Player, &Player) -> Result<(), String>,
) -> Result<(), String> {
    // Somebody else may have ended it meanwhile, and then for both.
    let session = with.apart_while_there();
    equal("whether it is there", session.is_some(), without.apart_while_there().is_some())?;
    let Some(session) = session else {
        return Ok(());
    };
    with.besides(match trouble {
        Trouble::Lost => Event::Resume { session },
        Trouble::Congested => Event::Writable { session },
        Trouble::Replaced => Event::Heartbeat { session },
    })?;
    afterwards(without, with)
}

// ---- inputs that change nothing

/// Whatever was refused might as well never have been said: all that comes of the other inputs is
/// the same to the letter, numbers and keys included.
#[test]
fn a_refusal_leaves_no_trace() {
    law(
        |_| {},
        |_, script| {
            let mut player = Player::new(script);
            let (mut accepted, mut told) = (script.clone(), Vec::new());
            accepted.inputs.clear();
            for input in &script.inputs {
                let refusals = player.refusals();
                let lines = player.play(input)?;
                if player.refusals() == refusals {
                    accepted.inputs.push(input.clone());
                    told.push((lines, player.host.last_id, player.names.clone()));
                }
            }
            let mut player = Player::new(script);
            for (input, expected) in accepted.inputs.iter().zip(told) {
                let lines = player.play(input)?;
                equal(
                    "what is said",
                    (lines, player.host.last_id, player.names.clone()),
                    expected,
                )?;
            }
            Ok(())
        },
    );
}

/// To say once more what is so already says nothing to anybody, then or later.
#[test]
fn what_is_so_already_can_be_said_again() {
    law(
        |_| {},
        |_, script| {
            let mut again = Player::new(script);
            let told = script.play()?;
            for (input, expected) in script.inputs.iter().zip(told) {
                let said = again.play(input)?;
                let refusals = again.refusals();
                let once_more = match input.event {
                    Event::Connect { .. }
                    | Event::Disconnect { .. }
                    | Event::Resume { .. }
                    | Event::Publish { .. }
                    | Event::PublishUntil { .. }
                    | Event::Direct { .. }
                    | Event::DirectFor { .. }
                    | Event::Watch { .. }
                    | Event::Join { .. }
                    | Event::Update { .. }
                    | Event::Leave { .. }
                    | Event::Look { .. }
                    | Event::LookAt { .. }
                    | Event::Say { .. }
                    | Event::System { .. } => Vec::new(),
                    _ => again.play(input)?,
                };
                equal("what is said", &said, &expected)?;
                // What was refused is refused again, and one who has gone cannot be lost again.
                let gone = [format!("{:?}", Error::UnknownSession)];
                if again.refusals() == refusals {
                    equal("what is said again", once_more, Vec::new())?;
                } else if once_more != gone {
                    equal("the refusal", once_more, said)?;
                }
            }
            Ok(())
        },
    );
}

/// Where there are no leases, a session's state can be said again at any time, and that is nothing
/// at all: that it is alive, that it is congested, that it was lost.
#[test]
fn without_leases_the_state_of_a_session_can_be_said_at_any_time() {
    law(
        |options| options.lease = None,
        |_, script| {
            let mut repeating = Player::new(script);
            for (input, expected) in script.inputs.iter().zip(script.play()?) {
                for at in 0..repeating.names.len() {
                    let session = repeating.names.last_key(at).ok_or("a session has no key")?;
                    let engine = &repeating.host.engine;
                    let event = if engine.user_of(session).is_none() {
                        continue;
                    } else if !engine.is_attached(session) {
                        lost(session)
                    } else if engine.is_congested(session) {
                        Event::Congested { session }
                    } else {
                        Event::Heartbeat { session }
                    };
                    let again = Input { now: repeating.now(), event, by: None, topic: None };
                    equal("what is said again", repeating.play(&again)?, Vec::new())?;
                }
                equal("what is said", repeating.play(input)?, expected)?;
            }
            Ok(())
        },
    );
}

/// A system notice is not state: whoever was told it or not, all else is said as if nobody had.
#[test]
fn a_system_notice_leaves_nothing_behind() {
    law(
        |_| {},
        |_, script| {
            let silent = script.map(|mut input| {
                if let Event::System { users, .. } = &mut input.event {
                    users.clear();
                }
                input
            });
            let told = script.inputs.iter().zip(script.play()?.into_iter().zip(silent.play()?));
            for (input, (loud, silent)) in told {
                let is_system = matches!(input.event, Event::System { .. });
                equal("what is said", silent, if is_system { Vec::new() } else { loud })?;
            }
            Ok(())
        },
    );
}

// ---- other words for the same

/// A list is a set: neither order nor repetition matters, nor the user in its own list.
#[test]
fn a_list_is_a_set() {
    fn again<T: Clone>(list: &mut Vec<T>) {
        let turned: Vec<T> = list.iter().rev().cloned().collect();
        list.splice(0..0, turned);
    }
    law(no_limits, |_, script| {
        let longer = script.map(|mut input| {
            match &mut input.event {
                Event::Connect { user, audience, blocked, .. } => {
                    again(audience);
                    again(blocked);
                    audience.push(*user);
                    blocked.insert(0, *user);
                }
                Event::AudienceAdd { user, contacts }
                | Event::AudienceRemove { user, contacts }
                | Event::AudienceReplace { user, contacts } => {
                    again(contacts);
                    contacts.push(*user);
                }
                Event::Watch { users, .. }
                | Event::Unwatch { users, .. }
                | Event::Direct { users, .. }
                | Event::DirectFor { users, .. }
                | Event::System { users, .. } => again(users),
                _ => {}
            }
            input
        });
        equal("what is said", longer.play()?, script.play()?)
    });
}

/// Contacts who are added or taken out one by one are told what they are told when it is done at
/// once: the same to the same receivers, in more notices.
#[test]
fn contacts_may_come_and_go_one_by_one() {
    law(no_limits, |_, script| {
        let mut single = Player::new(script);
        let mut whole = Player::new(script);
        for input in &script.inputs {
            let expected = whole.play_apiece(input)?;
            let one_by_one: Vec<Event> = match &input.event {
                Event::AudienceAdd { user, contacts } if !contacts.is_empty() => {
                    let add = |contact: &User| Event::AudienceAdd {
                        user: *user,
                        contacts: vec![*contact],
                    };
                    contacts.iter().map(add).collect()
                }
                Event::AudienceRemove { user, contacts } if !contacts.is_empty() => {
                    let remove = |contact: &User| Event::AudienceRemove {
                        user: *user,
                        contacts: vec![*contact],
                    };
                    contacts.iter().map(remove).collect()
                }
                _ => vec![input.event.clone()],
            };
            let mut told = Vec::new();
            for event in one_by_one {
                told.extend(single.play_apiece(&Input { event, ..input.clone() })?);
            }
            told.sort();
            equal("who is told what", told, expected)?;
        }
        Ok(())
    });
}

/// Where contacts are told of each session, a sign of a person is a heartbeat (rule U5).
#[test]
fn without_one_state_a_user_active_is_a_heartbeat() {
    let holds = |_: &Case, script: &Script| {
        let (mut active, mut beating) = (Player::new(script), Player::new(script));
        for input in &script.inputs {
            let mut other = input.clone();
            if let Event::Active { session } = other.event {
                other.event = Event::Heartbeat { session };
            }
            equal("what is said", active.play(input)?, beating.play(&other)?)?;
            let [left, others_left] = [&active, &beating].map(|player| {
                let engine = &player.host.engine;
                (engine.deadline(), engine.counts())
            });
            equal("what is left", left, others_left)?;
        }
        Ok(())
    };
    law_for(|_| None, |_| {}, holds);
}

/// What has ended before it is said is as what comes after it, or as a withdrawal (rule 25).
#[test]
fn a_presence_that_is_over_already_is_as_what_comes_after_it() {
    law(
        |_| {},
        |_, script| {
            let (mut late, mut plain) = (Player::new(script), Player::new(script));
            for input in &script.inputs {
                let mut other = input.clone();
                if let Event::PublishUntil { session, until, then, .. } = input.event
                    && until <= input.now.max(late.now())
                {
                    other.event = match then {
                        Some(presence) => Event::Publish { session, presence },
                        None => Event::Withdraw { session },
                    };
                }
                equal("what is said", late.play(input)?, plain.play(&other)?)?;
            }
            Ok(())
        },
    );
}

/// A presence is opaque: what it says, and whether it says the same as the last, changes nothing.
/// Only the host's own function may read it.
#[test]
fn what_a_presence_says_does_not_matter() {
    law_for(
        |choice| choice.filter(|by| *by != Choice::Highest),
        |_| {},
        |_, script| {
            let same = script.map(|mut input| {
                if let Event::PublishUntil { then: Some(then), .. } = &mut input.event {
                    *then = 7;
                }
                if let Event::Publish { presence, .. }
                | Event::Join { join: Join::Member { presence: Some(presence), .. }, .. }
                | Event::Update { presence, .. }
                | Event::Say { presence, .. }
                | Event::PublishUntil { presence, .. }
                | Event::DirectFor { presence, .. }
                | Event::Direct { presence, .. }
                | Event::System { presence, .. } = &mut input.event
                {
                    *presence = 7;
                }
                input
            });
            let told = script.play_as(|_, presence| *presence = 7)?;
            equal("what is said", same.play()?, told)
        },
    );
}

/// An id is a name and nothing else: under other ids the same is said to the same.
#[test]
fn what_users_are_called_does_not_matter() {
    law(
        |_| {},
        |_, script| {
            let called = script.map(|mut input| {
                users_of(&mut input.event).for_each(|user| *user = User::MAX - *user);
                input
            });
            let told = called.play_as(|user, _| *user = User::MAX - *user)?;
            equal("what is said", told, script.play()?)
        },
    );
}

/// Only differences between moments matter, not when it all began, as long as it does not come to
/// the end of time.
#[test]
fn when_it_began_does_not_matter() {
    const LATER_MS: u64 = 1 << 40;
    const LAST: Time = Time::from_millis(1 << 60);
    /// Moments are the only numbers as great as that.
    fn earlier(line: &str) -> String {
        let is_digit = |c: char| c.is_ascii_digit();
        let parts = line.split_inclusive(|c| !is_digit(c));
        let moved = parts.map(|part| {
            let (digits, rest) = part.split_at(part.find(|c| !is_digit(c)).unwrap_or(part.len()));
            let at = digits.parse::<u64>().ok().and_then(|at| at.checked_sub(LATER_MS));
            at.map_or_else(|| part.to_owned(), |at| format!("{at}{rest}"))
        });
        moved.collect()
    }
    let holds = |_: &Case, script: &Script| {
        let mut script = script.clone();
        let end = script.inputs.iter().position(|input| input.now > LAST);
        script.inputs.truncate(end.unwrap_or(script.inputs.len()));
        let later = script.map(|mut input| {
            if let Event::PublishUntil { until, .. } = &mut input.event {
                *until = until.saturating_add(LATER_MS);
            }
            Input { now: input.now.saturating_add(LATER_MS), ..input }
        });
        let told = later.play()?.into_iter();
        let told = told.map(|lines| lines.iter().map(|line| earlier(line)).collect::<Vec<_>>());
        equal("what is said", told.collect(), script.play()?)
    };
    law(|_| {}, holds);
}
