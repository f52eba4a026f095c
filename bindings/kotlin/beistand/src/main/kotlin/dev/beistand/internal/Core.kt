// The handles of one client in the library: made with the first use, let go with the last. Every call goes through here.

package dev.beistand.internal

import dev.beistand.BeistandConfig
import dev.beistand.LogLevel
import dev.beistand.SupportErrorKind
import dev.beistand.SupportException
import dev.beistand.SupportLog
import dev.beistand.internal.ffi.Disposable
import dev.beistand.internal.ffi.FfiClient
import dev.beistand.internal.ffi.FfiConfig
import dev.beistand.internal.ffi.FfiFaqSeed
import dev.beistand.internal.ffi.FfiLogLevel
import dev.beistand.internal.ffi.FfiLogSink
import dev.beistand.internal.ffi.setLogSink
import kotlinx.coroutines.CoroutineExceptionHandler
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.withContext
import java.util.concurrent.atomic.AtomicLong
import kotlin.time.Duration
import kotlin.time.Duration.Companion.days
import kotlin.time.toJavaDuration

/** Longer than anybody waits, and short enough for every clock. */
internal val LONGEST: Duration = 365.days

internal class Handles(val client: FfiClient) {
    val conversations = client.conversations()
    val faq = client.faq()
    val outbox = client.outbox()
    val attachments = client.attachments()

    fun letGo() {
        listOf<Disposable>(conversations, faq, outbox, attachments, client).forEach { it.destroy() }
    }
}

internal class Core(private val checked: CheckedConfig) {
    private val lock = Any()
    private var handles: Handles? = null
    private var over = false

    /** Counts logins and logouts: whoever comes next is shown nothing that was kept for the one before. */
    val persons = AtomicLong()

    /** For what is watched; no thread before something runs in it. */
    val scope = CoroutineScope(
        // A fault in what is watched must not end the app: the calls tell of it.
        SupervisorJob() + Dispatchers.Default + CoroutineExceptionHandler { _, _ -> },
    )

    /** The handles, made if they are not there yet: loads the library, opens nothing. */
    private fun handles(): Handles = synchronized(lock) {
        if (over) throw shutDown()
        handles ?: translated {
            Library.ensure()
            val made = Handles(FfiClient(checked.lowered()))
            checked.config.log?.let { Logs.set(this, it) }
            handles = made
            made
        }
    }

    /** A call, away from the caller's thread: what a list costs to read must not cost the screen a frame. */
    suspend fun <T> call(work: suspend (Handles) -> T): T = withContext(Dispatchers.Default) { translated { work(handles()) } }

    /** The same for what means nothing before the first use. */
    suspend fun callIfUsed(work: suspend (Handles) -> Unit) {
        synchronized(lock) {
            if (over) throw shutDown()
            handles
        } ?: return
        call(work)
    }

    /** For what answers at once, is lost without harm, and means nothing before the first use or after the end. */
    fun ifUsed(work: (Handles) -> Unit) {
        val handles = synchronized(lock) { handles } ?: return
        try {
            work(handles)
        } catch (_: IllegalStateException) {
            // Let go meanwhile: the client has ended.
        }
    }

    /** Watches until it is cancelled or the client ends. */
    suspend fun <W : AutoCloseable, I : Any> watch(
        open: suspend (Handles) -> W,
        next: suspend (W) -> I?,
        cancel: (W) -> Unit,
        tell: suspend (I) -> Unit,
    ) {
        val watch = try {
            // To its end: a handle that comes when nobody waits for it any more would be lost, and never let go.
            withContext(NonCancellable) { translated { open(handles()) } }
        } catch (failure: SupportException) {
            // There is nothing to watch any more, which is no fault of whoever looks.
            if (failure.kind == SupportErrorKind.ShutDown) return
            throw failure
        }
        try {
            while (true) tell(translated { next(watch) } ?: return)
        } finally {
            cancel(watch)
            watch.close()
        }
    }

    /** The same as a flow, one watch for each collector. */
    fun <W : AutoCloseable, I : Any> flow(open: suspend (Handles) -> W, next: suspend (W) -> I?, cancel: (W) -> Unit): Flow<I> =
        flow { watch(open, next, cancel) { emit(it) } }.flowOn(Dispatchers.Default)

    suspend fun shutdown() {
        val last = end() ?: return
        try {
            withContext(Dispatchers.Default) { last.client.shutdown() }
        } finally {
            last.letGo()
        }
    }

    fun close() {
        val last = end() ?: return
        last.client.beginShutdown()
        last.letGo()
    }

    private fun end(): Handles? {
        val last = synchronized(lock) {
            over = true
            handles.also { handles = null }
        }
        scope.cancel()
        Logs.drop(this)
        return last
    }
}

private fun CheckedConfig.lowered(): FfiConfig {
    val config: BeistandConfig = config
    return FfiConfig(
        server = config.server,
        appKey = config.appKey,
        folder = folder.toString(),
        platform = config.platform,
        locale = locale,
        trustedRootsPem = config.trustedRootsPem,
        requestTimeout = config.requestTimeout.coerceAtMost(LONGEST).toJavaDuration(),
        tokenTimeout = config.tokenTimeout.coerceAtMost(LONGEST).toJavaDuration(),
        outboxItems = config.outboxItems.toUInt(),
        outboxBytes = config.outboxBytes.toULong(),
        outboxFileBytes = config.outboxFileBytes.toULong(),
        attachmentCacheBytes = config.attachmentCacheBytes.toULong(),
        faqSeeds = config.faq.seeds.map { seed ->
            seed.path?.let { FfiFaqSeed.Path(it.toString()) } ?: FfiFaqSeed.Bytes(checkNotNull(seed.bytes))
        },
        faqKey = config.faq.key,
        faqMaxAge = config.faq.maxAge.coerceAtMost(LONGEST).toJavaDuration(),
        faqCacheBytes = config.faq.cacheBytes.toULong(),
        faqImageBytes = config.faq.imageBytes.toULong(),
        faqPrefetchImages = config.faq.prefetchImages,
        faqReport = config.faq.report,
    )
}

/** The log is the process's, since the library is: the client that was used last has it. */
internal object Logs {
    private var owner: Core? = null

    fun set(core: Core, log: SupportLog): Unit = synchronized(this) {
        owner = core
        // All of it: the app's log has the level of each line and drops what it does not want.
        setLogSink(Sink(log), FfiLogLevel.TRACE)
    }

    /** Ends it, unless another client has taken over. */
    fun drop(core: Core): Unit = synchronized(this) {
        if (owner === core) {
            owner = null
            setLogSink(null, FfiLogLevel.ERROR)
        }
    }

    private class Sink(private val log: SupportLog) : FfiLogSink {
        @Suppress("TooGenericExceptionCaught")
        override fun log(level: FfiLogLevel, target: String, text: String) {
            try {
                log.log(level.translated(), target, text)
            } catch (_: Exception) {
                // An app's log that fails must not take the client with it.
            }
        }
    }

    private fun FfiLogLevel.translated(): LogLevel = when (this) {
        FfiLogLevel.ERROR -> LogLevel.Error
        FfiLogLevel.WARN -> LogLevel.Warn
        FfiLogLevel.INFO -> LogLevel.Info
        FfiLogLevel.DEBUG -> LogLevel.Debug
        FfiLogLevel.TRACE -> LogLevel.Trace
    }
}
