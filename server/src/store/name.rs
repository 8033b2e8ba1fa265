//! Names of accounts: which ones nobody may have, and which ones are one.

/// Returns whether a name shows all that it is made of: no control character, nothing without
/// width, nothing that changes the direction of what stands around it, and no space at either end.
/// Two names that are not the same then look different at least in that, and no name reorders the
/// line of a page or a log that it stands in.
pub(super) fn is_plain(name: &str) -> bool {
    name.trim() == name && !name.chars().any(is_hidden)
}

/// Returns whether a character is not seen as such: it has no width, or acts on others.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // A soft hyphen, a joiner of graphemes, a mark of direction.
            '\u{ad}' | '\u{34f}' | '\u{61c}'
            // Fillers.
            | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{3164}' | '\u{ffa0}'
            // Selectors and separators of variants.
            | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}'
            // Spaces and joiners without width, and marks of direction.
            | '\u{200b}'..='\u{200f}'
            // Ends of lines and paragraphs, embeddings and overrides of direction.
            | '\u{2028}'..='\u{202e}'
            // A joiner of words, what is not seen in formulas, isolates of direction.
            | '\u{2060}'..='\u{206f}'
            // A mark of byte order, and marks of notes between lines.
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            // Marks of beams and slurs in music, and tags.
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Returns what names that differ only in case have in common. It goes by single characters, so
/// that where in a word a letter stands makes no difference, and up before down, so that letters
/// with one capital between them are one: `ß` and `ss`, `ς` and `σ`.
pub(super) fn fold(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_is_plain() {
        for name in ["alice", "Zoë 2", "李小龙", "محمد", "😄", "a-b_c.d@e", "O'Brien"] {
            assert!(is_plain(name), "{name}");
        }
        for name in [
            " alice",
            "alice ",
            "alice\u{a0}",
            "al\u{200b}ice",
            "al\nice",
            "al\0ice",
            "\u{1b}[31m",
            "\u{202e}ecila",
            "al\u{2067}ice",
            "\u{feff}alice",
            "al\u{ad}ice",
            "al\u{85}ice",
            "al\u{e0041}ice",
            "al\u{fe0f}ice",
        ] {
            assert!(!is_plain(name), "{name:?}");
        }
    }

    #[test]
    fn case_makes_no_difference_anywhere() {
        for (one, other) in [("Alice", "aLICE"), ("STRASSE", "straße"), ("ΟΔΟΣ", "οδος")] {
            assert_eq!(fold(one), fold(other));
        }
        assert_ne!(fold("alice"), fold("alise"));
    }
}
