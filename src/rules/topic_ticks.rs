//! What is gathered in a topic, and what a tick tells of it (rules T8 to T10).

use crate::fanout::plan::Step;
use crate::fanout::subject::Span;
use crate::fanout::tick_news::{Looker, TickNews};
use crate::fanout::topic_steps::{ChangesOf, SnapshotTo, TopicSnapshotOf};
use crate::rules::State;
use crate::tables::ids::{MembershipIndex, TickIndex, TopicIndex};
use crate::tables::timers::Due;
use crate::tables::topics::{EndedMember, Group, Mark, Seats};
use crate::topic::View;
use core::hash::{BuildHasher, Hash};

/// So much more may be told of a topic than it shows of users at most, before a snapshot takes its
/// place.
const SURPLUS: u32 = if cfg!(feature = "shrunk") { 2 } else { 64 };

/// Of so much it is noted what it is, if that is not less than what is told at most.
const MOST_NOTED: usize = if cfg!(feature = "shrunk") { 8 } else { 65_536 };

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    // ---- what waits for a tick

    pub(super) fn arm_tick(&mut self, topic: TopicIndex, is_slow: bool) {
        let tick = TickIndex::of(topic, is_slow);
        if self.ticks.deadline(tick).is_none() {
            if self.ticks.armed() == 0 {
                // Deadlines before this input may be still to fire, and set ticks.
                let next = self.deadline().unwrap_or(self.happening);
                self.ticks.skip_to(next.min(self.happening));
            }
            let millis = self.topic_options_of(topic).tick_ms(is_slow);
            let order = self.next_order();
            self.ticks.arm(tick, self.happening.saturating_add(millis.into()), order);
        }
    }

    pub(super) fn note_changed(
        &mut self,
        topic: TopicIndex,
        membership: MembershipIndex,
        is_slow: bool,
        is_new: bool,
    ) {
        self.arm_tick(topic, is_slow);
        if self.tables.topics_mut().note_changed(topic, membership, is_slow, is_new) {
            self.bound_pending(topic, is_slow);
        }
    }

    pub(super) fn note_ended(
        &mut self,
        topic: TopicIndex,
        gone: EndedMember,
        is_slow: bool,
        is_new: bool,
    ) {
        self.arm_tick(topic, is_slow);
        // Nobody has been told of who came only since the last tick.
        if !is_new && self.tables.note_ended(topic, gone, is_slow) {
            self.bound_pending(topic, is_slow);
        }
    }

    /// Returns how much those of one view are told of a topic, before a snapshot says it in fewer
    /// words.
    fn most_told(&self, topic: TopicIndex) -> usize {
        2 * (self.topic_options_of(topic).full_up_to + SURPLUS) as usize
    }

    /// Keeps what waits for a tick not much longer than what is still so, and bounded by what the
    /// topic's options allow. It is longer than anybody is told, for it waits for all views: what
    /// one is told must not depend on how much waits for somebody whom it may not see.
    fn bound_pending(&mut self, topic: TopicIndex, is_slow: bool) {
        let most = self.most_told(topic);
        let len = self.tables.topics().pending_len(topic, is_slow);
        if len > most {
            self.tables.topics_mut().sweep_pending(topic, is_slow);
        }
        if len > MOST_NOTED.max(2 * most) {
            self.tables.topics_mut().set_everything(topic, is_slow);
        }
    }

    // ---- ticks

    /// Tells, at a tick, what has changed since the last one.
    pub(super) fn fire_tick(&mut self, due: Due<TickIndex>) {
        let (tick, topic, is_slow) = (due.of, due.of.topic(), due.of.is_slow());
        self.ticks.disarm(tick);
        self.plan.go_over(self.tables.topics().pending_len(topic, is_slow));
        self.tables.settle_pending(topic, is_slow);
        let record = self.tables.topics().topic(topic);
        let (was_large, users) = (record.is_large, record.counts.users);
        let is_large = self.topic_options_of(topic).is_large(users, was_large);
        // If those who view all are due now, or only such as name members do.
        let flips = is_large != was_large && (was_large == is_slow || !self.any_of_all(topic));
        let mut news = core::mem::take(&mut self.tick_news);
        news.gather(&self.tables, topic, is_slow);
        self.plan.go_over(news.lookers());
        let (mut at, mut seats) = (0, Seats::default());
        while let Some(group) = self.group(topic, at) {
            let is_due = group.is_told() && self.is_slow(topic, &group) == is_slow;
            self.plan.go_over(1);
            if is_due && !(group.view == View::All && flips) {
                let view = self.served(topic, group.view);
                let known = (group.known_to, self.known_in(topic, view, &mut seats));
                let changes = ChangesOf::begin(topic, is_slow, (view, group.channel), known)
                    .to_viewers_of_all(group.view == View::All);
                self.tell_group((at, group), changes, &news);
            }
            at += 1;
        }
        news.clear();
        self.tick_news = news;
        // Those who view all are told anew if they are shown something else from now on.
        if flips {
            self.set_large(topic, is_large);
        }
        self.plan.push_step(Step::EndTick { tick });
    }

    /// Tells those of one view what a tick has for them.
    fn tell_group(&mut self, (at, group): (usize, Group), changes: ChangesOf, news: &TickNews) {
        let (topic, is_slow) = changes.of();
        let (view, known) = changes.view_and_known();
        let pending = self.tables.topics().pending_of(topic, is_slow);
        let count = news.count(&changes);
        // A snapshot says it in fewer words.
        let everything = pending.is_some_and(|pending| changes.are_everything(pending))
            || count > self.most_told(topic);
        let counts = self.tables.topics().topic(topic).counts;
        let is_news = match view {
            View::All => everything || count > 0,
            View::Sample(_) => {
                everything || known.1 > known.0 || counts != group.counts || count > 0
            }
            View::Count => counts != group.counts,
            View::Nothing => false,
        };
        if group.is_personal {
            return self.tell_each((at, group), changes, (is_news, everything), news);
        }
        let channels = self.tables.topics().channels();
        let (receive, arrive) =
            (channels.receiving(group.channel), channels.attached(group.channel));
        let snapshot = |to| Step::TopicSnapshot(TopicSnapshotOf::begin(topic, view, to, None));
        let (is_told, any_arrive) = (is_news && receive > 0, arrive > receive);
        // One of the counts says it in no more words. Who arrives is sent one anyway: so it is one
        // for all, which the host encodes once. Who is not shown must not be known by that.
        let is_shown = |place| {
            let topics = self.tables.topics();
            topics.is(topics.channels().member_at(group.channel, place), Mark::Shown)
        };
        let is_anew = match view {
            View::Count => (receive..arrive).any(is_shown),
            _ => everything,
        };
        if is_told && is_anew && any_arrive {
            self.plan.push_step(snapshot(SnapshotTo::Attached(group.channel)));
        } else {
            if is_told {
                self.plan.push_step(match is_anew {
                    true => snapshot(SnapshotTo::Receiving(group.channel)),
                    false => Step::Changes(changes),
                });
            }
            if any_arrive {
                self.plan.push_step(snapshot(SnapshotTo::Arriving(group.channel)));
            }
        }
        if is_news {
            self.mark_dirty(topic, at);
        }
    }

    /// Tells each of those who name members what a tick has for it.
    fn tell_each(
        &mut self,
        (at, group): (usize, Group),
        changes: ChangesOf,
        (is_news, everything): (bool, bool),
        news: &TickNews,
    ) {
        let (topic, _) = changes.of();
        let (view, _) = changes.view_and_known();
        let channels = self.tables.topics().channels();
        let receiving = channels.receiving(group.channel);
        let attached = channels.attached(group.channel);
        let congested = attached..attached + channels.congested(group.channel);
        let is_told = |looker: &&Looker| match group.view {
            View::All => looker.if_all,
            _ => looker.if_part,
        };
        let lookers = news.lookers_in(group.channel).iter().filter(is_told);
        let mut arriving = receiving as u32;
        if everything {
            arriving = 0;
        } else if is_news {
            self.plan.tell_each(changes, Span::first(receiving as u32), false);
        } else {
            let told = lookers.clone().take_while(|looker| (looker.place as usize) < receiving);
            let listed = self.plan.list_lookers(told.map(|looker| looker.membership));
            self.plan.tell_each(changes, listed, true);
        }
        self.plan.send_each(topic, view, (group.channel, arriving, attached as u32), false);
        if is_news || everything {
            self.mark_dirty(topic, at);
        } else {
            for looker in lookers.filter(|looker| congested.contains(&(looker.place as usize))) {
                self.tables.topics_mut().set_dirty(looker.membership, true);
            }
        }
    }

    /// Returns the number up to which those who are shown this know the seats.
    fn known_in(&mut self, topic: TopicIndex, view: View, seats: &mut Seats) -> u64 {
        match view {
            View::Sample(users) => {
                let before = seats.gone_over();
                let end = self.tables.topics().sample_end(topic, users.into(), seats);
                self.plan.go_over(seats.gone_over() - before);
                end
            }
            View::All => u64::MAX,
            _ => 0,
        }
    }

    /// Ends a tick: all that it was to tell is out.
    pub(super) fn end_tick(&mut self, tick: TickIndex) {
        let (topic, is_slow) = (tick.topic(), tick.is_slow());
        self.plan.go_over(self.tables.topics().gathered(topic, is_slow));
        self.tables.clear_pending(topic, is_slow);
        let (mut at, mut seats) = (0, Seats::default());
        while let Some(group) = self.group(topic, at) {
            self.plan.go_over(1);
            if group.is_told() && self.is_slow(topic, &group) == is_slow {
                self.know(topic, at, &mut seats);
                if self.tables.topics().topic(topic).has_late {
                    self.go_over_congested(topic, at);
                    self.tables.mark_late(group.channel);
                }
            }
            at += 1;
        }
        if self.ticks.deadline(TickIndex::of(topic, !is_slow)).is_none() {
            self.tables.topics_mut().topic_mut(topic).has_late = false;
        }
    }

    /// Notes that those with one view know the topic as it is now.
    pub(super) fn know(&mut self, topic: TopicIndex, at: usize, seats: &mut Seats) {
        let Some(group) = self.group(topic, at) else { return };
        self.tables.welcome(group.channel);
        self.note_known(topic, (at, group), seats);
    }

    /// Notes the same, but for those who wait to be told everything.
    pub(super) fn note_known(
        &mut self,
        topic: TopicIndex,
        (at, group): (usize, Group),
        seats: &mut Seats,
    ) {
        let known_to = self.known_in(topic, self.served(topic, group.view), seats);
        let record = self.tables.topics_mut().topic_mut(topic);
        let counts = record.counts;
        record.groups[at] = Group { known_to, counts, ..group };
    }
}

/// Only where the constants are shrunk: else so much waits for a tick in no test that is quick.
#[cfg(test)]
#[cfg(feature = "shrunk")]
mod tests {
    use super::*;
    use crate::config::{Config, Options};
    use crate::connect::Connect;
    use crate::decision::Decision;
    use crate::engine::Engine;
    use crate::hasher::tests::Plain;
    use crate::key::{SessionKey, TopicKey};
    use crate::time::Time;
    use crate::topic::{Join, TopicOptions};
    use alloc::vec::Vec;

    /// A topic shows so many of its users, or a sample of as many, and of so many changes it is
    /// noted what they are.
    const SHOWN: u32 = 1;
    const NOTED: u64 = 4 * (SHOWN + SURPLUS) as u64;
    const VISITOR: u64 = 100;

    /// A topic in which one views a sample of one member, and another names all others. So whatever
    /// those others do waits for the tick, and is no news for the first.
    struct Room {
        engine: Core,
        now: u64,
        /// Those who are named, and one who is not there yet.
        named: Vec<(SessionKey, TopicKey)>,
        visitor: SessionKey,
    }

    type Core = Engine<u64, u32, Plain>;

    const MEMBER: Join<u32> = Join::Member { presence: None, view: View::Nothing };

    fn engine(full_up_to: u32) -> Core {
        let topics = TopicOptions {
            full_up_to,
            sample: SHOWN as u16,
            coalesce_ms: 100,
            ..TopicOptions::default()
        };
        let max_sessions = 1_000;
        let options =
            Options { topics, max_sessions, topic_rate: None, lease: None, ..Options::default() };
        Engine::with_hasher(Config::new(options).expect("they are in range"), Plain)
    }

    fn join(engine: &mut Core, user: u64, of: Join<u32>) -> (SessionKey, TopicKey) {
        join_at(engine, Time::ZERO, user, of)
    }

    fn join_at(engine: &mut Core, now: Time, user: u64, of: Join<u32>) -> (SessionKey, TopicKey) {
        let session = engine.connect(now, Connect::new(user)).expect("there is room").0;
        (session, engine.join(now, session, 7, of).expect("there is room").0)
    }

    /// At the tick by which those who view all learn that a topic has become large, they are sent
    /// everything: no later tick needs to. Whoever views a sample has heard of none of it.
    #[test]
    fn who_views_a_sample_is_told_what_those_who_view_all_know() {
        let full = SHOWN + 1;
        let many = 4 * (full + SURPLUS) + 1;
        let mut engine = engine(full);
        join(&mut engine, 0, MEMBER);
        // In no sample, and of interest to one who names it.
        let busy: Vec<_> = (0..many).map(|_| join(&mut engine, 1, MEMBER)).collect();
        let observe = |view| Join::Observer { view };
        let (all, _) = join(&mut engine, 11, observe(View::All));
        let (sample, _) = join(&mut engine, 12, observe(View::Sample(SHOWN as u16)));
        let (names, topic) = join(&mut engine, 13, observe(View::Nothing));
        drop(engine.look_at(Time::ZERO, names, topic, [1]).expect("it is there"));
        engine.advance(Time::from_millis(1_000)).for_each(|_| {});
        for (session, topic) in busy {
            let updated = engine.update(Time::from_millis(1_000), session, topic, 5);
            drop(updated.expect("it is a member"));
        }
        join_at(&mut engine, Time::from_millis(1_000), 2, MEMBER);
        let mut tick = |ms| {
            let mut told = Vec::new();
            engine.advance(Time::from_millis(ms)).for_each(|decision| match decision {
                Decision::Topic(part) => told.extend_from_slice(part.to()),
                Decision::Changes(part) => panic!("{part:?}, and no snapshot"),
                _ => {}
            });
            // It comes in parts.
            told.dedup();
            told
        };
        assert_eq!(tick(1_100), [all.slot()]);
        assert_eq!(tick(1_200), [sample.slot(), names.slot()]);
    }

    impl Room {
        fn new(named: u64) -> Self {
            let mut engine = engine(SHOWN);
            let mut join = |user, of| join(&mut engine, user, of);
            join(0, MEMBER);
            let all = (1..=named).map(|user| join(user, MEMBER)).collect();
            join(named + 1, Join::Observer { view: View::Sample(SHOWN as u16) });
            let (session, topic) = join(named + 2, Join::Observer { view: View::Nothing });
            let names = (1..=named).chain([VISITOR]);
            drop(engine.look_at(Time::ZERO, session, topic, names).expect("it is there"));
            let visitor = engine.connect(Time::ZERO, Connect::new(VISITOR)).expect("room").0;
            let mut room = Self { engine, now: 0, named: all, visitor };
            room.tick();
            room
        }

        fn update(&mut self, members: u64) {
            for (session, topic) in &self.named[..members as usize] {
                let now = Time::from_millis(self.now);
                drop(self.engine.update(now, *session, *topic, 5).expect("it is a member"));
            }
        }

        /// One who is named comes and goes.
        fn visit(&mut self) {
            let now = Time::from_millis(self.now);
            let topic = self.engine.join(now, self.visitor, 7, MEMBER).expect("there is room").0;
            drop(self.engine.leave(now, self.visitor, topic).expect("it is there"));
        }

        /// Lets a tick come. Returns how many snapshots and changes those are sent who view a
        /// sample.
        fn tick(&mut self) -> (usize, usize) {
            let mut told = (0, 0);
            self.now += 1_000;
            self.engine.advance(Time::from_millis(self.now)).for_each(|decision| match decision {
                Decision::Topic(part) if part.view() != View::Nothing => told.0 += 1,
                Decision::Changes(part) if part.view() != View::Nothing => told.1 += 1,
                _ => {}
            });
            assert_eq!(self.engine.verify(), Ok(()));
            told
        }
    }

    #[test]
    fn all_whom_a_tick_tells_are_sent_snapshots_where_too_much_waits_to_be_noted() {
        let mut room = Room::new(NOTED + 1);
        room.update(NOTED);
        assert_eq!(room.tick(), (0, 0));
        room.update(NOTED + 1);
        assert_eq!(room.tick(), (1, 0));
        room.update(NOTED);
        assert_eq!(room.tick(), (0, 0), "it begins anew");
    }

    #[test]
    fn who_comes_and_goes_between_two_ticks_does_not_pile_up() {
        let mut room = Room::new(4);
        room.update(4);
        (0..10 * NOTED).for_each(|_| room.visit());
        assert_eq!(room.tick(), (0, 0));
    }
}
