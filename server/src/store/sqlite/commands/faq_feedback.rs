//! What readers of the FAQ say. A rating replaces the one before of the same person; a report is added up once.

use beistand_protocol::{Code, FaqReportId, faq::FaqReport};
use rusqlite::{OptionalExtension as _, params};

use super::{
    Context, Done, done,
    operations::{About, Carried, Kind, Standing, superseded},
    refuse,
};
use crate::{
    desk::digest::Digest,
    store::{AppId, Applied, FaqFeedbackCommand, FaqFeedbackWrite, Outcome},
};

/// Articles and searches that are counted for an app. Editors read the first hundred; the bound is there because ids and
/// words come from phones. What is counted least gives way.
const MOST: u32 = 10_000;

pub(super) fn apply(context: &Context<'_>, command: &FaqFeedbackCommand) -> Done<Applied> {
    let FaqFeedbackCommand { app, person, operation, epoch, digest, .. } = command;
    let carried = Carried { app: *app, person: *person, operation: *operation, epoch: epoch.as_ref(), digest: *digest };
    match carried.judge(context)? {
        Standing::Known(_) => return done(false, Outcome::Done),
        Standing::Passed => {
            // A report that was added up is there, whatever operation brought it.
            return match &command.write {
                FaqFeedbackWrite::Report(id, _) if known_report(context, *app, *id)? == Some(*digest) => {
                    done(false, Outcome::Done)
                }
                _ => superseded(),
            };
        }
        Standing::New => {}
    }
    let kind = match &command.write {
        FaqFeedbackWrite::Rate(..) => Kind::Feedback,
        FaqFeedbackWrite::Report(..) => Kind::Report,
    };
    let applied = context.hear(command)?;
    carried.remember(context, About { kind, conversation: None, message: None }, command.at)?;
    Ok(applied)
}

fn known_report(context: &Context<'_>, app: AppId, id: FaqReportId) -> Done<Option<Digest>> {
    Ok(context
        .conn
        .prepare_cached("SELECT digest FROM faq_reports WHERE app_id = ?1 AND id = ?2")?
        .query_row(params![app.0, id.as_bytes()], |row| row.get(0).map(Digest))
        .optional()?)
}

impl Context<'_> {
    fn hear(&self, command: &FaqFeedbackCommand) -> Done<Applied> {
        let FaqFeedbackCommand { app, person, digest, at, .. } = command;
        match &command.write {
            FaqFeedbackWrite::Rate(article, feedback) => {
                command.check.clone()?;
                self.conn
                    .prepare_cached(
                        "INSERT INTO faq_feedback (app_id, article, locale, person_id, helpful, comment, version, at) \
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
                         ON CONFLICT (app_id, article, locale, person_id) DO UPDATE SET helpful = excluded.helpful, \
                         comment = excluded.comment, version = excluded.version, at = excluded.at",
                    )?
                    .execute(params![
                        app.0,
                        article.as_str(),
                        feedback.locale.as_str(),
                        person.as_bytes(),
                        feedback.helpful,
                        feedback.comment,
                        feedback.version,
                        at.0,
                    ])?;
            }
            FaqFeedbackWrite::Report(id, report) => match known_report(self, *app, *id)? {
                Some(known) if known == *digest => {}
                Some(_) => return refuse(Code::IdReused, "this report id was used before with other counts"),
                None => {
                    command.check.clone()?;
                    self.conn
                        .prepare_cached("INSERT INTO faq_reports (app_id, id, digest, at) VALUES (?1, ?2, ?3, ?4)")?
                        .execute(params![app.0, id.as_bytes(), digest.0, at.0])?;
                    self.add_up(*app, report, at.0)?;
                }
            },
        }
        done(false, Outcome::Done)
    }

    fn add_up(&self, app: AppId, report: &FaqReport, at: i64) -> Done<()> {
        let mut add = self.conn.prepare_cached(
            "INSERT INTO faq_views (app_id, article, locale, count, at) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (app_id, article, locale) DO UPDATE SET count = count + excluded.count, at = excluded.at",
        )?;
        for views in &report.views {
            add.execute(params![app.0, views.article.as_str(), views.locale.as_str(), views.count, at])?;
        }
        let mut add = self.conn.prepare_cached(
            "INSERT INTO faq_searches (app_id, locale, query, count, at) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (app_id, locale, query) DO UPDATE SET count = count + excluded.count, at = excluded.at",
        )?;
        for search in &report.searches {
            add.execute(params![app.0, search.locale.as_str(), search.query, search.count, at])?;
        }
        // What came just now stays: otherwise nothing new could ever be counted twice.
        self.conn
            .prepare_cached(
                "DELETE FROM faq_views WHERE rowid IN (SELECT rowid FROM faq_views WHERE app_id = ?1 AND at < ?2 \
                 ORDER BY count, at LIMIT max(0, (SELECT count(*) FROM faq_views WHERE app_id = ?1) - ?3))",
            )?
            .execute(params![app.0, at, MOST])?;
        self.conn
            .prepare_cached(
                "DELETE FROM faq_searches WHERE rowid IN (SELECT rowid FROM faq_searches WHERE app_id = ?1 AND at < ?2 \
                 ORDER BY count, at LIMIT max(0, (SELECT count(*) FROM faq_searches WHERE app_id = ?1) - ?3))",
            )?
            .execute(params![app.0, at, MOST])?;
        Ok(())
    }
}
