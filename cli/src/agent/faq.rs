//! What editors learn from the readers of the FAQ.

use beistand_core::protocol::faq::{ArticleCounts, FaqCounts, SearchCount};
use serde_json::json;

use super::desk::Desk;
use crate::{exit::Failure, human, output::Output};

/// Tells what readers said about each article, and what they searched in vain.
pub async fn counts(desk: &Desk, output: &mut Output) -> Result<(), Failure> {
    let counts: FaqCounts = desk.get("v1/agent/faq/counts", &[]).await?;
    for article in &counts.articles {
        output.tell(|| json!({"article": article}), |width| about(article, width))?;
    }
    for search in &counts.searches {
        output.tell(|| json!({"search": search}), |width| in_vain(search, width))?;
    }
    if counts.articles.is_empty() && counts.searches.is_empty() {
        output.remark("Nobody has said anything yet.");
    }
    Ok(())
}

fn about(article: &ArticleCounts, width: usize) -> String {
    let mut lines = vec![
        format!("{}  {}", article.article, article.locale),
        human::parts(
            &[
                format!("{} helpful", article.helpful),
                format!("{} not helpful", article.not_helpful),
                format!("{} views", article.views),
            ],
            width,
        ),
    ];
    lines.extend(article.comments.iter().map(|comment| human::wrapped(&format!("“{}”", comment.text), width)));
    lines.join("\n") + "\n"
}

fn in_vain(search: &SearchCount, width: usize) -> String {
    let times = if search.count == 1 { "once".to_owned() } else { format!("{} times", search.count) };
    format!("searched in vain  {times}  {}\n{}\n", search.locale, human::wrapped(&search.query, width))
}
