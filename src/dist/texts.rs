//! Texts that distributions ask for: copyright, changelog, description; and times as they write them.

/// One line about it.
pub(crate) const SUMMARY: &str = "one door in front of RStudio, JupyterLab and VS Code";

/// More about it, wrapped.
pub(crate) const DESCRIPTION: &[&str] = &[
    "People sign in with their account through PAM and get their own RStudio,",
    "JupyterLab, VS Code (code-server) or declared web application, running as",
    "themselves. The flags of RStudio's configuration files hold for all of them:",
    "at the proxy, and, where the kernel can tell, for code as well. Restarts and",
    "upgrades keep sessions and connections; everything that matters is in a",
    "chained audit log.",
];

/// Who is written to.
pub(crate) const MAINTAINER: &str = "Portcullis maintainers <maintainers@portcullis.invalid>";

/// `copyright` in the form that Debian's tools read.
pub(crate) fn copyright(mit: &str) -> String {
    let holder =
        mit.lines().find_map(|line| line.strip_prefix("Copyright ")).unwrap_or("the Portcullis contributors");
    let terms: String = mit
        .lines()
        .skip_while(|line| !line.starts_with("Permission is hereby"))
        .map(|line| if line.trim().is_empty() { " .\n".to_owned() } else { format!(" {line}\n") })
        .collect();
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: portcullis\n\
         Comment: The programs are linked with libraries in Rust; Cargo.lock of the source names\n \
         each with its version, and deny.toml the licences that they may have.\n\n\
         Files: *\nCopyright: {holder}\nLicense: Expat or Apache-2.0\n\n\
         License: Expat\n{terms}\n\
         License: Apache-2.0\n On Debian systems, the text of this license is in\n \
         /usr/share/common-licenses/Apache-2.0.\n"
    )
}

/// `changelog.Debian`: one entry, what changed is in the project's own changelog.
pub(crate) fn debian_changelog(version: &str, epoch: u64) -> String {
    format!(
        "portcullis ({version}) unstable; urgency=medium\n\n  * What changed is in changelog.gz beside this file.\n\n -- {MAINTAINER}  {}\n",
        mail_date(epoch)
    )
}

/// A time as in a mail's head (RFC 5322), in UTC.
fn mail_date(epoch: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (mut day, second) = (epoch / 86_400, epoch % 86_400);
    let name = DAYS[usize::try_from(day % 7).unwrap_or_default()];
    let leap = |year: u64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let mut year = 1970;
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{name}, {:02} {} {year} {hour:02}:{minute:02}:{second:02} +0000", day + 1, MONTHS[month])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_in_mails() {
        assert_eq!(mail_date(0), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(mail_date(951_827_696), "Tue, 29 Feb 2000 12:34:56 +0000");
        assert_eq!(mail_date(1_798_761_599), "Thu, 31 Dec 2026 23:59:59 +0000");
    }

    #[test]
    fn the_holder_is_named() {
        let text = copyright("MIT License\n\nCopyright (c) X\n\nPermission is hereby granted\n\nMore.\n");
        assert!(
            text.contains("Copyright: (c) X\n")
                && text.contains(" Permission is hereby granted\n .\n More.\n")
        );
    }
}
