//! A presence server that embeds adsum and speaks tim's protocol.

fn main() {}
