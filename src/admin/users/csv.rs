//! Lines of comma-separated values (RFC 4180), safe for spreadsheets: what would be a formula there is a text.

/// One line, with its end.
pub(super) fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

fn cell(text: &str) -> String {
    // A spreadsheet takes these for the beginning of a formula; an apostrophe says that it is none.
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formula_gets_through() {
        assert_eq!(line(["a", "b c", "", "ü"]), "a,b c,,ü\r\n");
        assert_eq!(line(["a,b", "say \"x\"", "two\nlines"]), "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"\r\n");
        assert_eq!(line(["=HYPERLINK(1)", "+1", "-1", "@x", "\t="]), "'=HYPERLINK(1),'+1,'-1,'@x,'\t=\r\n");
        assert_eq!(line(["=a,b"]), "\"'=a,b\"\r\n");
    }
}
