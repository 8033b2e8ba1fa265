//! The server gives nothing to attackers: a test for each row of a list of ways in, named after its
//! row, against the program itself.

mod support;

#[path = "attackers/accounts.rs"]
mod accounts;
#[path = "attackers/memory.rs"]
mod memory;
#[path = "attackers/mutants.rs"]
mod mutants;
#[path = "attackers/operators_only.rs"]
mod operators_only;
#[path = "attackers/passwords.rs"]
mod passwords;
#[path = "attackers/requests.rs"]
mod requests;
#[path = "attackers/seats.rs"]
mod seats;
#[path = "attackers/store.rs"]
mod store;
#[path = "attackers/tokens.rs"]
mod tokens;
