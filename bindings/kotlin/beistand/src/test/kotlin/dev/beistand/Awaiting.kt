// Waiting for what must come, with an end.

package dev.beistand

import dev.beistand.scenarios.World
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

private val PATIENCE = 30.seconds

/** A test in a world of its own. */
internal fun inWorld(test: suspend CoroutineScope.(World) -> Unit) {
    World().use { world -> runBlocking(Dispatchers.Default) { withTimeout(PATIENCE * 8) { test(world) } } }
}

/** The first value that fits. */
internal suspend fun <T> Flow<T>.awaits(fits: (T) -> Boolean): T = withTimeout(PATIENCE) { first(fits) }

internal suspend fun eventually(what: String, holds: suspend () -> Boolean) {
    withTimeout(PATIENCE) {
        while (!holds()) delay(20.milliseconds)
    }
    check(holds()) { what }
}

/** What fails, with its kind. */
internal suspend fun failing(kind: SupportErrorKind, code: String? = null, call: suspend () -> Unit): SupportException {
    val failure = assertFailsWith<SupportException> { call() }
    assertEquals(kind, failure.kind, failure.message)
    if (code != null) assertEquals(code, failure.code)
    return failure
}

internal suspend fun SupportClient.opened(subject: String = "Parcel", text: String = "It never came"): Conversation =
    conversations.open(TicketDraft(subject, text))
