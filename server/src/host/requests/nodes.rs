//! Questions about nodes: what users are called.

use std::collections::BTreeMap;

use adsum_tim::{Code, Kind, TimAck, TimNodes, TimUserBean, ntype};

use super::login::User;
use super::watching;
use crate::host::roster_messages::{UNWATCH, WATCH};
use crate::host::shared::Shared;

/// Returns the answer to a question about users, or nothing where tim answers nothing.
pub(crate) async fn answer(shared: &Shared, user: &User, asked: TimNodes) -> Option<Vec<u8>> {
    let outcome = match asked.ntype {
        ntype::USER_INFO => names(shared, user, asked.nodelist.unwrap_or_default()).await,
        // The engine's thread answers these two.
        WATCH | UNWATCH => watching::watch(shared, user, asked).await.map(|()| None),
        // Rooms, profiles, and whatever else tim offers.
        _ => Err(Code::Interface),
    };
    outcome.unwrap_or_else(|code| {
        shared.metrics.frame_refused(code.info());
        Some(TimAck::refused(Kind::NODES, code).to_frame(user.form, Kind::ACK))
    })
}

/// Returns the names of those whom the user may know. The bound on lists in a frame is the bound
/// on how many can be asked for at once.
async fn names(shared: &Shared, user: &User, nodes: Vec<String>) -> Result<Option<Vec<u8>>, Code> {
    if nodes.is_empty() {
        return Err(Code::Parameter);
    }
    let node = user.node.clone();
    let found = shared.directory.quick(move |store| store.names(&node, &nodes)).await;
    let names = found.map_err(|error| error.code())?;
    if names.is_empty() {
        return Ok(None);
    }
    let usermap: BTreeMap<_, _> =
        names.into_iter().map(|(node, name)| (node, TimUserBean { name: Some(name) })).collect();
    let answer =
        TimNodes { ntype: ntype::USER_INFO, usermap: Some(usermap), ..TimNodes::default() };
    Ok(Some(answer.to_frame(user.form, Kind::NODES)))
}
