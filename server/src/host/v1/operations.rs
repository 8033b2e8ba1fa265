//! Reads what a session asks for.

use std::sync::Arc;

use adsum::{Join, View};
use adsum_tim::Tid;
use serde_json::Value;

use super::code::{Code, Fault};
use super::fields::{Fields, needed};
use super::grant::Grant;
use super::sound::is_sound;
use super::table;
use super::verb::{Lasts, Verb};
use crate::config::{Config, Watch as MayWatch};
use crate::host::command::Node;
use crate::host::directory::Directory;
use crate::host::shown::Shown;
use crate::store::LONGEST_TOPIC;

/// The most users of a sample.
const MOST_SHOWN: u16 = 10_000;

/// What is needed to read what a session asks for.
pub(super) struct Reading<'a> {
    pub(super) config: &'a Config,
    pub(super) directory: &'a Directory,
    pub(super) from: &'a Tid,
    pub(super) grant: &'a Grant,
    pub(super) strict: bool,
}

impl Reading<'_> {
    /// Returns what an operation of this name asks for.
    pub(super) fn verb(&self, op: &str, fields: Fields<'_>) -> Result<Verb, Fault> {
        let mut fields = fields;
        if !self.offers(op) {
            return Err(Code::Forbidden.into());
        }
        let verb = match op {
            "publish" => self.publish(&mut fields)?,
            "withdraw" => Verb::Withdraw,
            "active" => Verb::Active,
            "direct" => self.direct(&mut fields)?,
            "watch" => Verb::Watch(self.watched(&mut fields)?),
            "unwatch" => Verb::Unwatch(self.watched(&mut fields)?),
            "join" => self.join(&mut fields)?,
            "update" => {
                Verb::Update { topic: topic(&mut fields)?, shown: self.needed(&mut fields)? }
            }
            "leave" => Verb::Leave { topic: topic(&mut fields)? },
            "look" => {
                let topic = topic(&mut fields)?;
                Verb::Look { topic, view: needed("view", view(&mut fields)?)? }
            }
            "look_at" => {
                let topic = topic(&mut fields)?;
                let users = needed("users", fields.list("users")?)?;
                Verb::LookAt { topic, users: self.users("users", users)? }
            }
            "say" => Verb::Say {
                topic: topic(&mut fields)?,
                shown: self.needed(&mut fields)?,
                for_ms: fields.milliseconds("for")?,
            },
            "invisible" => Verb::Invisible,
            "visible" => Verb::Visible,
            "ping" => Verb::Ping,
            _ => return Err(Code::UnknownOp.into()),
        };
        fields.finish(self.strict)?;
        Ok(verb)
    }

    /// Returns whether the settings leave this on: those that turn tim's requests off do so here.
    fn offers(&self, op: &str) -> bool {
        let services = &self.config.services;
        match op {
            "publish" => !services.no_broad_presence,
            "direct" => !services.no_presence,
            "watch" | "unwatch" => {
                !services.no_nodes && self.config.presence.watch == MayWatch::Anyone
            }
            _ => true,
        }
    }

    fn publish(&self, fields: &mut Fields<'_>) -> Result<Verb, Fault> {
        let shown = self.needed(fields)?;
        let lasts = match (fields.milliseconds("for")?, fields.milliseconds("until")?) {
            (Some(_), Some(_)) => return Err(Fault::of(Code::Invalid, "until")),
            (Some(for_ms), None) => Some(Lasts::For(for_ms)),
            (None, Some(until)) => Some(Lasts::Until(until)),
            (None, None) => None,
        };
        let then = self.shown("then", fields)?;
        if then.is_some() && lasts.is_none() {
            return Err(Fault::of(Code::Invalid, "then"));
        }
        Ok(Verb::Publish { shown, lasts, then })
    }

    fn direct(&self, fields: &mut Fields<'_>) -> Result<Verb, Fault> {
        let raw = needed("to", fields.take("to"))?;
        let invalid = |_| Fault::of(Code::Invalid, "to");
        let to = if raw.get().starts_with('"') {
            vec![serde_json::from_str(raw.get()).map_err(invalid)?]
        } else {
            serde_json::from_str(raw.get()).map_err(invalid)?
        };
        if to.is_empty() {
            return Err(Fault::of(Code::Invalid, "to"));
        }
        let to = self.users("to", to)?;
        Ok(Verb::Direct { to, shown: self.needed(fields)?, for_ms: fields.milliseconds("for")? })
    }

    fn watched(&self, fields: &mut Fields<'_>) -> Result<Vec<Node>, Fault> {
        let users = self.users("users", needed("users", fields.list("users")?)?)?;
        let is_oneself = users.iter().any(|user| **user == *self.from.node);
        if users.is_empty() || is_oneself {
            return Err(Fault::of(Code::Invalid, "users"));
        }
        Ok(users)
    }

    fn join(&self, fields: &mut Fields<'_>) -> Result<Verb, Fault> {
        let topic = topic(fields)?;
        let view = view(fields)?.unwrap_or(View::All);
        let presence = self.shown("p", fields)?;
        let join = match fields.flag("observe")? {
            true if presence.is_some() => return Err(Fault::of(Code::Invalid, "p")),
            true => Join::Observer { view },
            false => Join::Member { presence, view },
        };
        if !self.grant.topics.let_in(&topic) {
            return Err(Code::Forbidden.into());
        }
        Ok(Verb::Join { topic, join })
    }

    /// Returns the users of a list, each once.
    fn users(&self, name: &str, users: Vec<String>) -> Result<Vec<Node>, Fault> {
        if !users.iter().all(|user| self.directory.is_node(user)) {
            return Err(Fault::of(Code::Invalid, name));
        }
        let mut users: Vec<_> = users.into_iter().map(Node::from).collect();
        users.sort_unstable();
        users.dedup();
        Ok(users)
    }

    fn needed(&self, fields: &mut Fields<'_>) -> Result<Arc<Shown>, Fault> {
        needed("p", self.shown("p", fields)?)
    }

    fn shown(&self, name: &str, fields: &mut Fields<'_>) -> Result<Option<Arc<Shown>>, Fault> {
        let p = fields.shown(name, self.config.network.max_p)?;
        if p.is_some_and(|p| !is_sound(p)) {
            return Err(Fault::of(Code::Invalid, name));
        }
        Ok(p.map(|p| Arc::new(table::shown(self.from, p))))
    }
}

fn topic(fields: &mut Fields<'_>) -> Result<Node, Fault> {
    let name = needed("topic", fields.text("topic")?)?;
    if !(1..=LONGEST_TOPIC).contains(&name.len()) {
        return Err(Fault::of(Code::Invalid, "topic"));
    }
    Ok(name.into())
}

fn view(fields: &mut Fields<'_>) -> Result<Option<View>, Fault> {
    let view = match fields.typed::<Value>("view")? {
        None => return Ok(None),
        Some(Value::String(word)) => match word.as_str() {
            "nothing" => Some(View::Nothing),
            "count" => Some(View::Count),
            "all" => Some(View::All),
            _ => None,
        },
        Some(other) => {
            let users = other.as_u64().and_then(|users| users.try_into().ok());
            users.filter(|users| (1..=MOST_SHOWN).contains(users)).map(View::Sample)
        }
    };
    view.map(Some).ok_or_else(|| Fault::of(Code::Invalid, "view"))
}
