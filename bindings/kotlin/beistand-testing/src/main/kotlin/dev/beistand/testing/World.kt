// Everything there is, under one lock: a clock, a link, a desk at the one end and a phone at the other. Whatever happens,
// happens in a thread that calls; observers are told after the lock is free, so that they may call back.

package dev.beistand.testing

import dev.beistand.Agent
import dev.beistand.SupportEvent
import dev.beistand.SupportSettings
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.flow.MutableSharedFlow
import java.time.Instant
import java.util.PriorityQueue
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock
import kotlin.time.Duration
import kotlin.time.toJavaDuration
import kotlin.time.toKotlinDuration

internal class World(
    start: Instant,
    val settings: SupportSettings,
    articles: List<FakeArticle>,
    val locale: String,
    val outboxItems: Int,
) {
    private class Due(val at: Instant, val order: Long, val action: () -> Unit)

    private val lock = ReentrantLock()
    private val agenda = PriorityQueue<Due>(compareBy<Due> { it.at }.thenBy { it.order })
    private var minted = 0L
    private var version = 0L
    private val untold = ArrayDeque<SupportEvent>()

    var now: Instant = start
        private set

    /** Grows with everything that happens: the clock alone would leave ties. */
    var order = 0L
        private set

    val link = Link()
    val desk = Desk(this, articles)
    val phone = Phone(this)
    val looks = CopyOnWriteArrayList<Look<*>>()
    val events = MutableSharedFlow<SupportEvent>(extraBufferCapacity = 64, onBufferOverflow = BufferOverflow.DROP_OLDEST)

    fun mint(): String = "00000000-0000-7000-8000-%012x".format(++minted)

    fun next(): Long = ++order

    fun emit(event: SupportEvent) {
        untold.add(event)
    }

    /** Looks at something as it is. */
    fun <T> look(work: () -> T): T = lock.withLock(work)

    /** Does something and everything that follows from it at once. */
    fun <T> act(work: () -> T): T {
        try {
            return lock.withLock {
                val done = work()
                phone.settle()
                while (true) {
                    val due = agenda.peek()?.takeIf { it.at <= now } ?: break
                    agenda.poll()
                    due.action()
                    phone.settle()
                }
                version++
                done
            }
        } finally {
            tell()
        }
    }

    fun later(delay: Duration, action: () -> Unit) {
        agenda.add(Due(now.plus(delay.toJavaDuration()), next(), action))
    }

    /** Lets time pass. */
    fun advance(by: Duration) {
        val end = look { now.plus(by.toJavaDuration()) }
        while (step(end)) {
            // Each step tells its observers before the next one.
        }
    }

    /** Until the next thing that falls due, but not behind [end]. `false` once that is reached. */
    fun step(end: Instant): Boolean = act {
        val due = agenda.peek()?.takeIf { it.at <= end }
        if (due == null) {
            now = maxOf(now, end)
            false
        } else {
            agenda.poll()
            now = maxOf(now, due.at)
            due.action()
            true
        }
    }

    fun untilThen(end: Instant): Duration = java.time.Duration.between(now, end).toKotlinDuration()

    private fun tell() {
        do {
            val seen = look { version }
            looks.forEach { it.refresh(this) }
            while (true) {
                val event = look { untold.removeFirstOrNull() } ?: break
                events.tryEmit(event)
            }
        } while (look { version } != seen)
    }

    companion object {
        val AGENT = Agent("00000000-0000-7000-8000-0000000000a1", "Deniz")
    }
}

/** What lies between the two. */
internal class Link {
    var online = true
    var delay = Duration.ZERO
    var failing = 0
    var losing = false
}
