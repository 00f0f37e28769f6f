//! Every pair of colours that the stylesheet puts on each other is readable: WCAG 2.2, 1.4.3 (text 4.5:1) and 1.4.11 (edges 3:1).

use std::collections::BTreeMap;

type Palette = BTreeMap<String, [f64; 3]>;

/// Text on its background.
const TEXT: [(&str, &str); 23] = [
    ("ink", "page"),
    ("ink", "card"),
    ("ink", "code-back"),
    ("quiet", "page"),
    ("quiet", "card"),
    ("quiet", "code-back"),
    ("accent", "page"),
    ("accent", "card"),
    ("accent-strong", "page"),
    ("accent-strong", "card"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("good", "good-back"),
    ("good", "card"),
    ("busy", "busy-back"),
    ("busy", "card"),
    ("bad", "bad-back"),
    ("bad", "card"),
    ("bad", "page"),
    ("card", "bad"),
    ("info", "info-back"),
    ("info", "card"),
    ("info", "page"),
];

/// Edges of fields and buttons, the mark of the focus, and marks of steps.
const EDGES: [(&str, &str); 7] = [
    ("edge", "page"),
    ("edge", "card"),
    ("focus", "page"),
    ("focus", "card"),
    ("accent", "card"),
    ("good", "good-back"),
    ("bad", "bad-back"),
];

/// The custom properties that are colours, of the light and of the dark scheme.
fn palettes() -> (Palette, Palette) {
    let css = include_str!("../assets/pages.css");
    let mut blocks = css.split(":root {").skip(1).map(|block| block.split('}').next().unwrap_or_default());
    let mut palette = || {
        let block = blocks.next().expect("a block of custom properties for each scheme");
        block.lines().filter_map(property).collect::<Palette>()
    };
    (palette(), palette())
}

fn property(line: &str) -> Option<(String, [f64; 3])> {
    let (name, value) = line.trim().strip_prefix("--")?.split_once(": #")?;
    let number = u32::from_str_radix(value.strip_suffix(';')?, 16).ok()?;
    let channel = |shift: u32| f64::from((number >> shift) & 0xff) / 255.0;
    Some((name.to_owned(), [channel(16), channel(8), channel(0)]))
}

/// WCAG 2.2, "relative luminance".
fn luminance(colour: [f64; 3]) -> f64 {
    let [red, green, blue] =
        colour.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn ratio(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn the_formula_is_the_standards() {
    assert!((ratio([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    let grey = f64::from(0x76u8) / 255.0;
    assert!((ratio([grey; 3], [1.0; 3]) - 4.54).abs() < 0.01);
}

#[test]
fn text_and_edges_can_be_seen_in_both_schemes() {
    let (light, dark) = palettes();
    for (scheme, palette) in [("light", light), ("dark", dark)] {
        for (pairs, least) in [(&TEXT[..], 4.5), (&EDGES[..], 3.0)] {
            for (front, back) in pairs {
                let ratio = ratio(palette[*front], palette[*back]);
                assert!(ratio >= least, "{scheme}: {front} on {back} is {ratio:.2}:1, not {least}:1");
            }
        }
    }
}

#[test]
fn colours_are_only_in_the_custom_properties() {
    let css = include_str!("../assets/pages.css");
    let (_, rules) = css.split_once("*, *::before").expect("the rules follow the properties");
    assert!(!rules.contains('#'), "a colour, or an id as a selector, outside the custom properties");
}
