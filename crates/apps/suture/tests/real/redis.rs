//! redis, CVE-2025-46818: the fix adds a field to a structure that lives in the process. No symbol changes its size;
//! only the layouts in the debug information show it.

use crate::program::Recipe;

const RECIPE: Recipe = Recipe {
    package: "redis",
    fix: "CVE-2025-46818.patch",
    run: "make -s -C src -j2 redis-server MALLOC=libc OPTIMIZATION=-O2 GIT_DIR=nowhere",
    artifact: "src/redis-server",
};

#[test]
fn a_fix_of_redis_that_adds_a_field_is_refused() {
    let program = RECIPE.build();
    assert_eq!(program.report["verdict"], "full-update");
    let refusals = program.report["refusals"].as_array().unwrap();
    let layout = refusals.iter().find(|refusal| refusal["code"] == "type-layout-changed");
    let layout = layout.unwrap_or_else(|| panic!("{}", program.report));
    assert!(layout["file"].as_str().unwrap().ends_with("server.h"), "{layout}");
    assert!(layout["line"].as_u64().unwrap() > 0, "{layout}");
}
