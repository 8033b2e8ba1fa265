//! The server gives right answers: a test for each row of a list of wrong ones, named after its
//! row, against the program itself.

mod support;

#[path = "answers/admin.rs"]
mod admin;
#[path = "answers/blocks.rs"]
mod blocks;
#[path = "answers/devices.rs"]
mod devices;
#[path = "answers/directed.rs"]
mod directed;
#[path = "answers/going_away.rs"]
mod going_away;
#[path = "answers/names.rs"]
mod names;
#[path = "answers/not_offered.rs"]
mod not_offered;
#[path = "answers/origin.rs"]
mod origin;
#[path = "answers/over_the_rate.rs"]
mod over_the_rate;
#[path = "answers/own_devices.rs"]
mod own_devices;
#[path = "answers/rows.rs"]
mod rows;
#[path = "answers/settings.rs"]
mod settings;
#[path = "answers/speed.rs"]
mod speed;
#[path = "answers/two_servers.rs"]
mod two_servers;
