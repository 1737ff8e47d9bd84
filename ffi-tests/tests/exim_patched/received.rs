//! What did the peers receive?

use requiretls_testbed::SessionLog;

/// What the peers received, session by session.
pub(crate) struct Received(pub(crate) String);

impl Received {
    pub(crate) fn of_log(log: &SessionLog) -> Self {
        Self(log.sessions().iter().map(ToString::to_string).collect())
    }

    /// The sessions with one host.
    pub(crate) fn of(&self, host: &str) -> Vec<&str> {
        let start = format!("{host} ");
        let mut found = Vec::new();
        let mut rest = self.0.as_str();
        while !rest.is_empty() {
            let end = rest
                .match_indices('\n')
                .map(|(i, _)| i + 1)
                .find(|i| !rest.get(*i..).unwrap_or_default().starts_with(' '))
                .unwrap_or(rest.len());
            let (session, after) = rest.split_at(end);
            if session.starts_with(&start) {
                found.push(session);
            }
            rest = after;
        }
        found
    }

    /// The MAIL commands that one host has read, without SIZE, which depends on Exim's version; each with where it came.
    pub(crate) fn mail(&self, host: &str) -> Vec<String> {
        let lines = self.of(host).into_iter().flat_map(str::lines);
        lines
            .filter_map(|line| line.trim_start().split_once(": MAIL FROM:"))
            .map(|(place, command)| {
                let words = command.split(' ').filter(|word| !word.starts_with("SIZE="));
                format!("{place} {}", words.collect::<Vec<_>>().join(" "))
            })
            .collect()
    }
}
