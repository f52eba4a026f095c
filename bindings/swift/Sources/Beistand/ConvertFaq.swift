import BeistandAPI
import BeistandFFI
import Foundation

// The FAQ, in the words of the public models.

extension HighlightedText {
    init(_ text: String, _ highlights: [FfiHighlight]) {
        // Ends that stand before their beginning would be a trap for whoever makes a range of them.
        self.init(text: text, utf16: highlights.filter { $0.start <= $0.end }.map { Int($0.start)..<Int($0.end) })
    }
}

extension FaqHit {
    init(_ hit: FfiHit) {
        self.init(
            article: ArticleId(hit.article), locale: hit.locale, collection: hit.collection.map { CollectionId($0) },
            title: HighlightedText(hit.title, hit.titleHighlights),
            snippet: HighlightedText(hit.snippet.text, hit.snippet.highlights), score: hit.score)
    }
}

extension FaqCollection {
    init(_ collection: FfiCollection) {
        self.init(
            id: CollectionId(collection.id), title: collection.title, summary: collection.description,
            articles: Int(collection.articles))
    }
}

extension ArticleEntry {
    init(_ entry: FfiArticleEntry) {
        self.init(id: ArticleId(entry.id), collection: entry.collection.map { CollectionId($0) }, title: entry.title)
    }
}

extension FaqStatus {
    init(_ status: FfiFaqStatus) {
        self.init(
            locale: status.locale, version: status.version, articles: Int(status.articles),
            checkedAt: status.checkedAt.map { Date($0) }, refreshing: status.refreshing, cached: status.cached)
    }
}

extension Article {
    init(_ article: FfiArticle) {
        self.init(
            id: ArticleId(article.id), locale: article.locale, collection: article.collection.map { CollectionId($0) },
            title: article.title, blocks: article.blocks.map(FaqBlock.init), tags: article.tags,
            version: article.version, updatedAt: Date(article.updatedAt))
    }
}

extension FaqBlock {
    init(_ block: FfiBlock) {
        switch block {
        case .heading(let level, let spans): self = .heading(level: Int(level), spans: spans.map(FaqSpan.init))
        case .paragraph(let spans): self = .paragraph(spans.map(FaqSpan.init))
        case .items(let start, let items): self = .list(start: start, items: items.map { $0.map(FaqBlock.init) })
        case .quote(let blocks): self = .quote(blocks.map(FaqBlock.init))
        case .code(let language, let text): self = .code(language: language, text: text)
        case .table(let alignments, let header, let rows):
            self = .table(
                alignments: alignments.map(FaqAlignment.init), header: header.map { $0.map(FaqSpan.init) },
                rows: rows.map { $0.map { $0.map(FaqSpan.init) } })
        case .image(let picture): self = .image(FaqPicture(picture))
        case .rule: self = .rule
        case .other: self = .other
        }
    }
}

extension FaqAlignment {
    init(_ alignment: FfiAlignment) {
        switch alignment {
        case .natural: self = .natural
        case .left: self = .left
        case .center: self = .center
        case .right: self = .right
        }
    }
}

extension FaqSpan {
    init(_ span: FfiSpan) {
        switch span {
        case .text(let text): self = .text(text)
        case .emphasis(let spans): self = .emphasis(spans.map(FaqSpan.init))
        case .strong(let spans): self = .strong(spans.map(FaqSpan.init))
        case .strike(let spans): self = .strike(spans.map(FaqSpan.init))
        case .code(let text): self = .code(text)
        case .link(let target, let spans): self = .link(FaqTarget(target), spans: spans.map(FaqSpan.init))
        case .break: self = .lineBreak
        case .image(let picture): self = .image(FaqPicture(picture))
        case .other: self = .other
        }
    }
}

extension FaqTarget {
    init(_ target: FfiTarget) {
        switch target {
        case .article(let id): self = .article(ArticleId(id))
        case .app(let url): self = .app(url)
        case .web(let url): self = .web(url)
        }
    }
}

extension FaqPicture {
    init(_ picture: FfiPicture) {
        self.init(
            alternative: picture.alt, sha256: picture.sha256, width: Int(picture.width), height: Int(picture.height))
    }
}
