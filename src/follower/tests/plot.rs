//! Lines over a few places, as an SVG that can be read in light and dark.

use std::fmt::Write;

const WIDE: f64 = 560.0;
const HIGH: f64 = 230.0;
const COLOURS: [&str; 7] = ["#2f6fb7", "#2a9d5c", "#c98a1b", "#c0392b", "#8757b2", "#3aa6a6", "#888888"];

pub struct Line {
    pub name: &'static str,
    /// Place and percentage; all lines of a plot have the same places.
    pub points: Vec<(f64, f64)>,
}

/// Plots one below the other. The places of a plot stand evenly.
pub fn svg(plots: [(&str, &[Line]); 2]) -> String {
    let height = HIGH * plots.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDE} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\" fill=\"#777\">\n"
    );
    for (n, (title, lines)) in plots.into_iter().enumerate() {
        let (top, bottom) = (HIGH * n as f64 + 30.0, HIGH * (n + 1) as f64 - 30.0);
        let y = |percent: f64| bottom - percent / 100.0 * (bottom - top);
        writeln!(svg, "<text x=\"10\" y=\"{}\" font-size=\"12\">{title}</text>", top - 14.0).unwrap();
        for percent in [0.0, 50.0, 90.0, 100.0] {
            let y = y(percent);
            writeln!(
                svg,
                "<path d=\"M40 {y:.1}H400\" stroke=\"#8884\"/><text x=\"10\" y=\"{:.1}\">{percent}</text>",
                y + 4.0
            )
            .unwrap();
        }
        let places = lines[0].points.len();
        let x = |at: usize| 60.0 + 320.0 * at as f64 / (places - 1) as f64;
        for (at, (place, _)) in lines[0].points.iter().enumerate() {
            writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{place}</text>", x(at), bottom + 16.0)
                .unwrap();
        }
        for (line, (Line { name, points }, colour)) in lines.iter().zip(COLOURS).enumerate() {
            let points: Vec<String> = points
                .iter()
                .enumerate()
                .map(|(at, (_, percent))| format!("{:.1},{:.1}", x(at), y(*percent)))
                .collect();
            let legend = top + 14.0 * line as f64;
            writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
                 <path d=\"M412 {legend:.1}h18\" stroke=\"{colour}\" stroke-width=\"3\"/><text x=\"436\" y=\"{:.1}\">{name}</text>",
                points.join(" "),
                legend + 4.0
            )
            .unwrap();
        }
    }
    svg + "</svg>\n"
}
