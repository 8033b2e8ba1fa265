//! The two text formats of metrics: OpenMetrics, for who asks for it, and Prometheus's own, which
//! every tool reads.

use std::collections::HashSet;

/// How OpenMetrics is asked for, and how either is announced.
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text";
pub(crate) const OPEN_METRICS_TYPE: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";
pub(crate) const CLASSIC_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Returns a text of OpenMetrics in Prometheus's own format: there a counter's name ends as its
/// samples' do, a unit is only a part of the name, and nothing says that the text is over.
pub(crate) fn classic(open_metrics: &str) -> String {
    let counter = |line: &str| {
        let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
        (kind == "counter").then(|| name.to_owned())
    };
    let counters: HashSet<_> = open_metrics.lines().filter_map(counter).collect();
    let mut classic = String::with_capacity(open_metrics.len() + 16 * counters.len());
    for line in open_metrics.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("EOF" | "UNIT"), ..) => continue,
            (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(name) => {
                classic.push_str(&format!("# {what} {name}_total {rest}"));
            }
            _ => classic.push_str(line),
        }
        classic.push('\n');
    }
    classic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_named_as_their_samples() {
        let open = "# HELP a_s Of time.\n# TYPE a_s counter\n# UNIT a_s s\na_s_total{k=\"v\"} 1\n\
                    # HELP b Of a b.\n# TYPE b gauge\nb 2\n# EOF\n";
        let wanted = "# HELP a_s_total Of time.\n# TYPE a_s_total counter\na_s_total{k=\"v\"} 1\n\
                      # HELP b Of a b.\n# TYPE b gauge\nb 2\n";
        assert_eq!(classic(open), wanted);
    }
}
