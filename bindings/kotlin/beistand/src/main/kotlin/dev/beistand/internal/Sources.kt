// Files on their way into the library. Streams are read here, a piece at a time, while the call that takes the file waits: a
// large file is never in memory as a whole.

package dev.beistand.internal

import dev.beistand.AttachmentSource
import dev.beistand.internal.ffi.FfiAttachmentSource
import dev.beistand.internal.ffi.FfiByteStream
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.launch
import java.io.InputStream
import java.util.concurrent.atomic.AtomicReference

internal object Sources {
    /** What one call to `write` carries. */
    private const val PIECE = 64 * 1024

    /** Runs a call with the files in the form that the library takes. */
    suspend fun <T> lent(scope: CoroutineScope, sources: List<AttachmentSource>, call: suspend (List<FfiAttachmentSource>) -> T): T {
        val pumps = ArrayList<Pump>()
        try {
            val lowered = sources.map { source ->
                val path = source.path
                val bytes = source.bytes
                val open = source.stream
                when {
                    path != null -> FfiAttachmentSource.Path(path.toString(), source.name, source.keepLocation)
                    bytes != null -> FfiAttachmentSource.Bytes(bytes, source.displayName, source.keepLocation)
                    else -> {
                        val pump = Pump(checkNotNull(open))
                        pumps.add(pump)
                        FfiAttachmentSource.Stream(pump.stream, source.displayName, source.keepLocation)
                    }
                }
            }
            // Not children of the caller: a stream that blocks for ever must not keep a call from ending.
            pumps.forEach { it.start(scope) }
            return call(lowered)
        } finally {
            pumps.forEach { it.end(scope) }
        }
    }

    private class Pump(private val open: () -> InputStream) {
        val stream = FfiByteStream()
        private val source = AtomicReference<InputStream?>()
        private var job: Job? = null

        fun start(scope: CoroutineScope) {
            job = scope.launch(Dispatchers.IO) { pump() }
        }

        @Suppress("TooGenericExceptionCaught")
        private suspend fun pump() {
            try {
                open().use { opened ->
                    source.set(opened)
                    val piece = ByteArray(PIECE)
                    while (true) {
                        val read = opened.read(piece)
                        if (read < 0) break
                        // The library has its copy before the call waits: the piece can be filled again.
                        if (read > 0 && !stream.write(if (read == PIECE) piece else piece.copyOf(read))) return
                    }
                }
                stream.finish()
            } catch (cancelled: CancellationException) {
                throw cancelled
            } catch (_: Throwable) {
                // The app's stream has failed, in whatever way: the call that waits says that the file cannot be read.
                if (!stream.uniffiIsDestroyed) stream.abandon()
            }
        }

        fun end(scope: CoroutineScope) {
            job?.cancel()
            stream.abandon()
            stream.close()
            // What still blocks in it wakes up; closing may block as well.
            val opened = source.get() ?: return
            if (job?.isCompleted != true) scope.launch(Dispatchers.IO) { opened.close() }
        }
    }
}
