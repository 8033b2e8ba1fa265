//! What a tick tells: changes, and snapshots to those who have come (rules T8 to T10).

use crate::decision::{Again, Gathered};
use crate::topics::{Known, Service, Tick};
use crate::{Decision, Model, Output, User};
use adsum::{SessionId, SessionKey, View};
use std::collections::BTreeSet;

impl Model {
    /// Tells what has been gathered in a topic, in any order.
    pub(super) fn tick(&mut self, out: &mut Output, name: User, service: Service) {
        let topic = self.topic_mut(name);
        let tick = topic.tick_mut(service).take().expect("it has come");
        let mut all = topic.served_by(service);
        // Looked at when those who view all are due; if all of them name members, whenever.
        let is_due = topic.is_large == (service == Service::Slow);
        let flips = topic.is_large != topic.should_be_large()
            && (is_due || topic.viewers_of_all().is_empty());
        if flips {
            all.retain(|id| topic.places[id].view != View::All);
            self.show_otherwise(out, name, None);
        }
        while let Some(first) = all.pop_first() {
            let mut group = BTreeSet::from([first]);
            let places = &self.topics[&name].places;
            if places[&first].named.is_empty() {
                let view = places[&first].view;
                let is_like =
                    |id: &&SessionId| places[*id].named.is_empty() && places[*id].view == view;
                group.extend(all.iter().filter(is_like));
                all.retain(|id| !group.contains(id));
            }
            self.tell_group(out, name, &tick, group);
        }
        // Who had been sent a snapshot before it misses this one.
        for id in self.topics[&name].served_by(service) {
            let is_congested = self.sessions[&id].missed.is_some();
            let place = self.place_mut(name, id);
            place.is_dirty |= std::mem::take(&mut place.is_late) && is_congested;
        }
    }

    /// Tells those who view the same and name nobody, or one who names somebody.
    fn tell_group(
        &mut self,
        out: &mut Output,
        name: User,
        tick: &Tick,
        group: BTreeSet<SessionId>,
    ) {
        let topic = self.topic_mut(name);
        let (new, rest): (BTreeSet<_>, BTreeSet<_>) =
            group.into_iter().partition(|id| topic.places[id].is_new);
        let Some(like) = rest.first().copied() else {
            return self.tell_alike(out, name, &new);
        };
        let topic = &self.topics[&name];
        let place = &topic.places[&like];
        let (view, counts) = (topic.served(place), self.standing(name).counts);
        let is_of_counts = view == View::Count && place.named.is_empty();
        let known = rest.iter().find_map(|id| topic.places[id].before.clone());
        rest.iter().for_each(|id| self.place_mut(name, *id).before = None);
        let is_told_all = known.is_some();
        let known = known.unwrap_or_else(|| Known::of(tick.before.clone()));
        let (mut changes, again) = self.changes(name, tick, (&known, is_told_all), like);
        let is_counted = matches!(view, View::Count | View::Sample(_));
        let mut is_news = !changes.is_empty() || is_counted && counts != known.standing.counts;
        let to = self.attachments(&self.taking(&rest));
        // A snapshot for those who are new may be one for all, if there is anything to tell; of the
        // counts it is, if one of them may be seen, and else it is not.
        let (some, all) = (self.taking(&new), self.taking(&new.union(&rest).copied().collect()));
        let is_told_anew = is_news || !is_of_counts && !again.is_empty();
        let is_for_all = !some.is_empty() && !to.is_empty() && is_told_anew;
        let all_told = self.attachments(&all);
        let is_unseen = |id: &SessionId| self.is_invisible(self.sessions[id].user);
        let is_heard = || {
            let heard = self.heard_next(out, (name, view), &all_told, &to);
            matches!(heard, Some(Decision::Topic { .. }))
        };
        if is_for_all && if is_of_counts { !some.iter().all(is_unseen) } else { is_heard() } {
            self.no_longer_new(name, &new);
            self.told_or_marked(name, &new);
            self.told_or_marked(name, &rest);
            return self.push_topic(out, name, like, &all);
        }
        self.tell_alike(out, name, &new);
        let heard = self.heard_next(out, (name, view), &to, &to);
        match heard {
            Some(Decision::Changes { changes: told, .. }) if changes.may_be(&told, &again) => {
                is_news |= !told.is_empty();
                changes = told;
            }
            // A snapshot may say it in fewer words.
            Some(Decision::Topic { .. }) if !is_of_counts && (is_news || !again.is_empty()) => {
                self.told_or_marked(name, &rest);
                return self.push_topic(out, name, like, &self.taking(&rest));
            }
            _ => {}
        }
        if is_news {
            self.told_or_marked(name, &rest);
            if !to.is_empty() {
                out.decisions.push(Decision::Changes { topic: name, view, counts, changes, to });
            }
        } else if !again.is_empty() {
            rest.iter().for_each(|id| self.place_mut(name, *id).may_be_dirty = true);
        }
    }

    /// Returns those who take notices.
    fn taking(&self, all: &BTreeSet<SessionId>) -> BTreeSet<SessionId> {
        let mut all = all.clone();
        all.retain(|id| {
            let session = &self.sessions[id];
            session.is_attached() && session.missed.is_none()
        });
        all
    }

    /// Returns what the engine has told these of a topic after what the model has told them. Where
    /// it does not say who was told together, that is what the first of `some` of them was told.
    fn heard_next(
        &self,
        out: &Output,
        of: (User, View),
        to: &BTreeSet<SessionKey>,
        some: &BTreeSet<SessionKey>,
    ) -> Option<Decision> {
        let one = some.first().filter(|_| self.is_heard_merged);
        let is_it = |decision: &&Decision| match decision {
            Decision::Changes { topic, view, to: told, .. }
            | Decision::Topic { topic, view, to: told, .. } => {
                (*topic, *view) == of && one.map_or(told == to, |one| told.contains(one))
            }
            _ => false,
        };
        let told = out.decisions.iter().filter(is_it).count();
        self.heard.iter().filter(is_it).nth(told).cloned()
    }

    /// Returns what is different, since the tick began to gather, in what one is shown; and of whom
    /// it may be told once more what it knows: hardly of any, if it is by a snapshot that was sent
    /// to all who view the same.
    fn changes(
        &self,
        name: User,
        tick: &Tick,
        (known, is_told_all): (&Known, bool),
        like: SessionId,
    ) -> (Gathered, Again) {
        let topic = &self.topics[&name];
        let place = &topic.places[&like];
        let (view, standing) = (topic.served(place), self.standing(name));
        let before = known.standing.in_view(view, &place.named);
        let now = standing.in_view(view, &place.named);
        let (mut changes, mut again) = (Gathered::default(), Again::default());
        let gone = if place.view == View::All { &tick.of_all } else { &tick.of_part };
        for (user, id) in &now {
            let shown = (*user, self.shown_in(name, *id));
            let since = &tick.changed[known.changes.min(tick.changed.len())..];
            if since.contains(id) || !before.contains(&(*user, *id)) {
                changes.shown.insert(*id, shown);
            } else if tick.changed.contains(id) || place.named.contains(user) {
                again.shown.insert(*id, shown);
            }
        }
        for (user, id) in before.iter().filter(|of| !now.contains(of)) {
            if now.iter().any(|(other, _)| other == user) {
                changes.ended.insert(*id, *user);
            } else {
                changes.left.extend(gone.reasons.get(user).map(|why| (*user, *why)));
            }
        }
        let is_there = |of: &User| now.iter().any(|(user, _)| user == of);
        let is_shown = |of: &SessionId| now.iter().any(|(_, id)| id == of);
        let ended = gone.ended.iter().filter(|(id, user)| is_there(user) && !is_shown(id));
        again.ended.extend(ended.map(|(id, user)| (*id, *user)));
        let left = gone.reasons.iter().filter(|(user, _)| !is_there(user));
        again.left.extend(left.map(|(user, why)| (*user, *why)));
        if is_told_all {
            // What that snapshot has said is not said once more, but of a named member who has got
            // into the sample.
            again.shown.retain(|_, (user, _)| place.named.contains(user));
            (again.ended, again.left) = Default::default();
        }
        (changes, again)
    }
}
