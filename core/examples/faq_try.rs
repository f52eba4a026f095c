#![allow(missing_docs, unused, clippy::all)]
use std::collections::HashSet;
use std::time::Instant;
mod faq {
    #[path = "/tmp/wt/faq-search/core/src/faq/compound.rs"]
    pub mod compound;
    #[path = "/tmp/wt/faq-search/core/src/faq/index.rs"]
    pub mod index;
    #[path = "/tmp/wt/faq-search/core/src/faq/query.rs"]
    pub mod query;
    #[path = "/tmp/wt/faq-search/core/src/faq/suggest.rs"]
    pub mod suggest;
    #[path = "/tmp/wt/faq-search/core/src/faq/text.rs"]
    pub mod text;
    #[path = "/tmp/wt/faq-search/core/src/faq/vocabulary.rs"]
    pub mod vocabulary;
}
use faq::index::{Entry, Index};
use rusqlite::Connection;
use serde::Deserialize;
#[derive(Deserialize)]
struct Set {
    name: String,
    lang: String,
    docs: Vec<Doc>,
    queries: Vec<Q>,
}
#[derive(Deserialize)]
struct Doc {
    id: String,
    title: String,
    body: String,
}
#[derive(Deserialize)]
struct Q {
    text: String,
    relevant: Vec<String>,
}
fn typo(text: &str, rng: &mut fastrand::Rng) -> String {
    let mut words: Vec<(usize, usize)> = vec![];
    let cs: Vec<char> = text.chars().collect();
    let mut s = None;
    for (i, c) in cs.iter().enumerate() {
        if c.is_alphanumeric() {
            if s.is_none() {
                s = Some(i)
            }
        } else if let Some(b) = s.take() {
            words.push((b, i))
        }
    }
    if let Some(b) = s {
        words.push((b, cs.len()))
    }
    let long: Vec<_> = words.into_iter().filter(|(a, b)| b - a >= 5).collect();
    if long.is_empty() {
        return text.into();
    }
    let (a, b) = long[rng.usize(..long.len())];
    let mut o = cs.clone();
    match rng.u8(..4) {
        0 => o.insert(rng.usize(a..=b), rng.char('a'..='z')),
        1 => {
            o.remove(rng.usize(a..b));
        }
        2 => o[rng.usize(a..b)] = rng.char('a'..='z'),
        _ => {
            let i = rng.usize(a..b - 1);
            o.swap(i, i + 1)
        }
    }
    o.into_iter().collect()
}
fn main() {
    if let Ok(dump) = std::env::var("DUMP") {
        return dump_evidence(&dump);
    }
    let mut rest = vec![];
    for f in std::env::args().skip(1) {
        let set: Set = serde_json::from_str(&std::fs::read_to_string(&f).unwrap()).unwrap();
        let c = Connection::open_in_memory().unwrap();
        let index = Index::new(1, &set.lang.parse().unwrap());
        let t = Instant::now();
        c.execute_batch("BEGIN").unwrap();
        index.create(&c).unwrap();
        for (i, d) in set.docs.iter().enumerate() {
            index.learn(&Entry { row: i as i64, title: &d.title, also_asked_as: &[], text: &d.body });
        }
        for (i, d) in set.docs.iter().enumerate() {
            index.put(&c, &Entry { row: i as i64, title: &d.title, also_asked_as: &[], text: &d.body }).unwrap();
        }
        index.finish(&c).unwrap();
        c.execute_batch("COMMIT").unwrap();
        let build = t.elapsed();
        let mut out = format!("{:<18} build {:>4} ms", set.name, build.as_millis());
        for typos in [false, true] {
            let mut rng = fastrand::Rng::with_seed(7);
            let (mut r1, mut r5, mut mrr, mut r20) = (0.0, 0.0, 0.0, 0.0);
            let mut times = vec![];
            for q in &set.queries {
                let text = if typos { typo(&q.text, &mut rng) } else { q.text.clone() };
                let t = Instant::now();
                let found = index.search(&c, &text, false, 20).unwrap();
                times.push(t.elapsed());
                let rel: HashSet<&str> = q.relevant.iter().map(|s| s.as_str()).collect();
                let hits: Vec<bool> =
                    found.iter().map(|h| rel.contains(set.docs[h.row as usize].id.as_str())).collect();
                let at = |k: usize| hits.iter().take(k).filter(|h| **h).count() as f64 / rel.len() as f64;
                r1 += at(1);
                r5 += at(5);
                r20 += at(20);
                if !typos && at(5) == 0.0 && std::env::var("MISS").is_ok() {
                    println!(
                        "MISS {} -> {:?} | got {:?}",
                        q.text,
                        set.docs.iter().filter(|d| rel.contains(d.id.as_str())).map(|d| &d.title).collect::<Vec<_>>(),
                        found.iter().take(3).map(|h| &set.docs[h.row as usize].title).collect::<Vec<_>>()
                    );
                }
                if let Some(p) = hits.iter().take(10).position(|h| *h) {
                    mrr += 1.0 / (p + 1) as f64
                }
            }
            times.sort();
            let n = set.queries.len() as f64;
            out += &format!(
                " | R1 {:.3} R5 {:.3} R20 {:.3} MRR {:.3} p50 {:?} p95 {:?}",
                r1 / n,
                r5 / n,
                r20 / n,
                mrr / n,
                times[times.len() / 2],
                times[times.len() * 95 / 100]
            );
        }
        rest.push(out);
    }
    for r in rest {
        println!("{r}")
    }
}

fn build(set: &Set) -> (Connection, Index) {
    let c = Connection::open_in_memory().unwrap();
    let index = Index::new(1, &set.lang.parse().unwrap());
    c.execute_batch("BEGIN").unwrap();
    index.create(&c).unwrap();
    for (i, d) in set.docs.iter().enumerate() {
        index.learn(&Entry { row: i as i64, title: &d.title, also_asked_as: &[], text: &d.body });
    }
    for (i, d) in set.docs.iter().enumerate() {
        index.put(&c, &Entry { row: i as i64, title: &d.title, also_asked_as: &[], text: &d.body }).unwrap();
    }
    index.finish(&c).unwrap();
    c.execute_batch("COMMIT").unwrap();
    (c, index)
}
/// spec file lines: set-file \t label \t queries-file
fn dump_evidence(spec: &str) {
    for line in std::fs::read_to_string(spec).unwrap().lines() {
        let f: Vec<&str> = line.split('\t').collect();
        let set: Set = serde_json::from_str(&std::fs::read_to_string(f[0]).unwrap()).unwrap();
        let (c, index) = build(&set);
        let v: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(f[2]).unwrap()).unwrap();
        for q in v["queries"].as_array().unwrap() {
            let e = faq::suggest::Evidence::default();

            println!(
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                set.name, f[1], f[2], e.known, e.covered, e.in_title, e.words, e.contents
            );
        }
    }
}
