//! Topics: how many are there, and who.

use std::sync::Arc;

use adsum::TopicCounts;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::asking::{LIMIT, MAX_PAGE, PAGE, ask, p};
use super::problem::Problem;
use super::reading::Topic;
use crate::host::question::{MemberNow, MembersAfter, MembersPage, Question};
use crate::host::shared::Shared;

pub(super) async fn topic(
    State(shared): State<Arc<Shared>>,
    Topic(topic): Topic,
) -> Result<Json<Value>, Problem> {
    let counts = ask(&shared, |reply| Question::Topic(topic.clone(), reply)).await?;
    let TopicCounts { users, sessions, observers } = counts;
    Ok(Json(json!({
        "topic": topic.as_ref(), "users": users, "sessions": sessions, "observers": observers,
    })))
}

/// Which members are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    after: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn members(
    State(shared): State<Arc<Shared>>,
    Topic(topic): Topic,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(page) = page.map_err(|rejection| Problem::invalid(rejection.body_text()))?;
    let limit = page.limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::invalid(LIMIT));
    }
    let cursor = page.after.map_or(Ok(0), |after| after.parse());
    let cursor = cursor.map_err(|_| Problem::invalid("after is no cursor"))?;
    let name = topic.clone();
    let asked = ask(&shared, |reply| {
        Question::Members(Box::new(MembersAfter { topic, cursor, limit, reply }))
    });
    let MembersPage { members, next } = asked.await?;
    let member = |MemberNow { user, sessions }: &MemberNow| {
        let sessions = sessions.iter();
        let sessions =
            sessions.map(|(id, shown)| json!({ "s": id.to_string(), "p": p(shown.as_ref()) }));
        json!({ "user": user.as_ref(), "sessions": sessions.collect::<Vec<_>>() })
    };
    let members: Vec<_> = members.iter().map(member).collect();
    // Larger numbers than JavaScript has may come one day.
    let next = next.map(|cursor| cursor.to_string());
    Ok(Json(json!({ "topic": name.as_ref(), "members": members, "next": next })))
}
