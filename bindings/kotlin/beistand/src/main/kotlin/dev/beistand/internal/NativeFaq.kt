// The FAQ and files of messages over the native library.

package dev.beistand.internal

import dev.beistand.Article
import dev.beistand.ArticleEntry
import dev.beistand.ArticleId
import dev.beistand.AttachmentId
import dev.beistand.Attachments
import dev.beistand.CollectionId
import dev.beistand.Faq
import dev.beistand.FaqCollection
import dev.beistand.FaqHit
import dev.beistand.FaqStatus
import dev.beistand.SearchOptions
import dev.beistand.SearchResults
import dev.beistand.Transfer
import dev.beistand.internal.ffi.FfiSearchOptions
import kotlinx.coroutines.flow.StateFlow
import java.nio.file.Path
import java.nio.file.Paths

internal class NativeFaq(private val core: Core) : Faq {
    override val status: StateFlow<FaqStatus> = WatchedState(core.scope, FaqStatus()) { tell ->
        core.watch(
            open = { handles ->
                // Reading it once is what fills it.
                handles.faq.status()
                handles.faq.watchStatus()
            },
            next = { it.next() },
            cancel = { it.cancel() },
            tell = { tell(it.translated()) },
        )
    }

    override suspend fun search(query: String, options: SearchOptions): SearchResults = core.call { handles ->
        val limit = options.limit.coerceAtLeast(1).toUInt()
        val results = handles.faq.search(query, FfiSearchOptions(limit, options.locale, options.typing))
        SearchResults(results.hits.map { it.translated() }, results.localeUsed)
    }

    override suspend fun suggest(draft: String): List<FaqHit> =
        core.call { handles -> handles.faq.suggest(draft).map { it.translated() } }

    override suspend fun article(id: ArticleId): Article? = core.call { it.faq.article(id.value)?.translated() }

    override suspend fun rate(article: Article, helpful: Boolean, comment: String?) = core.call {
        it.faq.rate(article.id.value, article.locale, article.version.toULong(), helpful, comment)
    }

    override suspend fun collections(): List<FaqCollection> =
        core.call { handles -> handles.faq.collections().map { it.translated() } }

    override suspend fun articles(collection: CollectionId?): List<ArticleEntry> =
        core.call { handles -> handles.faq.articles(collection?.value).map { it.translated() } }

    override suspend fun image(sha256: String): Path = core.call { Paths.get(it.faq.image(sha256, null)) }

    override suspend fun refresh() = core.call { it.faq.refresh(null) }

    override suspend fun setLocale(tag: String) = core.call { it.faq.setLocale(tag) }
}

internal class NativeAttachments(private val core: Core) : Attachments {
    override suspend fun fetch(id: AttachmentId): Path = core.call { Paths.get(it.attachments.fetch(id.value, null)) }

    override suspend fun thumbnail(id: AttachmentId): Path = core.call { Paths.get(it.attachments.thumbnail(id.value, null)) }

    override fun progress(id: AttachmentId): StateFlow<Transfer> = WatchedState(core.scope, Transfer()) { tell ->
        core.watch({ it.attachments.progress(id.value) }, { it.next() }, { it.cancel() }) { tell(it.translated()) }
    }
}
