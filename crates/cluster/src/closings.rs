//! Who is taken out of a topic at all nodes, by an order: each node says of its own when they have
//! gone. One that carries the order out late may take somebody out who has come again since.

use crate::cluster::Cluster;
use crate::people::Life;
use adsum::Event;
use core::hash::{BuildHasher, Hash};

impl<K, P, S> Cluster<K, P, S>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher + Clone,
{
    /// Notes whom an input is about to take out of a topic who are at other nodes: these are to say
    /// so. The engine refuses none of these inputs.
    pub(crate) fn note_taken_out(&mut self, event: &Event<K, P>) {
        let Self { engine, desk } = self;
        if broken!(desk, BelieveOrder) {
            return;
        }
        let topic = match event {
            Event::Close { topic } | Event::Remove { topic, .. } => engine.topic(topic),
            _ => None,
        };
        let Some(topic) = topic else { return };
        if let Event::Remove { user, .. } = event {
            // Which of them are in it is not looked for among all who are: to say again what has
            // not changed is a message, and tells nobody anything.
            engine.origins_of(user).for_each(|of| desk.note_unsaid(Life(of.0), user));
            return;
        }
        for (session, _) in topic.sessions() {
            if let Some(origin) = engine.origin_of(session.id) {
                desk.note_unsaid(Life(origin.0), session.user);
            }
        }
    }
}
