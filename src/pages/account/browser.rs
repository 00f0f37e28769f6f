//! A browser's name as people know it, out of what it calls itself. Anybody may call itself anything: nothing is decided by it.

/// Longest name shown of what is not known, in characters.
const SHOWN: usize = 60;

/// `Firefox 132 on Linux`; what is not known is shown as it came, cut.
pub fn browser(agent: &str) -> String {
    // Each of the later ones is also said by those before it.
    let known = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("HeadlessChrome/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Version/", "Safari"),
        ("curl/", "curl"),
    ];
    let systems = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("CrOS", "ChromeOS"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let found = known.into_iter().find_map(|(mark, name)| {
        let version = agent.split_once(mark)?.1;
        let digits: String = version.chars().take_while(char::is_ascii_digit).take(4).collect();
        Some(if digits.is_empty() { name.to_owned() } else { format!("{name} {digits}") })
    });
    let system = systems.into_iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| name);
    match (found, system) {
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) => name,
        (None, _) if agent.trim().is_empty() => "A browser without a name".to_owned(),
        (None, _) if agent.chars().count() > SHOWN => agent.chars().take(SHOWN).chain(['…']).collect(),
        (None, _) => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_have_the_names_people_know() {
        let webkit =
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)";
        for (agent, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
                "Firefox 132 on Linux",
            ),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/131.0.0.0 Safari/537.36 Edg/131.0", "Edge 131 on Windows"),
            ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/131.0.0.0 Safari/537.36", "Chrome 131 on Linux"),
            ("Mozilla/5.0 (Linux; Android 14) Chrome/131.0 Mobile Safari/537.36", "Chrome 131 on Android"),
            (&format!("{webkit} Version/18.1 Safari/605.1.15"), "Safari 18 on macOS"),
            ("curl/8.5.0", "curl 8"),
            ("", "A browser without a name"),
            ("my-script", "my-script"),
        ] {
            assert_eq!(browser(agent), name);
        }
        assert_eq!(browser(&"x".repeat(200)).chars().count(), SHOWN + 1);
    }
}
