import Foundation

// Answers without a network: what a search finds, and articles as blocks that each screen draws with its own means.

/// How a search is done.
public struct SearchOptions: Sendable, Hashable {
    /// The most hits, at most 200.
    public var limit: Int
    /// Search in this language; by default in the person's own, or in the one that the query is written in.
    public var locale: String?
    /// The person is still typing: the last word may be the beginning of one.
    public var typing: Bool

    /// Options.
    public init(limit: Int = 20, locale: String? = nil, typing: Bool = false) {
        self.limit = limit
        self.locale = locale
        self.typing = typing
    }
}

/// What a search found.
public struct SearchResults: Sendable, Hashable {
    /// The articles, best first.
    public var hits: [FaqHit]
    /// The language that was searched; `nil` if nothing is on this phone.
    public var localeUsed: String?

    /// Results; for an app's own double.
    public init(hits: [FaqHit] = [], localeUsed: String? = nil) {
        self.hits = hits
        self.localeUsed = localeUsed
    }
}

/// Text of which some parts fit a query.
public struct HighlightedText: Sendable, Hashable {
    /// The words.
    public var text: String
    /// What of them fits, in UTF-16 code units, in order and apart.
    public var utf16: [Range<Int>]

    /// A text; for an app's own double.
    public init(text: String, utf16: [Range<Int>] = []) {
        self.text = text
        self.utf16 = utf16
    }

    /// What of ``text`` fits, as ranges of the string.
    public var ranges: [Range<String.Index>] {
        utf16.compactMap { range in
            let units = text.utf16
            guard let start = units.index(units.startIndex, offsetBy: range.lowerBound, limitedBy: units.endIndex),
                let end = units.index(units.startIndex, offsetBy: range.upperBound, limitedBy: units.endIndex)
            else { return nil }
            return start..<end
        }
    }
}

/// An article that was found.
public struct FaqHit: Sendable, Hashable, Identifiable {
    /// The article.
    public var article: ArticleId
    /// Its language.
    public var locale: String
    /// Where it stands.
    public var collection: CollectionId?
    /// Its title.
    public var title: HighlightedText
    /// A piece of the article around what fits.
    public var snippet: HighlightedText
    /// Higher is better; comparable within one answer only.
    public var score: Double

    /// The same as ``article``.
    public var id: ArticleId { article }

    /// A hit; for an app's own double.
    public init(
        article: ArticleId, locale: String, collection: CollectionId? = nil, title: HighlightedText,
        snippet: HighlightedText, score: Double
    ) {
        self.article = article
        self.locale = locale
        self.collection = collection
        self.title = title
        self.snippet = snippet
        self.score = score
    }
}

/// An article, ready to be drawn.
public struct Article: Sendable, Hashable, Identifiable {
    /// Which one.
    public var id: ArticleId
    /// The language of this text; another than the person's where it is not translated.
    public var locale: String
    /// Where it stands.
    public var collection: CollectionId?
    /// The question.
    public var title: String
    /// The answer.
    public var blocks: [FaqBlock]
    /// Words to sort by.
    public var tags: [String]
    /// Counts the publications of this text.
    public var version: UInt64
    /// When it was written.
    public var updatedAt: Date

    /// An article; for previews of screens and an app's own double.
    public init(
        id: ArticleId, locale: String, collection: CollectionId? = nil, title: String, blocks: [FaqBlock],
        tags: [String] = [], version: UInt64 = 1, updatedAt: Date
    ) {
        self.id = id
        self.locale = locale
        self.collection = collection
        self.title = title
        self.blocks = blocks
        self.tags = tags
        self.version = version
        self.updatedAt = updatedAt
    }
}

/// A picture where an article shows it.
public struct FaqPicture: Sendable, Hashable {
    /// What it shows, in words: read aloud, and shown while the picture is missing.
    public var alternative: String
    /// SHA-256 of the bytes, for ``Faq/image(sha256:)``.
    public var sha256: String
    /// Pixels across; 0 if unknown.
    public var width: Int
    /// Pixels down; 0 if unknown.
    public var height: Int

    /// A picture; for an app's own double.
    public init(alternative: String, sha256: String, width: Int, height: Int) {
        self.alternative = alternative
        self.sha256 = sha256
        self.width = width
        self.height = height
    }
}

/// How a column of a table is aligned.
public enum FaqAlignment: String, Sendable, Hashable {
    /// As the platform does it.
    case natural
    /// At the left.
    case left
    /// In the middle.
    case center
    /// At the right.
    case right
}

/// A block of an article.
public indirect enum FaqBlock: Sendable, Hashable {
    /// A heading, from 1 (largest) to 6.
    case heading(level: Int, spans: [FaqSpan])
    /// A paragraph.
    case paragraph([FaqSpan])
    /// A list; `start` is the number of its first item, `nil` for bullets.
    case list(start: UInt64?, items: [[FaqBlock]])
    /// A quotation.
    case quote([FaqBlock])
    /// Text in which every character counts, in the language that its author named.
    case code(language: String?, text: String)
    /// A table; each row has as many cells as the header.
    case table(alignments: [FaqAlignment], header: [[FaqSpan]], rows: [[[FaqSpan]]])
    /// A picture in a line of its own.
    case image(FaqPicture)
    /// A line across.
    case rule
    /// Something that this version of the package has no words for: leave it out.
    case other
}

/// A piece of a line.
public indirect enum FaqSpan: Sendable, Hashable {
    /// Words.
    case text(String)
    /// Emphasis: usually italic.
    case emphasis([FaqSpan])
    /// Strong emphasis: usually bold.
    case strong([FaqSpan])
    /// Struck through.
    case strike([FaqSpan])
    /// A few characters of code.
    case code(String)
    /// A link, and what is tapped.
    case link(FaqTarget, spans: [FaqSpan])
    /// A new line in the same paragraph.
    case lineBreak
    /// A picture among words.
    case image(FaqPicture)
    /// Something that this version of the package has no words for: leave it out.
    case other
}

/// Where a link leads.
public enum FaqTarget: Sendable, Hashable {
    /// Another article.
    case article(ArticleId)
    /// A place in the app: a URL that begins with `beistand:`.
    case app(String)
    /// A URL of `https`, `http`, `mailto` or `tel`.
    case web(String)
}

/// A collection, as a list shows it.
public struct FaqCollection: Sendable, Hashable, Identifiable {
    /// Which one.
    public var id: CollectionId
    /// What a person reads.
    public var title: String
    /// One line below the title; may be empty.
    public var summary: String
    /// How many articles it holds.
    public var articles: Int

    /// A collection; for an app's own double.
    public init(id: CollectionId, title: String, summary: String = "", articles: Int) {
        self.id = id
        self.title = title
        self.summary = summary
        self.articles = articles
    }
}

/// An article, as a list shows it.
public struct ArticleEntry: Sendable, Hashable, Identifiable {
    /// Which one.
    public var id: ArticleId
    /// Where it stands.
    public var collection: CollectionId?
    /// The question.
    public var title: String

    /// An entry; for an app's own double.
    public init(id: ArticleId, collection: CollectionId? = nil, title: String) {
        self.id = id
        self.collection = collection
        self.title = title
    }
}

/// How the FAQ on this phone stands.
public struct FaqStatus: Sendable, Hashable {
    /// The language that this person reads; `nil` if nothing is here.
    public var locale: String?
    /// Its publication.
    public var version: UInt64?
    /// How many articles it has.
    public var articles: Int
    /// When the server last said that this is the newest; `nil` if it never did, as with a seed.
    public var checkedAt: Date?
    /// Whether the server is being asked right now.
    public var refreshing: Bool
    /// All languages that are here, the one used last first.
    public var cached: [String]

    /// A status; for an app's own double.
    public init(
        locale: String? = nil, version: UInt64? = nil, articles: Int = 0, checkedAt: Date? = nil,
        refreshing: Bool = false, cached: [String] = []
    ) {
        self.locale = locale
        self.version = version
        self.articles = articles
        self.checkedAt = checkedAt
        self.refreshing = refreshing
        self.cached = cached
    }
}
