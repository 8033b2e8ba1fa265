//! What the sessions of the properties' cases are sent.

use super::{History, Recorder};
use adsum::{DefaultHashBuilder, Event};
use adsum_model::host::begun;
use adsum_model::{Case, Host, Model};
use serde_json::{Value, json};

/// Runs a case of the properties' generator and returns what everybody was told in it.
pub(crate) fn histories(case: &Case) -> Vec<History> {
    let (config, choice) = (case.setup.config(), case.setup.choice());
    let hasher = DefaultHashBuilder::default();
    let mut host = Host::<u32>::with_choice(config.clone(), choice, hasher);
    let mut model = Model::with_choice(&config, choice);
    let mut recorder = Recorder::default();
    for (at, op) in (0..).zip(&case.ops) {
        let (now, event) = op.decode(&model, at);
        let mut hear = |decision: &adsum::Decision<'_, u32, u32>, _: &[_]| recorder.hear(decision);
        let outcome = host.handle(now, &event, usize::MAX, &mut hear);
        let outcome = outcome.expect("the engine is right, or its own tests fail");
        _ = model.apply(now.as_millis(), &event, begun(&outcome));
        if let Some(begun) = outcome.as_ref().ok().and_then(|answer| answer.begun) {
            recorder.welcome(begun.key.slot(), matches!(event, Event::Connect { .. }));
        }
        if let Event::Unwatch { session, users } = &event
            && outcome.is_ok()
        {
            let forgotten = forgotten(&model, *session, users);
            recorder.tell(session.slot(), json!({ "op": "ok", "n": 1, "forget": forgotten }));
        }
        recorder.end_input(&host.engine);
    }
    recorder.histories()
}

/// Returns those of these users of whom a session is told no more.
fn forgotten(model: &Model, session: adsum::SessionKey, users: &[u32]) -> Vec<Value> {
    let Ok(id) = model.find_attached(session) else { return Vec::new() };
    let viewer = &model.sessions[&id];
    let is_seen = |user: &u32| {
        viewer.watched.contains(user)
            || *user == viewer.user
            || model.has_in_audience(*user, viewer.user)
    };
    let gone = users.iter().filter(|user| !is_seen(user));
    gone.map(|user| crate::wire::name(*user).into()).collect()
}
