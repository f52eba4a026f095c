// Every function of the surface once, over the native library and the real server.

package dev.beistand

import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Test
import java.nio.file.Files
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

class ClientTest {
    @Test
    fun `a conversation is opened, looked at, answered and closed`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        val first = ticket.timeline.awaits { it.loaded }.messages.single()
        assertEquals("It never came", first.text)
        assertEquals(MessageState.Sent, ticket.awaitSent(first.id, 20.seconds)?.state)
        world.replies(ticket.id, "Let me look.")
        val answer = ticket.timeline.awaits { it.messages.size == 2 }.messages.last()
        assertIs<Author.Agent>(answer.author)
        assertEquals(answer, ticket.message(answer.id))
        assertEquals(1, client.conversations.unread())
        ticket.markRead(answer.seq)
        eventually("it is read") { client.conversations.unread() == 0 }
        assertEquals("Parcel", ticket.info().subject)
        assertEquals(ticket.id, client.conversations.get(ticket.id).id)
        assertEquals("Let me look.", client.conversations.list.awaits { it.loaded && it.items.size == 1 }.items.single().preview)
        ticket.closeTicket()
        assertEquals(ConversationStatus.Closed, ticket.info().status)
        ticket.reopenTicket()
        assertEquals(ConversationStatus.Open, ticket.info().status)
        ticket.setTyping(true)
        assertEquals(FlushResult.Empty, client.outbox.flush(20.seconds))
    }

    @Test
    fun `what waits is listed, edited, retried, retracted and discarded`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        assertEquals(FlushResult.Empty, client.outbox.flush(20.seconds))
        world.network("offline")
        val kept = ticket.send("One")
        val second = ticket.send("Two")
        val third = ticket.send(MessageDraft("Three"))
        ticket.edit(kept, "One, better")
        ticket.retry(kept)
        ticket.retract(second)
        // A change of what may have reached the server is a write of its own.
        val items = client.outbox.items().filter { it.kind == OperationKind.Send }
        assertEquals(2, items.size)
        client.outbox.retry(items.first().id)
        client.outbox.discard(items.last().id)
        failing(SupportErrorKind.NotFound, "local-not-found") { ticket.message(third) }
        val fourth = ticket.send("Four")
        ticket.discard(fourth)
        assertIs<FlushResult.TimedOut>(client.outbox.flush(300.milliseconds))
        assertNull(ticket.awaitSent(kept, 100.milliseconds))
        world.network("online")
        client.wake()
        assertEquals(FlushResult.Empty, client.outbox.flush(20.seconds))
        assertEquals(listOf("It never came", "One, better"), world.texts(ticket.id))
    }

    @Test
    fun `settings, connection, push token, sync, pause and resume`() = inWorld { world ->
        val client = world.client()
        assertFalse(client.settings().announced)
        assertEquals(100_000_000, client.settings().limits.attachmentBytes)
        client.sync()
        eventually("the server has announced itself") { client.settings().announced }
        client.setPushToken(PushToken("fcm", "abc"))
        failing(SupportErrorKind.Refused, "push-token-invalid") { client.setPushToken(PushToken("FCM", "abc")) }
        client.setPushToken(null)
        client.opened().timeline.awaits { timeline -> timeline.messages.any { it.seq != null } }
        assertEquals(Connection.Online, client.connection.awaits { it == Connection.Online })
        client.pause()
        client.resume()
        assertFalse(client.supportsCalls)
        world.network("offline")
        val refused = failing(SupportErrorKind.Unreachable) { client.sync() }
        assertEquals(SupportRetry.Soon, refused.retry)
    }

    @Test
    fun `the typing of an agent is seen and gone`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        val looking = launch { ticket.timeline.collect {} }
        ticket.timeline.awaits { timeline -> timeline.messages.any { it.seq != null } }
        eventually("the agent is seen typing") {
            world.act("""{"agent_types": {"in": "${ticket.id.value}", "typing": true}}""")
            ticket.typing.first().isNotEmpty()
        }
        assertEquals("Deniz", assertIs<Author.Agent>(ticket.typing.awaits { it.isNotEmpty() }.single()).name)
        world.act("""{"agent_types": {"in": "${ticket.id.value}", "typing": false}}""")
        ticket.typing.awaits { it.isEmpty() }
        looking.cancelAndJoin()
    }

    @Test
    fun `files travel, and come back byte for byte`() = inWorld { world ->
        val client = world.client()
        val bytes = ByteArray(300_000) { (it * 31).toByte() }
        val path = Files.write(world.folder().resolve("data.bin"), bytes)
        val draft = MessageDraft(
            "See these",
            listOf(
                AttachmentSource.path(path),
                AttachmentSource.bytes("words".encodeToByteArray(), "words.txt"),
                AttachmentSource.stream("stream.bin") { bytes.inputStream() },
            ),
        )
        val ticket = client.opened()
        val message = ticket.send(draft)
        assertNotNull(ticket.awaitSent(message, 30.seconds))
        val files = ticket.message(message).attachments
        assertEquals(listOf("data.bin", "words.txt", "stream.bin"), files.map { it.name })
        assertEquals(AttachmentState.Here, files[0].state)
        assertContentEquals(bytes, Files.readAllBytes(client.attachments.fetch(files[0].id)))
        assertContentEquals(bytes, Files.readAllBytes(client.attachments.fetch(files[2].id)))
        assertFalse(client.attachments.progress(files[0].id).first().active)
        failing(SupportErrorKind.NotFound) { client.attachments.thumbnail(files[0].id) }
    }

    @Test
    fun `the FAQ is searched, read, rated and refreshed`() = inWorld { world ->
        val client = world.client()
        val docs = """[{"id": "returns", "title": "How do I return an item?", "body": "Print the **label**.\n\n- one\n- two"}]"""
        world.act("""{"articles": {"locale": "en", "docs": $docs}}""")
        client.faq.setLocale("en")
        client.faq.refresh()
        val hit = client.faq.search("label", SearchOptions(limit = 5, typing = true)).hits.single()
        assertEquals(ArticleId("returns"), hit.article)
        assertEquals("label", hit.snippet.substring(hit.snippetHighlights.first()))
        val article = assertNotNull(client.faq.article(hit.article))
        assertTrue(article.blocks.any { it is Block.Listing && it.items.size == 2 }, "${article.blocks}")
        client.faq.rate(article, helpful = true, comment = "thanks")
        failing(SupportErrorKind.InvalidInput) { client.faq.rate(article, helpful = false, comment = "x".repeat(1_001)) }
        client.faq.suggest("how can I return this item")
        assertEquals("returns", client.faq.articles().single().id.value)
        assertEquals(0, client.faq.articles(CollectionId("none")).size)
        client.faq.collections()
        assertEquals(1, client.faq.status.awaits { it.articles > 0 }.articles)
        failing(SupportErrorKind.NotFound) { client.faq.image("no digest") }
        failing(SupportErrorKind.InvalidInput, "bad-parameter") { client.faq.setLocale("not a tag") }
    }

    @Test
    fun `events tell of what wedges, and errors carry their codes`() = inWorld { world ->
        val client = world.client()
        val ticket = client.opened()
        val seen = launch(start = CoroutineStart.UNDISPATCHED) { client.events.collect {} }
        failing(SupportErrorKind.InvalidInput, "text-empty") { ticket.send("  ") }
        failing(SupportErrorKind.InvalidInput, "text-too-long") { ticket.send("x".repeat(10_001)) }
        failing(SupportErrorKind.NotFound, "local-not-found") {
            client.conversations.get(ConversationId("0190a0a0-0000-7000-8000-000000000000"))
        }
        failing(SupportErrorKind.InvalidInput, "bad-parameter") { client.conversations.get(ConversationId("nonsense")) }
        failing(SupportErrorKind.InvalidInput, "not-collected") { ticket.loadEarlier() }
        assertEquals(FlushResult.Empty, client.outbox.flush(20.seconds))
        world.replies(ticket.id, "Hello")
        val answer = ticket.timeline.awaits { it.messages.size == 2 }.messages.last()
        val late = failing(SupportErrorKind.TooLate, "too-late") { ticket.edit(answer.id, "mine now") }
        assertEquals(SupportRetry.Never, late.retry)
        seen.cancelAndJoin()
    }
}
