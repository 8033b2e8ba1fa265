//! Latency against population: the longest call of each part, and the one that one in ten thousand
//! exceeds.

use super::log::{Log, Verb};
use super::series::quantile;
use super::table::TARGET_NS;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (1_000, 760);

const LINES: [(Verb, &str, RGBColor); 6] = [
    (Verb::Connect, "connect", RGBColor(70, 130, 180)),
    (Verb::Publish, "publish", RGBColor(46, 139, 87)),
    (Verb::Disconnect, "disconnect", RGBColor(205, 92, 60)),
    (Verb::Resume, "resume", RGBColor(128, 90, 160)),
    (Verb::Heartbeat, "heartbeat", RGBColor(110, 110, 110)),
    (Verb::Advance, "advance", RGBColor(190, 150, 20)),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub(crate) fn draw(path: &Path, log: &Log, users: usize) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let halves = area.split_evenly((2, 1));
    let longest = |calls: &mut Vec<u32>| calls.iter().copied().max();
    panel(&halves[0], "the longest call", log, users, longest)?;
    let rarest = |calls: &mut Vec<u32>| {
        calls.sort_unstable();
        (!calls.is_empty()).then(|| quantile(calls, 0.9999))
    };
    panel(&halves[1], "what one call in 10,000 exceeds", log, users, rarest)?;
    area.present()?;
    Ok(())
}

fn panel(
    area: &Area<'_>,
    title: &str,
    log: &Log,
    users: usize,
    figure: impl Fn(&mut Vec<u32>) -> Option<u32>,
) -> Result<(), Box<dyn std::error::Error>> {
    let end = users as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(format!("{title}, in µs, while {users} users come online"), ("sans-serif", 15))
        .margin(8)
        .x_label_area_size(30)
        .y_label_area_size(60)
        .right_y_label_area_size(90)
        .build_cartesian_2d(0.0..end, (0.02..10_000.0).log_scale())?;
    chart
        .configure_mesh()
        .x_label_formatter(&|users| format!("{:.1}M", users / 1e6))
        .x_desc("users online")
        .draw()?;
    let target = f64::from(TARGET_NS) / 1e3;
    chart.draw_series([PathElement::new([(0.0, target), (end, target)], RED.stroke_width(2))])?;
    let mut names: Vec<(f64, &str, RGBColor)> = vec![(target, "at most", RED)];
    for (verb, name, colour) in LINES {
        let series = log.of(verb);
        let parts = series.buckets().count().max(1) as f64;
        let points: Vec<(f64, f64)> = (0..)
            .zip(series.buckets())
            .filter_map(|(part, calls)| {
                let nanos = figure(&mut calls.to_vec())?;
                let middle = (f64::from(part) + 0.5) / parts * end;
                Some((middle, f64::from(nanos) / 1e3))
            })
            .collect();
        if let Some((_, last)) = points.last() {
            names.push((*last, name, colour));
        }
        chart.draw_series([PathElement::new(points, colour.stroke_width(2))])?;
    }
    label(area, &chart, end, names)
}

/// Names the lines at their right ends, one below the other.
fn label(
    area: &Area<'_>,
    chart: &ChartContext<'_, SVGBackend<'_>, Cartesian2d<RangedCoordf64, LogCoord<f64>>>,
    end: f64,
    mut names: Vec<(f64, &str, RGBColor)>,
) -> Result<(), Box<dyn std::error::Error>> {
    names.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let (left, top) = area.get_base_pixel();
    let mut free = i32::MIN;
    for (value, name, colour) in names {
        let (x, y) = chart.backend_coord(&(end, value));
        let y = (y - 6).max(free);
        free = y + 13;
        let style = ("sans-serif", 12).into_text_style(area).color(&colour);
        area.draw_text(name, &style, (x - left + 6, y - top))?;
    }
    Ok(())
}
