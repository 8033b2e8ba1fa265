//! What is for operators.

use crate::support::program::{Program, run_to_end};
use crate::support::{self, TOKEN};

const HEALTH: &str = "GET /healthz HTTP/1.1\r\n";
const METRICS: &str = "GET /metrics HTTP/1.1\r\n";

fn with_token(head: &str, token: &str) -> String {
    format!("{head}Authorization: Bearer {token}\r\n")
}

/// Where clients come, metrics and health are for who shows the token; where there is no token
/// they are not there. At an address of their own they are for whoever comes there.
#[tokio::test]
async fn a6_metrics_and_health_are_for_operators() {
    let status = async |to, head: &str| support::request_bytes(to, head, b"").await.0;
    let program = Program::start(&["--admin-token", TOKEN]);
    for head in [HEALTH, METRICS] {
        assert_eq!(status(program.address, head).await, 401, "{head}");
        assert_eq!(status(program.address, &with_token(head, "another")).await, 401, "{head}");
        assert_eq!(status(program.address, &with_token(head, TOKEN)).await, 200, "{head}");
    }
    let program = Program::start(&["--admin-listen", "127.0.0.1:0"]);
    for head in [HEALTH, METRICS] {
        assert_eq!(status(program.address, head).await, 404, "{head}");
        assert_eq!(status(program.admin_address.unwrap(), head).await, 200, "{head}");
    }
    let help = run_to_end(&["--help"], &[]).out;
    assert!(help.contains("at admin_listen, or for who shows admin_token"), "{help}");
}

/// A store that cannot write is not well, even though it can be read.
#[tokio::test]
async fn a6_health_says_no_when_the_store_cannot_write() {
    let program = Program::start(&["--admin-token", TOKEN]);
    let health = || support::request(program.address, HEALTH_WITH_TOKEN, b"");
    assert_eq!(health().await, (200, "ok\n".to_owned()));
    let sql = program.sql();
    sql.execute_batch("BEGIN IMMEDIATE").unwrap();
    let accounts = "SELECT count(*) FROM accounts";
    let reading = program.sql().query_row(accounts, [], |row| row.get::<_, u32>(0));
    assert_eq!(reading.unwrap(), 0);
    assert_eq!(health().await, (503, "the store fails\n".to_owned()));
    sql.execute_batch("ROLLBACK").unwrap();
    assert_eq!(health().await, (200, "ok\n".to_owned()));
}

const HEALTH_WITH_TOKEN: &str =
    "GET /healthz HTTP/1.1\r\nAuthorization: Bearer a token of an administrator\r\n";
