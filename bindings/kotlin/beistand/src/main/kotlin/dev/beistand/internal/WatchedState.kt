// A state that is watched upstream while somebody collects it: from the first collector to the last. Between those it keeps
// its last value and costs nothing, no coroutine and no handle, so that an app may hold as many as it likes.

package dev.beistand.internal

import dev.beistand.SupportErrorKind
import dev.beistand.SupportException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.ExperimentalForInheritanceCoroutinesApi
import kotlinx.coroutines.Job
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.FlowCollector
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.launch
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
    private var watching: Job? = null

    /** Counts the watches: one that is being ended must not overwrite what the next one tells. */
    private var turn = 0L

    /** The last value, or [Broken] in its place. */
    private val state = MutableStateFlow<Any?>(initial)

    private var last: T = initial

    /** Whose [last] is. */
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

    /** For what the client itself has just brought about. */
    fun tell(value: T): Unit = synchronized(lock) { show(value) }

    private fun show(value: T) {
        last = value
        state.value = value
        whose = person()
    }

    /** While somebody looks, the library itself takes back what is not this person's. */
    private fun isForeign() = collectors == 0 && whose != person()

    private fun enter() = synchronized(lock) {
        if (isForeign()) show(initial)
        if (collectors++ == 0) {
            val own = ++turn
            watching = scope.launch { watch { value -> synchronized(lock) { if (turn == own) show(value) } } }
        }
    }

    private fun leave() = synchronized(lock) {
        if (--collectors == 0) {
            watching?.cancel()
            watching = null
            whose = person()
            turn++
        }
    }

    private suspend fun watch(tell: (T) -> Unit) {
        synchronized(lock) { if (state.value is Broken) state.value = last }
        while (true) {
            try {
                return upstream(tell)
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
