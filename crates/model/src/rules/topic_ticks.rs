//! What a tick tells: changes, and snapshots to those who have come (rules T8 to T10).

use crate::decision::Gathered;
use crate::topics::{Service, Standing, Tick};
use crate::{Decision, Model, Output, User};
use adsum::{SessionId, View};
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
        self.tell_alike(out, name, &new);
        let Some(like) = rest.first().copied() else { return };
        let topic = &self.topics[&name];
        let place = &topic.places[&like];
        let (view, counts) = (topic.served(place), self.standing(name).counts);
        let otherwise = rest.iter().find_map(|id| topic.places[id].before.clone());
        rest.iter().for_each(|id| self.place_mut(name, *id).before = None);
        let before = otherwise.unwrap_or_else(|| tick.before.clone());
        let changes = self.changes(name, tick, &before, like);
        let is_counted = matches!(view, View::Count | View::Sample(_));
        if changes.is_empty() && !(is_counted && counts != before.counts) {
            return;
        }
        let told = self.told_or_marked(name, &rest);
        if !told.is_empty() {
            let to = self.attachments(&told);
            out.decisions.push(Decision::Changes { topic: name, view, counts, changes, to });
        }
    }

    /// Returns what is different, since the tick began to gather, in what one is shown.
    fn changes(&self, name: User, tick: &Tick, before: &Standing, like: SessionId) -> Gathered {
        let topic = &self.topics[&name];
        let place = &topic.places[&like];
        let (view, standing) = (topic.served(place), self.standing(name));
        let before = before.in_view(view, &place.named);
        let now = standing.in_view(view, &place.named);
        let mut changes = Gathered::default();
        for (user, id) in &now {
            if tick.changed.contains(id) || !before.contains(&(*user, *id)) {
                changes.shown.insert(*id, (*user, self.shown_in(name, *id)));
            }
        }
        for (user, id) in before.iter().filter(|of| !now.contains(of)) {
            if now.iter().any(|(other, _)| other == user) {
                changes.ended.insert(*id, *user);
            } else {
                changes.left.extend(tick.reasons.get(user).map(|why| (*user, *why)));
            }
        }
        changes
    }
}
