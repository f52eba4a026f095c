// The FAQ of the fake: articles from a list, found by their words. The real search knows stems, compounds and languages;
// here a word fits that begins alike or has one slip.

package dev.beistand.testing

import dev.beistand.Article
import dev.beistand.ArticleEntry
import dev.beistand.ArticleId
import dev.beistand.Block
import dev.beistand.CollectionId
import dev.beistand.ConversationId
import dev.beistand.Faq
import dev.beistand.FaqCollection
import dev.beistand.FaqHit
import dev.beistand.FaqStatus
import dev.beistand.OperationKind
import dev.beistand.SearchOptions
import dev.beistand.SearchResults
import dev.beistand.Span
import dev.beistand.SupportErrorKind
import kotlinx.coroutines.flow.StateFlow
import java.nio.file.Path
import java.text.Normalizer

internal class FakeFaq(private val world: World) : Faq {
    private class Word(val folded: String, val range: IntRange)

    private var wanted = world.locale
    private val phone = world.phone

    override val status: StateFlow<FaqStatus> = Look(world, FaqStatus(), listens = false) {
        val articles = phone.articles
        if (articles == null) {
            FaqStatus()
        } else {
            FaqStatus(here().firstOrNull()?.locale, 1, here().size, world.now, refreshing = false, articles.map { it.locale }.distinct())
        }
    }

    /** The articles that are cached, in the person's language or in the one that stands in. */
    private fun here(): List<FakeArticle> {
        val all = phone.articles.orEmpty()
        val locale = all.map { it.locale }.distinct().let { there -> there.find { it == wanted } ?: there.firstOrNull() }
        return all.filter { it.locale == locale }
    }

    /** The first use brings the articles, if there is a network. */
    private fun <T> read(work: (List<FakeArticle>) -> T): T = world.act {
        phone.check()
        if (phone.articles == null && world.link.online) phone.articles = world.desk.articles
        work(here())
    }

    override suspend fun search(query: String, options: SearchOptions): SearchResults = read { articles ->
        val sought = sought(query)
        val hits = articles.mapNotNull { hit(it, sought, options.typing) }.sortedByDescending { it.score }
        SearchResults(hits.take(options.limit.coerceIn(1, MOST)), articles.firstOrNull()?.locale)
    }

    override suspend fun suggest(draft: String): List<FaqHit> = read { articles ->
        val sought = sought(draft)
        articles.filter { fits(it.title + " " + it.text, sought) >= NEAR }.mapNotNull { hit(it, sought, typing = false) }
            .sortedByDescending { it.score }.take(SUGGESTIONS)
    }

    private fun sought(query: String) = words(query).map { it.folded }.filter { it !in EMPTY_WORDS }.distinct()

    private fun fits(text: String, sought: List<String>): Int {
        val words = words(text)
        return sought.count { term -> words.any { fits(it.folded, term, typing = false) } }
    }

    private fun hit(article: FakeArticle, sought: List<String>, typing: Boolean): FaqHit? {
        fun found(text: String) = words(text).filter { word ->
            sought.withIndex().any { (at, term) -> fits(word.folded, term, typing && at == sought.lastIndex) }
        }
        val inTitle = found(article.title)
        val inText = found(article.text)
        val terms = fits(article.title + " " + article.text, sought) + if (typing) 1 else 0
        if (inTitle.isEmpty() && inText.isEmpty()) return null
        val start = ((inText.firstOrNull()?.range?.first ?: 0) - BEFORE).coerceAtLeast(0)
        val end = (start + SNIPPET).coerceAtMost(article.text.length)
        return FaqHit(
            article = ArticleId(article.id),
            locale = article.locale,
            collection = article.collection?.let(::CollectionId),
            title = article.title,
            titleHighlights = inTitle.map { it.range },
            snippet = article.text.substring(start, end).replace('\n', ' '),
            snippetHighlights = inText.map {
                it.range
            }.filter { it.first >= start && it.last < end }.map { it.first - start..it.last - start },
            score = terms * WEIGHT + inTitle.size,
        )
    }

    override suspend fun article(id: ArticleId): Article? = read { here ->
        val found = here.find { it.id == id.value } ?: phone.articles.orEmpty().find { it.id == id.value }
        found?.let { article ->
            Article(
                id = id,
                locale = article.locale,
                collection = article.collection?.let(::CollectionId),
                title = article.title,
                blocks = article.text.split(Regex("\n\\s*\n")).map { Block.Paragraph(listOf(Span.Text(it.trim()))) },
                tags = emptyList(),
                version = 1,
                updatedAt = world.now,
            )
        }
    }

    override suspend fun rate(article: Article, helpful: Boolean, comment: String?): Unit = read {
        if (comment != null &&
            comment.codePointCount(0, comment.length) > COMMENT
        ) {
            invalid("text-too-long", "at most $COMMENT characters are allowed")
        }
        phone.rows.removeAll { it.kind == OperationKind.Feedback && it.rating?.first == article.id.value }
        phone.enqueue(phone.row(OperationKind.Feedback, ConversationId(""), rating = article.id.value to helpful))
    }

    override suspend fun collections(): List<FaqCollection> = read { articles ->
        articles.mapNotNull { it.collection }.groupingBy { it }.eachCount().map { (id, count) ->
            FaqCollection(CollectionId(id), id, "", count)
        }
    }

    override suspend fun articles(collection: CollectionId?): List<ArticleEntry> = read { articles ->
        articles.filter { collection == null || it.collection == collection.value }
            .map { ArticleEntry(ArticleId(it.id), it.collection?.let(::CollectionId), it.title) }
    }

    override suspend fun image(sha256: String): Path {
        world.act { phone.check() }
        fail(SupportErrorKind.NotFound, "local-not-found", "the fake's articles have no pictures")
    }

    override suspend fun refresh(): Unit = world.act {
        phone.check()
        if (!world.link.online) fail(SupportErrorKind.Unreachable, "unreachable", "the server could not be reached")
        phone.articles = world.desk.articles
    }

    override suspend fun setLocale(tag: String): Unit = read {
        if (!Regex("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*").matches(tag)) invalid("bad-parameter", "this is no language tag")
        wanted = tag
    }

    private companion object {
        const val MOST = 200
        const val SUGGESTIONS = 3
        const val NEAR = 2
        const val COMMENT = 1_000
        const val SNIPPET = 160
        const val BEFORE = 40
        const val WEIGHT = 10.0
        const val STEM = 5
        val WORD = Regex("[\\p{L}\\p{N}]+")
        val MARKS = Regex("\\p{M}+")
        val EMPTY_WORDS = (
            "a an and are at be can do does for from get have how i in is it my not of on or the this to what when where why " +
                "with you your das der die ein eine habe ich ihr ist kann mein meine mit nicht und wann was wie wo zu"
        ).split(' ').toSet()

        fun words(text: String): List<Word> =
            WORD.findAll(text).map {
                Word(Normalizer.normalize(it.value, Normalizer.Form.NFD).replace(MARKS, "").lowercase(), it.range)
            }.toList()

        fun fits(word: String, term: String, typing: Boolean): Boolean = when {
            word == term -> true
            typing -> word.startsWith(term)
            minOf(word.length, term.length) < STEM -> false
            oneSlip(word, term) -> true
            else -> word.take(STEM) == term.take(STEM) && kotlin.math.abs(word.length - term.length) <= 2
        }

        fun oneSlip(a: String, b: String): Boolean {
            if (kotlin.math.abs(a.length - b.length) > 1) return false
            val (short, long) = if (a.length <= b.length) a to b else b to a
            val at = short.indices.firstOrNull { short[it] != long[it] } ?: return true
            val skip = if (short.length == long.length) 1 else 0
            return short.substring(at + skip) == long.substring(at + 1)
        }
    }
}
