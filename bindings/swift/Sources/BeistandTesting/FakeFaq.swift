import BeistandAPI
import Foundation

// The FAQ of the fake: a list of articles, and a search that forgives a typing error. It finds what the real one finds in
// clear cases; how good the real one is, is measured elsewhere.

/// An article of the fake's FAQ.
public struct FakeArticle: Sendable, Hashable {
    /// Its name.
    public var id: ArticleId
    /// The question.
    public var title: String
    /// The answer; each line becomes a paragraph.
    public var body: String
    /// Its language.
    public var locale: String
    /// Where it stands.
    public var collection: CollectionId?

    /// An article.
    public init(id: ArticleId, title: String, body: String, locale: String = "en", collection: CollectionId? = nil) {
        self.id = id
        self.title = title
        self.body = body
        self.locale = locale
        self.collection = collection
    }
}

struct FakeFaq: Faq {
    let engine: FakeEngine

    var status: Updates<FaqStatus> { engine.watch { $0.faqStatus } }

    private func look<Result>(_ work: (inout FakeWorld) throws -> Result) throws -> Result {
        try engine.change { world in
            try world.begin()
            return try work(&world)
        }
    }

    func search(_ query: String, options: SearchOptions) async throws -> SearchResults {
        try look { world in
            let locale = options.locale ?? world.locale
            let articles = world.articles.filter { $0.locale == locale }
            let hits = FaqMatch.hits(query, in: articles, typing: options.typing)
            return SearchResults(
                hits: Array(hits.prefix(min(max(options.limit, 1), 200))), localeUsed: articles.isEmpty ? nil : locale)
        }
    }

    func suggest(_ draft: String) async throws -> [FaqHit] {
        try look { world in
            let words = draft.split { !$0.isLetter && !$0.isNumber }.filter { $0.count > 3 }.joined(separator: " ")
            return Array(FaqMatch.hits(words, in: world.here, typing: false).prefix(3))
        }
    }

    func article(_ id: ArticleId) async throws -> Article? {
        try look { world in
            let found = world.here.first { $0.id == id } ?? world.articles.first { $0.id == id }
            return found.map { article in
                Article(
                    id: article.id, locale: article.locale, collection: article.collection, title: article.title,
                    blocks: article.body.split(separator: "\n").map { .paragraph([.text(String($0))]) },
                    updatedAt: Date(timeIntervalSince1970: 0))
            }
        }
    }

    func rate(_ article: Article, helpful: Bool, comment: String?) async throws {
        try look { try $0.rate(FakeRating(article: article.id, helpful: helpful, comment: comment)) }
    }

    func collections() async throws -> [FaqCollection] {
        try look { world in
            var counts: [(CollectionId, Int)] = []
            for collection in world.here.compactMap(\.collection) {
                if let index = counts.firstIndex(where: { $0.0 == collection }) {
                    counts[index].1 += 1
                } else {
                    counts.append((collection, 1))
                }
            }
            return counts.map { FaqCollection(id: $0.0, title: $0.0.value, articles: $0.1) }
        }
    }

    func articles(in collection: CollectionId?) async throws -> [ArticleEntry] {
        try look { world in
            world.here.filter { collection == nil || $0.collection == collection }
                .map { ArticleEntry(id: $0.id, collection: $0.collection, title: $0.title) }
        }
    }

    func image(sha256: String) async throws -> String { try look { _ in throw SupportError.notFound("picture") } }

    func refresh() async throws {
        try look { world in
            guard world.online else { throw SupportError.unreachable }
            world.faqCheckedAt = world.now
        }
    }

    func setLocale(_ tag: String) async throws { try look { $0.locale = tag } }
}

extension FakeWorld {
    /// The articles in the person's language.
    var here: [FakeArticle] { articles.filter { $0.locale == locale } }

    var faqStatus: FaqStatus {
        let languages = Array(Set(articles.map(\.locale))).sorted()
        return FaqStatus(
            locale: here.isEmpty ? nil : locale, version: here.isEmpty ? nil : 1, articles: here.count,
            checkedAt: faqCheckedAt, cached: languages)
    }
}

/// Finds articles by their words.
enum FaqMatch {
    struct Word {
        let text: String
        let utf16: Range<Int>
    }

    static func words(_ text: String) -> [Word] {
        var words: [Word] = []
        var index = text.startIndex
        while index < text.endIndex {
            guard text[index].isLetter || text[index].isNumber else {
                index = text.index(after: index)
                continue
            }
            let end = text[index...].firstIndex { !$0.isLetter && !$0.isNumber } ?? text.endIndex
            let start = text.utf16.distance(from: text.utf16.startIndex, to: index)
            let length = text.utf16.distance(from: index, to: end)
            let folded = text[index..<end].folding(options: [.caseInsensitive, .diacriticInsensitive], locale: nil)
            words.append(Word(text: folded, utf16: start..<(start + length)))
            index = end
        }
        return words
    }

    static func hits(_ query: String, in articles: [FakeArticle], typing: Bool) -> [FaqHit] {
        let sought = words(query).map(\.text)
        guard !sought.isEmpty else { return [] }
        let hits = articles.compactMap { hit(sought, $0, typing: typing) }
        // Best first; in the editors' order where they are equal.
        return hits.enumerated().sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }.map(\.element)
    }

    private static func hit(_ sought: [String], _ article: FakeArticle, typing: Bool) -> FaqHit? {
        let (title, body) = (words(article.title), words(article.body))
        var score = 0.0
        var found = 0
        for (index, word) in sought.enumerated() {
            let prefix = typing && index == sought.count - 1
            let best = max(
                2 * (title.map { nearness(word, $0.text, prefix: prefix) }.max() ?? 0),
                body.map { nearness(word, $0.text, prefix: prefix) }.max() ?? 0)
            // Words that are everywhere say little.
            let weight = word.count > 3 ? 1.0 : 0.2
            score += best * weight
            if best > 0, word.count > 3 || sought.count == 1 { found += 1 }
        }
        let needed = max(1, sought.filter { $0.count > 3 }.count / 2)
        guard found >= needed else { return nil }
        func fits(_ words: [Word]) -> [Range<Int>] {
            words.filter { word in sought.contains { nearness($0, word.text, prefix: typing) > 0 } }.map(\.utf16)
        }
        return FaqHit(
            article: article.id, locale: article.locale, collection: article.collection,
            title: HighlightedText(text: article.title, utf16: fits(title)),
            snippet: HighlightedText(text: article.body, utf16: fits(body)), score: score)
    }

    /// 1 for the same word, less for one with the same stem or one typing error, 0 for another.
    static func nearness(_ sought: String, _ word: String, prefix: Bool) -> Double {
        if sought == word { return 1 }
        if prefix && word.hasPrefix(sought) { return 0.8 }
        guard sought.count > 3, word.count > 3 else { return 0 }
        if word.hasPrefix(sought) || sought.hasPrefix(word), abs(word.count - sought.count) <= 3 { return 0.7 }
        return oneErrorApart(Array(sought), Array(word)) ? 0.5 : 0
    }

    private static func oneErrorApart(_ left: [Character], _ right: [Character]) -> Bool {
        guard abs(left.count - right.count) <= 1 else { return false }
        let same = zip(left, right).prefix { $0 == $1 }.count
        let (l, r) = (left.dropFirst(same), right.dropFirst(same))
        if l.count == r.count {
            if Array(l.dropFirst()) == Array(r.dropFirst()) { return true }
            // Two letters in the wrong order.
            return l.count >= 2 && l.first == r.dropFirst().first && r.first == l.dropFirst().first
                && Array(l.dropFirst(2)) == Array(r.dropFirst(2))
        }
        return l.count > r.count ? Array(l.dropFirst()) == Array(r) : Array(l) == Array(r.dropFirst())
    }
}
