//! A chart of how long starts take.

use std::time::Duration;

use plotters::prelude::*;

/// Room for names on the left, and for a bar.
const NAMES: i32 = 190;
const BAR: i32 = 26;
const WIDTH: i32 = 640;

/// Bars of CPU time, as SVG.
pub(crate) fn starts(rows: &[(&str, Duration)]) -> Result<String, String> {
    let complain = |error: &dyn std::fmt::Display| error.to_string();
    let longest = rows.iter().map(|row| row.1).max().unwrap_or_default();
    let height = BAR * (rows.len() as i32 + 1);
    let mut text = String::new();
    {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        area.fill(&WHITE).map_err(|error| complain(&error))?;
        let font = ("sans-serif", 14).into_font();
        let write = |words: &str, x: i32, y: i32| {
            area.draw(&Text::new(words.to_owned(), (x, y), font.clone()))
                .map_err(|error| complain(&error))
        };
        write("hello: CPU time of a start, ms", 8, 6)?;
        for (row, (name, time)) in (1..).zip(rows) {
            let top = row * BAR;
            let share = time.as_secs_f64() / longest.as_secs_f64().max(f64::EPSILON);
            let end = NAMES + (share * f64::from(WIDTH - NAMES - 70)) as i32;
            let color = if row == 1 {
                RGBColor(46, 125, 50)
            } else {
                RGBColor(120, 144, 156)
            };
            area.draw(&Rectangle::new(
                [(NAMES, top + 4), (end.max(NAMES + 1), top + BAR - 4)],
                color.filled(),
            ))
            .map_err(|error| complain(&error))?;
            write(name, 8, top + 6)?;
            write(
                &format!("{:.1}", time.as_secs_f64() * 1000.0),
                end + 6,
                top + 6,
            )?;
        }
        area.present().map_err(|error| complain(&error))?;
    }
    Ok(text)
}
