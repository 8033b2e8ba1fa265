//! Names of accounts: which ones nobody may have, and which ones are one.

use icu_normalizer::DecomposingNormalizerBorrowed;

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
            | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}'
            // Spaces and joiners without width, and marks of direction.
            | '\u{200b}'..='\u{200f}'
            // Ends of lines and paragraphs, embeddings and overrides of direction.
            | '\u{2028}'..='\u{202e}'
            // A joiner of words, what is not seen in formulas, isolates of direction.
            | '\u{2060}'..='\u{206f}'
            // A pattern of braille without a dot, which is a space that is none.
            | '\u{2800}'
            // A mark of byte order, and marks of notes between lines.
            | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
            // How signs of Egyptian join, and strokes of shorthand.
            | '\u{13430}'..='\u{13440}' | '\u{1bca0}'..='\u{1bca3}'
            // A note without a head, marks of beams and slurs in music, tags.
            | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
            | '\u{fdd0}'..='\u{fdef}'
        )
        // No characters at all, as those in the line above.
        || u32::from(character) & 0xfffe == 0xfffe
}

/// Returns what names have in common that differ only in case, in how a letter is put together
/// (`é` is one character, or `e` and an accent), in its width, or in their spaces. It goes by
/// single characters, so that where in a word a letter stands makes no difference, and up before
/// down, so that letters with one capital between them are one: `ß` and `ss`, `ς` and `σ`.
pub(super) fn fold(name: &str) -> String {
    let normal = DecomposingNormalizerBorrowed::new_nfkd();
    let taken_apart = normal.normalize(name);
    let letters = taken_apart.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    let folded: String = letters.collect();
    let words: Vec<_> = normal.normalize(&folded).split_whitespace().map(str::to_owned).collect();
    words.join(" ")
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
            "alice\u{2800}",
            "alice\u{fdd0}",
            "alice\u{ffff}",
            "alice\u{10fffe}",
            "al\u{fff0}ice",
            "al\u{1bca0}ice",
            "al\u{13430}ice",
            "al\u{1d159}ice",
            "al\u{e0080}ice",
            "al\u{e01f0}ice",
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

    #[test]
    fn how_it_is_put_together_makes_no_difference() {
        for (one, other) in [
            ("caf\u{e9}", "cafe\u{301}"),
            ("CAFE\u{301}", "caf\u{e9}"),
            ("\u{1e69}", "s\u{307}\u{323}"),
            ("\u{ac00}", "\u{1100}\u{1161}"),
            ("\u{ff41}lice", "alice"),
            ("\u{fb01}n", "fin"),
            ("a b", "a \u{2003} b"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        for (one, other) in [("caf\u{e9}", "cafe"), ("a b", "ab")] {
            assert_ne!(fold(one), fold(other), "{one} {other}");
        }
    }
}
