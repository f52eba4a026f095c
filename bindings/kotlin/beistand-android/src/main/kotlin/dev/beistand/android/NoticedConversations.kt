// Conversations whose writes are noticed: one that comes from a notification, while the app is away, must not wait until
// the app is opened.

package dev.beistand.android

import dev.beistand.Conversation
import dev.beistand.ConversationId
import dev.beistand.Conversations
import dev.beistand.MessageDraft
import dev.beistand.MessageId
import dev.beistand.TicketDraft

/** Calls [written] behind each write. */
internal class NoticedConversations(private val inside: Conversations, private val written: () -> Unit) : Conversations by inside {
    override suspend fun open(draft: TicketDraft): Conversation = noticed(inside.open(draft)).also { written() }

    override suspend fun get(id: ConversationId): Conversation = noticed(inside.get(id))

    private fun noticed(ticket: Conversation): Conversation = NoticedConversation(ticket, written)
}

private class NoticedConversation(private val inside: Conversation, private val written: () -> Unit) : Conversation by inside {
    override suspend fun send(text: String): MessageId = inside.send(text).also { written() }

    override suspend fun send(draft: MessageDraft): MessageId = inside.send(draft).also { written() }

    override suspend fun edit(message: MessageId, text: String) = inside.edit(message, text).also { written() }

    override suspend fun retract(message: MessageId) = inside.retract(message).also { written() }

    override suspend fun retry(message: MessageId) = inside.retry(message).also { written() }

    override suspend fun closeTicket() = inside.closeTicket().also { written() }

    override suspend fun reopenTicket() = inside.reopenTicket().also { written() }
}
