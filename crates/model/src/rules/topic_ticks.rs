//! What a tick tells: changes, and snapshots to those who have come (rules T8 to T10).

use crate::decision::{Gathered, Leeway};
use crate::topics::{Service, Standing, Tick};
use crate::{Decision, Model, Output, User};
use adsum::{SessionId, View};
use std::collections::{BTreeMap, BTreeSet};

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
            self.show_otherwise(out, name, None, None);
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
        let (before, told_of) = otherwise.clone().unwrap_or_default();
        let before = if otherwise.is_some() { &before } else { &tick.before };
        let (changes, again) = self.changes(name, tick, before, &told_of, like);
        let is_counted = matches!(view, View::Count | View::Sample(_));
        let is_told = !changes.is_empty() || is_counted && counts != before.counts;
        let told = match is_told {
            true => self.told_or_marked(name, &rest),
            false => self.attached(|id, of| rest.contains(&id) && of.missed.is_none()),
        };
        let to = self.attachments(&told);
        let is_told = is_told && !told.is_empty();
        let at = out.decisions.len();
        if is_told {
            let to = to.clone();
            out.decisions.push(Decision::Changes { topic: name, view, counts, changes, to });
        }
        if !again.is_empty() {
            let (topic, whole) = (name, None);
            let before = (out.unordered.len(), out.deadlines.len());
            out.leeways.push(Leeway { at, is_told, before, topic, to, whole, again });
        }
    }

    /// Returns what is different, since the tick began to gather, in what one is shown.
    /// `told_of` are sessions whose changes it was told of by then: what it need not be told again.
    fn changes(
        &self,
        name: User,
        tick: &Tick,
        before: &Standing,
        told_of: &BTreeSet<SessionId>,
        like: SessionId,
    ) -> (Gathered, BTreeMap<SessionId, (User, Option<u32>)>) {
        let topic = &self.topics[&name];
        let place = &topic.places[&like];
        let (view, standing) = (topic.served(place), self.standing(name));
        let before = before.in_view(view, &place.named);
        let now = standing.in_view(view, &place.named);
        let mut changes = Gathered::default();
        let mut again = BTreeMap::new();
        for (user, id) in &now {
            let shown = (*user, self.shown_in(name, *id));
            if !before.contains(&(*user, *id)) || tick.changed.contains(id) && !told_of.contains(id)
            {
                changes.shown.insert(*id, shown);
            } else if told_of.contains(id) {
                again.insert(*id, shown);
            }
        }
        for (user, id) in before.iter().filter(|of| !now.contains(of)) {
            if now.iter().any(|(other, _)| other == user) {
                changes.ended.insert(*id, *user);
            } else {
                changes.left.insert(*user, tick.reasons[user]);
            }
        }
        (changes, again)
    }
}
