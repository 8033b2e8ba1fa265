//! Those who mean harm, and those who are merely careless: each does to an engine what it should
//! not be able to spoil. Hosts whose own code panics have a file of their own, `tests/panics.rs`.

#[path = "adversaries/common.rs"]
mod common;
#[path = "adversaries/crowds.rs"]
mod crowds;
#[path = "adversaries/generations.rs"]
mod generations;
#[path = "adversaries/ids.rs"]
mod ids;
#[path = "adversaries/keys.rs"]
mod keys;
#[path = "adversaries/lists.rs"]
mod lists;
#[path = "adversaries/time.rs"]
mod time;
