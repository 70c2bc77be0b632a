//! The first line of a response, as an attempt stores it.

use super::*;

#[test]
fn the_first_line_is_found_and_cut_between_characters() {
    for (text, line) in [
        ("", ""),
        ("\r\n \n", ""),
        ("out of stock", "out of stock"),
        ("\r\n  out of stock \r\nand more", "out of stock"),
    ] {
        assert_eq!(first_line(text.as_bytes()), line.as_bytes());
    }
    let long = "é".repeat(LINE);
    assert_eq!(first_line(long.as_bytes()), "é".repeat(LINE / 2).as_bytes());
    let odd = format!("x{long}");
    assert_eq!(first_line(odd.as_bytes()).len(), LINE - 1);
    assert_eq!(first_line(&[0x80; 2 * LINE]).len(), 0, "no text at all");
}
