//! A key: one thing that can be set, and its names.

use super::settings::Config;
use super::value::{Given, Must};

/// One thing that can be set.
pub(super) struct Key {
    /// Its name. A dot, an underscore and a change of case are all one, so that tim's spellings
    /// all mean it: `device.limit`, `device_limit`, `deviceLimit`.
    pub(super) name: &'static str,
    /// Other names for it.
    pub(super) aliases: &'static [&'static str],
    /// What it does, for people.
    pub(super) about: &'static str,
    /// What a value looks like: a unit, or the names of a choice. Empty for true or false.
    pub(super) unit: &'static str,
    /// Whether the value must not be shown.
    pub(super) secret: bool,
    pub(super) set: fn(&mut Config, Given<'_>) -> Result<(), Must>,
    /// Returns the value in force; `None` if there is none.
    pub(super) show: fn(&Config) -> Option<String>,
}

/// Returns a name in the one spelling: `connectLimit` and `connect.limit` are `connect_limit`.
pub(super) fn fold(name: &str) -> String {
    let mut folded = String::with_capacity(name.len() + 2);
    let mut after_lower = false;
    for character in name.chars() {
        if after_lower && character.is_ascii_uppercase() {
            folded.push('_');
        }
        after_lower = character.is_ascii_lowercase();
        folded.push(match character {
            '.' | '-' => '_',
            other => other.to_ascii_lowercase(),
        });
    }
    folded
}

impl Key {
    /// Returns whether this is one of its names, in whatever spelling.
    pub(super) fn is_called(&self, folded: &str) -> bool {
        self.names().any(|name| fold(name) == folded)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Returns its flag, without the dashes.
    pub(super) fn flag(&self) -> String {
        fold(self.name).replace('_', "-")
    }

    /// Returns the flags that its other names make.
    pub(super) fn other_flags(&self) -> Vec<String> {
        self.aliases.iter().map(|name| fold(name).replace('_', "-")).collect()
    }

    /// Returns its name in the environment.
    pub(super) fn variable(&self) -> String {
        variable(self.name)
    }

    /// Returns the names in the environment that all its names make.
    pub(super) fn variables(&self) -> impl Iterator<Item = String> {
        self.names().map(variable)
    }
}

fn variable(name: &str) -> String {
    format!("ADSUM_{}", fold(name).to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tims_spellings_are_all_one() {
        for (name, folded) in [
            ("presence.offline.block", "presence_offline_block"),
            ("connectLimit", "connect_limit"),
            ("tokenTimeout", "token_timeout"),
            ("deactivate_api.TIMREGISTER", "deactivate_api_timregister"),
            ("device-limit", "device_limit"),
        ] {
            assert_eq!(fold(name), folded);
        }
    }
}
