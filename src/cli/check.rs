//! `borderflow check`.

use crate::run;

use super::args::ConfigArgs;
use super::{Failure, load, print};

pub(super) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let config = load(args)?;
    let databases = run::databases(&config).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut text = config.describe().join("\n");
    let mebibytes = run::memory_limit(&config) >> 20;
    text.push_str(&format!("\nMemory of the daemon: at most {mebibytes} MiB"));
    text.push_str("\n\ndatabases\n");
    for source in databases.sources() {
        let place = source.path.as_ref().map_or("in the program".to_owned(), |path| path.display().to_string());
        let attribution = source.attribution.as_ref().map_or(String::new(), |line| format!("; {line}"));
        text.push_str(&format!(
            "  {:<8} {} of {}, {place}, {} ranges{attribution}\n",
            source.role.to_string(),
            source.name,
            source.date,
            source.range_count,
        ));
    }
    print(text.as_bytes())
}
