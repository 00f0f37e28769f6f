//! A text as a QR code in SVG, to be read off the screen by a phone.
//!
//! Plain shapes with attributes only: no style, no script, so that a strict content security policy lets it be shown.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};
use thiserror::Error;
use zeroize::Zeroizing;

/// Light modules around the code: ISO/IEC 18004 wants four, and cameras need them on dark pages.
const QUIET: i32 = 4;
/// Longest text in bytes: an address of [`crate::otpauth`] with names of characters that are escaped to twelve bytes each
/// takes about 2400. What is longer than a code holds is refused too.
pub const TEXT_MAX: usize = 2900;

/// The text does not fit into a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a text of {0} bytes does not fit into a QR code")]
pub struct QrError(usize);

/// The picture; as secret as the text, wiped when dropped.
///
/// # Errors
/// [`QrError`] for a text that is too long.
pub fn svg(text: &str) -> Result<Zeroizing<String>, QrError> {
    if text.len() > TEXT_MAX {
        return Err(QrError(text.len()));
    }
    // `Low` at the least: the encoder takes a higher level by itself where the size stays the same. A screen is not torn.
    let code = QrCode::encode_text(text, QrCodeEcc::Low).map_err(|_| QrError(text.len()))?;
    let side = code.size() + 2 * QUIET;
    // Half of the modules may begin a run, and a run takes at most 16 characters: never moved, so no half stays behind.
    let area = code.size().unsigned_abs().pow(2);
    let mut shapes = Zeroizing::new(String::with_capacity(usize::try_from(area * 8).unwrap_or(0)));
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let begin = x;
            while x < code.size() && code.get_module(x, y) {
                x += 1;
            }
            if x > begin {
                let (left, top, width) = (begin + QUIET, y + QUIET, x - begin);
                write!(shapes, "M{left} {top}h{width}v1h-{width}z").expect("a String takes all");
            }
            x += 1;
        }
    }
    Ok(Zeroizing::new(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{}\"/></svg>",
        shapes.as_str(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otpauth;
    use crate::totp::Key;

    /// The dark modules that the picture draws, as rows of a grid without the quiet zone.
    fn grid(svg: &str) -> Vec<Vec<bool>> {
        let side: usize = svg
            .split("0 0 ")
            .nth(1)
            .expect("a box")
            .split(' ')
            .next()
            .expect("a side")
            .parse()
            .expect("a number");
        let path =
            svg.split("fill=\"#000\" d=\"").nth(1).expect("a path").split('"').next().expect("its end");
        let mut grid = vec![vec![false; side]; side];
        for run in path.split('M').skip(1) {
            let numbers: Vec<usize> =
                run.split(['h', ' ', 'v', '-', 'z']).filter_map(|number| number.parse().ok()).collect();
            let [left, top, width, 1, back] = numbers[..] else { panic!("{run}") };
            assert_eq!(width, back);
            grid[top][left..left + width].fill(true);
        }
        let quiet = usize::try_from(QUIET).expect("a count");
        assert!(
            grid[..quiet].iter().chain(&grid[side - quiet..]).flatten().all(|dark| !dark),
            "a quiet zone"
        );
        grid[quiet..side - quiet].iter().map(|row| row[quiet..side - quiet].to_vec()).collect()
    }

    #[test]
    fn the_picture_is_the_code() {
        let text = otpauth::uri("Portcullis", "alice", &Key::new([7; 20]));
        let drawn = grid(&svg(&text).expect("a picture"));
        let code = QrCode::encode_text(&text, QrCodeEcc::Low).expect("a code");
        assert_eq!(drawn.len(), usize::try_from(code.size()).expect("a size"));
        for (y, row) in (0..).zip(&drawn) {
            for (x, &dark) in (0..).zip(row) {
                assert_eq!(dark, code.get_module(x, y), "{x} {y}");
            }
        }
    }

    #[test]
    fn the_longest_address_fits_and_a_longer_text_is_refused() {
        let long = "\u{10FFFD}".repeat(otpauth::NAME_MAX);
        let text = otpauth::uri(&long, &long, &Key::new([7; 20]));
        assert!(svg(&text).is_ok(), "{} bytes", text.len());
        assert_eq!(svg(&"x".repeat(TEXT_MAX + 1)).map(|_| ()), Err(QrError(TEXT_MAX + 1)));
    }

    #[test]
    fn nothing_in_it_needs_a_style_or_a_script() {
        let picture = svg("<script>\"'&").expect("a picture");
        for word in ["style", "script", "href", "on", "&", "'"] {
            assert!(!picture.contains(word), "{word}");
        }
    }
}
