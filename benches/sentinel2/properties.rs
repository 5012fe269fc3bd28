//! The properties that are measured: what the pixels show, where the sun stood.

use chrono::{DateTime, Datelike, Utc};

use super::numbers::push_decimal;
use super::template::Form;
use super::{draw, fraction};

/// All of an image in millionths of a percent.
const WHOLE: i64 = 100_000_000;

/// Writes the percentages of what pixels show, each with the comma before it; together they are the whole image.
pub(super) fn push_percentages(out: &mut Vec<u8>, form: Form, lat: f64, covered: f64, date: u64, tile: u64) {
    let cloud = (cloud_cover(date) * WHOLE as f64) as i64;
    let part = |of: i64, nth: u64, most: f64| (of as f64 * most * fraction(date, nth)) as i64;
    let thin = if draw(date, 30).is_multiple_of(4) { 0 } else { part(cloud, 31, 0.3) };
    let high = part(cloud - thin, 32, 1.0);
    let medium = cloud - thin - high;
    let land = WHOLE - cloud;
    let shadow = part(land, 33, 0.1);
    let dark = if form == Form::Esa { 0 } else { part(land - shadow, 34, 0.02) };
    let unclassified = part(land - shadow - dark, 35, 0.05);
    let mut rest = land - shadow - dark - unclassified;
    // A tile stays as wet and as green as it is; snow comes with latitude.
    let snow = if lat.abs() < 30.0 { 0 } else { part(rest, 36, ((lat.abs() - 30.0) / 40.0).min(1.0)) };
    rest -= snow;
    let water = (rest as f64 * fraction(tile, 37).powi(4) * (0.95 + 0.05 * fraction(date, 38))) as i64;
    rest -= water;
    let green = (rest as f64 * fraction(tile, 39) * (0.6 + 0.4 * fraction(date, 40))) as i64;
    let bare = rest - green;
    let missing = if covered < 1.0 {
        ((1.0 - covered) * WHOLE as f64) as i64 + (draw(date, 41) % 300_000) as i64
    } else if draw(date, 41).is_multiple_of(3) {
        0
    } else {
        (draw(date, 42) % 40) as i64
    };
    // Four decimals, mostly small.
    let degraded = (fraction(date, 43).powi(6) * 17_000.0) as i64;

    let mut add = |name: &str, value: i64, decimals: usize| {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        push_decimal(out, value, decimals);
    };
    add("eo:cloud_cover", cloud, 6);
    add("s2:medium_proba_clouds_percentage", medium, 6);
    add("s2:high_proba_clouds_percentage", high, 6);
    add("s2:thin_cirrus_percentage", thin, 6);
    add("s2:cloud_shadow_percentage", shadow, 6);
    add("s2:water_percentage", water, 6);
    add("s2:snow_ice_percentage", snow, 6);
    add("s2:vegetation_percentage", green, 6);
    add("s2:not_vegetated_percentage", bare, 6);
    add("s2:unclassified_percentage", unclassified, 6);
    add("s2:nodata_pixel_percentage", missing.min(WHOLE), 6);
    add("s2:degraded_msi_data_percentage", degraded, 4);
    add("s2:saturated_defective_pixel_percentage", 0, 6);
    if form != Form::Esa {
        add("s2:dark_features_percentage", dark, 6);
    }
}

/// 0 to 1: clear or overcast much more often than between.
fn cloud_cover(date: u64) -> f64 {
    let within = fraction(date, 21);
    match draw(date, 20) % 100 {
        0..45 => 0.1 * within.powi(2),
        45..70 => 1.0 - 0.12 * within.powi(2),
        _ => 0.1 + 0.8 * within,
    }
}

/// Writes the sun's mean angles and the factor of its distance, each with the comma before it.
pub(super) fn push_sun(out: &mut Vec<u8>, (lon, lat): (f64, f64), time: DateTime<Utc>, date: u64) {
    let year_angle = f64::from(time.ordinal0()) / 365.25 * std::f64::consts::TAU;
    let declination = (-23.44_f64).to_radians() * (year_angle + 0.17).cos();
    let seconds = (time.timestamp().rem_euclid(86_400)) as f64;
    let hour_angle = (seconds / 240.0 + lon - 180.0).to_radians();
    let (lat_sin, lat_cos) = lat.to_radians().sin_cos();
    let cosine = lat_sin * declination.sin() + lat_cos * declination.cos() * hour_angle.cos();
    // Nothing is imaged in the dark.
    let zenith = cosine.clamp(-1.0, 1.0).acos().to_degrees().min(88.0);
    let towards = hour_angle.sin().atan2(hour_angle.cos() * lat_sin - declination.tan() * lat_cos);
    let azimuth = (towards.to_degrees() + 180.0).rem_euclid(360.0);
    let distance = 1.0 + 0.0334 * (year_angle - 0.05).cos() - 0.002 * fraction(date, 50);
    for (name, value, decimals) in [
        ("s2:mean_solar_zenith", zenith, 13),
        ("s2:mean_solar_azimuth", azimuth, 12),
        ("s2:reflectance_conversion_factor", distance, 14),
    ] {
        // The last digits of the real ones are as good as random.
        let noise = (fraction(date, 51 + decimals as u64) * 1e9) as i64;
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        push_decimal(out, (value * 10_f64.powi(decimals as i32)) as i64 + noise, decimals);
    }
}
