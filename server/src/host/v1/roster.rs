//! The rosters of this server's own accounts, as the neutral protocol has them: whoever has an
//! account asks for its list, changes it, and is told when somebody else does.

use super::answers::{Done, Token};
use super::code::{Code, Fault};
use super::fields::{Fields, needed};
use super::relation::{Entry, name, word};
use super::verb::{Asked, Verb};
use crate::host::command::{Command, Node};
use crate::host::relating::{Editor, Refusal, Related, Wish, relate};
use crate::host::requests::login::token_of;
use crate::host::shared::Shared;
use crate::store::{Relation, Relations, Store, StoreError};
use adsum_tim::Code as TimCode;

/// A list is cut into parts of about so many bytes.
const PART: usize = 32 * 1_024;
/// The longest words of a request, in bytes.
const LONGEST_TEXT: usize = 1_024;

/// Has a session told the whole roster of its user, in its turn.
pub(super) async fn list(shared: &Shared, user: &Editor<'_>, n: Option<u64>) -> Result<(), Fault> {
    offered(shared)?;
    // Until the engine's thread has been told, nobody changes what is read here.
    let lock = shared.directory.lock(user.node).await;
    let relations = shared.directory.relations(user.node).await.map_err(|error| fault(&error))?;
    let node = user.node.clone();
    let frames = shared.directory.quick(move |store| frames(store, &node, &relations)).await;
    let verb = Verb::Roster(frames.map_err(|error| fault(&error))?);
    let asked = Asked { session: user.session, n, verb };
    shared.command(Command::Asked(Box::new(asked))).await;
    drop(lock);
    Ok(())
}

/// Returns the answer with a login token of a user.
pub(super) async fn login_token(shared: &Shared, user: &Node) -> Result<Verb, Fault> {
    let token = token_of(shared, user).await.map_err(|code| match code {
        TimCode::Interface => Fault::from(Code::Forbidden),
        _ => Code::Unavailable.into(),
    })?;
    Ok(Verb::Done(Done { token: Some(Token(token)), ..Done::default() }))
}

/// Returns the roster in parts of a bounded length, at least one.
fn frames(store: &dyn Store, node: &str, known: &Relations) -> Result<Vec<Vec<u8>>, StoreError> {
    let entry = |node, relation| entry(store, node, relation);
    let mut all = Vec::new();
    for request in &known.requests {
        let at = u64::try_from(request.asked_at).ok().map(|seconds| seconds.saturating_mul(1_000));
        let text = Some(request.words.as_str());
        all.push(Entry { text, at, ..entry(&request.node, Relation::AskedByOther)? });
    }
    for (nodes, relation) in [
        (&known.waiting, Relation::Asked),
        (&known.friends, Relation::Friends),
        (&known.blocked, Relation::Blocked),
    ] {
        for node in nodes {
            all.push(entry(node, relation)?);
        }
    }
    let own = name(store, node)?;
    let texts: Vec<_> =
        all.iter().map(|entry| serde_json::to_string(entry).unwrap_or_default()).collect();
    Ok(parts(own.as_deref(), &texts))
}

fn entry<'a>(store: &dyn Store, u: &'a str, relation: Relation) -> Result<Entry<'a>, StoreError> {
    Ok(Entry { u, name: name(store, u)?, relation: word(relation), text: None, at: None })
}

fn parts(name: Option<&str>, entries: &[String]) -> Vec<Vec<u8>> {
    let name = serde_json::to_string(&name).unwrap_or_default();
    let (mut parts, mut part, mut length) = (Vec::new(), Vec::new(), 0);
    for entry in entries {
        if length > PART {
            parts.push(std::mem::take(&mut part));
            length = 0;
        }
        length += entry.len();
        part.push(entry.as_str());
    }
    parts.push(part);
    let last = parts.len() - 1;
    let frame = |(at, entries): (usize, &Vec<&str>)| {
        let (first, last, entries) = (at == 0, at == last, entries.join(","));
        let head = format!(r#"{{"op":"roster","name":{name},"first":{first},"last":{last}"#);
        format!(r#"{head},"entries":[{entries}]}}"#).into_bytes()
    };
    parts.iter().enumerate().map(frame).collect()
}

/// Changes what there is between a user and another one.
pub(super) async fn change(
    shared: &Shared,
    user: &Editor<'_>,
    op: &str,
    mut fields: Fields<'_>,
    strict: bool,
) -> Result<Verb, Fault> {
    offered(shared)?;
    let named = needed("user", fields.text("user")?)?;
    let wish = match op {
        "befriend" => {
            let words = fields.text("text")?.unwrap_or_default();
            if words.len() > LONGEST_TEXT {
                return Err(Fault::of(Code::TooBig, "text"));
            }
            Wish::Befriend(words)
        }
        "unfriend" => Wish::Remove,
        _ => Wish::Block,
    };
    fields.finish(strict)?;
    let Related { other, relation } =
        relate(shared, user, named, wish).await.map_err(|refusal| match refusal {
            Refusal::Nobody => Code::UnknownUser.into(),
            Refusal::Oneself => Fault::of(Code::Invalid, "user"),
            Refusal::TooOften => Code::Rate.into(),
            Refusal::Store(error) => fault(&error),
        })?;
    Ok(Verb::Done(Done { user: Some(other), relation: Some(word(relation)), ..Done::default() }))
}

/// Refuses where users do not keep their lists here, or may not change them.
fn offered(shared: &Shared) -> Result<(), Fault> {
    let is_offered = shared.directory.keeps_lists() && !shared.config.services.no_business;
    is_offered.then_some(()).ok_or_else(|| Code::Forbidden.into())
}

fn fault(error: &StoreError) -> Fault {
    match error {
        StoreError::NoAccount => Code::UnknownUser.into(),
        StoreError::AlreadyFriends | StoreError::NoRelation => Code::NothingToDo.into(),
        StoreError::Full => Code::RelationLimit.into(),
        StoreError::Oneself => Fault::of(Code::Invalid, "user"),
        StoreError::Elsewhere => Code::Forbidden.into(),
        _ => Code::Unavailable.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::store::{Sqlite, SqliteOptions};

    #[test]
    fn a_long_roster_comes_in_parts_and_nothing_of_it_is_lost() {
        let entries: Vec<_> = (0..2_000)
            .map(|at| json!({"u": format!("user {at}"), "relation": "friends"}))
            .collect();
        let texts: Vec<_> = entries.iter().map(Value::to_string).collect();
        let frames = parts(Some("a \"name\""), &texts);
        assert!(frames.len() > 2 && frames.iter().all(|frame| frame.len() < 2 * PART));
        let frames: Vec<Value> =
            frames.iter().map(|frame| serde_json::from_slice(frame).unwrap()).collect();
        let told: Vec<_> =
            frames.iter().flat_map(|frame| frame["entries"].as_array().unwrap().clone()).collect();
        assert_eq!(told, entries);
        for (at, frame) in frames.iter().enumerate() {
            assert_eq!(frame["name"], "a \"name\"");
            assert_eq!(frame["first"], at == 0);
            assert_eq!(frame["last"], at == frames.len() - 1);
        }
    }

    #[test]
    fn nobody_at_all_is_one_frame() {
        let store = Sqlite::in_memory(SqliteOptions::default()).unwrap();
        let frames = frames(&store, "nobody", &Relations::default()).unwrap();
        let frame: Value = serde_json::from_slice(&frames[0]).unwrap();
        let wanted =
            json!({"op": "roster", "name": null, "first": true, "last": true, "entries": []});
        assert_eq!((frame, frames.len()), (wanted, 1));
    }
}
