// What only the fake has: its clock, its script, its faults; and what the scenarios do not reach.

package dev.beistand.testing

import dev.beistand.AttachmentSource
import dev.beistand.FlushResult
import dev.beistand.LogoutMode
import dev.beistand.LogoutResult
import dev.beistand.MessageDraft
import dev.beistand.MessageState
import dev.beistand.PushToken
import dev.beistand.SupportErrorKind
import dev.beistand.SupportEvent
import dev.beistand.SupportException
import dev.beistand.TicketDraft
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.launchIn
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.UnconfinedTestDispatcher
import kotlinx.coroutines.test.runTest
import org.junit.jupiter.api.Test
import java.io.IOException
import java.nio.file.Files
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds

@OptIn(ExperimentalCoroutinesApi::class)
class FakeSupportTest {
    private val fake = FakeSupport(listOf(FakeArticle("returns", "How do I return an item?", "Print the label.", "orders")))
    private val client = fake.client

    @Test
    fun `a scripted reply comes when its time has come`() = runTest {
        fake.agent.replies("Let me look.", after = 2.seconds)
        val ticket = client.conversations.open(TicketDraft("Parcel", "It never came"))
        backgroundScope.launch(UnconfinedTestDispatcher(testScheduler)) { ticket.timeline.collect {} }
        fake.clock.advance(1.seconds)
        assertEquals(listOf("It never came"), ticket.timeline.value.messages.map { it.text })
        fake.clock.advance(1.seconds)
        assertEquals(listOf("It never came", "Let me look."), ticket.timeline.value.messages.map { it.text })
    }

    @Test
    fun `a reply without a delay is there at once, each for one message`() = runTest {
        fake.agent.replies("One")
        fake.agent.replies("Two")
        val ticket = client.conversations.open(TicketDraft("Parcel", "First"))
        ticket.send("Second")
        assertEquals(listOf("First", "One", "Second", "Two"), fake.server.messages(ticket.id).map { it.text })
    }

    @Test
    fun `a timeline is current while it is collected and no longer`() = runTest {
        val ticket = client.conversations.open(TicketDraft("Parcel", "Hello"))
        assertFalse(ticket.timeline.value.loaded)
        assertEquals(1, ticket.timeline.first { it.loaded }.messages.size)
        fake.agent.sends(ticket.id, "Unseen")
        assertEquals(1, ticket.timeline.value.messages.size)
        assertEquals(2, ticket.timeline.first { it.messages.size == 2 }.messages.size)
    }

    @Test
    fun `a slow network shows that a message is on its way`() = runTest {
        val ticket = client.conversations.open(TicketDraft("Parcel", "Hello"))
        fake.network.slow(5.seconds)
        val id = ticket.send("Slowly")
        assertEquals(MessageState.Sending, ticket.message(id).state)
        fake.clock.advance(5.seconds)
        assertEquals(MessageState.Sent, ticket.message(id).state)
    }

    @Test
    fun `a refused write wedges its lane until the person decides`() = runTest {
        val events = ArrayList<SupportEvent>()
        client.events.onEach { events.add(it) }.launchIn(backgroundScope + UnconfinedTestDispatcher(testScheduler))
        val ticket = client.conversations.open(TicketDraft("Parcel", "Hello"))
        fake.server.refuseNext("text-too-long")
        val refused = ticket.send("Far too long")
        val behind = ticket.send("Behind it")
        assertEquals(MessageState.Wedged("text-too-long"), ticket.message(refused).state)
        assertEquals(MessageState.Queued, ticket.message(behind).state)
        assertEquals(FlushResult.Wedged(wedged = 1, heldBack = 1), client.outbox.flush(1.minutes))
        assertTrue(SupportEvent.Wedged(ticket.id, "text-too-long") in events)
        ticket.edit(refused, "Short")
        assertEquals(listOf("Hello", "Short", "Behind it"), fake.server.messages(ticket.id).map { it.text })
        assertTrue(client.outbox.items().isEmpty())
    }

    @Test
    fun `what was refused can be retried by the message and discarded by the item`() = runTest {
        val ticket = client.conversations.open(TicketDraft("Parcel", "Hello"))
        fake.server.refuseNext("field-invalid", times = 2)
        val message = ticket.send("Refused")
        ticket.retry(message)
        assertIs<MessageState.Wedged>(ticket.message(message).state)
        client.outbox.discard(client.outbox.items().single().id)
        assertEquals(SupportErrorKind.NotFound, assertFailsWith<SupportException> { ticket.message(message) }.kind)
        fake.server.refuseNext("field-invalid")
        val other = ticket.send("Refused too")
        ticket.discard(other)
        assertEquals(1, fake.server.messages(ticket.id).size)
    }

    @Test
    fun `waiting with a limit moves the clock and no further`() = runTest {
        fake.network.offline()
        val ticket = client.conversations.open(TicketDraft("Parcel", "Hello"))
        val start = fake.clock.now
        assertEquals(FlushResult.TimedOut(waiting = 1), client.outbox.flush(30.seconds))
        assertEquals(start.plusSeconds(30), fake.clock.now)
        fake.network.online()
        assertEquals(FlushResult.Empty, client.outbox.flush(30.seconds))
        fake.network.failNext(times = 2)
        val sent = ticket.awaitSent(ticket.send("Tried three times"), 1.minutes)
        assertEquals(MessageState.Sent, sent?.state)
        fake.network.offline()
        assertNull(ticket.awaitSent(ticket.send("Never"), 5.seconds))
    }

    @Test
    fun `a handle that outlives its user shows nothing any more`() = runTest {
        client.login { fake.users.token("jana") }
        val ticket = client.conversations.open(TicketDraft("Hers", "A secret"))
        assertEquals(1, ticket.timeline.first { it.loaded }.messages.size)
        client.conversations.list.first { it.loaded }
        client.logout(LogoutMode.Keep)
        assertEquals(0, ticket.timeline.value.messages.size)
        assertEquals(0, client.conversations.list.value.items.size)
        assertEquals(0, ticket.timeline.first { it.loaded }.messages.size)
        assertEquals(0, client.conversations.list.first { it.loaded }.items.size)
    }

    @Test
    fun `a login without a network is confirmed when it is back`() = runTest {
        fake.network.offline()
        val identity = client.login { fake.users.token("jana") }
        assertEquals("jana" to false, identity.subject to identity.confirmed)
        assertNull(fake.users.loggedIn)
        fake.network.online()
        assertEquals("jana", fake.users.loggedIn)
    }

    @Test
    fun `another user without a logout takes over, and sees nothing of the one before`() = runTest {
        client.login { fake.users.token("jana") }
        val hers = client.conversations.open(TicketDraft("Hers", "A secret"))
        fake.network.offline()
        hers.send("Written offline")
        assertEquals("maike", client.login { fake.users.token("maike") }.subject)
        assertEquals(SupportErrorKind.NotFound, assertFailsWith<SupportException> { client.conversations.get(hers.id) }.kind)
        fake.network.online()
        assertEquals("maike", fake.users.loggedIn)
        assertEquals(listOf("A secret", "Written offline"), fake.server.messages(hers.id).map { it.text })
        val refused = assertFailsWith<SupportException> { client.login { fake.users.token("paul", TokenKind.Refused) } }
        assertEquals("token-refused", refused.code)
        assertEquals("maike", fake.users.loggedIn)
        assertEquals("login-token-malformed", assertFailsWith<SupportException> { client.login { "nonsense" } }.code)
    }

    @Test
    fun `logging out counts what became of what waited`() = runTest {
        val ticket = client.conversations.open(TicketDraft("Parcel", "Hello"))
        fake.network.offline()
        ticket.send("Waits")
        assertEquals(LogoutResult(sent = 0, kept = 0, discarded = 1), client.logout(LogoutMode.Discard))
        fake.network.online()
        val other = client.conversations.open(TicketDraft("Parcel", "Hello"))
        fake.network.slow(3.seconds)
        other.send("Leaves in time")
        assertEquals(LogoutResult(sent = 1, kept = 0, discarded = 0), client.logout())
        assertEquals(SupportErrorKind.NotFound, assertFailsWith<SupportException> { client.conversations.get(other.id) }.kind)
    }

    @Test
    fun `files travel both ways and a stream that breaks is unreadable`() = runTest {
        val ticket = client.conversations.open(TicketDraft("Seam", "See photo", attachments = listOf(fakeFile("seam.jpg"))))
        val own = ticket.timeline.first { it.loaded }.messages.single().attachments.single()
        assertEquals("image/jpeg", own.mediaType)
        assertEquals("content of seam.jpg", Files.readString(client.attachments.fetch(own.id)))
        fake.agent.sends(ticket.id, "The label", listOf(fakeFile("label.pdf")))
        val label = ticket.timeline.first { it.messages.size == 2 }.messages.last().attachments.single()
        assertEquals("content of label.pdf", Files.readString(client.attachments.fetch(label.id)))
        assertEquals(own.size, client.attachments.progress(own.id).first { it.total > 0 }.done)
        val broken = MessageDraft("", listOf(AttachmentSource.stream("gone.txt") { throw IOException("gone") }))
        assertEquals(SupportErrorKind.Unreadable, assertFailsWith<SupportException> { ticket.send(broken) }.kind)
        assertEquals(2, fake.server.messages(ticket.id).size)
    }

    @Test
    fun `after the end every call says so`() = runTest {
        val ticket = client.conversations.open(TicketDraft("Parcel", "Hello"))
        client.shutdown()
        client.close()
        val calls = listOf<suspend () -> Unit>(
            { client.conversations.open(TicketDraft("a", "b")) },
            { client.conversations.get(ticket.id) },
            { client.conversations.unread() },
            { ticket.send("x") },
            { client.sync() },
            { client.settings() },
            { client.pause() },
            { client.resume() },
            { client.login { "" } },
            { client.logout() },
            { client.outbox.items() },
            { client.faq.search("x") },
            { client.setPushToken(null) },
        )
        calls.forEach { call -> assertEquals(SupportErrorKind.ShutDown, assertFailsWith<SupportException> { call() }.kind) }
        client.wake()
        ticket.setTyping(true)
    }

    @Test
    fun `the push token reaches a server that knows the installation`() = runTest {
        client.setPushToken(PushToken("fcm", "abc"))
        assertNull(fake.server.pushToken())
        client.conversations.open(TicketDraft("Parcel", "Hello"))
        assertEquals(PushToken("fcm", "abc"), fake.server.pushToken())
        val bad = assertFailsWith<SupportException> { client.setPushToken(PushToken("FCM", "abc")) }
        assertEquals("push-token-invalid", bad.code)
    }

    @Test
    fun `the FAQ of the list is searched, read and rated`() = runTest {
        val hit = client.faq.search("returning", dev.beistand.SearchOptions(typing = true)).hits.firstOrNull()
        assertNull(hit)
        val found = client.faq.search("retur", dev.beistand.SearchOptions(typing = true)).hits.single()
        assertEquals("return", found.title.substring(found.titleHighlights.first()))
        val article = client.faq.article(found.article)!!
        client.faq.rate(article, helpful = true, comment = "thanks")
        assertEquals(mapOf("returns" to true), fake.server.ratings())
        assertEquals(1, client.faq.collections().single().articles)
        assertEquals("returns", client.faq.articles().single().id.value)
        assertEquals(1, client.faq.status.first { it.articles > 0 }.articles)
    }

    @Test
    fun `an observer may call the client from within`() = runTest(UnconfinedTestDispatcher()) {
        val ticket = client.conversations.open(TicketDraft("Parcel", "Hello"))
        backgroundScope.launch(UnconfinedTestDispatcher(testScheduler)) {
            ticket.timeline.collect { if (it.messages.size == 2) ticket.markRead() }
        }
        fake.agent.sends(ticket.id, "Read me")
        assertEquals(0, client.conversations.unread())
    }
}

private operator fun kotlinx.coroutines.CoroutineScope.plus(context: kotlin.coroutines.CoroutineContext) =
    kotlinx.coroutines.CoroutineScope(coroutineContext + context)
