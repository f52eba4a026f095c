// Answers without a network: search, suggestions beside a draft, articles.

package dev.beistand

import kotlinx.coroutines.flow.StateFlow
import java.nio.file.Path
import java.time.Instant

/** Answers without a network. What is newer at the server comes by itself and shows in [status]. */
public interface Faq {
    /** How the cache stands, while it is collected. */
    public val status: StateFlow<FaqStatus>

    /** Searches. Every text is a legal query. */
    public suspend fun search(query: String, options: SearchOptions = SearchOptions()): SearchResults

    /** Articles that may answer what is being written, at most three; none if nothing is near. */
    public suspend fun suggest(draft: String): List<FaqHit>

    /** An article in the person's language, or in the nearest that has it; `null` if none has. */
    public suspend fun article(id: ArticleId): Article?

    /**
     * Tells the editors whether an article helped; without a network too. The last word on an article counts.
     *
     * @param comment at most 1,000 characters.
     * @throws SupportException of kind `InvalidInput` or `OutboxFull`; nothing was stored then.
     */
    public suspend fun rate(article: Article, helpful: Boolean, comment: String? = null)

    /** The collections in the editors' order. */
    public suspend fun collections(): List<FaqCollection>

    /** The articles of a collection, or all, in the editors' order. */
    public suspend fun articles(collection: CollectionId? = null): List<ArticleEntry>

    /**
     * Where a picture lies on this phone; fetched and checked first if it does not. Show its alternative text if this fails.
     *
     * @param sha256 as in [Picture.sha256].
     * @throws SupportException of kind `NotFound`, `Unreachable`, `Refused`, `Faq` or `StorageFull`.
     */
    public suspend fun image(sha256: String): Path

    /**
     * Asks the server now, and returns when what is newer is here.
     *
     * @throws SupportException of kind `Unreachable`, `Refused` or `Faq`.
     */
    public suspend fun refresh()

    /**
     * The language that the person reads from now on.
     *
     * @param tag a language tag (BCP 47).
     * @throws SupportException of kind `InvalidInput` if it is none.
     */
    public suspend fun setLocale(tag: String)
}

/**
 * How a search is done.
 *
 * @property limit the most hits, at most 200.
 * @property locale search in this language; `null`: the person's own, or the one that the query is written in.
 * @property typing the person is still typing: the last word may be the beginning of one.
 */
public data class SearchOptions(
    public val limit: Int = 20,
    public val locale: String? = null,
    public val typing: Boolean = false,
)

/**
 * What a search found.
 *
 * @property hits the articles, best first.
 * @property localeUsed the language that was searched; `null` if nothing is cached.
 */
public data class SearchResults(public val hits: List<FaqHit>, public val localeUsed: String?)

/**
 * An article that was found.
 *
 * @property article which one.
 * @property locale its language.
 * @property collection where it stands.
 * @property title its title.
 * @property titleHighlights what of the title fits: ranges of UTF-16 code units, for [String.substring].
 * @property snippet a piece of the article around what fits.
 * @property snippetHighlights what of the snippet fits, likewise.
 * @property score higher is better; comparable within one answer only.
 */
public data class FaqHit(
    public val article: ArticleId,
    public val locale: String,
    public val collection: CollectionId?,
    public val title: String,
    public val titleHighlights: List<IntRange>,
    public val snippet: String,
    public val snippetHighlights: List<IntRange>,
    public val score: Double,
)

/**
 * An article, ready to be drawn.
 *
 * @property id which one.
 * @property locale the language of this text.
 * @property collection where it stands.
 * @property title the question.
 * @property blocks the answer.
 * @property tags words to sort by.
 * @property version counts the publications of this text.
 * @property updatedAt when it was written.
 */
public data class Article(
    public val id: ArticleId,
    public val locale: String,
    public val collection: CollectionId?,
    public val title: String,
    public val blocks: List<Block>,
    public val tags: List<String>,
    public val version: Long,
    public val updatedAt: Instant,
)

/**
 * A collection, as a list shows it.
 *
 * @property id which one.
 * @property title what a person reads.
 * @property description one line below the title; may be empty.
 * @property articles how many articles it holds.
 */
public data class FaqCollection(
    public val id: CollectionId,
    public val title: String,
    public val description: String,
    public val articles: Int,
)

/**
 * An article, as a list shows it.
 *
 * @property id which one.
 * @property collection where it stands.
 * @property title the question.
 */
public data class ArticleEntry(public val id: ArticleId, public val collection: CollectionId?, public val title: String)

/**
 * How the cache stands.
 *
 * @property locale the language that this person reads; `null` if nothing is cached.
 * @property version its publication.
 * @property articles how many articles it has.
 * @property checkedAt when the server last said that this is the newest; `null` if it never did.
 * @property refreshing whether the server is being asked right now.
 * @property cached all languages that are cached, the one used last first.
 */
public data class FaqStatus(
    public val locale: String? = null,
    public val version: Long? = null,
    public val articles: Int = 0,
    public val checkedAt: Instant? = null,
    public val refreshing: Boolean = false,
    public val cached: List<String> = emptyList(),
)
