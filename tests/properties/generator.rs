//! What the generator reaches.

use adsum::{Error, SessionId, TopicKey};
use adsum_model::decision::Gathered;
use adsum_model::host::Given;
use adsum_model::{
    Attachment, Case, Decision, Event, Model, Notice, Op, Output, Setup, ops, session_of,
};
use std::collections::{BTreeMap, BTreeSet};

/// A generator that has stopped reaching something would make every other test here weaker and
/// none of them fail.
#[test]
fn the_generator_reaches_all_that_can_happen() {
    let all = all_that_can_happen();
    let mut happened = BTreeMap::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    // Some are long: with shrunk constants, slow readers come to miss so much that a mark is noted.
    for nth in 0..4_000 {
        let ops = if nth % 30 == 0 { 300 } else { 60 };
        let mut byte = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 32) as u8
        };
        let bytes: Vec<u8> = (0..Setup::LEN + ops * Op::LEN).map(|_| byte()).collect();
        for label in what_happens(&Case::from_bytes(&bytes)) {
            *happened.entry(label).or_insert(0) += 1;
        }
    }
    let reached: BTreeSet<String> = happened.keys().cloned().collect();
    let missing: BTreeSet<_> = all.difference(&reached).collect();
    let unheard_of: BTreeSet<_> = reached.difference(&all).collect();
    assert_eq!((missing, unheard_of), (BTreeSet::new(), BTreeSet::new()));
    // A late word of an old connection is about as likely as one of a session that has ended.
    for verb in VERBS_OF_SESSIONS {
        let count = |sort: &str| happened[&format!("{verb} refused UnknownSession, {sort}")];
        let (replaced, ended) = (count("replaced"), count("ended"));
        let are_alike = 2 * replaced >= ended && 2 * ended >= replaced;
        assert!(are_alike, "{verb}: {replaced} late words, {ended} after the end");
    }
}

/// Returns everything that happens in a case, by the model alone: the keys are made up.
fn what_happens(case: &Case) -> Vec<String> {
    let mut model = Model::with_choice(&case.setup.config(), case.setup.choice());
    let mut labels = Vec::new();
    for (at, op) in (0..).zip(&case.ops) {
        let (now, event) = op.decode(&model, at);
        let sort = sort_of_key(&model, &event);
        let before: BTreeSet<_> = model.held.keys().copied().collect();
        let outcome = model.apply(now.as_millis(), &event, made_up(&model, at));
        labels.extend(self::labels(&event, &outcome, sort, model.now));
        labels.extend(held_labels(&event, &model, &before));
    }
    labels
}

/// Returns what has become of sessions whose presence is held (rule 6).
fn held_labels(event: &Event, model: &Model, before: &BTreeSet<SessionId>) -> BTreeSet<String> {
    let verb = first_word(event);
    let of = |user| model.held.values().filter(move |session| session.user == user).count();
    let most = (0..ops::USERS).map(of).max().unwrap_or(0);
    let is_new = |id: &SessionId| !before.contains(id);
    let is_over = |id: &SessionId| !model.held.contains_key(id);
    let is_invisible = model.held.values().any(|session| model.is_invisible(session.user));
    let happened = [
        (model.held.keys().any(is_new), format!("{verb} holds")),
        (before.iter().any(is_over), format!("{verb} lets go of held")),
        (most >= 2, "two are held".into()),
        (is_invisible, "held of one who is invisible".into()),
    ];
    happened.into_iter().filter(|(happens, _)| *happens).map(|(_, label)| label).collect()
}

/// Makes up what an engine would give out: a new session for a connect, and for a resume the
/// session that there is under another key; and a key for a topic that is new.
fn made_up(model: &Model, nth: u32) -> Given {
    let begun = Attachment::of(u64::from(nth + 1) << 32, nth);
    let taken = model.sessions.contains_key(&begun.session);
    assert!(!taken && model.find(begun.key).is_err(), "a name is made up once");
    // Far from those that the generator forges.
    let topic = TopicKey::from_bits((u64::from(nth) + 1_000, nth)).expect("it is not zero");
    Given { topic, ..Given::from(begun) }
}

/// Returns what has become of the key in an input.
fn sort_of_key(model: &Model, event: &Event) -> &'static str {
    let Some(key) = session_of(&mut event.clone()).copied() else { return "none" };
    match model.stale.iter().find(|stale| stale.key == key) {
        Some(stale) if stale.replaced => "replaced",
        Some(_) => "ended",
        None if model.find(key).is_ok() => "current",
        None => "forged",
    }
}

const VERBS_OF_SESSIONS: [&str; 22] = [
    "Active",
    "Congested",
    "Direct",
    "DirectFor",
    "Disconnect",
    "Heartbeat",
    "Invisible",
    "Join",
    "Leave",
    "Look",
    "LookAt",
    "Lost",
    "Publish",
    "PublishUntil",
    "Resume",
    "Say",
    "Unwatch",
    "Update",
    "Visible",
    "Watch",
    "Withdraw",
    "Writable",
];

const ALL_THAT_CAN_HAPPEN: &str = "\
Active refused Detached;Active user Update
Advance First;Advance Update;Advance SessionEnded;Advance UserOffline
Advance Withdrawn;Advance DirectedOver
Advance user First, idle;Advance user Update;Advance user Update, idle
Advance LeaseLapsed;Advance LeaseLapsed resumable
Advance ends Lost(ConnectionError);Advance ends Lost(Timeout);Advance ends Lost(NodeLoss)
Advance ends Lost(GoingAway);Advance ends one of several;Advance ends an invisible one
Advance ends a detached one;Advance holds;Advance lets go of held
AudienceAdd First;AudienceAdd user First;AudienceAdd user First, idle
AudienceAdd refused AudienceLimit
AudienceRemove UserOffline;AudienceRemove refused AudienceLimit
AudienceReplace user First;AudienceReplace user First, idle;AudienceReplace First
AudienceReplace UserOffline;AudienceReplace refused AudienceLimit
Block UserOffline;Block refused BlockedLimit
Congested refused Detached
Connect Evicted;Connect First;Connect Online;Connect SessionEnded;Connect UserOffline
Connect Snapshot;Connect empty Snapshot;Connect Snapshot of users;Connect DirectedOver
Connect user First;Connect user First, idle;Connect user Update
Connect ends Evicted;Connect ends one of several;Connect ends an invisible one
Connect ends a detached one;Connect holds;Connect lets go of held
Connect refused AudienceLimit;Connect refused BlockedLimit;Connect refused SessionLimit
Connect refused SessionLimit of a kind
Direct Directed;Direct skips Directed;Direct refused Detached;Direct refused DirectLimit
Direct refused RateLimited;Direct DirectedOver
DirectFor Directed;DirectFor skips Directed;DirectFor refused Detached
DirectFor refused DirectLimit;DirectFor refused RateLimited;DirectFor refused ExpiryLimit
DirectFor DirectedOver
Disconnect DirectedOver;Disconnect user Update;Disconnect user Update, idle
Disconnect SessionEnded;Disconnect UserOffline
Disconnect ends Disconnected;Disconnect ends one of several;Disconnect ends an invisible one
Disconnect ends a detached one;Disconnect holds;Disconnect lets go of held
Expel Expelled;Expel UserOffline
Expel ends Expelled;Expel ends one of several;Expel ends an invisible one
Expel ends a detached one;Expel lets go of held
Heartbeat refused Detached
Invisible UserOffline;Invisible Visibility;Invisible refused Detached
Lost DirectedOver;Lost user Update;Lost user Update, idle
Lost SessionEnded;Lost UserOffline;Lost refused GraceLimit
Lost ends Lost(ConnectionError);Lost ends Lost(Timeout);Lost ends Lost(NodeLoss)
Lost ends Lost(GoingAway);Lost ends one of several;Lost ends an invisible one
Lost holds;Lost lets go of held
Publish DirectedOver;Publish user First;Publish user First, idle;Publish user Update
Publish user Update, idle
PublishUntil DirectedOver;PublishUntil UserOffline;PublishUntil user First
PublishUntil user First, idle;PublishUntil user Update;PublishUntil user Update, idle
Publish First;Publish Update;Publish SessionEnded;Publish lets go of held;Publish waits
Publish refused Detached
PublishUntil First;PublishUntil Update;PublishUntil SessionEnded;PublishUntil Withdrawn
PublishUntil lets go of held;PublishUntil waits;PublishUntil refused Detached
PublishUntil refused ExpiryLimit
Resume Snapshot of users
Resume Replaced;Resume Snapshot;Resume empty Snapshot;Resume refused UnknownSession, current
System System;System skips System
Unblock First;Unblock user First;Unblock user First, idle
Unwatch refused Detached;Unwatch refused WatchLimit
Visible First;Visible user First;Visible user First, idle;Visible Visibility
Visible refused Detached
Watch Snapshot of users;Watch Snapshot;Watch empty Snapshot;Watch refused Detached
Watch refused WatchLimit
Withdraw UserOffline;Withdraw user Update;Withdraw user Update, idle;Withdraw Withdrawn
Withdraw refused Detached
Writable Withdrawn;Writable user First;Writable user First, idle;Writable user Update
Writable user Update, idle
Writable First;Writable Update;Writable SessionEnded;Writable UserOffline
Writable DirectedOver;Writable Visibility;Writable refused Detached
two are held;held of one who is invisible";

/// What happens in topics.
const ALL_OF_TOPICS: &str = "\
Advance Changes All, ended;Advance Changes All, left;Advance Changes All, shown
Advance Changes Count, counts;Advance Changes Sample, counts;Advance Changes Sample, ended
Advance Changes Sample, left;Advance Changes Sample, shown;Advance Left;Advance Member Update
Advance MemberSessionEnded;Advance SaidOver;Advance Topic All;Advance Topic Count
Advance Topic Nothing;Advance Topic Sample;Advance TopicVacated;Advance empty Topic All
Advance empty Topic Count;Advance empty Topic Nothing;Advance empty Topic Sample;Advance user First
Block Left
Close TopicClosed;Close TopicVacated
Connect Joined;Connect Left;Connect MemberSessionEnded;Connect SaidOver;Connect TopicVacated
Disconnect Left;Disconnect MemberSessionEnded;Disconnect SaidOver;Disconnect TopicVacated
Expel Left;Expel SaidOver;Expel TopicVacated
Invisible Left;Invisible SaidOver
Join Joined;Join Member First;Join Topic All;Join Topic Sample;Join TopicOccupied
Join empty Topic All;Join refused AlreadyJoined;Join refused Detached;Join refused MemberLimit
Join refused TopicLimit
Leave Left;Leave MemberSessionEnded;Leave SaidOver;Leave TopicVacated;Leave refused Detached
Leave refused UnknownTopic
Look Topic All;Look Topic Count;Look Topic Nothing;Look Topic Sample;Look empty Topic All
Look empty Topic Count;Look empty Topic Nothing;Look empty Topic Sample;Look refused Detached
Look refused UnknownTopic
LookAt Topic All;LookAt Topic Count;LookAt Topic Nothing;LookAt Topic Sample;LookAt empty Topic All
LookAt empty Topic Count;LookAt empty Topic Nothing;LookAt empty Topic Sample
LookAt refused Detached;LookAt refused NamedLimit;LookAt refused UnknownTopic
Lost Left;Lost MemberSessionEnded;Lost SaidOver;Lost TopicVacated
Publish Member Update
PublishUntil Member Update
Remove Left;Remove SaidOver;Remove TopicClosed;Remove TopicVacated
Resume Topic All;Resume Topic Sample;Resume empty Topic All;Resume empty Topic Count
Resume empty Topic Nothing;Resume empty Topic Sample
Say Said;Say refused Detached;Say refused ExpiryLimit;Say refused NotMember;Say refused RateLimited
Say refused UnknownTopic;Say skips Said
TopicOptions Topic All;TopicOptions Topic Sample;TopicOptions empty Topic All
TopicOptions empty Topic Count;TopicOptions empty Topic Sample
TopicOptions refused MemberLimit;TopicOptions refused TopicOptions
TopicOptions refused UnknownTopic
Update Member Update;Update refused Detached;Update refused NotMember;Update refused UnknownTopic
Update waits
Unblock Joined;Unblock Member First
Visible Joined;Visible Member First;Visible Topic Sample
Withdraw Member Update
Writable Snapshot;Writable Snapshot of users;Writable Topic All;Writable Topic Nothing
Writable Topic Sample;Writable empty Snapshot;Writable empty Topic All;Writable empty Topic Count
Writable empty Topic Nothing;Writable empty Topic Sample";

fn all_that_can_happen() -> BTreeSet<String> {
    let stale = VERBS_OF_SESSIONS.iter().flat_map(|verb| {
        let sorts = ["ended", "replaced", "forged"];
        sorts.map(|sort| format!("{verb} refused UnknownSession, {sort}"))
    });
    ALL_THAT_CAN_HAPPEN
        .split_terminator(['\n', ';'])
        .map(String::from)
        .chain(ALL_OF_TOPICS.split_terminator(['\n', ';']).map(String::from))
        .chain(stale)
        .collect()
}

/// Puts what an input came to into words.
fn labels(
    event: &Event,
    outcome: &Result<Output, Error>,
    sort: &str,
    now: u64,
) -> BTreeSet<String> {
    let verb = first_word(event);
    let output = match outcome {
        Ok(output) => output,
        Err(error) => {
            let more = match error {
                Error::UnknownSession => format!(", {sort}"),
                Error::SessionLimit { kind: Some(_), .. } => " of a kind".into(),
                _ => String::new(),
            };
            return BTreeSet::from([format!("{verb} refused {}{more}", first_word(error))]);
        }
    };
    let waits = output.waits_until.map(|_| format!("{verb} waits"));
    let said = output.decisions.iter().flat_map(|decision| label(&verb, decision, now));
    said.chain(waits).collect()
}

fn label(verb: &str, decision: &Decision, now: u64) -> Vec<String> {
    let one = match decision {
        Decision::Deliver { notice: Notice::Presence { first, .. }, .. } => {
            format!("{verb} {}", if *first { "First" } else { "Update" })
        }
        Decision::Deliver { notice: Notice::User { first, idle_since, .. }, .. } => {
            let kind = if *first { "First" } else { "Update" };
            format!("{verb} user {kind}{}", if idle_since.is_some() { ", idle" } else { "" })
        }
        Decision::Deliver { notice: Notice::Member { first, .. }, .. } => {
            format!("{verb} Member {}", if *first { "First" } else { "Update" })
        }
        Decision::Deliver { notice, .. } => format!("{verb} {}", first_word(notice)),
        Decision::Skipped { notice, .. } => format!("{verb} skips {}", first_word(notice)),
        Decision::Snapshot { users, .. } if !users.is_empty() => {
            format!("{verb} Snapshot of users")
        }
        Decision::Snapshot { entries, .. } if entries.is_empty() => {
            format!("{verb} empty Snapshot")
        }
        Decision::Snapshot { .. } => format!("{verb} Snapshot"),
        Decision::Topic { view, entries, .. } => {
            let kind = if entries.is_empty() { "empty Topic" } else { "Topic" };
            format!("{verb} {kind} {}", first_word(view))
        }
        Decision::Changes { view, changes, .. } => {
            let Gathered { shown, ended, left } = changes;
            let kinds = [
                (!shown.is_empty(), "shown"),
                (!ended.is_empty(), "ended"),
                (!left.is_empty(), "left"),
                (changes.is_empty(), "counts"),
            ];
            let kinds = kinds.into_iter().filter(|(is_so, _)| *is_so);
            let view = first_word(view);
            return kinds.map(|(_, kind)| format!("{verb} Changes {view}, {kind}")).collect();
        }
        Decision::TopicOccupied { .. } => format!("{verb} TopicOccupied"),
        Decision::TopicVacated { .. } => format!("{verb} TopicVacated"),
        Decision::Close { reason, resumable, .. } => {
            format!("{verb} {reason:?}{}", if *resumable { " resumable" } else { "" })
        }
        Decision::Online { .. } => format!("{verb} Online"),
        Decision::Ended { reason, since, last, visible, .. } => {
            let also = [
                (!last, "one of several"),
                (!visible, "an invisible one"),
                (*since < now, "a detached one"),
            ];
            let also = also.into_iter().filter(|(is_so, _)| *is_so);
            let mut labels = vec![format!("{verb} ends {reason:?}")];
            labels.extend(also.map(|(_, what)| format!("{verb} ends {what}")));
            return labels;
        }
    };
    vec![one]
}

fn first_word(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().into()
}
