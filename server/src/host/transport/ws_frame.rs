//! WebSocket frames of a server (RFC 6455, section 5.2): unmasked, never fragmented.
//!
//! The library reads; these few lines write, because one payload goes to many connections and
//! each gets it put into its own buffer, once.

/// What a data frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text = 0x81,
    Binary = 0x82,
}

const CLOSE: u8 = 0x88;
/// The longest payload of a control frame.
const MAX_CONTROL: usize = 125;

/// Appends a data frame. `guess` is about how long the payload is: where it needs a header of
/// the same length, nothing has to be moved.
pub(super) fn append_data(
    buffer: &mut Vec<u8>,
    opcode: Opcode,
    guess: usize,
    payload: impl FnOnce(&mut Vec<u8>),
) {
    let start = buffer.len();
    let guessed = header_len(guess);
    buffer.reserve(guessed + guess);
    buffer.resize(start + guessed, 0);
    payload(buffer);
    let length = buffer.len() - start - guessed;
    let needed = header_len(length);
    if needed != guessed {
        buffer.splice(start..start + guessed, std::iter::repeat_n(0, needed));
    }
    let header = &mut buffer[start..start + needed];
    header[0] = opcode as u8;
    match needed {
        2 => header[1] = length as u8,
        4 => {
            header[1] = 126;
            header[2..].copy_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            header[1] = 127;
            header[2..].copy_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Appends a close frame; of the reason as much as fits.
pub(super) fn append_close(buffer: &mut Vec<u8>, code: u16, reason: &str) {
    let mut end = reason.len().min(MAX_CONTROL - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    buffer.extend_from_slice(&[CLOSE, (2 + end) as u8]);
    buffer.extend_from_slice(&code.to_be_bytes());
    buffer.extend_from_slice(&reason.as_bytes()[..end]);
}

const fn header_len(payload: usize) -> usize {
    match payload {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(guess: usize, length: usize) -> Vec<u8> {
        let mut buffer = vec![0xaa];
        append_data(&mut buffer, Opcode::Binary, guess, |buffer| {
            buffer.resize(buffer.len() + length, 7)
        });
        assert_eq!(buffer.remove(0), 0xaa);
        buffer
    }

    #[test]
    fn the_header_is_the_shortest_whatever_was_guessed() {
        for (length, header) in [
            (0, vec![0x82, 0]),
            (125, vec![0x82, 125]),
            (126, vec![0x82, 126, 0, 126]),
            (0xffff, vec![0x82, 126, 0xff, 0xff]),
            (0x1_0000, vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            for guess in [0, 125, 126, 0xffff, 0x1_0000] {
                let frame = frame(guess, length);
                assert_eq!(frame[..header.len()], header, "{length} guessed as {guess}");
                assert!(frame[header.len()..].iter().all(|byte| *byte == 7));
                assert_eq!(frame.len(), header.len() + length);
            }
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let mut buffer = Vec::new();
        append_close(&mut buffer, 1001, &"ü".repeat(100));
        assert_eq!(buffer[..4], [0x88, 124, 0x03, 0xe9]);
        assert!(std::str::from_utf8(&buffer[4..]).is_ok());
    }
}
