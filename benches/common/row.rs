//! One line of a report, and one bar of its plot.

/// One comparison.
pub(crate) struct Row {
    /// One word: what is asked, of which size, and against what.
    pub(crate) question: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: f64,
    pub(crate) other: f64,
    /// The ratio that is aimed at, at most.
    pub(crate) target: Option<f64>,
    pub(crate) note: String,
}

impl Row {
    pub(crate) fn ratio(&self) -> f64 {
        self.ours / self.other
    }

    pub(crate) fn is_above_target(&self) -> bool {
        self.target.is_some_and(|target| self.ratio() > target)
    }
}
