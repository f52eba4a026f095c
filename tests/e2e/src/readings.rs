//! What a person does with the FAQ during a schedule, and what the editors must have of it at the end: of each article
//! the last rating once, of every count exactly as many as there were.
//!
//! It draws from a chance of its own, so that the conversations of a seed go on as they did.

use std::collections::BTreeMap;
use std::fmt::Debug;

use beistand_core::fuzzing;
use beistand_protocol::faq::{ArticleId, FaqCounts, Locale};
use beistand_test_support::chance::Chance;
use beistand_test_support::world::{Ending, World};

const ARTICLES: [&str; 4] = ["returns", "sizes", "payment", "gone-for-long"];
const LOCALES: [&str; 2] = ["de", "en"];
const QUERIES: [&str; 3] = ["farbe ändern", "lieferung schweiz", "gutschein"];

/// How often something happened: surely, and perhaps, where the phone could not say.
#[derive(Clone, Copy, Default)]
struct Times {
    surely: u64,
    perhaps: u64,
}

impl Times {
    fn add<E>(&mut self, happened: &Result<(), E>) {
        match happened {
            Ok(()) => self.surely += 1,
            Err(_) => self.perhaps += 1,
        }
    }

    fn check(self, what: impl Debug, counted: u64) -> Option<String> {
        let fits = (self.surely..=self.surely + self.perhaps).contains(&counted);
        (!fits).then(|| format!("{what:?}: counted {counted} times instead of {}", self.surely))
    }
}

/// The last rating that the phone has promised, and those after it that it has not.
#[derive(Debug, Default)]
struct Rated {
    promised: Option<(bool, String)>,
    perhaps: Vec<(bool, String)>,
}

impl Rated {
    fn allows(&self, helpful: bool, comment: &str) -> bool {
        self.promised.iter().chain(&self.perhaps).any(|(is, words)| *is == helpful && words == comment)
    }
}

/// What a person did with the FAQ.
pub struct Readings {
    chance: Chance,
    said: u32,
    closed: bool,
    ratings: BTreeMap<(ArticleId, Locale), Rated>,
    views: BTreeMap<(ArticleId, Locale), Times>,
    searches: BTreeMap<(Locale, String), Times>,
}

fn named<T: std::str::FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("a name of this file")
}

impl Readings {
    /// A person who has not looked yet.
    pub fn new(seed: u64) -> Self {
        let (ratings, views, searches) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { chance: Chance::new(seed ^ 0xfa9), said: 0, closed: false, ratings, views, searches }
    }

    /// Perhaps the person looks for something. Sometimes a day lies in between, so that counts become reports.
    pub async fn step(&mut self, world: &World) {
        if !self.chance.happens(0.15) {
            return;
        }
        for _ in 0..1 + self.chance.below(4) {
            match self.chance.below(10) {
                0..4 => self.rate(world).await,
                4..8 => self.view(world).await,
                _ => self.search(world).await,
            }
            if self.chance.happens(0.25) {
                let back = self.chance.happens(0.4);
                world.phone_clock.jump(if back { -25 * 3_600_000 } else { 25 * 3_600_000 });
            }
        }
    }

    fn pick<T: std::str::FromStr<Err: Debug>>(&self, from: &[&str]) -> T {
        named(self.chance.with(|rng| from[rng.usize(..from.len())]))
    }

    async fn rate(&mut self, world: &World) {
        let (article, locale): (ArticleId, Locale) = (self.pick(&ARTICLES), self.pick(&LOCALES));
        self.said += 1;
        let (helpful, comment) = (self.chance.happens(0.5), format!("Meinung {}", self.said));
        let said = fuzzing::rate(world.client(), article.clone(), locale.clone(), helpful, &comment).await;
        let rated = self.ratings.entry((article, locale)).or_default();
        match said {
            Ok(()) => *rated = Rated { promised: Some((helpful, comment)), perhaps: Vec::new() },
            Err(_) => rated.perhaps.push((helpful, comment)),
        }
    }

    async fn view(&mut self, world: &World) {
        let (article, locale): (ArticleId, Locale) = (self.pick(&ARTICLES), self.pick(&LOCALES));
        let viewed = fuzzing::viewed(world.client(), article.clone(), locale.clone()).await;
        self.views.entry((article, locale)).or_default().add(&viewed);
    }

    async fn search(&mut self, world: &World) {
        let (locale, query): (Locale, String) = (self.pick(&LOCALES), self.pick(&QUERIES));
        let found = fuzzing::found_nothing(world.client(), locale.clone(), &query.to_uppercase()).await;
        self.searches.entry((locale, query)).or_default().add(&found);
    }

    /// Makes sure that everything that was counted is reported, however wrong the clock was before: an app that starts
    /// reports what is due. `false` once there is nothing left to do.
    pub async fn close(&mut self, world: &mut World) -> bool {
        if std::mem::replace(&mut self.closed, true) {
            return false;
        }
        world.phone_clock.jump(200 * 24 * 3_600_000);
        world.break_phone(Ending::Killed).await;
        true
    }

    /// What is wrong with what the editors have.
    pub fn check(&self, counts: &FaqCounts) -> Vec<String> {
        let mut faults = Vec::new();
        let of = |article: &ArticleId, locale: &Locale| {
            counts.articles.iter().find(|one| one.article == *article && one.locale == *locale)
        };
        for ((article, locale), times) in &self.views {
            faults.extend(times.check((article, locale), of(article, locale).map_or(0, |one| one.views)));
        }
        for ((article, locale), rated) in &self.ratings {
            let there = of(article, locale);
            let fits = match there.map(|one| (one.helpful + one.not_helpful, &one.comments[..])) {
                Some((1, [comment])) => rated.allows(comment.helpful, &comment.text),
                None | Some((0, [])) => rated.promised.is_none(),
                _ => false,
            };
            if !fits {
                faults.push(format!("{article} {locale}: {there:?} instead of {rated:?}"));
            }
        }
        for ((locale, query), times) in &self.searches {
            let found = counts.searches.iter().find(|one| one.locale == *locale && one.query == *query);
            faults.extend(times.check((locale, query), found.map_or(0, |one| u64::from(one.count))));
        }
        faults
    }
}
