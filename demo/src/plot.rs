//! The plot of latency over time, as SVG.
//!
//! Thousands of requests fall on one pixel; of those the longest is drawn, because the longest is the question.

use std::fmt::Write as _;

use crate::latency::Sample;
use crate::surgery::Operation;

const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 520.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 60.0;
/// Columns into which the time is divided.
const COLUMNS: usize = 1000;
/// Colours of Okabe and Ito, which people with any colour vision tell apart.
const LINE: &str = "#0072b2";
const MARK: &str = "#d55e00";
const GREY: &str = "#555555";

/// Axes of the plot.
struct Axes {
    seconds: f64,
    /// Powers of ten of a microsecond between which latencies lie.
    low: i32,
    high: i32,
}

impl Axes {
    fn x(&self, us: f64) -> f64 {
        LEFT + us / 1e6 / self.seconds * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, us: f64) -> f64 {
        let part = (us.max(1.0).log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
    }
}

/// Draws samples and operations that began at `begin_us`.
pub(crate) fn svg(samples: &[Sample], operations: &[Operation], begin_us: u64) -> String {
    let end_us = samples.last().map_or(begin_us + 1, |sample| sample.at_us);
    let seconds = (end_us - begin_us) as f64 / 1e6;
    let columns = envelope(samples, begin_us, end_us);
    let most = columns.iter().map(|(_, longest)| *longest).fold(1.0, f64::max);
    let least = columns.iter().map(|(_, longest)| *longest).fold(most, f64::min);
    let axes = Axes { seconds, low: least.log10().floor() as i32, high: most.log10().ceil() as i32 };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"DejaVu Sans, sans-serif\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    label(
        &mut text,
        (LEFT, 28.0),
        "start",
        "#000000",
        "Latency of GET on a loaded redis while it is patched",
    );
    let explained =
        "longest of each thousandth of the time; redis-benchmark with 16 connections runs beside it";
    label(&mut text, (LEFT, 48.0), "start", GREY, explained);
    grid(&mut text, &axes);
    marks(&mut text, &axes, operations, begin_us);
    let points: Vec<String> =
        columns.iter().map(|(at, longest)| format!("{:.1},{:.1}", axes.x(*at), axes.y(*longest))).collect();
    let _ = writeln!(
        text,
        "<polyline fill=\"none\" stroke=\"{LINE}\" stroke-width=\"1.2\" points=\"{}\"/>",
        points.join(" ")
    );
    text.push_str("</svg>\n");
    text
}

/// For each column its time (microseconds from the beginning) and its longest latency, where it has any.
fn envelope(samples: &[Sample], begin_us: u64, end_us: u64) -> Vec<(f64, f64)> {
    let mut longest = vec![0_u64; COLUMNS];
    let len = (end_us - begin_us).max(1) as f64;
    for sample in samples.iter().filter(|sample| sample.at_us >= begin_us) {
        let column = ((sample.at_us - begin_us) as f64 / len * (COLUMNS - 1) as f64) as usize;
        if let Some(slot) = longest.get_mut(column) {
            *slot = (*slot).max(sample.took_us);
        }
    }
    let drawn = longest.iter().enumerate().filter(|(_, longest)| **longest > 0);
    drawn.map(|(column, longest)| (column as f64 / COLUMNS as f64 * len, *longest as f64)).collect()
}

fn grid(text: &mut String, axes: &Axes) {
    for power in axes.low..=axes.high {
        let (us, y) = (10_f64.powi(power), axes.y(10_f64.powi(power)));
        rule(text, (LEFT, y), (WIDTH - RIGHT, y), "#dddddd");
        let shown = if us >= 1000.0 { format!("{} ms", us / 1000.0) } else { format!("{us} µs") };
        label(text, (LEFT - 8.0, y + 5.0), "end", GREY, &shown);
    }
    let step = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0].into_iter().find(|step| axes.seconds / step <= 12.0);
    let step = step.unwrap_or(60.0);
    for number in 0..=(axes.seconds / step) as u32 {
        let at = f64::from(number) * step;
        let x = axes.x(at * 1e6);
        rule(text, (x, HEIGHT - BOTTOM), (x, HEIGHT - BOTTOM + 6.0), GREY);
        label(text, (x, HEIGHT - BOTTOM + 22.0), "middle", GREY, &format!("{at}"));
    }
    rule(text, (LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM), GREY);
    label(text, ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 14.0), "middle", GREY, "seconds");
}

fn marks(text: &mut String, axes: &Axes, operations: &[Operation], begin_us: u64) {
    const NARROWEST: f64 = 3.0;
    for operation in operations {
        let (from, to) =
            (axes.x((operation.begin_us - begin_us) as f64), axes.x((operation.end_us - begin_us) as f64));
        let _ = writeln!(
            text,
            "<rect x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{MARK}\" fill-opacity=\"0.3\"/>",
            (to - from).max(NARROWEST),
            HEIGHT - TOP - BOTTOM,
        );
        let said = format!("{} ({:.2} ms stopped)", operation.name, operation.pause_us as f64 / 1000.0);
        label(text, (f64::midpoint(from, to), TOP - 8.0), "middle", MARK, &said);
    }
}

fn rule(text: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    let _ = writeln!(
        text,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn label(text: &mut String, (x, y): (f64, f64), anchor: &str, colour: &str, said: &str) {
    let _ = writeln!(
        text,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{said}</text>"
    );
}
