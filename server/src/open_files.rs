//! The limit of open files: raised as far as it goes, and what has to be given up below it.

use adsum_server::config::Network;
use adsum_server::host::goodbyes;

/// Files that are no client's: the store's, the log, and connections of operators.
const RESERVED: u64 = 128;

/// Raises the limit as far as this process may, and makes the limits of connections fit into it.
/// Without that, whoever takes the last file would keep operators out too. Returns what to tell the
/// operator, if anything.
pub(crate) fn make_room(network: &mut Network) -> Option<String> {
    fit(network, raise()?)
}

/// Returns the limit after it was raised, if there is one that is known.
#[cfg(target_os = "linux")]
fn raise() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

#[cfg(not(target_os = "linux"))]
fn raise() -> Option<u64> {
    None
}

fn fit(network: &mut Network, files: u64) -> Option<String> {
    let room = u32::try_from(files.saturating_sub(RESERVED)).unwrap_or(u32::MAX).max(3);
    let (connect, pending) = (network.connect_limit, network.pending_limit);
    let all = [connect, pending, goodbyes(pending)].map(u64::from);
    if all.iter().sum::<u64>() <= room.into() {
        return None;
    }
    network.pending_limit = pending.min((room / 4).max(1));
    let rest = room - network.pending_limit - goodbyes(network.pending_limit);
    network.connect_limit = connect.min(rest);
    Some(format!(
        "connect_limit = {connect} and pending_limit = {pending} do not fit into the limit of \
         {files} open files (ulimit -n): they are {} and {}",
        network.connect_limit, network.pending_limit
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(connect_limit: u32, pending_limit: u32, files: u64) -> (u32, u32, bool) {
        let mut network = Network { connect_limit, pending_limit, ..Network::default() };
        let told = fit(&mut network, files).is_some();
        (network.connect_limit, network.pending_limit, told)
    }

    #[test]
    fn what_fits_stays_and_the_rest_is_shared_out() {
        assert_eq!(fitted(20_000, 4_096, 65_536), (20_000, 4_096, false));
        assert_eq!(fitted(20_000, 4_096, 24_480), (20_000, 4_096, false));
        assert_eq!(fitted(20_000, 4_096, 24_479), (19_999, 4_096, true));
        assert_eq!(fitted(20_000, 4_096, 1_128), (500, 250, true));
        assert_eq!(fitted(10, 4_096, 1_128), (10, 250, true));
        assert_eq!(fitted(20_000, 4_096, 0), (1, 1, true));
    }
}
