// The ten lines of the README, as an app has them: the client is made in one place and handed to what needs it, so that a
// test hands over the fake instead.

package shop

import dev.beistand.Beistand
import dev.beistand.BeistandConfig
import dev.beistand.Conversation
import dev.beistand.SupportClient
import dev.beistand.TicketDraft
import dev.beistand.Timeline
import java.nio.file.Path

/** The client of this app. */
fun support(server: String, appKey: String, folder: Path): SupportClient =
    Beistand(BeistandConfig(server = server, appKey = appKey, folder = folder))

/** Opens a ticket, and returns once it is safe on disk. */
suspend fun complain(support: SupportClient): Conversation =
    support.conversations.open(TicketDraft(subject = "Parcel", text = "It never came"))

/** Shows what is there, and everything that comes. */
suspend fun show(ticket: Conversation, render: (Timeline) -> Unit): Nothing = ticket.timeline.collect { render(it) }
