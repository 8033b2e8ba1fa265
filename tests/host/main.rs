//! `adsum::host`: each of a host's duties by name, and everything at once against what receivers
//! must believe.

mod differences;
mod differences_in_topics;
mod duties;
mod fake;
mod property;
mod slow_in_topics;
mod slow_readers;
mod topics;
