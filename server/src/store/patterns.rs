//! Patterns of names.

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
}
