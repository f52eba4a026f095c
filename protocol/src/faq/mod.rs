//! The FAQ on the wire: articles and collections of one language, published as a whole ([`Bundle`]) or as what changed
//! since an earlier publication ([`Delta`]), in a [`Parcel`] that can be signed. A seed that an app carries, a mirror and
//! the server's own answer are the same bytes.

mod article;
mod bundle;
mod feedback;
mod locale;
mod parcel;

pub use article::{Article, ArticleFault, ArticleId, ArticleImage, Collection, CollectionId, NotAnId};
pub use bundle::{Bundle, Contents, Delta, FaqIndex, FaqLocale};
pub use feedback::{
    ArticleCounts, ArticleFeedback, ArticleViews, Comment, FaqCounts, FaqReport, FeedbackStored, ReportStored,
    SearchCount, may_be_personal,
};
pub use locale::{Locale, NotALocale};
pub use parcel::{PARCEL_MEDIA_TYPE, Parcel, ParcelError, ParcelHeader};
