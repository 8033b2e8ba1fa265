//! Whether somebody else has this node's name.

use std::time::Duration;

use adsum_cluster::NodeId;
use async_nats::Subscriber;
use futures_util::StreamExt as _;

use super::subjects::Subjects;

/// How many beats to listen for somebody of the same name before saying anything.
const BEATS: f64 = 1.5;

/// Listens until somebody of this name speaks, or would have. Whoever was killed a moment ago says
/// nothing any more.
pub(super) async fn is_taken(
    stream: &mut Subscriber,
    subjects: &Subjects,
    me: NodeId,
    beat: Duration,
) -> bool {
    let heard = async {
        while let Some(message) = stream.next().await {
            if subjects.sender(&message.subject) == Some(me) {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(beat.mul_f64(BEATS), heard).await.unwrap_or(false)
}
