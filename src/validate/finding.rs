//! What was found.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// Findings of one kind that are kept in full; more are counted.
const KEPT: usize = 1000;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It breaks the specification, or a reader.
    Error,
    /// It may surprise, or could not be checked.
    Warning,
}

/// One thing that is wrong with one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of check found it: `schema`, `link`, `asset`, `bbox`, `extent`, `id`, `time`, `raster`, `cog`, `document`.
    pub check: &'static str,
    /// The document.
    pub location: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

/// All that was found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Catalogs that were read.
    pub catalogs: usize,
    /// Collections.
    pub collections: usize,
    /// Items.
    pub items: usize,
    /// Assets whose existence was checked.
    pub assets: usize,
    /// Links whose targets' existence was checked.
    pub links: usize,
    /// Links of other sites, which are not followed.
    pub links_elsewhere: usize,
    /// Errors in all.
    pub errors: usize,
    /// Warnings in all.
    pub warnings: usize,
    /// The first thousand of each kind of check.
    pub findings: Vec<Finding>,
    #[serde(skip)]
    kept: BTreeMap<&'static str, usize>,
}

impl Finding {
    pub(super) fn error(
        check: &'static str,
        location: impl fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        let severity = Severity::Error;
        Self { severity, check, location: location.to_string(), message: message.into() }
    }

    pub(super) fn warning(
        check: &'static str,
        location: impl fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        let severity = Severity::Warning;
        Self { severity, check, location: location.to_string(), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity} ({}): {}: {}", self.check, self.location, self.message)
    }
}

impl Report {
    pub(super) fn add(&mut self, finding: Finding) {
        match finding.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        let kept = self.kept.entry(finding.check).or_default();
        *kept += 1;
        if *kept <= KEPT {
            self.findings.push(finding);
        }
    }

    /// Findings that are counted but not among [`Report::findings`].
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.errors + self.warnings - self.findings.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_counted_beyond_those_kept() {
        let mut report = Report::default();
        for _ in 0..=KEPT {
            report.add(Finding::error("link", "a.json", "gone"));
        }
        report.add(Finding::warning("bbox", "a.json", "wide"));
        assert_eq!((report.errors, report.warnings, report.left_out()), (KEPT + 1, 1, 1));
        assert_eq!(report.findings[0].to_string(), "error (link): a.json: gone");
    }
}
