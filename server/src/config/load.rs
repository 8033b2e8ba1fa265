//! Finds out which value is in force: a flag goes before the environment, that before the file, and
//! that before the default.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use clap::{Arg, ArgMatches};
use serde_json::Value;

use super::check;
use super::file;
use super::key::{Key, fold};
use super::settings::Config;
use super::table;
use super::unknown::{Unknown, explain};
use super::value::Given;

/// Options that were read and fit together, and where each of them came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The options.
    pub config: Config,
    /// What is allowed but most likely a mistake.
    pub warnings: Vec<String>,
    sources: BTreeMap<&'static str, Source>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody has set it.
    Default,
    /// The file, where the key has this spelling.
    File {
        /// The file.
        path: PathBuf,
        /// The key as it stands there.
        key: String,
        /// The line of its value, from 1 on.
        line: usize,
    },
    /// This variable of the environment.
    Environment(String),
    /// This flag.
    Flag(String),
}

impl Source {
    const fn is_a_variable(&self) -> bool {
        matches!(self, Self::Environment(_))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, key, line } => {
                write!(f, "{key} in {}, line {line}", path.display())
            }
            Self::Environment(name) => write!(f, "{name} in the environment"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// Everything that is wrong with the options, not only the first thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// A sentence each, with the key, its value unless it is a secret, and where it came from.
    pub problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

/// Returns the flags, one for every key, and `--config`, for a `clap::Command`.
pub fn arguments() -> impl Iterator<Item = Arg> {
    let config = Arg::new("config")
        .short('c')
        .long("config")
        .value_name("FILE")
        .help("The file with the options, JSON [env: ADSUM_CONFIG]");
    let defaults = Config::default();
    let keys = table::SECTIONS
        .iter()
        .flat_map(|(heading, keys)| keys.iter().map(move |key| (*heading, key)));
    std::iter::once(config).chain(keys.map(move |(heading, key)| argument(heading, key, &defaults)))
}

fn argument(heading: &'static str, key: &'static Key, defaults: &Config) -> Arg {
    let names: Vec<_> = key.names().collect();
    let default =
        (key.show)(defaults).map_or_else(String::new, |value| format!("[default: {value}] "));
    let help =
        format!("{} {default}[file: {}] [env: {}]", key.about, names.join(", "), key.variable());
    let argument = Arg::new(key.name)
        .long(key.flag())
        .visible_aliases(key.other_flags())
        .help(help)
        .help_heading(heading);
    if key.unit.is_empty() {
        // A flag alone means true; a value needs the equals sign, so that it is not taken for a
        // subcommand.
        argument
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
    } else {
        argument.value_name(key.unit)
    }
}

/// Finds out which options are in force. `environment` is the process's (`std::env::vars`); only
/// names that begin with `ADSUM_` are looked at, and an empty value is as good as none.
///
/// # Errors
/// Everything that is wrong: an unreadable file, unknown keys (the nearest known one is named),
/// keys of tim's that one must not do without,
/// values out of range, options that do not go together.
pub fn load(
    flags: &ArgMatches,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, ConfigError> {
    let mut loading = Loading::default();
    let mut variables: BTreeMap<String, String> = environment
        .into_iter()
        .filter(|(name, value)| name.starts_with("ADSUM_") && !value.is_empty())
        .collect();
    let named = variables.remove("ADSUM_CONFIG");
    let by_flag = flags.get_one::<String>("config").cloned();
    let by_flag = by_flag.map(|path| (path, Source::Flag("--config".to_owned())));
    let by_variable = named.map(|path| (path, Source::Environment("ADSUM_CONFIG".to_owned())));
    if let Some((path, origin)) = by_flag.or(by_variable) {
        loading.file(path.into(), &origin);
    }
    for (name, value) in &variables {
        let source = Source::Environment(name.clone());
        match table::all().find(|key| key.variables().any(|variable| variable == *name)) {
            Some(key) if loading.sources.get(key.name).is_some_and(Source::is_a_variable) => {
                let twice =
                    format!("{} is given twice in the environment, once as {name}", key.name);
                loading.problems.push(twice);
            }
            Some(key) => loading.set(key, Given::Text(value), value, source),
            None => {
                let is_set = !["false", "0"].contains(&value.as_str());
                let unknown = match explain(name.trim_start_matches("ADSUM_"), is_set) {
                    Unknown::Dangerous(_) | Unknown::Near(_) if is_of_a_service(name, value) => {
                        Unknown::Nobodys("unknown, and says where a service is".to_owned())
                    }
                    unknown => unknown,
                };
                loading.unknown(&format!("{name} (in the environment)"), unknown, true);
            }
        }
    }
    for key in table::all() {
        if let Some(value) = flags.get_one::<String>(key.name) {
            let source = Source::Flag(format!("--{}", key.flag()));
            loading.set(key, Given::Text(value), value, source);
        }
    }
    loading.finish()
}

#[derive(Default)]
struct Loading {
    config: Config,
    sources: BTreeMap<&'static str, Source>,
    problems: Vec<String>,
    warnings: Vec<String>,
    /// Whether a value was refused, and its default left in place.
    refused: bool,
}

impl Loading {
    fn file(&mut self, path: PathBuf, origin: &Source) {
        let entries =
            std::fs::read_to_string(&path).map_err(|error| error.to_string()).and_then(|text| {
                file::parse(&text).map_err(|error| format!("{error}; the file is to be JSON"))
            });
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                let problem = format!("config = {}: {error} ({origin})", path.display());
                return self.problems.push(problem);
            }
        };
        let mut seen = BTreeMap::new();
        for file::Entry { name, value, written, line } in &entries {
            let (folded, place) = (fold(name), format!("in {}, line {line}", path.display()));
            let Some(key) = table::all().find(|key| key.is_called(&folded)) else {
                let unknown = explain(name, asks_for_something(value));
                self.unknown(&format!("{name} ({place})"), unknown, false);
                continue;
            };
            if let Some(before) = seen.insert(key.name, name) {
                let twice =
                    format!("{} is given twice, as {before} and as {name} ({place})", key.name);
                self.problems.push(twice);
                continue;
            }
            let source = Source::File { path: path.clone(), key: name.clone(), line: *line };
            self.set(key, Given::Json(value), written, source);
        }
    }

    /// Notes a key that is not in the table. In a file it is a mistake whatever it looks like; the
    /// environment has variables of others, too: an orchestrator makes some from services' names.
    fn unknown(&mut self, place: &str, unknown: Unknown, may_be_others: bool) {
        let (why, list) = match unknown {
            Unknown::Near(why) | Unknown::Dangerous(why) => (why, &mut self.problems),
            Unknown::Nobodys(why) if !may_be_others => (why, &mut self.problems),
            Unknown::Nobodys(why) | Unknown::WithoutMeaning(why) => (why, &mut self.warnings),
        };
        list.push(format!("{place} is {why}"));
    }

    /// Sets what a key means; `written` is the value as it is quoted if it is refused.
    fn set(&mut self, key: &'static Key, given: Given<'_>, written: &str, source: Source) {
        match (key.set)(&mut self.config, given) {
            Ok(()) => {
                self.sources.insert(key.name, source);
            }
            Err(must) => {
                self.refused = true;
                let value = if key.secret { "(not shown)" } else { written };
                self.problems.push(format!("{} = {value} ({source}): {must}", key.name));
            }
        }
    }

    fn finish(mut self) -> Result<Loaded, ConfigError> {
        // A refused value has left the default in place, which might only cause more complaints.
        if !self.refused {
            self.problems.extend(check::problems(&self.config));
        }
        if !self.problems.is_empty() {
            return Err(ConfigError { problems: self.problems });
        }
        let mut warnings = self.warnings;
        warnings.extend(check::warnings(&self.config));
        Ok(Loaded { config: self.config, warnings, sources: self.sources })
    }
}

/// Returns whether this is a variable that an orchestrator makes from a service's name.
fn is_of_a_service(name: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://"].iter().any(|scheme| value.starts_with(scheme));
    let ends = ["_SERVICE_HOST", "_SERVICE_PORT"];
    ends.iter().any(|end| name.ends_with(end))
        || name.contains("_PORT_")
        || name.ends_with("_PORT") && is_address
}

/// Returns whether a value switches something on, or names something.
fn asks_for_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(values) => !values.is_empty(),
    }
}

impl Loaded {
    /// Returns where a key's value came from; `None` if there is no such key.
    #[must_use]
    pub fn source(&self, key: &str) -> Option<&Source> {
        let folded = fold(key);
        let key = table::all().find(|key| key.is_called(&folded))?;
        Some(self.sources.get(key.name).unwrap_or(&Source::Default))
    }

    /// Returns where a key's value came from, and if it is the default, the flag that sets another;
    /// `None` if there is no such key.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<String> {
        let source = self.source(key)?;
        let key = table::all().find(|known| known.is_called(&fold(key)))?;
        Some(match source {
            Source::Default => format!("the default; --{} sets another", key.flag()),
            source => source.to_string(),
        })
    }

    /// Returns what is in force and where it came from, a line each, with secrets masked; then the
    /// warnings.
    #[must_use]
    pub fn report(&self) -> String {
        use fmt::Write as _;
        let mut report = String::new();
        let width = table::all().map(|key| key.name.len()).max().unwrap_or(0);
        for (heading, section) in table::SECTIONS {
            let _ = writeln!(report, "# {heading}");
            for key in section {
                let value = (key.show)(&self.config).unwrap_or_else(|| "(none)".to_owned());
                let source = self.sources.get(key.name).unwrap_or(&Source::Default);
                let unit = match key.unit {
                    "SECONDS" => " s",
                    "MILLISECONDS" => " ms",
                    "BYTES" => " bytes",
                    "KIB" => " KiB",
                    _ => "",
                };
                let _ = writeln!(report, "{:width$} = {value}{unit}  ({source})", key.name);
            }
            report.push('\n');
        }
        for warning in &self.warnings {
            let _ = writeln!(report, "warning: {warning}");
        }
        report
    }
}
