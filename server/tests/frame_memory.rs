//! Frames that declare more than they hold reserve no memory for it.
//!
//! In a process of its own, since it watches how much address space the process ever had.
#![cfg(target_os = "linux")]
use adsum_tim::{Fault, Frame, Limits};

/// The most address space this process has had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmPeak:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_lying_frame_costs_no_memory() {
    // A presence whose status claims 4 GiB; one whose list claims 2^31 - 1 names; the same list
    // in a field that nobody knows; a map of as many; and a token of 2 GiB in a login.
    let frames: [&[u8]; 5] = [
        &[0x5b, 0x88, 0xff, 0xff, 0xff, 0xff, 0x0f, b'a'],
        &[0x5b, 0x69, 0xf8, 0xff, 0xff, 0xff, 0xff, 0x07],
        &[0x5b, 0xe9, 0xf8, 0xff, 0xff, 0xff, 0xff, 0x07],
        &[0x5b, 0x9b, 0xff, 0xff, 0xff, 0xff, 0x07, 0x88],
        &[0x10, 0x68, 0xff, 0xff, 0xff, 0xff, 0x07, b'a'],
    ];
    let decode = |bytes: &[u8], limits: &Limits| {
        Frame::split(bytes).unwrap().decode(limits).unwrap_err().fault()
    };
    let before = peak_kib();
    let generous = Limits { list: usize::MAX, map: usize::MAX };
    for bytes in frames {
        for limits in [Limits::default(), generous] {
            let fault = decode(bytes, &limits);
            assert!(matches!(fault, Fault::Truncated | Fault::TooMany), "{fault:?}: {bytes:x?}");
        }
    }
    let grown = peak_kib() - before;
    assert!(grown < 64 * 1024, "{grown} KiB");
}
