//! All keys as a page of documentation has them, made from the table.

use std::fmt::Write as _;

use super::key::Key;
use super::settings::Config;
use super::table;

/// The longest line of a page.
const WIDTH: usize = 100;

/// Returns each key with its default, its unit and what it does, as Markdown.
#[must_use]
pub fn reference() -> String {
    let (mut page, defaults) = (String::new(), Config::default());
    for (heading, keys) in table::SECTIONS {
        let _ = writeln!(page, "### {heading}\n");
        for key in keys {
            wrap(&mut page, &entry(key, &defaults));
        }
        page.push('\n');
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn entry(key: &Key, defaults: &Config) -> String {
    let default = (key.show)(defaults);
    let default = default.map_or_else(|| "none".to_owned(), |value| format!("`{value}`"));
    let unit = match key.unit {
        "" => " (true or false)".to_owned(),
        "SECONDS" => " s".to_owned(),
        "MILLISECONDS" => " ms".to_owned(),
        "BYTES" => " bytes".to_owned(),
        "KIB" => " KiB".to_owned(),
        "COUNT" => String::new(),
        other if other.contains('|') => format!(" (`{}`)", other.replace('|', "`, `")),
        other => format!(" ({})", other.to_lowercase()),
    };
    let others: Vec<_> = key.aliases.iter().map(|name| format!("`{name}`")).collect();
    let also = match &others[..] {
        [] => String::new(),
        others => format!(" Also called {}.", others.join(", ")),
    };
    format!("`{}`: {default}{unit}. {}.{also}", key.name, key.about)
}

/// Adds an item of a list, its lines no longer than a page is wide.
fn wrap(page: &mut String, text: &str) {
    let mut line = "*".to_owned();
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(page, "{line}");
            line = " ".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(page, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_there_and_no_line_is_too_long() {
        let page = reference();
        for key in table::all() {
            assert!(page.contains(&format!("\n* `{}`: ", key.name)), "{}", key.name);
        }
        assert!(page.lines().all(|line| line.len() <= WIDTH), "{page}");
        assert!(page.contains("* `ping_timeout`: `90` s. How long"), "{page}");
    }
}
