//! What the samples say: latency during each operation, beside stretches of the same length without one.

use serde::Serialize;

use crate::latency::Sample;
use crate::surgery::Operation;

/// Figures of the whole demo.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// Seconds that `suture diff` took.
    pub(crate) diff_s: f64,
    /// Length of the delta's file, bytes.
    pub(crate) delta_bytes: u64,
    /// Functions that it replaces.
    pub(crate) replaced: Vec<String>,
    /// For how many seconds the server had been up in the beginning, and in the end.
    pub(crate) uptime_s: [u64; 2],
    /// Commands that the server ran in all.
    pub(crate) commands: u64,
    /// Of them each second.
    pub(crate) commands_per_s: u64,
    /// Requests that were timed; all were answered rightly.
    pub(crate) requests_timed: usize,
    pub(crate) operations: Vec<OperationFigures>,
}

/// Figures of one operation; times in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct OperationFigures {
    pub(crate) name: &'static str,
    /// How long the command ran.
    pub(crate) command_us: u64,
    /// How long the surgeon had the process stopped.
    pub(crate) pause_us: u64,
    pub(crate) attempts: u64,
    /// Longest latency of a request that was under way while the command ran.
    pub(crate) longest_us: u64,
    /// The same for stretches of the same length without an operation: the median and the longest of them.
    pub(crate) quiet_median_us: u64,
    pub(crate) quiet_longest_us: u64,
}

/// Figures of one operation. Every other of `all` is no quiet time either.
pub(crate) fn of_operation(operation: &Operation, all: &[Operation], samples: &[Sample]) -> OperationFigures {
    let len = operation.end_us - operation.begin_us;
    let longest = longest_in(samples, operation.begin_us, operation.end_us);
    let (first, last) = (samples.first().map_or(0, |s| s.at_us), samples.last().map_or(0, |s| s.at_us));
    let mut quiet: Vec<u64> = (first..last.saturating_sub(len))
        .step_by(len.max(1) as usize)
        .filter(|begin| all.iter().all(|other| begin + len < other.begin_us || *begin > other.end_us))
        .map(|begin| longest_in(samples, begin, begin + len))
        .collect();
    quiet.sort_unstable();
    OperationFigures {
        name: operation.name,
        command_us: len,
        pause_us: operation.pause_us,
        attempts: operation.attempts,
        longest_us: longest,
        quiet_median_us: quiet.get(quiet.len() / 2).copied().unwrap_or(0),
        quiet_longest_us: quiet.last().copied().unwrap_or(0),
    }
}

/// Longest latency of the requests that were under way between two moments.
fn longest_in(samples: &[Sample], begin_us: u64, end_us: u64) -> u64 {
    let from = samples.partition_point(|sample| sample.at_us + sample.took_us < begin_us);
    let under_way = samples[from..].iter().take_while(|sample| sample.at_us <= end_us);
    under_way.map(|sample| sample.took_us).max().unwrap_or(0)
}

/// The table at the end of the demo.
pub(crate) fn table(figures: &Figures) -> String {
    use std::fmt::Write as _;
    let ms = |us: u64| format!("{:.2}", us as f64 / 1000.0);
    let mut text = format!(
        "  diff        {:.2} s, delta {} bytes, replaces {}\n  uptime      {} s in the beginning, {} s in the end\n  load        {} commands, {} each second; {} requests timed, no error\n\n",
        figures.diff_s,
        figures.delta_bytes,
        figures.replaced.join(", "),
        figures.uptime_s[0],
        figures.uptime_s[1],
        figures.commands,
        figures.commands_per_s,
        figures.requests_timed,
    );
    text.push_str("  operation   process stopped   longest latency   without operation (median, longest)\n");
    for operation in &figures.operations {
        let _ = writeln!(
            text,
            "  {:<12}{:>12} ms {:>14} ms {:>15} ms {:>8} ms",
            operation.name,
            ms(operation.pause_us),
            ms(operation.longest_us),
            ms(operation.quiet_median_us),
            ms(operation.quiet_longest_us),
        );
    }
    text
}
