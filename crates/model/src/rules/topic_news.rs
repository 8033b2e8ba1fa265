//! What those who view a topic are told at once, and what is gathered for ticks (rules T1, T3, T8
//! and T11).

use crate::topics::{Departed, Known, News, Place, Service, Standing, Tick};
use crate::{Decision, Model, Notice, Output, User};
use adsum::{SessionId, View};
use std::collections::{BTreeMap, BTreeSet};

impl Model {
    /// Returns what is said of a member's session that has just come.
    pub(super) fn member(&self, name: User, id: SessionId) -> Notice {
        let (user, presence) = (self.sessions[&id].user, self.shown_in(name, id));
        Notice::Joined { topic: name, user, session: id, presence }
    }

    /// Tells those who are told at once that a session of a member has come: the first, or another
    /// one.
    pub(super) fn tell_member(
        &mut self,
        out: &mut Output,
        name: User,
        id: SessionId,
        is_first: bool,
        except: &[SessionId],
    ) {
        let mut notice = self.member(name, id);
        if let Notice::Joined { topic, user, session, presence } = notice
            && !is_first
        {
            notice = Notice::Member { topic, user, session, first: true, presence };
        }
        self.tell_live(out, name, notice, except);
    }

    /// Tells those who are told at once, or marks the topic for those who are congested. Returns
    /// whom it is told to, or will be.
    pub(super) fn tell_live(
        &mut self,
        out: &mut Output,
        name: User,
        notice: Notice,
        except: &[SessionId],
    ) -> BTreeSet<SessionId> {
        let about = notice.user();
        let mut all = self.topics[&name].served_by(Service::Live);
        all.retain(|id| {
            let session = &self.sessions[id];
            let hides_own = !self.options.own_echo && Some(session.user) == about;
            let is_hidden = about.is_some_and(|of| self.are_hidden_in(name, session.user, of));
            session.is_attached() && !except.contains(id) && !hides_own && !is_hidden
        });
        let told = self.told_or_marked(name, &all);
        self.deliver(out, notice, &told);
        all
    }

    /// Returns those of the attached ones who take notices, and marks the topic for the others.
    pub(super) fn told_or_marked(
        &mut self,
        name: User,
        all: &BTreeSet<SessionId>,
    ) -> BTreeSet<SessionId> {
        let mut told = all.clone();
        told.retain(|id| self.sessions[id].is_attached());
        told.retain(|id| {
            let is_congested = self.sessions[id].missed.is_some();
            if is_congested {
                self.place_mut(name, *id).is_dirty = true;
            }
            !is_congested
        });
        told
    }

    /// Sends one session a snapshot of a topic, if it views anything, or marks it.
    pub(super) fn tell_topic(&mut self, out: &mut Output, name: User, id: SessionId) {
        let topic = &self.topics[&name];
        let service = topic.service(&topic.places[&id]);
        let is_pending = topic.tick(service).is_some();
        let is_congested = self.sessions[&id].missed.is_some();
        let place = self.place_mut(name, id);
        (place.is_dirty, place.may_be_dirty) = (is_congested && service != Service::Never, false);
        // It is sent the common one too.
        place.is_new = is_pending && !is_congested;
        (place.is_told, place.is_late) = (place.is_new, false);
        if !is_pending {
            place.before = None;
        }
        if service != Service::Never && !is_congested {
            self.push_topic(out, name, id, &BTreeSet::from([id]));
        }
    }

    /// Sends one session a snapshot of each of these topics of its own.
    pub(super) fn tell_own_topics(
        &mut self,
        out: &mut Output,
        id: SessionId,
        is_meant: fn(&Place) -> bool,
    ) {
        for name in self.topics_of(id) {
            if is_meant(&self.topics[&name].places[&id]) {
                self.tell_topic(out, name, id);
            }
        }
    }

    /// Sends these the snapshot that this one is to get.
    pub(super) fn push_topic(
        &self,
        out: &mut Output,
        name: User,
        like: SessionId,
        to: &BTreeSet<SessionId>,
    ) {
        let topic = &self.topics[&name];
        out.decisions.push(Decision::Topic {
            topic: name,
            view: topic.served(&topic.places[&like]),
            counts: self.standing_for(name, like).counts,
            entries: self.truth_in(name, like),
            to: self.attachments(to),
        });
    }

    /// Where changes are told at once and the topic is too large for that now, those who view all
    /// are sent a sample, but for one who has just come. Returns whether it is so.
    pub(super) fn grow(
        &mut self,
        out: &mut Output,
        name: User,
        newcomer: Option<SessionId>,
    ) -> bool {
        let topic = self.topic_mut(name);
        if topic.options.coalesce_ms > 0 || topic.is_large || !topic.should_be_large() {
            return false;
        }
        let start = out.decisions.len();
        self.show_otherwise(out, name, newcomer);
        // Who names members has a snapshot alone, in any order.
        out.unordered_since(start);
        true
    }

    /// Blocks hide users from each other in a topic from now on, or no longer: all are sent what
    /// they are shown now.
    pub(super) fn show_all_otherwise(&mut self, out: &mut Output, name: User) {
        let topic = self.topic_mut(name);
        (topic.fast, topic.slow) = (None, None);
        let told = topic.places.iter().filter(|(_, place)| topic.is_told(place));
        let mut groups: BTreeMap<_, BTreeSet<SessionId>> = BTreeMap::new();
        for (id, place) in told {
            let alone = (!place.named.is_empty()).then_some(*id);
            groups.entry((alone, place.view)).or_default().insert(*id);
        }
        let standing = self.standing(name);
        for group in groups.into_values() {
            self.tell_alike(out, name, &group);
            for id in group {
                let known = Known::of(standing.clone());
                self.place_mut(name, id).before = Some(known);
            }
        }
    }

    /// The topic is large from now on, or no longer: those who view all are sent what they are
    /// shown now.
    pub(super) fn show_otherwise(
        &mut self,
        out: &mut Output,
        name: User,
        newcomer: Option<SessionId>,
    ) {
        let standing = self.standing(name);
        let topic = self.topic_mut(name);
        topic.is_large = topic.should_be_large();
        let common = topic.viewers_of_all();
        let views_all = topic.places.iter().filter(|(_, place)| place.view == View::All);
        let mut all: Vec<SessionId> = views_all.map(|(id, _)| *id).collect();
        all.retain(|id| Some(*id) != newcomer);
        if let Some(tick) = &mut self.topic_mut(name).slow {
            // They know whoever has come so far, and the others do not.
            tick.new_to_others.append(&mut tick.new);
        }
        let all_of_them = all.clone();
        let mut common: BTreeSet<SessionId> = common.into_iter().collect();
        common.retain(|id| Some(*id) != newcomer);
        all.retain(|id| !common.contains(id));
        self.tell_alike(out, name, &common);
        all.into_iter().for_each(|id| self.tell_alike(out, name, &BTreeSet::from([id])));
        for id in all_of_them {
            let topic = &self.topics[&name];
            let known = topic.known(&topic.places[&id], standing.clone());
            self.place_mut(name, id).before = Some(known);
        }
    }

    /// Sends these, who view the same, one snapshot.
    pub(super) fn tell_alike(&mut self, out: &mut Output, name: User, all: &BTreeSet<SessionId>) {
        self.no_longer_new(name, all);
        let told = self.told_or_marked(name, all);
        let topic = &self.topics[&name];
        let is_live = |id: &SessionId| topic.service(&topic.places[id]) == Service::Live;
        if topic.hides() || !self.options.own_echo && told.iter().any(is_live) {
            // To each without its own user, or without those who are hidden from it.
            told.iter().for_each(|id| self.push_topic(out, name, *id, &BTreeSet::from([*id])));
        } else if let Some(like) = told.first() {
            self.push_topic(out, name, *like, &told);
        }
    }

    pub(super) fn no_longer_new(&mut self, name: User, all: &BTreeSet<SessionId>) {
        for id in all {
            let place = self.place_mut(name, *id);
            (place.is_new, place.is_late, place.before) = (false, false, None);
        }
    }

    /// Gathers for ticks that something is different in a topic.
    pub(super) fn gather(&mut self, name: User, before: &Standing, news: News) {
        if let News::Gone(id, _) = news {
            let places = self.topic_mut(name).places.values_mut();
            places.filter_map(|place| place.before.as_mut()).for_each(|known| {
                known.gone.insert(id);
            });
        }
        for service in [Service::Fast, Service::Slow] {
            let topic = &self.topics[&name];
            let served = topic.served_by(service);
            let concerns = match news {
                News::Update(id) => {
                    let user = self.sessions[&id].user;
                    service == Service::Fast || self.is_shown_slowly(name, user, before)
                }
                News::Counts => service == Service::Slow,
                _ => true,
            };
            if !served.is_empty() && concerns {
                self.begin_tick(name, service, before);
            }
            // A snapshot has told those who view all of one by whom the topic has become large.
            let is_told = matches!(news, News::Came(id) if self.topics[&name].has_told_of(id));
            let gone =
                if let News::Gone(id, _) = news { Some(self.sessions[&id].user) } else { None };
            let Some(tick) = self.topic_mut(name).tick_mut(service) else { continue };
            tick.gone.extend(gone);
            if let News::Came(id) = news {
                let unknown = if is_told { &mut tick.new_to_others } else { &mut tick.new };
                unknown.insert(id);
            }
            match (news, gone) {
                (News::Came(id) | News::Update(id), _) => tick.changed.push(id),
                (News::Gone(id, why), Some(user)) if !tick.new.remove(&id) => {
                    tick.of_all.note(id, user, why);
                    if !tick.new_to_others.remove(&id) {
                        tick.of_part.note(id, user, why);
                    }
                }
                _ => {}
            }
            let changes = tick.changed.len();
            if let News::Came(id) = news
                && service == Service::Slow
            {
                // Of whom a snapshot has told somebody, it need not be told again.
                let places = self.topic_mut(name).places.values_mut();
                places.filter_map(|place| place.before.as_mut()).for_each(|known| {
                    if known.has(id) && known.changes + 1 == changes {
                        known.changes = changes;
                    }
                });
            }
        }
    }

    /// Returns whether a user is named by anybody in a topic, or is in the view of anybody who is
    /// told by its slow tick.
    fn is_shown_slowly(&self, name: User, user: User, standing: &Standing) -> bool {
        let topic = &self.topics[&name];
        let of_user = |id: &SessionId| {
            let place = &topic.places[id];
            let shown = standing.in_view(topic.served(place), &place.named);
            shown.iter().any(|(other, _)| *other == user)
        };
        topic.served_by(Service::Slow).iter().any(of_user)
    }

    /// Begins to gather for a tick, unless it has begun.
    pub(super) fn begin_tick(&mut self, name: User, service: Service, before: &Standing) {
        // Several may begin in one input, and come in the order in which they did.
        self.ticks += 1;
        let (at, order) = (self.at, self.ticks);
        let topic = self.topic_mut(name);
        let timer = (at.saturating_add(topic.tick_ms(service)), order);
        topic.tick_mut(service).get_or_insert_with(|| Tick {
            timer,
            before: before.clone(),
            changed: Vec::new(),
            new: BTreeSet::new(),
            new_to_others: BTreeSet::new(),
            of_all: Departed::default(),
            of_part: Departed::default(),
            gone: BTreeSet::new(),
        });
    }

    /// Returns those who view all or a sample, whether or not they take notices, but for this
    /// session and, without echo, for others of its user. Of one who is invisible, only those.
    pub(super) fn hearers(&self, name: User, speaker: SessionId) -> BTreeSet<SessionId> {
        let user = self.sessions[&speaker].user;
        let (echoes, is_hidden) = (self.options.own_echo, self.is_invisible(user));
        let topic = &self.topics[&name];
        // A snapshot that is to come would end it.
        let views = topic.places.iter().filter(|(_, place)| {
            matches!(topic.served(place), View::All | View::Sample(_)) && !place.is_new
        });
        let mut hearers: BTreeSet<SessionId> = views.map(|(id, _)| *id).collect();
        hearers.retain(|id| {
            let session = &self.sessions[id];
            let may_hear = match session.user == user {
                true => echoes,
                false => !is_hidden && !self.are_hidden_in(name, session.user, user),
            };
            session.is_attached() && *id != speaker && may_hear
        });
        hearers
    }
}
