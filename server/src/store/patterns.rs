//! Patterns of names.

/// The longest name of a topic, in bytes.
pub(crate) const LONGEST_TOPIC: usize = 128;

/// The names of topics that somebody may join: patterns in which `*` stands for anything, nothing
/// included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patterns(Vec<String>);

impl Patterns {
    /// Returns these patterns.
    #[must_use]
    pub fn new(patterns: Vec<String>) -> Self {
        Self(patterns)
    }

    /// Returns whether one of them is this name's.
    #[must_use]
    pub fn let_in(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| matches(pattern, name))
    }

    /// Returns them, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Returns whether a pattern may be some topic's: that has a name, which is not too long.
pub(crate) fn may_be_a_topics(pattern: &str) -> bool {
    let stars = pattern.bytes().filter(|byte| *byte == b'*').count();
    !pattern.is_empty() && pattern.len() - stars <= LONGEST_TOPIC
}

/// Returns whether a pattern is this name's.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let mut parts = rest.split('*');
    let Some(end) = parts.next_back() else { return true };
    for part in parts {
        // The first place will do: what comes after it is the longest that can be left.
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, yes, no) in [
            ("room:*", &["room:", "room:42", "room:a*b"][..], &["room", "aroom:1", "Room:1"][..]),
            ("*", &["", "x", "ü"], &[]),
            ("lobby", &["lobby"], &["lobby2", "", "lobb"]),
            ("a*a", &["aa", "aba", "aaa"], &["a", "ab"]),
            ("a*b*c", &["abc", "a-b-c", "abbcc"], &["ac", "acb", "abcd"]),
            ("*:*", &[":", "a:b"], &["ab"]),
            ("", &[""], &["x"]),
            ("**", &["", "x"], &[]),
        ] {
            for name in yes {
                assert!(matches(pattern, name), "{pattern} {name}");
            }
            for name in no {
                assert!(!matches(pattern, name), "{pattern} {name}");
            }
        }
        let patterns = Patterns::new(vec!["a".to_owned(), "b*".to_owned()]);
        assert!(patterns.let_in("a") && patterns.let_in("bc") && !patterns.let_in("c"));
        assert!(!Patterns::default().let_in(""));
    }

    #[test]
    fn a_pattern_that_no_name_can_have_is_known() {
        let long = "x".repeat(LONGEST_TOPIC);
        for pattern in ["*", "(", "room:*", " ", &long, &format!("*{long}**"), &"*".repeat(200)] {
            assert!(may_be_a_topics(pattern), "{pattern}");
        }
        for pattern in ["", &format!("{long}y"), &format!("*{long}*y"), &"ä".repeat(65)] {
            assert!(!may_be_a_topics(pattern), "{pattern}");
        }
    }
}
