//! What the server says about its settings.

use crate::support::program::run_to_end;

/// A ping timeout that tim's clients cannot keep is warned of by name.
#[test]
fn s11_a_ping_timeout_below_the_clients_pings_is_warned_of() {
    let warnings = |seconds| {
        let said = run_to_end(&["check-config", "--ping-timeout", seconds], &[]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        let start = format!("warning: ping_timeout = {seconds}: tim's clients ping every 10 to 15");
        said.out.lines().filter(|line| line.starts_with(&start)).count()
    };
    assert_eq!((warnings("10"), warnings("74"), warnings("75")), (1, 1, 0));
}
