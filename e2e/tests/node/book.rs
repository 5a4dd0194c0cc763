//! Pages of the book that need a cluster, done as they say.

use std::fs;

use e2e::{Cluster, Outcome, follow, say};

use crate::Test;
use crate::installed::podgate;

pub(crate) const TESTS: &[(&str, Test)] =
    &[("the_first_half_hour_goes_as_its_page_says", the_first_half_hour_goes_as_its_page_says)];

fn the_first_half_hour_goes_as_its_page_says(cluster: &Cluster) -> Outcome {
    podgate(cluster)?;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-half-hour");
    let _ = fs::remove_dir_all(&folder);
    let page = include_str!("../../../docs/first-half-hour.md");
    let ran = follow(page, &folder, &e2e::programs(cluster.kubectl())?, cluster.kubeconfig())?;
    say(format_args!("docs/first-half-hour.md: {ran} blocks of commands"));
    Ok(())
}
