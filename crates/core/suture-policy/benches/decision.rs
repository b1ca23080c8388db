//! What a decision costs: loading the default pack, and deciding on a bundle with ten statements.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use suture_policy::{Pack, Question, decide, default_pack, example};

/// A bundle that touches consensus, with ten statements of which all count.
const TEN: &str = include_str!("ten-statements.toml");

fn decision(criterion: &mut Criterion) {
    let question = example::parse_one(TEN).expect("the question can be read");
    assert_eq!(question.statements.len(), 10);
    let pack = default_pack().expect("the default pack can be loaded");
    let decide_on = |pack: &Pack| {
        let question = Question {
            ask: question.ask.as_ref().expect("it is about a patch"),
            facts: &question.facts,
            statements: &question.statements,
            principals: &question.people,
        };
        decide(pack, &question).expect("the question can be asked")
    };
    let decision = decide_on(&pack);
    assert!(decision.allowed && decision.set_aside.is_empty(), "{decision:?}");
    criterion.bench_function("load the default pack", |bencher| bencher.iter(|| black_box(default_pack())));
    criterion
        .bench_function("decide on ten statements", |bencher| bencher.iter(|| black_box(decide_on(&pack))));
    criterion.bench_function("load and decide", |bencher| {
        bencher.iter(|| decide_on(&default_pack().expect("the default pack can be loaded")));
    });
}

criterion_group!(benches, decision);
criterion_main!(benches);
