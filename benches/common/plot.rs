//! A picture of the ratios.

use super::row::Row;
use plotters::prelude::*;
use std::path::Path;

const WIDTH: u32 = 1_000;
const LINE: u32 = 22;
const GOOD: RGBColor = RGBColor(70, 130, 180);
const ABOVE: RGBColor = RGBColor(205, 92, 60);

/// A bar for each row, on a logarithmic axis, from 1 to its ratio: to the left where ours takes
/// less, to the right where it takes more. A mark where the target is.
pub(crate) fn bars(
    path: &Path,
    title: &str,
    rows: &[Row],
) -> Result<(), Box<dyn std::error::Error>> {
    let ratios = rows.iter().flat_map(|row| [Some(row.ratio()), row.target]).flatten();
    let ratios = ratios.filter(|ratio| ratio.is_finite() && *ratio > 0.0);
    let (low, high) =
        ratios.fold((0.5, 2.0), |(low, high), ratio| (ratio.min(low), ratio.max(high)));
    let height = 90 + LINE * rows.len() as u32;
    let area = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("{title} (ours / other)"), ("sans-serif", 15))
        .margin(8)
        .x_label_area_size(30)
        .y_label_area_size(330)
        .build_cartesian_2d((low / 1.5..high * 2.0).log_scale(), 0.0..rows.len() as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .x_desc("ratio; the target is the black mark")
        .draw()?;
    for (at, row) in rows.iter().enumerate() {
        let (top, ratio) = ((rows.len() - at) as f64, row.ratio().max(low));
        let colour = if row.is_above_target() { ABOVE } else { GOOD };
        let corners = [(1.0, top - 0.2), (ratio, top - 0.8)];
        let target = row.target.map(|target| vec![(target, top - 0.05), (target, top - 0.95)]);
        chart.draw_series([Rectangle::new(corners, colour.filled())])?;
        chart.draw_series(target.map(|mark| PathElement::new(mark, BLACK.stroke_width(2))))?;
        let (x, y) = chart.backend_coord(&(ratio.max(1.0), top - 0.5));
        let label = format!("{:.3}", row.ratio());
        area.draw_text(&label, &("sans-serif", 11).into_text_style(&area), (x + 6, y - 5))?;
        let style = ("sans-serif", 11).into_text_style(&area);
        area.draw_text(&row.question, &style, (8, y - 5))?;
    }
    chart.draw_series([PathElement::new([(1.0, 0.0), (1.0, rows.len() as f64)], BLACK)])?;
    area.present()?;
    Ok(())
}
