//! Cases as proptest draws and shrinks them.

use crate::{Case, Op, Setup};
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};

/// Options and up to this many operations.
pub fn cases(max_ops: usize) -> impl Strategy<Value = Case> {
    let op = any::<[u8; Op::LEN]>().prop_map(Op);
    let ops = prop::collection::vec(op, 1..=max_ops);
    (any::<[u8; Setup::LEN]>().prop_map(Setup), ops).prop_map(|(setup, ops)| Case { setup, ops })
}

/// Runs a test on so many cases, or on `PROPTEST_CASES` if that is set.
///
/// # Panics
/// With the smallest case found that fails, and why it does.
pub fn check(cases: u32, max_ops: usize, test: impl Fn(Case) -> Result<(), String>) {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    config.max_shrink_iters = 50_000;
    let outcome = TestRunner::new(config)
        .run(&self::cases(max_ops), |case| test(case).map_err(TestCaseError::fail));
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => panic!("{why}\n\nthe case: {:?}", case.to_bytes()),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}
