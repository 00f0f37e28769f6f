//! The shapes of a QR code, read out of the picture that the encoder wrote (`portcullis_factor::qr`).
//!
//! The encoder runs in another process, and its picture comes over a socket: taken are a number and the letters of a path, never
//! markup.

/// Largest side of a picture: a code of version 40 has 177 modules, and four light ones around it.
const SIDE_MAX: u16 = 177 + 2 * 4;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Picture<'a> {
    /// Modules along a side, with the light ones around.
    pub side: u16,
    /// The dark ones, as data of a path.
    pub dark: &'a str,
}

impl<'a> Picture<'a> {
    /// Of the encoder's SVG; nothing of what has another form.
    pub(super) fn read(svg: &'a str) -> Option<Self> {
        let (_, rest) = svg.split_once("viewBox=\"0 0 ")?;
        let (side, _) = rest.split_once(' ')?;
        let (_, rest) = rest.split_once("fill=\"#000\" d=\"")?;
        let (dark, _) = rest.split_once('"')?;
        let side = side.parse::<u16>().ok().filter(|side| *side <= SIDE_MAX)?;
        let known = |c: char| c.is_ascii_digit() || matches!(c, 'M' | 'h' | 'v' | 'z' | ' ' | '-');
        (!dark.is_empty() && dark.chars().all(known)).then_some(Self { side, dark })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(side: &str, dark: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" d=\"{dark}\"/></svg>"
        )
    }

    #[test]
    fn the_shapes_of_the_encoders_picture_are_read() {
        let text = svg("53", "M4 4h7v1h-7zM12 4h1v1h-1z");
        assert_eq!(Picture::read(&text), Some(Picture { side: 53, dark: "M4 4h7v1h-7zM12 4h1v1h-1z" }));
    }

    #[test]
    fn nothing_else_is_a_picture() {
        for text in ["", "<svg></svg>", "<script>alert(1)</script>"] {
            assert_eq!(Picture::read(text), None, "{text}");
        }
        for (side, dark) in [
            ("53", ""),
            ("53", "M0 0h1v1h-1z<script>"),
            ("53", "url(x)"),
            ("186", "M4 4h7v1h-7z"),
            ("-1", "M4 4h7v1h-7z"),
            ("x", "M4 4h7v1h-7z"),
        ] {
            assert_eq!(Picture::read(&svg(side, dark)), None, "{side} {dark}");
        }
    }
}
