//! Those who mean harm, and those who are merely careless: each does to an engine what it should
//! not be able to spoil. Hosts whose own code panics have a file of their own, `tests/panics.rs`.

mod attachments;
mod common;
mod crowds;
mod generations;
mod growth;
mod ids;
mod keys;
mod lists;
mod notes;
mod peaks;
mod receivers;
mod replicas;
mod spelling;
mod time;
