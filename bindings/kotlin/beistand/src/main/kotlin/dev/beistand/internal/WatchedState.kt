// A state that is watched upstream while somebody collects it: from the first collector to the last. Between those it keeps
// its last value and costs nothing, no coroutine and no handle, so that an app may hold as many as it likes.

package dev.beistand.internal

import dev.beistand.SupportErrorKind
import dev.beistand.SupportException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.ExperimentalForInheritanceCoroutinesApi
import kotlinx.coroutines.Job
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.FlowCollector
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import kotlin.time.Duration.Companion.seconds

@OptIn(ExperimentalForInheritanceCoroutinesApi::class)
internal class WatchedState<T>(
    private val scope: CoroutineScope,
    private val initial: T,
    /** Counts the persons of this phone: what was kept for one is not shown to the next. */
    private val person: () -> Long = { 0 },
    /** Watches until it is cancelled, and tells each value. Returns when there is nothing to watch any more. */
    private val upstream: suspend (tell: (T) -> Unit) -> Unit,
) : StateFlow<T> {
    /** A setup that can never work, told to whoever collects. */
    private class Broken(val why: SupportException)

    private val lock = Any()
    private var collectors = 0

    /** The newest watch; it begins when the one before has ended, so that nothing old overwrites what is new. */
    private var watching: Job? = null

    /** The last value, or [Broken] in its place. Never set under the lock while somebody collects: they may run at once. */
    private val state = MutableStateFlow<Any?>(initial)

    @Volatile
    private var last: T = initial

    /** Whose [last] is. */
    @Volatile
    private var whose = 0L

    override val value: T get() = synchronized(lock) { if (isForeign()) initial else last }

    override val replayCache: List<T> get() = listOf(value)

    val collected: Boolean get() = synchronized(lock) { collectors > 0 }

    override suspend fun collect(collector: FlowCollector<T>): Nothing {
        enter()
        try {
            state.collect { current ->
                if (current is Broken) throw current.why
                @Suppress("UNCHECKED_CAST")
                collector.emit(current as T)
            }
        } finally {
            leave()
        }
    }

    /** Shows a value, from the watch or because the client itself has just brought it about. */
    fun tell(value: T) {
        last = value
        whose = person()
        state.value = value
    }

    /** While somebody looks, the library itself takes back what is not this person's. */
    private fun isForeign() = collectors == 0 && whose != person()

    private fun enter() = synchronized(lock) {
        if (isForeign()) tell(initial)
        if (collectors++ == 0) {
            val before = watching
            watching = scope.launch {
                // Also by one that is given up at once: the next waits for it alone.
                withContext(NonCancellable) { before?.join() }
                watch()
            }
        }
    }

    private fun leave() = synchronized(lock) {
        if (--collectors == 0) {
            watching?.cancel()
            whose = person()
        }
    }

    private suspend fun watch() {
        if (state.value is Broken) state.value = last
        while (true) {
            try {
                return upstream(::tell)
            } catch (failure: SupportException) {
                when (failure.kind) {
                    in SETUP -> {
                        state.value = Broken(failure)
                        return
                    }
                    in PASSING -> delay(AGAIN)
                    else -> return
                }
            }
        }
    }

    private companion object {
        val SETUP = setOf(SupportErrorKind.LibraryMissing, SupportErrorKind.Configuration, SupportErrorKind.FolderInUse)
        val PASSING = setOf(SupportErrorKind.Storage, SupportErrorKind.StorageDamaged, SupportErrorKind.StorageFull)

        /** What the disk refuses now it refuses in a millisecond as well. */
        val AGAIN = 1.seconds
    }
}
