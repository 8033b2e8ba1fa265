//! The lines of a file, packed or plain, with their numbers.

use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The two bytes with which every gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Opens a file, and unpacks it if it is packed, whatever its name.
///
/// # Errors
/// What the system says, with the file's name.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>, String> {
    let mut file = File::open(path).map(BufReader::new).map_err(|e| named(path, &e))?;
    let is_packed = file.fill_buf().map_err(|e| named(path, &e))?.starts_with(&GZIP);
    Ok(if is_packed { Box::new(unpacked(file)) } else { Box::new(file) })
}

fn named(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn unpacked(packed: impl Read) -> impl BufRead {
    BufReader::new(MultiGzDecoder::new(packed))
}

/// Gives each line to `take`, without what ends it.
///
/// # Errors
/// The first line that cannot be read or is not taken, with its number.
pub fn for_each(
    input: &mut dyn BufRead,
    mut take: impl FnMut(&str) -> Result<(), String>,
) -> Result<(), String> {
    let mut line = String::new();
    for number in 1_u64.. {
        let at_line = |fault: String| format!("line {number}: {fault}");
        line.clear();
        if input.read_line(&mut line).map_err(|e| at_line(e.to_string()))? == 0 {
            break;
        }
        let text = line.strip_suffix('\n').unwrap_or(&line);
        take(text.strip_suffix('\r').unwrap_or(text)).map_err(at_line)?;
    }
    Ok(())
}

/// Reads somebody's number.
///
/// # Errors
/// What stands there instead.
pub fn person(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("{text:?} is not somebody's number"))
}
