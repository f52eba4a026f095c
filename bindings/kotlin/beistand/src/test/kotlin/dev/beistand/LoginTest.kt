// Logging in and out with the real server, and providers of tokens that do what they should not.

package dev.beistand

import dev.beistand.scenarios.World
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.launch
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Test
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicInteger
import kotlin.concurrent.thread
import kotlin.coroutines.resume
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

class LoginTest {
    @Test
    fun `a user logs in, is shown, and logs out again`() = inWorld { world ->
        val client = world.client()
        assertEquals(SupportIdentity(null, false), client.identity.value)
        val ticket = client.opened()
        val looking = launch { client.identity.collect {} }
        val identity = client.login { world.token("jana") }
        assertEquals("jana", identity.subject)
        assertEquals("jana", client.identity.value.subject)
        client.identity.awaits { it == SupportIdentity("jana", confirmed = true) }
        assertEquals(FlushResult.Empty, client.outbox.flush(20.seconds))
        world.network("offline")
        ticket.send("Waits")
        assertEquals(1, client.logout(LogoutMode.Discard).discarded)
        assertEquals(null, client.identity.value.subject)
        failing(SupportErrorKind.NotFound) { client.conversations.get(ticket.id) }
        world.network("online")
        client.wake()
        assertEquals(LogoutResult(0, 0, 0), client.logout(LogoutMode.Keep))
        looking.cancel()
    }

    @Test
    fun `a handle that outlives its user shows nothing any more`() = inWorld { world ->
        val client = world.client()
        client.login { world.token("jana") }
        val ticket = client.opened()
        assertEquals(1, ticket.timeline.awaits { it.loaded }.messages.size)
        client.conversations.list.awaits { it.loaded }
        client.logout(LogoutMode.Keep)
        assertEquals(0, ticket.timeline.value.messages.size)
        assertEquals(0, client.conversations.list.value.items.size)
        assertEquals(0, ticket.timeline.awaits { it.loaded }.messages.size)
        assertEquals(0, client.conversations.list.awaits { it.loaded }.items.size)
    }

    @Test
    fun `a login without a network is confirmed when it is back`() = inWorld { world ->
        val client = world.client()
        val token = world.token("jana")
        world.network("offline")
        val confirmed = CompletableDeferred<SupportEvent>()
        val looking = launch { client.events.collect { if (it == SupportEvent.LoginConfirmed) confirmed.complete(it) } }
        assertEquals(SupportIdentity("jana", confirmed = false), client.login { token })
        client.opened()
        world.network("online")
        client.wake()
        client.identity.awaits { it.confirmed }
        withTimeout(10.seconds) { confirmed.await() }
        looking.cancel()
    }

    @Test
    fun `a provider that throws ends its login and nothing else`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        val thrown =
            listOf<() -> Nothing>({
                error("secret words")
            }, { throw OutOfMemoryError("no") }, { throw java.io.IOException("secret words") })
        for (throws in thrown) {
            val failure = failing(SupportErrorKind.LoginFailed, "login-provider-failed") { client.login { throws() } }
            assertTrue("secret" !in failure.toString() && "secret" !in failure.detail)
        }
        failing(SupportErrorKind.LoginFailed, "login-token-malformed") { client.login { "no token" } }
        assertEquals(null, client.identity.value.subject)
        ticket.send("Still here")
        assertEquals(FlushResult.Empty, client.outbox.flush(20.seconds))
    }

    @Test
    fun `a provider that blocks its thread or never answers is given up in time`() = inWorld { world ->
        val client = world.client(world.config.copy(tokenTimeout = 500.milliseconds))
        val ticket = client.opened()
        val free = CountDownLatch(1)
        withTimeout(10.seconds) {
            failing(SupportErrorKind.LoginFailed, "login-provider-timeout") { client.login { awaitCancellation() } }
            failing(SupportErrorKind.LoginFailed, "login-provider-timeout") {
                client.login {
                    free.await()
                    "late"
                }
            }
        }
        ticket.send("Not blocked")
        free.countDown()
        assertEquals("jana", client.login { world.token("jana") }.subject)
    }

    @Test
    fun `a provider that answers twice is taken at its first word`() = inWorld { world ->
        val client = world.client()
        val token = world.token("jana")
        val second = CompletableDeferred<Throwable?>()
        val identity = client.login {
            suspendCancellableCoroutine { answer ->
                thread {
                    answer.resume(token)
                    second.complete(runCatching { answer.resume("another") }.exceptionOrNull())
                }
            }
        }
        assertEquals("jana", identity.subject)
        second.await()
        assertEquals("jana", client.identity.awaits { it.confirmed }.subject)
    }

    @Test
    fun `a provider may call the client, and is asked from any thread`() = inWorld { world ->
        val threads = ConcurrentHashMap.newKeySet<String>()
        val asked = AtomicInteger()
        val clients = List(4) { world.client(world.config) }
        val identities = clients.mapIndexed { index, client ->
            async {
                client.login {
                    asked.incrementAndGet()
                    threads.add(Thread.currentThread().name)
                    client.conversations.unread()
                    world.token("user-$index")
                }
            }
        }.awaitAll()
        assertEquals(List(4) { "user-$it" }, identities.map { it.subject })
        assertEquals(4, asked.get())
        assertTrue(threads.isNotEmpty())
    }

    @Test
    fun `a login that is cancelled hurts nothing`() = inWorld { world ->
        val client = world.client()
        val asked = CompletableDeferred<Unit>()
        val login = launch {
            client.login {
                asked.complete(Unit)
                awaitCancellation()
            }
        }
        asked.await()
        withTimeout(5.seconds) {
            login.cancel()
            login.join()
        }
        assertEquals("jana", client.login { world.token("jana") }.subject)
    }
}
