//! Two engines in step: one in Rust, one behind a handle.

use crate::choosing;
use crate::door::{self, Word};
use crate::queries::equal_queries;
use crate::read::of_c;
use crate::record::of_rust;
use crate::verbs::{Given, give};
use crate::{Core, Id, Input, Moment, Shown};
use adsum::{
    Config, Decision, Decisions, DefaultHashBuilder, EndReason, Engine, Error, Event, SessionId,
    TopicKey,
};
use adsum_ffi::decision::adsum_decision;
use adsum_ffi::engine::{
    adsum_engine, adsum_engine_free, adsum_engine_new, adsum_last_error, adsum_next,
    adsum_waits_until,
};
use adsum_ffi::names::adsum_topic;
use adsum_ffi::options::adsum_options;
use adsum_ffi::queries::whole::adsum_now;
use adsum_ffi::remote::adsum_user_state;
use adsum_ffi::status::{adsum_error, adsum_status as status};
use adsum_model::Choice;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::mem::MaybeUninit;
use std::ptr;

/// What came of an input in Rust.
#[derive(Default)]
struct Told {
    records: Vec<Vec<u8>>,
    waits_until: Option<u64>,
    ended: Vec<Ended>,
}

/// The end of a session of this engine's own.
pub(crate) type Ended = (Id, SessionId, EndReason);

impl Told {
    fn take(&mut self, mut decisions: Decisions<'_, Id, Shown>) {
        self.waits_until = decisions.waits_until().map(|at| at.as_millis());
        while let Some(decision) = decisions.next() {
            self.records.push(of_rust(&decision));
            if let Decision::Ended { user, session, id, reason, .. } = decision
                && !session.is_remote()
            {
                self.ended.push((user.clone(), id, reason));
            }
        }
    }
}

pub(crate) struct Pair {
    pub(crate) rust: Core,
    pub(crate) c: *mut adsum_engine,
    inputs: u64,
    /// What kinds of decisions and notices there were.
    pub(crate) kinds: BTreeSet<u32>,
    pub(crate) notices: BTreeSet<u32>,
    /// Sessions that have ended, until somebody takes them out.
    pub(crate) ended: Vec<Ended>,
}

impl Pair {
    pub(crate) fn new(config: &Config, choice: Option<Choice>) -> Self {
        let hasher = DefaultHashBuilder::default();
        let rust = match choice {
            Some(choice) => {
                let represent = choosing::represent(choice);
                Engine::with_representative(config.clone(), hasher, represent)
            }
            None => Engine::with_hasher(config.clone(), hasher),
        };
        let options = adsum_options::from(config.options());
        let mut c = ptr::null_mut();
        let context = choice.map_or(ptr::null_mut(), choosing::context);
        let choose = choice.as_ref().map(|_| choosing::choose as _);
        // SAFETY: what is pointed to is there, the context for ever.
        let made = unsafe { adsum_engine_new(&options, choose, context, &mut c, ptr::null_mut()) };
        assert_eq!(made, status::ADSUM_OK);
        let (kinds, notices) = (BTreeSet::new(), BTreeSet::new());
        Self { rust, c, inputs: 0, kinds, notices, ended: Vec::new() }
    }

    /// Gives both an input; whatever comes of it must be the same. Returns how many decisions it
    /// was.
    pub(crate) fn input(&mut self, now: Moment, event: &Input) -> usize {
        let (expected, keys, waits_until) = self.in_rust(now, event);
        let (status, given) = give(self.c, now.as_millis(), event);
        if expected.is_ok() {
            assert_eq!(given, keys, "{event:?}");
        }
        self.compare(expected, status, waits_until, event)
    }

    /// Gives both another node's word, which in C is `state` if it says a state. Returns how many
    /// decisions it led to; `None` if both refuse it.
    pub(crate) fn hear(&mut self, word: &Word, state: Option<&adsum_user_state>) -> Option<usize> {
        let (now, mut told) = (self.rust.now(), Told::default());
        let heard = door::apply(&mut self.rust, now, word.clone());
        let heard = heard.map(|decisions| told.take(decisions));
        let (is_accepted, waits_until) = (heard.is_ok(), told.waits_until);
        self.ended.append(&mut told.ended);
        let status = door::give(self.c, now, word, state);
        let led_to = self.compare(heard.map(|()| told.records), status, waits_until, word);
        is_accepted.then_some(led_to)
    }

    /// Compares what came of an input in both.
    fn compare(
        &mut self,
        expected: Result<Vec<Vec<u8>>, Error>,
        status: status,
        waits_until: Option<u64>,
        what: &dyn Debug,
    ) -> usize {
        self.inputs += 1;
        let expected = match expected {
            Ok(expected) => expected,
            Err(error) => {
                self.must_be_refused(status, &error);
                return 0;
            }
        };
        assert_eq!(status, status::ADSUM_OK, "{what:?}");
        self.must_wait_until(waits_until);
        // Whoever asks before the drain is done is refused, and nothing is lost by it.
        if self.inputs.is_multiple_of(3) {
            let is_done = expected.is_empty();
            let asked = if is_done { status::ADSUM_OK } else { status::ADSUM_E_NOT_DRAINED };
            // SAFETY: the engine is there, and so is what is written to.
            assert_eq!(unsafe { adsum_now(self.c, &mut 0) }, asked, "{what:?}");
        }
        for (nth, expected) in expected.iter().enumerate() {
            let told = self.next().expect("there is another decision");
            self.kinds.insert(told.kind as u32);
            self.notices.insert(told.notice as u32);
            assert_eq!(
                of_c(&told).escape_ascii().to_string(),
                expected.escape_ascii().to_string(),
                "decision {nth} about {what:?}"
            );
        }
        assert!(self.next().is_none(), "a further decision about {what:?}");
        assert!(self.next().is_none(), "a drain that was at its end went on");
        if self.inputs.is_multiple_of(17) {
            equal_queries(self);
        }
        expected.len()
    }

    fn next(&self) -> Option<adsum_decision> {
        let mut out = MaybeUninit::uninit();
        // SAFETY: the engine is there, and where it returns true it has written.
        unsafe { adsum_next(self.c, out.as_mut_ptr()).then(|| out.assume_init()) }
    }

    /// Returns the decisions, what was given out, and when a publish that waits goes out.
    #[allow(clippy::type_complexity)]
    fn in_rust(
        &mut self,
        now: Moment,
        event: &Input,
    ) -> (Result<Vec<Vec<u8>>, Error>, Given, Option<u64>) {
        let (mut given, mut told) = (Given::default(), Told::default());
        let result = self.rust.apply(now, event.clone()).map(|decisions| {
            if let (Event::Connect { .. } | Event::Resume { .. }, Some(key)) =
                (event, decisions.session())
            {
                let (name, slot) = key.to_bits();
                given.session = adsum_ffi::names::adsum_session { name, slot };
            }
            told.take(decisions);
        });
        self.ended.append(&mut told.ended);
        if let (Event::Join { topic, .. }, Ok(())) = (event, &result) {
            given.topic = self.rust.topic::<Id>(topic).map_or(given.topic, |topic| of(topic.key()));
        }
        (result.map(|()| told.records), given, told.waits_until)
    }

    fn must_wait_until(&self, at: Option<u64>) {
        let mut until = 0;
        // SAFETY: the engine is there, and so is what is written to.
        let status = unsafe { adsum_waits_until(self.c, &mut until) };
        match at {
            Some(at) => assert_eq!((status, until), (status::ADSUM_OK, at)),
            None => assert_eq!((status, until), (status::ADSUM_NOTHING, 0)),
        }
    }

    fn must_be_refused(&self, status: status, error: &Error) {
        let mut said = MaybeUninit::uninit();
        // SAFETY: the engine is there, and where it succeeds it has written.
        let said: adsum_error = unsafe {
            assert_eq!(adsum_last_error(self.c, said.as_mut_ptr()), status::ADSUM_OK);
            said.assume_init()
        };
        assert_eq!(said.status, status);
        let (expected, limit) = status_of(error);
        assert_eq!((status, said.limit), (expected, limit), "{error:?}");
        let kind = match error {
            Error::SessionLimit { kind: Some(kind), .. } => i32::from(kind.0),
            _ => -1,
        };
        let retry_at = match error {
            Error::RateLimited { retry_at } => retry_at.as_millis(),
            _ => 0,
        };
        let topic = match error {
            Error::AlreadyJoined { topic } => of(*topic),
            _ => adsum_topic::default(),
        };
        assert_eq!((said.kind, said.retry_at, said.topic), (kind, retry_at, topic), "{error:?}");
        let message: Vec<u8> =
            said.message.iter().take_while(|byte| **byte != 0).map(|byte| *byte as u8).collect();
        // Options of a topic have the names of their fields here.
        let words = error.to_string();
        let words = words.strip_prefix("topics.").unwrap_or(&words);
        assert_eq!(String::from_utf8_lossy(&message), words);
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // SAFETY: the engine is there, and is used no more.
        unsafe { adsum_engine_free(self.c) };
    }
}

fn of(key: TopicKey) -> adsum_topic {
    let (name, place) = key.to_bits();
    adsum_topic { name, place }
}

fn status_of(error: &Error) -> (status, u64) {
    match *error {
        Error::UnknownSession => (status::ADSUM_E_UNKNOWN_SESSION, 0),
        Error::Detached => (status::ADSUM_E_DETACHED, 0),
        Error::SessionLimit { limit, .. } => (status::ADSUM_E_SESSION_LIMIT, limit.into()),
        Error::AudienceLimit { limit } => (status::ADSUM_E_AUDIENCE_LIMIT, limit.into()),
        Error::BlockedLimit { limit } => (status::ADSUM_E_BLOCKED_LIMIT, limit.into()),
        Error::WatchLimit { limit } => (status::ADSUM_E_WATCH_LIMIT, limit.into()),
        Error::DirectLimit { limit } => (status::ADSUM_E_DIRECT_LIMIT, limit.into()),
        Error::GraceLimit { limit_ms } => (status::ADSUM_E_GRACE_LIMIT, limit_ms),
        Error::ExpiryLimit { limit_ms } => (status::ADSUM_E_EXPIRY_LIMIT, limit_ms),
        Error::UnknownTopic => (status::ADSUM_E_UNKNOWN_TOPIC, 0),
        Error::NotMember => (status::ADSUM_E_NOT_MEMBER, 0),
        Error::AlreadyJoined { .. } => (status::ADSUM_E_ALREADY_JOINED, 0),
        Error::TopicLimit { limit } => (status::ADSUM_E_TOPIC_LIMIT, limit.into()),
        Error::MemberLimit { limit } => (status::ADSUM_E_MEMBER_LIMIT, limit.into()),
        Error::NamedLimit { limit } => (status::ADSUM_E_NAMED_LIMIT, limit.into()),
        Error::TopicOptions { .. } => (status::ADSUM_E_TOPIC_OPTIONS, 0),
        Error::RateLimited { .. } => (status::ADSUM_E_RATE_LIMITED, 0),
        Error::Full => (status::ADSUM_E_FULL, 0),
        ref other => panic!("an error that C has no number for: {other:?}"),
    }
}
