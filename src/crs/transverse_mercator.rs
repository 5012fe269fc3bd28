//! UTM on WGS 84 by Krüger's series to the sixth order in the third flattening.
//!
//! Source: C. F. F. Karney, "Transverse Mercator with an accuracy of a few nanometers", J. Geodesy 85 (2011), equations
//! 7 to 12, 35 and 36. Within 3,900 km of the central meridian the series errs by less than 5 nm.

/// Semi-major axis of WGS 84 in metres.
pub(super) const SEMI_MAJOR_M: f64 = 6_378_137.0;
/// Flattening of WGS 84.
const FLATTENING: f64 = 1.0 / 298.257_223_563;
/// Scale on the central meridian of a UTM zone.
const SCALE: f64 = 0.9996;
/// x of the central meridian in metres.
const FALSE_EASTING_M: f64 = 500_000.0;
/// y of the equator on the southern hemisphere in metres.
const FALSE_NORTHING_SOUTH_M: f64 = 10_000_000.0;
/// Newton steps for the latitude; two reach the limit of a double, the rest is for the poles.
const NEWTON_STEPS: usize = 6;

/// One zone of the Universal Transverse Mercator grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TransverseMercator {
    /// Longitude of the central meridian in degrees.
    central_meridian: f64,
    /// y of the equator in metres.
    false_northing: f64,
    /// First eccentricity.
    eccentricity: f64,
    /// Radius of the rectifying sphere times the scale, in metres.
    radius: f64,
    /// Conformal sphere → transverse Mercator.
    alpha: [f64; 6],
    /// Transverse Mercator → conformal sphere.
    beta: [f64; 6],
}

/// `c[0] x + c[1] x² + …`
fn series(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| (sum + c) * x)
}

impl TransverseMercator {
    /// Zone 1 to 60; anything else is not UTM.
    pub(super) fn utm(zone: u32, south: bool) -> Option<Self> {
        if !(1..=60).contains(&zone) {
            return None;
        }
        let n = FLATTENING / (2.0 - FLATTENING);
        let n2 = n * n;
        let alpha = [
            series(n, &[0.5, -2.0 / 3.0, 5.0 / 16.0, 41.0 / 180.0, -127.0 / 288.0, 7_891.0 / 37_800.0]),
            n * series(
                n,
                &[13.0 / 48.0, -3.0 / 5.0, 557.0 / 1_440.0, 281.0 / 630.0, -1_983_433.0 / 1_935_360.0],
            ),
            n2 * series(n, &[61.0 / 240.0, -103.0 / 140.0, 15_061.0 / 26_880.0, 167_603.0 / 181_440.0]),
            n2 * n * series(n, &[49_561.0 / 161_280.0, -179.0 / 168.0, 6_601_661.0 / 7_257_600.0]),
            n2 * n2 * series(n, &[34_729.0 / 80_640.0, -3_418_889.0 / 1_995_840.0]),
            n2 * n2 * n * series(n, &[212_378_941.0 / 319_334_400.0]),
        ];
        let beta = [
            series(n, &[0.5, -2.0 / 3.0, 37.0 / 96.0, -1.0 / 360.0, -81.0 / 512.0, 96_199.0 / 604_800.0]),
            n * series(
                n,
                &[1.0 / 48.0, 1.0 / 15.0, -437.0 / 1_440.0, 46.0 / 105.0, -1_118_711.0 / 3_870_720.0],
            ),
            n2 * series(n, &[17.0 / 480.0, -37.0 / 840.0, -209.0 / 4_480.0, 5_569.0 / 90_720.0]),
            n2 * n * series(n, &[4_397.0 / 161_280.0, -11.0 / 504.0, -830_251.0 / 7_257_600.0]),
            n2 * n2 * series(n, &[4_583.0 / 161_280.0, -108_847.0 / 3_991_680.0]),
            n2 * n2 * n * series(n, &[20_648_693.0 / 638_668_800.0]),
        ];
        let radius =
            SEMI_MAJOR_M / (1.0 + n) * (1.0 + n2 / 4.0 + n2 * n2 / 64.0 + n2 * n2 * n2 / 256.0) * SCALE;
        Some(Self {
            central_meridian: f64::from(zone) * 6.0 - 183.0,
            false_northing: if south { FALSE_NORTHING_SOUTH_M } else { 0.0 },
            eccentricity: (FLATTENING * (2.0 - FLATTENING)).sqrt(),
            radius,
            alpha,
            beta,
        })
    }

    /// Degrees → metres. The result is not finite 90° and more from the central meridian on the equator.
    pub(super) fn forward(&self, lon: f64, lat: f64) -> (f64, f64) {
        let lambda = wrap_degrees(lon - self.central_meridian).to_radians();
        let tau = lat.to_radians().tan();
        let tau_conformal = self.conformal(tau);
        let xi = tau_conformal.atan2(lambda.cos());
        let eta = (lambda.sin() / tau_conformal.hypot(lambda.cos())).asinh();
        let (mut x, mut y) = (eta, xi);
        for (k, a) in (1_u32..).zip(self.alpha) {
            let k = 2.0 * f64::from(k);
            x += a * (k * xi).cos() * (k * eta).sinh();
            y += a * (k * xi).sin() * (k * eta).cosh();
        }
        (FALSE_EASTING_M + self.radius * x, self.false_northing + self.radius * y)
    }

    /// Metres → degrees, the longitude within ±180.
    pub(super) fn inverse(&self, x: f64, y: f64) -> (f64, f64) {
        let eta = (x - FALSE_EASTING_M) / self.radius;
        let xi = (y - self.false_northing) / self.radius;
        let (mut eta_sphere, mut xi_sphere) = (eta, xi);
        for (k, b) in (1_u32..).zip(self.beta) {
            let k = 2.0 * f64::from(k);
            eta_sphere -= b * (k * xi).cos() * (k * eta).sinh();
            xi_sphere -= b * (k * xi).sin() * (k * eta).cosh();
        }
        let lambda = eta_sphere.sinh().atan2(xi_sphere.cos());
        let tau_conformal = xi_sphere.sin() / eta_sphere.sinh().hypot(xi_sphere.cos());
        let lat = self.geographic(tau_conformal).atan().to_degrees();
        (wrap_degrees(lambda.to_degrees() + self.central_meridian), lat)
    }

    /// Tangent of the latitude → tangent of the conformal latitude (Karney's equations 7 to 9).
    fn conformal(&self, tau: f64) -> f64 {
        let root = tau.hypot(1.0);
        let sigma = (self.eccentricity * (self.eccentricity * tau / root).atanh()).sinh();
        tau * sigma.hypot(1.0) - sigma * root
    }

    /// Inverse of [`Self::conformal`] by Newton's method (Karney's equations 19 to 21).
    fn geographic(&self, tau_conformal: f64) -> f64 {
        let e2 = self.eccentricity * self.eccentricity;
        let mut tau = tau_conformal / (1.0 - e2);
        for _ in 0..NEWTON_STEPS {
            let at = self.conformal(tau);
            let step = (tau_conformal - at) / at.hypot(1.0) * (1.0 + (1.0 - e2) * tau * tau)
                / ((1.0 - e2) * tau.hypot(1.0));
            if !step.is_finite() {
                break;
            }
            tau += step;
            if step.abs() <= 1e-15 * tau.abs() {
                break;
            }
        }
        tau
    }
}

/// The same longitude within -180 (included) and 180 (excluded); 180 itself stays.
pub(super) fn wrap_degrees(lon: f64) -> f64 {
    if (-180.0..=180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
}
